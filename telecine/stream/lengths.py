"""How long segments really are, by the clock of the media in them.

Shaka Packager writes lengths into playlists to a millisecond, and three of four segments of 48 kHz AAC then are a third
of a millisecond too long: after nine minutes a playlist is off by a whole frame. Sources: ISO/IEC 14496-12 section
8.16.3 (the segment index that the packager puts before each CMAF segment), ISO/IEC 13818-1 sections 2.4.3.2 and 2.4.3.6
(time stamps of a transport stream). Doesn't belong here: playlists (media_playlist.py), or judging packages, which has
readers of its own (telecine/stream/verify).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

from telecine.stream.hls import MediaPlaylist

_HEAD_BYTES = 64 * 1024  # an index of a segment has 12 bytes for each of its fragments
_PACKET, _SYNC, _CLOCK = 188, 0x47, 90_000
_WRAP_S = Fraction(2**33, _CLOCK)  # transport streams begin again at zero after a day


def exact_lengths(playlist: MediaPlaylist, directory: Path) -> tuple[float, ...]:
    """Seconds of each segment or keyframe, to the microsecond, until the next one begins.

    They are rounded together: added up, they are never further off than a microsecond.

    Args:
        directory: where the playlist lies.

    Raises:
        ValueError: a segment that the packager can't have written.
    """
    spans = [_span(directory / s.uri, s.offset or 0, Fraction(s.duration_s)) for s in playlist.segments]
    lengths = [(b[0] - a[0]) % _WRAP_S for a, b in pairwise(spans)]
    lengths += [end - begin for begin, end in spans[-1:]]
    cuts = [round(at * 1_000_000) for at in accumulate(lengths, initial=Fraction(0))]
    return tuple((b - a) / 1_000_000 for a, b in pairwise(cuts))


def _span(path: Path, offset: int, about_s: Fraction) -> tuple[Fraction, Fraction]:
    """When what lies at an offset of a segment begins and ends; of a transport stream the end is about right."""
    with path.open("rb") as f:
        if path.suffix != ".ts":
            return _fragments(f.read(_HEAD_BYTES), offset)
        f.seek(offset)
        begin = _first_shown(f.read(_HEAD_BYTES))
        return begin, begin + about_s


def _fragments(head: bytes, offset: int) -> tuple[Fraction, Fraction]:
    """The fragments from an offset to the end of the segment that the index at its beginning lists."""
    kind, at, end = next((box for box in _boxes(head) if box[0] == b"sidx"), (b"", 0, 0))
    if not kind:
        raise ValueError("a segment without index")
    wide = 8 if head[at] else 4
    scale, begin, skipped = _uint(head, at + 8, 4), _uint(head, at + 12, wide), _uint(head, at + 12 + wide, wide)
    place, ticks = end + skipped, 0
    before = None if offset else 0  # ticks before the offset
    for entry in range(at + 16 + 2 * wide, end, 12):
        before = ticks if place == offset else before
        place, ticks = place + _uint(head, entry, 4), ticks + _uint(head, entry + 4, 4)
    if before is None:
        raise ValueError(f"no fragment begins at byte {offset}")
    return Fraction(begin + before, scale), Fraction(begin + ticks, scale)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of what each box holds."""
    at = 0
    while at + 8 <= len(data) and (size := _uint(data, at, 4)) >= 8:
        yield data[at + 4 : at + 8], at + 8, at + size
        at += size


def _first_shown(data: bytes) -> Fraction:
    """The first presentation time stamp in packets of a transport stream."""
    for at in range(0, len(data) - _PACKET + 1, _PACKET):
        if data[at] != _SYNC:
            break
        start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)  # behind an adaptation field
        if data[at + 1] & 0x40 and data[start : start + 3] == b"\0\0\1" and data[start + 7] & 0x80:
            high, middle, low = data[start + 9], _uint(data, start + 10, 2), _uint(data, start + 12, 2)
            return Fraction((high >> 1 & 7) << 30 | (middle >> 1) << 15 | low >> 1, _CLOCK)
    raise ValueError("a transport stream without time stamps")


def _uint(data: bytes, at: int, length: int) -> int:
    if at + length > len(data):
        raise ValueError("a box ends in the middle of a number")
    return int.from_bytes(data[at : at + length], "big")
