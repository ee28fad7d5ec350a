"""A package in a bucket of the store that the environment names, read with its credentials."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from telecine.errors import TelecineError
from telecine.storage import ObjectInfo, ObjectStore
from telecine.stream.verify.place import Missing, Outside


class Bucket:
    """Objects below a prefix, which ends in "/" or is empty."""

    def __init__(self, store: ObjectStore, bucket: str, prefix: str) -> None:
        self._store, self._bucket, self._prefix = store, bucket, prefix
        self._known: dict[str, ObjectInfo] = {}

    def resolve(self, base: str, reference: str) -> str:
        parts = urlsplit(reference)
        path = unquote(parts.path)
        if parts.scheme or parts.netloc or path.startswith("/") or not path:
            raise Outside(reference)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
        if name.split("/")[0] == "..":
            raise Outside(reference)
        return name

    def read(self, name: str, start: int, length: int | None) -> bytes:
        if start >= self._info(name).size_bytes:
            return b""
        try:
            return self._store.read(self._bucket, self._prefix + name, offset=start, length=length or 0)
        except TelecineError as e:
            raise Missing(e.message) from e

    def size(self, name: str) -> int:
        return self._info(name).size_bytes

    def content_type(self, name: str) -> str | None:
        return (self._info(name).content_type or "").partition(";")[0].strip().lower()

    def _info(self, name: str) -> ObjectInfo:
        if name not in self._known:
            try:
                found = self._store.stat(self._bucket, self._prefix + name)
            except TelecineError as e:
                raise Missing(e.message) from e
            if found is None:
                raise Missing("isn't there")
            self._known[name] = found
        return self._known[name]
