"""telecine/gateway/players holds the releases that it says it does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from telecine.gateway import players
from telecine.gateway.players import LIBRARIES, Library

FOLDER = Path(players.__file__).with_name("players")


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.package)
def test_a_library_is_the_published_file_with_its_licence(library: Library) -> None:
    unpacked = library.unpacked()
    assert hashlib.sha256(unpacked).hexdigest() == library.sha256
    assert library.version.encode() in unpacked
    words = {"Apache-2.0": "Apache License, Version 2.0", "BSD-3-Clause": "Redistributions of source code"}
    assert words[library.licence] in (FOLDER / library.package / "LICENSE").read_text()


def test_no_file_is_too_large_to_be_committed() -> None:
    assert all(path.stat().st_size < 200_000 for path in FOLDER.rglob("*"))
