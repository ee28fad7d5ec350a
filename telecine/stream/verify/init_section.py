"""Initialisation sections of fragmented MP4: the tracks they declare.

Source: ISO/IEC 14496-12 sections 8.3 to 8.8. Doesn't belong here: codec strings (codecs.py), samples (fragments.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from telecine.stream.verify.bmff import children, payload, shown, top_level, uint
from telecine.stream.verify.codecs import Entry, sample_entry
from telecine.stream.verify.window import Broken, Window

_ENTRIES = 16  # sample entries of a track that are looked at
_CONTAINERS = {b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf"}


@dataclass(frozen=True, slots=True)
class Track:
    """One track of an initialisation section.

    Attributes:
        kind: "video", "audio", "text", or the handler's four letters.
        entries: its sample entries; a stream with a clear lead has one for encrypted and one for clear samples.
        description: number of the entry that fragments have by default, counted from 1.
        shift: ticks that the edit list takes from decode times.
        duration, size, flags: defaults of trex.
    """

    id: int
    kind: str
    timescale: int
    language: str
    entries: tuple[Entry, ...]
    shift: int = 0
    description: int = 1
    duration: int = 0
    size: int = 0
    flags: int = 0

    @property
    def entry(self) -> Entry | None:
        """The first sample entry."""
        return self.described(1)

    def described(self, number: int) -> Entry | None:
        """The sample entry of that number, counted from 1."""
        return self.entries[number - 1] if 0 < number <= len(self.entries) else None


def read_init(window: Window) -> tuple[Track, ...]:
    """The tracks of an initialisation section.

    Raises:
        Broken: it isn't one.
    """
    for kind, _, start, end in top_level(window):
        if kind == b"moov":
            return _tracks(payload(window, start, end))
    raise Broken("holds no moov box")


def _tracks(moov: bytes) -> tuple[Track, ...]:
    found: list[Track] = []
    defaults: dict[int, tuple[int, int, int, int]] = {}
    movie_scale = 1
    for kind, start, end in children(moov, 0, len(moov)):
        if kind == b"mvhd":
            movie_scale = uint(moov, start + (20 if moov[start] == 1 else 12), 4, end) or 1
        elif kind == b"trak":
            found.append(_trak(moov, start, end, movie_scale))
        elif kind == b"mvex":
            for inner, at, stop in children(moov, start, end):
                if inner == b"trex":
                    values = [uint(moov, at + 4 + 4 * n, 4, stop) for n in range(5)]
                    defaults[values[0]] = (values[1], values[2], values[3], values[4])
    if not found:
        raise Broken("its moov box holds no track")
    result = []
    for track in found:
        description, duration, size, flags = defaults.get(track.id, (1, 0, 0, 0))
        result.append(replace(track, description=description, duration=duration, size=size, flags=flags))
    return tuple(result)


def _trak(moov: bytes, start: int, end: int, movie_scale: int) -> Track:
    number, scale, language, handler = 0, 0, "", b""
    entries: tuple[Entry, ...] = ()
    edits: list[tuple[int, int]] = []
    for kind, at, stop in _walk(moov, start, end):
        version = moov[at] if at < stop else 0
        if kind == b"tkhd":
            number = uint(moov, at + (20 if version == 1 else 12), 4, stop)
        elif kind == b"mdhd":
            place = at + (20 if version == 1 else 12)
            scale = uint(moov, place, 4, stop)
            language = _language(uint(moov, place + (12 if version == 1 else 8), 2, stop))
        elif kind == b"hdlr":
            handler = moov[at + 8 : at + 12]
        elif kind == b"elst":
            edits = _elst(moov, at, stop, version)
        elif kind == b"stsd":
            found = islice(children(moov, at + 8, stop), _ENTRIES)
            entries = tuple(sample_entry(moov, *box, handler) for box in found)
    if not number or not scale:
        raise Broken("a track without id or timescale")
    return Track(number, _kind(handler), scale, language, entries, _shift(edits, movie_scale, scale))


def _walk(data: bytes, start: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Boxes of a tree, containers opened."""
    for kind, at, stop in children(data, start, end):
        if kind in _CONTAINERS and depth < 8:
            yield from _walk(data, at, stop, depth + 1)
        else:
            yield kind, at, stop


def _elst(data: bytes, at: int, end: int, version: int) -> list[tuple[int, int]]:
    """Segment duration and media time of the first edits."""
    wide = 8 if version == 1 else 4
    edits = []
    for n in range(min(uint(data, at + 4, 4, end), 8)):
        place = at + 8 + n * (2 * wide + 4)
        media = int.from_bytes(data[place + wide : place + 2 * wide], "big", signed=True)
        edits.append((uint(data, place, wide, end), media))
    return edits


def _shift(edits: list[tuple[int, int]], movie_scale: int, scale: int) -> int:
    """What an edit list takes from a track's times: a start inside the media, less an empty edit before it."""
    shift = 0
    for duration, media in edits:
        if media >= 0:
            return shift + media
        shift -= duration * scale // movie_scale
    return shift


def _language(packed: int) -> str:
    return "".join(chr(((packed >> shift) & 31) + 0x60) for shift in (10, 5, 0))


def _kind(handler: bytes) -> str:
    names = {b"vide": "video", b"soun": "audio", b"text": "text", b"subt": "text", b"sbtl": "text"}
    return names.get(handler, shown(handler))
