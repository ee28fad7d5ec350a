"""Where a package lies: a directory, a web server, or memory, behind the same four questions.

A place answers only about what lies below its root: whoever verifies names a package, and its playlists don't decide
what else is read. Doesn't belong here: what the bytes mean.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit


class Missing(Exception):
    """An object isn't there or can't be read; the message says why."""


class Outside(Exception):
    """A reference leads out of the package."""


class Place(Protocol):
    """Names are relative to the root, `/` between their parts."""

    def resolve(self, base: str, reference: str) -> str:
        """The name of what `reference` in the object `base` means.

        Raises:
            Outside: it isn't below the root.
        """

    def read(self, name: str, start: int, length: int | None) -> bytes:
        """Bytes from `start` on, at most `length` of them; fewer at the end.

        Raises:
            Missing: when it isn't there.
        """

    def size(self, name: str) -> int:
        """Bytes of an object.

        Raises:
            Missing: when it isn't there.
        """

    def content_type(self, name: str) -> str | None:
        """What its server calls it; None where nothing is said, as in a directory."""


class Directory:
    """A package in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def resolve(self, base: str, reference: str) -> str:
        parts = urlsplit(reference)
        path = unquote(parts.path)
        if parts.scheme or parts.netloc or path.startswith("/") or not path:
            raise Outside(reference)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
        if name.startswith("..") and name.split("/")[0] == "..":
            raise Outside(reference)
        return name

    def read(self, name: str, start: int, length: int | None) -> bytes:
        try:
            with self._path(name).open("rb") as f:
                f.seek(start)
                return f.read(-1 if length is None else length)
        except (OSError, ValueError) as e:
            raise Missing(_reason(e)) from e

    def size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except (OSError, ValueError) as e:
            raise Missing(_reason(e)) from e

    def content_type(self, name: str) -> str | None:
        return None

    def _path(self, name: str) -> Path:
        path = (self._root / name).resolve()  # a link may lead anywhere
        if not path.is_relative_to(self._root):
            raise Missing("is a link out of the directory")
        if path.is_dir():
            raise Missing("is a directory")
        return path


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "isn't there"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
