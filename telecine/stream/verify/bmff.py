"""Boxes of the ISO base media file format: walking them without reading what they hold, and segment indexes.

Source: ISO/IEC 14496-12 sections 4.2, 8.16.3. Headers are read by `Window`, so that a segment on a web server isn't
fetched whole. Doesn't belong here: what tracks (init_section.py) and samples (fragments.py) are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from telecine.stream.verify.window import Broken, Window

_HEADER_BYTES = 16 * 1024**2  # a moov or moof above this is hostile


@dataclass(frozen=True, slots=True)
class Index:
    """A segment index: where subsegments lie, relative to the object, and how long they are."""

    timescale: int
    begin: int
    parts: tuple[tuple[int, int, int], ...]
    """start, size, duration in ticks"""


def children(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, payload start and end of each box in a span.

    Raises:
        Broken: a box that doesn't fit.
    """
    at = start
    while at + 8 <= end:
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        kind = data[at + 4 : at + 8]
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            raise Broken(f"box {shown(kind)} of {size} bytes doesn't fit into its place")
        yield kind, at + header, at + size
        at += size


def top_level(window: Window) -> Iterator[tuple[bytes, int, int, int]]:
    """Type, start, payload start and end of each box of a file.

    Raises:
        Broken: a box reaches beyond the end of the file, or what is there is no box.
    """
    at = 0
    while at < window.size:
        head = window.at(at, 16)
        if len(head) < 8:
            raise Broken(f"{len(head)} bytes after the last box")
        size, header, kind = int.from_bytes(head[:4], "big"), 8, head[4:8]
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = window.size - at
        if size < header or not kind.strip(b"\0").isascii():
            raise Broken(f"no box at byte {at}")
        if at + size > window.size:
            raise Broken(f"box {shown(kind)} of {size} bytes at {at} ends after the file's {window.size} bytes")
        yield kind, at, at + header, at + size
        at += size


def looks_like_boxes(head: bytes) -> bool:
    """Whether a file's first bytes are those of an MP4 or one of its segments."""
    return head[4:8] in {b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft", b"mdat", b"free"}


def read_index(window: Window, *, base: int = 0) -> Index | None:
    """The first segment index of a file or of a range of one, or None.

    Args:
        base: where the window begins in its object, for positions in the answer.
    """
    for kind, _, start, end in top_level(window):
        if kind == b"sidx":
            return _sidx(payload(window, start, end), base + end)
        if kind == b"moof":
            return None
    return None


def payload(window: Window, start: int, end: int) -> bytes:
    """What a box holds.

    Raises:
        Broken: it is larger than any header.
    """
    if end - start > _HEADER_BYTES:
        raise Broken(f"a header of {end - start} bytes")
    return window.at(start, end - start)


def uint(data: bytes, at: int, length: int, end: int) -> int:
    """An unsigned big-endian number.

    Raises:
        Broken: it reaches beyond its box.
    """
    if at + length > min(end, len(data)):
        raise Broken("a box ends in the middle of a number")
    return int.from_bytes(data[at : at + length], "big")


def shown(kind: bytes) -> str:
    """A box's four letters, as far as they are such."""
    return kind.decode("ascii", "replace")


def _sidx(data: bytes, anchor: int) -> Index:
    """A segment index whose references are counted from `anchor`."""
    version, scale = data[0], uint(data, 8, 4, len(data))
    wide = 8 if version else 4
    begin, offset = uint(data, 12, wide, len(data)), uint(data, 12 + wide, wide, len(data))
    at = 12 + 2 * wide + 2
    count = uint(data, at, 2, len(data))
    place, parts = anchor + offset, []
    for n in range(count):
        entry = at + 2 + 12 * n
        size = uint(data, entry, 4, len(data))
        if size >> 31:
            raise Broken("a segment index of indexes")
        parts.append((place, size, uint(data, entry + 4, 4, len(data))))
        place += size
    if not scale:
        raise Broken("a segment index without timescale")
    return Index(scale, begin, tuple(parts))
