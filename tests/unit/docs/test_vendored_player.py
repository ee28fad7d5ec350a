"""docs/hls.js is the release that it says it is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "hls.js"


def test_the_parts_are_the_published_file() -> None:
    parts = [re.findall(r'= "([^"]+)";', path.read_text())[0] for path in sorted(FOLDER.glob("hls.min.js.gz.*.js"))]
    unpacked = gzip.decompress(base64.b64decode("".join(parts)))
    readme = (FOLDER / "README.md").read_text()
    assert f"`{hashlib.sha256(unpacked).hexdigest()}`" in readme
    assert b"1.7.4" in unpacked
    assert "# hls.js 1.7.4" in readme


def test_the_player_page_loads_every_part_and_nothing_from_a_network() -> None:
    page = (FOLDER.parent / "player.html").read_text()
    for path in FOLDER.glob("hls.min.js.gz.*.js"):
        assert f'src="hls.js/{path.name}"' in page
    assert re.findall(r'(?:src|href)="(https?:[^"]*)"', page) == []
