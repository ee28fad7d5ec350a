"""Draining a child's pipes: always, in threads, within a bound.

An undrained pipe stops the child once 64 kB are in it; an unbounded one lets a damaged file fill our memory with its
decoder's complaints. Doesn't belong here: what the lines mean.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO

_BLOCK = 65_536
_LINE_MAX = 65_536  # a "line" longer than this is cut: no program of ours writes such


class Tail:
    """Reads a pipe to its end and keeps the last `limit` bytes."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self._pipe, self._limit = pipe, limit
        self._blocks: deque[bytes] = deque()
        self._held = 0
        self._thread = threading.Thread(target=self._drain, name="tail", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while block := self._pipe.read1(_BLOCK):  # type: ignore[attr-defined]  # Popen's pipes are buffered readers
            self._blocks.append(block)
            self._held += len(block)
            while self._held - len(self._blocks[0]) >= self._limit:
                self._held -= len(self._blocks.popleft())

    def text(self, wait_s: float) -> str:
        """The tail as text, after the pipe closed or `wait_s` passed."""
        self._thread.join(wait_s)
        return b"".join(tuple(self._blocks))[-self._limit :].decode(errors="replace")


class Collected:
    """Reads a pipe to its end and keeps the first `limit` bytes; `overflowed` when there were more."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self._pipe, self._limit = pipe, limit
        self._data = bytearray()
        self.overflowed = False
        self._thread = threading.Thread(target=self._drain, name="collect", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while block := self._pipe.read1(_BLOCK):  # type: ignore[attr-defined]
            room = self._limit - len(self._data)
            self._data += block[:room]
            self.overflowed = self.overflowed or len(block) > room

    def data(self, wait_s: float) -> bytes:
        """What was kept, after the pipe closed or `wait_s` passed."""
        self._thread.join(wait_s)
        return bytes(self._data)


class Lines:
    """Hands every line of a pipe to `on_line`; `error` keeps the first exception that it raised."""

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._pipe, self._on_line = pipe, on_line
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._drain, name="lines", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while line := self._pipe.readline(_LINE_MAX):
            if self.error is None:
                try:
                    self._on_line(line.decode(errors="replace").rstrip("\r\n"))
                except BaseException as e:  # noqa: BLE001 - kept, and raised by the runner in the caller's thread
                    self.error = e

    def join(self, wait_s: float) -> None:
        """Wait until the pipe closed or `wait_s` passed."""
        self._thread.join(wait_s)
