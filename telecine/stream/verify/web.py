"""A package on a web server, read with range requests where the server answers them, and within limits.

Only what lies below the root is asked for, and no redirect is followed but the entry's own: a playlist of a stranger's
can't send its reader anywhere else. Doesn't belong here: buckets behind credentials (bucket.py).
Source: RFC 9110 section 14 (ranges).
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag, urljoin

import httpx

from telecine.errors import ErrorCode, InputError
from telecine.stream.verify.place import Missing, Outside

_HEAD_BYTES = 64 * 1024
_HEADS = 256  # beginnings that are kept until they are read
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What one verification may cost.

    Attributes:
        object_bytes: of one object that a server only gives whole.
        total_bytes: of everything that is downloaded.
    """

    requests: int = 50_000
    object_bytes: int = 512 * 1024**2
    total_bytes: int = 4 * 1024**3
    seconds: float = 900.0
    timeout_s: float = 20.0


class Web:
    """A web server's objects below a root.

    Args:
        root: URL that ends in "/".

    Raises (from every question):
        Missing: the object isn't there, or the server doesn't answer.
        InputError: LIMIT_EXCEEDED.
    """

    def __init__(self, root: str, limits: WebLimits | None = None) -> None:
        self._root, self._limits = root, limits or WebLimits()
        self._client = httpx.Client(
            timeout=self._limits.timeout_s,
            transport=httpx.HTTPTransport(retries=2, limits=httpx.Limits(max_connections=16)),
            headers={"User-Agent": "telecine-verify", "Accept-Encoding": "identity"},
        )
        self._until = time.monotonic() + self._limits.seconds
        # Nothing of ours is called while the lines of an answer's head come in one by one.
        self._end = threading.Timer(self._limits.seconds, self._client.close)
        self._end.daemon = True
        self._end.start()
        self._spool = tempfile.TemporaryDirectory(prefix="telecine-verify-")
        self._lock = threading.Lock()
        self._requests = self._bytes = 0
        self._sizes: dict[str, int] = {}
        self._types: dict[str, str] = {}
        self._whole: dict[str, Path] = {}
        self._heads: OrderedDict[str, bytes] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.cancel()
        self._client.close()
        self._spool.cleanup()

    def resolve(self, base: str, reference: str) -> str:
        url = urldefrag(urljoin(self._root + base, reference)).url
        if not url.startswith(self._root):
            raise Outside(reference)
        return url.removeprefix(self._root)

    def size(self, name: str) -> int:
        if name not in self._sizes:
            head = self._get(name, 0, _HEAD_BYTES)
            with self._lock:
                self._heads[name] = head
                while len(self._heads) > _HEADS:
                    self._heads.popitem(last=False)
        return self._sizes[name]

    def read(self, name: str, start: int, length: int | None) -> bytes:
        head = self._heads.get(name, b"")
        if length is not None and start + length <= len(head):
            return head[start : start + length]
        return self._get(name, start, length)

    def content_type(self, name: str) -> str | None:
        if name not in self._types and name not in self._sizes:
            self.size(name)
        return self._types.get(name)

    def _get(self, name: str, start: int, length: int | None) -> bytes:
        if name in self._whole:
            return _part(self._whole[name], start, length)
        until = "" if length is None else str(start + length - 1)
        self._ask()
        try:
            with self._client.stream("GET", self._root + name, headers={"Range": f"bytes={start}-{until}"}) as answer:
                return self._body(name, answer, start, length)
        except httpx.TooManyRedirects as e:
            raise Missing("redirects without end") from e
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as e:  # a closed client raises the last one
            self._watch()  # the connection may have been closed because the time is over
            raise Missing(f"the server doesn't answer: {e or type(e).__name__}") from e

    def _body(self, name: str, answer: httpx.Response, start: int, length: int | None) -> bytes:
        found = _RANGE.match(answer.headers.get("content-range", ""))
        if answer.status_code == 416 and found:
            self._sizes[name] = int(found[3])
            return b""
        if answer.is_redirect:
            raise Missing(f"redirects to {answer.headers.get('location')} (Apple 8.18)")
        if answer.status_code not in (200, 206):
            raise Missing(f"HTTP {answer.status_code}")
        self._types[name] = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status_code == 206 and found and found[1] and int(found[1]) == start:
            self._sizes[name] = int(found[3])
            return self._received(answer, length)
        path = Path(self._spool.name) / f"{len(self._whole)}-{threading.get_ident()}"
        size = 0
        with path.open("wb") as f:
            for block in answer.iter_bytes():  # as they come in, so that a slow server meets the deadline
                size += f.write(block)
                self._count(len(block))
                if size > self._limits.object_bytes:
                    raise InputError(ErrorCode.LIMIT_EXCEEDED, f"{name} has more than {size} bytes and no ranges")
        self._sizes[name], self._whole[name] = size, path
        return _part(path, start, length)

    def _received(self, answer: httpx.Response, length: int | None) -> bytes:
        most = self._limits.object_bytes if length is None else length
        parts, size = [], 0
        for block in answer.iter_bytes():
            parts.append(block)
            size += len(block)
            self._count(len(block))
            if size >= most:
                break
        return b"".join(parts)[:most]

    def _ask(self) -> None:
        with self._lock:
            self._requests += 1
        self._watch()

    def _count(self, received: int) -> None:
        with self._lock:
            self._bytes += received
        self._watch()

    def _watch(self) -> None:
        limits = self._limits
        for what, spent, most in (
            ("requests", self._requests, limits.requests),
            ("bytes", self._bytes, limits.total_bytes),
        ):
            if spent > most:
                raise InputError(ErrorCode.LIMIT_EXCEEDED, f"verifying it would take more than {most:,} {what}")
        if time.monotonic() > self._until:
            raise InputError(ErrorCode.LIMIT_EXCEEDED, f"verifying it takes longer than {limits.seconds:.0f} s")


def final_url(url: str, timeout_s: float = 20.0) -> str:
    """Where an entry's URL leads, redirects followed; players do the same with what a person gives them.

    Raises:
        InputError: PACKAGE_UNREADABLE when nothing answers there.
    """
    with httpx.Client(timeout=timeout_s, follow_redirects=True, max_redirects=5) as client:
        end = threading.Timer(6 * timeout_s, client.close)  # of redirects and heads that never end
        end.daemon = True
        end.start()
        try:
            with client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{url} answers HTTP {answer.status_code}")
                return str(answer.url)
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as e:
            raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{url} can't be reached: {e or type(e).__name__}") from e
        finally:
            end.cancel()


def _part(path: Path, start: int, length: int | None) -> bytes:
    with path.open("rb") as f:
        f.seek(start)
        return f.read(-1 if length is None else length)
