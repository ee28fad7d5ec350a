"""Random access to an object or a range of one, fetched in blocks.

Doesn't belong here: what the bytes mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from telecine.stream.verify.place import Missing, Place

_BLOCK = 64 * 1024
_WHOLE = 64 * 1024**2  # what may be held in memory of one segment


def whole_number(text: str | None) -> int | None:
    """A declared number of bits, pixels or ticks; None where there is none, or none that anybody could mean."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else None


class Broken(Exception):
    """Bytes that aren't what they should be; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of an object: from `start`, `length` of them or all to its end."""

    name: str
    start: int = 0
    length: int | None = None

    def __str__(self) -> str:
        return self.name if self.length is None else f"{self.name} [{self.start}+{self.length}]"


class Window:
    """The bytes of an extent.

    Raises:
        Missing: when the object isn't there.
        Broken: when the extent reaches beyond it.
    """

    def __init__(self, place: Place, extent: Extent) -> None:
        self._place, self._extent = place, extent
        self._held, self._held_at = b"", 0
        self.start = extent.start
        there = place.size(extent.name)
        self.size = there - extent.start if extent.length is None else extent.length
        if extent.start < 0 or self.size < 0 or extent.start + self.size > there:
            raise Broken(f"bytes {extent.start} to {extent.start + self.size} of an object of {there} bytes")

    @classmethod
    def of(cls, data: bytes) -> Window:
        """Bytes that are in memory already."""
        window = cls.__new__(cls)
        window._held, window._held_at, window.start, window.size = data, 0, 0, len(data)
        return window

    def at(self, start: int, length: int) -> bytes:
        """Bytes from `start` of the extent on; fewer at its end."""
        length = min(length, self.size - start)
        if start < 0 or length <= 0:
            return b""
        if not (self._held_at <= start and start + length <= self._held_at + len(self._held)):
            wanted = min(max(length, _BLOCK), self.size - start)
            self._held = self._place.read(self._extent.name, self._extent.start + start, wanted)
            self._held_at = start
            if len(self._held) < length:
                raise Missing("ended early while it was read")
        offset = start - self._held_at
        return self._held[offset : offset + length]

    def whole(self) -> bytes:
        """All bytes.

        Raises:
            Broken: when there are more than one would hold in memory.
        """
        if self.size > _WHOLE:
            raise Broken(f"{self.size} bytes in one segment")
        return self.at(0, self.size)
