"""The three player libraries, exactly as published on npm, gzipped in players/ (no file of the repository is over
200 kB, so two of them lie there in parts). They are sent as they lie: browsers unpack gzip themselves.

A test unpacks each and compares it with the SHA-256 here. players/README.md says how to renew one.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("players")


@dataclass(frozen=True, slots=True)
class Library:
    """One npm package's browser build.

    Attributes:
        package: its name on npm, and the folder below players/.
        file: path in the package.
        sha256: of that file as published.
        licence: SPDX; the text is in the folder.
    """

    name: str
    package: str
    version: str
    file: str
    sha256: str
    licence: str

    @property
    def path(self) -> str:
        """Where the gateway serves it; names the version, so it may be kept for ever."""
        return f"/players/{self.package}-{self.version}.js"

    def packed(self) -> bytes:
        """The file, gzipped."""
        return _packed(self.package)

    def unpacked(self) -> bytes:
        """The file, for the rare client that doesn't take gzip."""
        return gzip.decompress(self.packed())


@cache
def _packed(package: str) -> bytes:
    parts = sorted((_FOLDER / package).glob("*.gz*"))
    return b"".join(part.read_bytes() for part in parts)


LIBRARIES = (
    Library(
        name="hls",
        package="hls.js",
        version="1.7.4",
        file="dist/hls.min.js",
        sha256="cfc70cc9e9fc63d071919e087670abc760c8fd1bc889b88588026e4d22193bbe",
        licence="Apache-2.0",
    ),
    Library(
        name="dash",
        package="dashjs",
        version="5.2.1",
        file="dist/modern/umd/dash.all.min.js",
        sha256="3a22b1f4576ab294f41e56f156cec7972a5f83edda379416778293ff22d2eb49",
        licence="BSD-3-Clause",
    ),
    Library(
        name="shaka",
        package="shaka-player",
        version="5.2.12",
        file="dist/shaka-player.compiled-es2021.js",
        sha256="1c57fdc3fdf98ae0405af66234986bc21ef1e453034bfcd6b19ebf009bd5d3d6",
        licence="Apache-2.0",
    ),
)

BY_PATH = {library.path: library for library in LIBRARIES}
