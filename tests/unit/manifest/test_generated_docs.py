"""The committed schemas and error list are what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

from telecine.docs import documents, write
from telecine.errors import ErrorCode

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", documents())
def test_generated_documents_are_up_to_date(name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == documents()[name], "run `python -m telecine.docs` and commit the result"


def test_every_error_code_is_explained() -> None:
    text = documents()["errors.md"]
    for code in ErrorCode:
        assert f"`{code.value}`" in text
        assert code.cause.endswith(".")
        assert code.remedy.endswith(".")


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    assert len(write(tmp_path)) == len(documents())
    assert write(tmp_path) == []
