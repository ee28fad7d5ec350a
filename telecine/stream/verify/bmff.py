"""Reading fragmented MP4: what an initialisation section declares, and what a segment's fragments hold.

Source: ISO/IEC 14496-12 (boxes), 14496-15 (NAL units in samples), 23001-7 (encrypted samples). Reads headers only, by
`Window`, so that a segment on a web server isn't fetched whole. Doesn't belong here: codec strings (codecs.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from telecine.stream.verify.codecs import Entry, sample_entry
from telecine.stream.verify.window import Broken, Window

_HEADER_BYTES = 16 * 1024**2  # a moov or moof above this is hostile
_SAMPLES = 200_000  # of one segment
_NON_SYNC = 0x00010000  # sample_is_non_sync_sample
_Span = tuple[bytes, int, int]  # type, payload start, end
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf", b"dinf"}


@dataclass(frozen=True, slots=True)
class Track:
    """One track of an initialisation section.

    Attributes:
        kind: "video", "audio", "text", or the handler's four letters.
        shift: ticks that the edit list takes from decode times.
        duration, size, flags: defaults of trex.
    """

    id: int
    kind: str
    timescale: int
    language: str
    entry: Entry | None
    shift: int = 0
    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Sync:
    """A sample that can be decoded alone: its time, and where its bytes are, relative to the segment."""

    shown_s: float
    start: int
    end: int
    moof: int
    first_in_moof: bool


@dataclass(slots=True)
class Run:
    """One track's samples in a segment; times in ticks, the edit list not yet applied.

    Attributes:
        first: start and size of the first sample's bytes, relative to the segment.
        gap: largest distance between the end of a fragment and the next one's start.
    """

    track: Track
    begin: int
    end: int
    shown_begin: int
    shown_end: int
    samples: int = 0
    first_sync: bool = False
    first: tuple[int, int] = (0, 0)
    syncs: list[Sync] = field(default_factory=list)
    gap: int = 0
    longest: int = 0


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
            raise Broken(f"box {_shown(kind)} of {size} bytes doesn't fit into its place")
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
            raise Broken(f"box {_shown(kind)} of {size} bytes at {at} ends after the file's {window.size} bytes")
        yield kind, at, at + header, at + size
        at += size


def looks_like_boxes(head: bytes) -> bool:
    """Whether a file's first bytes are those of an MP4 or one of its segments."""
    return head[4:8] in {b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft", b"mdat", b"free"}


def read_init(window: Window) -> tuple[Track, ...]:
    """The tracks of an initialisation section.

    Raises:
        Broken: it isn't one.
    """
    for kind, _, start, end in top_level(window):
        if kind == b"moov":
            return _tracks(_payload(window, start, end))
    raise Broken("holds no moov box")


def read_index(window: Window, *, base: int = 0) -> Index | None:
    """The first segment index of a file or of a range of one, or None.

    Args:
        base: where the window begins in its object, for positions in the answer.
    """
    for kind, _, start, end in top_level(window):
        if kind == b"sidx":
            return _sidx(_payload(window, start, end), base + end)
        if kind == b"moof":
            return None
    return None


def read_segment(window: Window, tracks: tuple[Track, ...]) -> list[Run]:
    """Every known track's samples in a segment.

    Raises:
        Broken: there is no fragment, or its structure is damaged.
    """
    runs: dict[int, Run] = {}
    known = {track.id: track for track in tracks}
    fragments = 0
    reach = 0
    for kind, at, start, end in top_level(window):
        if kind == b"moof":
            fragments += 1
            reach = max(reach, _moof(_payload(window, start, end), at, window.start, known, runs))
    if not fragments:
        raise Broken("holds no moof box")
    if reach > window.size:
        raise Broken(f"samples end at byte {reach}, after the file's {window.size} bytes")
    return [run for run in runs.values() if run.samples]


def starts_with_idr(window: Window, run: Run) -> bool | None:
    """Whether the first sample's NAL units are those of a random access point; None where that can't be told.

    Flags in the container can be wrong; the picture's own words aren't (ISO/IEC 14496-10 table 7-1, 23008-2 table 7-1).
    """
    entry = run.track.entry
    if entry is None or entry.nal_bytes is None or entry.scheme is not None:
        return None
    at, end = run.first[0], sum(run.first)
    for _ in range(64):
        head = window.at(at, entry.nal_bytes + 1)
        if at >= end or len(head) <= entry.nal_bytes:
            return None
        length, first = int.from_bytes(head[:-1], "big"), head[-1]
        if entry.format in ("avc1", "avc3"):
            if first & 0x1F in (1, 2, 3, 4, 5):
                return first & 0x1F == 5
        elif (first >> 1) & 0x3F < 32:  # a slice; 16 to 23 are random access points
            return 16 <= (first >> 1) & 0x3F <= 23
        at += entry.nal_bytes + length
    return None


def _payload(window: Window, start: int, end: int) -> bytes:
    if end - start > _HEADER_BYTES:
        raise Broken(f"a header of {end - start} bytes")
    return window.at(start, end - start)


def _tracks(moov: bytes) -> tuple[Track, ...]:
    found: list[Track] = []
    defaults: dict[int, tuple[int, int, int]] = {}
    movie_scale = 1
    for kind, start, end in children(moov, 0, len(moov)):
        if kind == b"mvhd":
            movie_scale = _number(moov, start + (20 if moov[start] == 1 else 12), 4, end) or 1
        elif kind == b"trak":
            found.append(_trak(moov, start, end, movie_scale))
        elif kind == b"mvex":
            for inner, at, stop in children(moov, start, end):
                if inner == b"trex":
                    values = [_number(moov, at + 4 + 4 * n, 4, stop) for n in range(5)]
                    defaults[values[0]] = (values[2], values[3], values[4])
    if not found:
        raise Broken("its moov box holds no track")
    result = []
    for track in found:
        duration, size, flags = defaults.get(track.id, (0, 0, 0))
        result.append(
            Track(
                track.id, track.kind, track.timescale, track.language, track.entry, track.shift, duration, size, flags
            )
        )
    return tuple(result)


def _trak(moov: bytes, start: int, end: int, movie_scale: int) -> Track:
    number, scale, language, handler, entry = 0, 0, "", b"", None
    edits: list[tuple[int, int]] = []
    for kind, at, stop in _walk(moov, start, end):
        version = moov[at] if at < stop else 0
        if kind == b"tkhd":
            number = _number(moov, at + (20 if version == 1 else 12), 4, stop)
        elif kind == b"mdhd":
            place = at + (20 if version == 1 else 12)
            scale = _number(moov, place, 4, stop)
            language = _language(_number(moov, place + (12 if version == 1 else 8), 2, stop))
        elif kind == b"hdlr":
            handler = moov[at + 8 : at + 12]
        elif kind == b"elst":
            edits = _elst(moov, at, stop, version)
        elif kind == b"stsd":
            first = next(children(moov, at + 8, stop), None)
            entry = sample_entry(moov, *first, handler) if first else None
    if not number or not scale:
        raise Broken("a track without id or timescale")
    return Track(number, _kind(handler), scale, language, entry, _shift(edits, movie_scale, scale))


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
    for n in range(min(_number(data, at + 4, 4, end), 8)):
        place = at + 8 + n * (2 * wide + 4)
        media = int.from_bytes(data[place + wide : place + 2 * wide], "big", signed=True)
        edits.append((_number(data, place, wide, end), media))
    return edits


def _shift(edits: list[tuple[int, int]], movie_scale: int, scale: int) -> int:
    """What an edit list takes from a track's times: a start inside the media, less an empty edit before it."""
    shift = 0
    for duration, media in edits:
        if media >= 0:
            return shift + media
        shift -= duration * scale // movie_scale
    return shift


def _moof(data: bytes, moof: int, origin: int, known: dict[int, Track], runs: dict[int, Run]) -> int:
    reach = 0
    for kind, start, end in children(data, 0, len(data)):
        if kind == b"traf":
            reach = max(reach, _traf(data, list(children(data, start, end)), moof, origin, known, runs))
    return reach


def _traf(
    data: bytes, boxes: list[_Span], moof: int, origin: int, known: dict[int, Track], runs: dict[int, Run]
) -> int:
    """Read one track fragment into its run; returns where its samples end."""
    head = next(((at, stop) for kind, at, stop in boxes if kind == b"tfhd"), None)
    if head is None:
        raise Broken("a track fragment without tfhd")
    at, stop = head
    flags = _number(data, at + 1, 3, stop)
    track = known.get(_number(data, at + 4, 4, stop))
    if track is None:
        raise Broken(f"track {_number(data, at + 4, 4, stop)} isn't in the initialisation section")
    at += 8
    base, fields = moof, [track.duration, track.size, track.flags]
    if flags & 0x1:
        base, at = _number(data, at, 8, stop) - origin, at + 8
    at += 4 if flags & 0x2 else 0
    for n, bit in enumerate((0x8, 0x10, 0x20)):
        if flags & bit:
            fields[n], at = _number(data, at, 4, stop), at + 4
    time: int | None = None
    for kind, at, stop in boxes:
        if kind == b"tfdt":
            time = _number(data, at + 4, 8 if data[at] == 1 else 4, stop)
    run = runs.get(track.id)
    if time is None:
        raise Broken("a track fragment without tfdt")
    if run is None:
        run = runs[track.id] = Run(track, time, time, 1 << 62, -(1 << 62))
    elif abs(time - run.end) > abs(run.gap):
        run.gap = time - run.end
    run.end = time
    cursor, first_in_moof = base, True
    for kind, at, stop in boxes:
        if kind == b"trun":
            cursor = _trun(data, at, stop, run, base, cursor, moof, fields, first_in_moof)
            first_in_moof = False
    return cursor


def _trun(
    data: bytes,
    at: int,
    end: int,
    run: Run,
    base: int,
    cursor: int,
    moof: int,
    defaults: list[int],
    first_in_moof: bool,
) -> int:
    """Add a run of samples; returns where its bytes end."""
    version, flags, count = data[at], _number(data, at + 1, 3, end), _number(data, at + 4, 4, end)
    at += 8
    if flags & 0x1:
        cursor = base + int.from_bytes(data[at : at + 4], "big", signed=True)
        at += 4
    first_flags: int | None = None
    if flags & 0x4:
        first_flags, at = _number(data, at, 4, end), at + 4
    present = [bool(flags & bit) for bit in (0x100, 0x200, 0x400)]
    layout = ">" + "I" * sum(present) + (("i" if version else "I") if flags & 0x800 else "")
    step = struct.calcsize(layout)
    if run.samples + count > _SAMPLES or at + step * count > end:
        raise Broken(f"a run of {count} samples doesn't fit into its box")
    rows = struct.iter_unpack(layout, data[at : at + step * count]) if step else iter([()] * count)
    scale, track = run.track.timescale, run.track
    for number, row in enumerate(rows):
        values = iter(row)
        duration, size, sample = (next(values) if there else defaults[n] for n, there in enumerate(present))
        offset = next(values, 0)
        if number == 0 and first_flags is not None:
            sample = first_flags
        shown = run.end + offset
        sync = not sample & _NON_SYNC
        if run.samples == 0:
            run.first_sync, run.first = sync, (cursor, size)
        if sync and track.kind == "video":
            shown_s = (shown - track.shift) / scale
            run.syncs.append(Sync(shown_s, cursor, cursor + size, moof, first_in_moof and number == 0))
        run.samples += 1
        run.end += duration
        run.longest = max(run.longest, duration)
        run.shown_begin, run.shown_end = min(run.shown_begin, shown), max(run.shown_end, shown + duration)
        cursor += size
    return cursor


def _sidx(data: bytes, anchor: int) -> Index:
    """A segment index whose references are counted from `anchor`."""
    version, scale = data[0], _number(data, 8, 4, len(data))
    wide = 8 if version else 4
    begin, offset = _number(data, 12, wide, len(data)), _number(data, 12 + wide, wide, len(data))
    at = 12 + 2 * wide + 2
    count = _number(data, at, 2, len(data))
    place, parts = anchor + offset, []
    for n in range(count):
        entry = at + 2 + 12 * n
        size = _number(data, entry, 4, len(data))
        if size >> 31:
            raise Broken("a segment index of indexes")
        parts.append((place, size, _number(data, entry + 4, 4, len(data))))
        place += size
    if not scale:
        raise Broken("a segment index without timescale")
    return Index(scale, begin, tuple(parts))


def _number(data: bytes, at: int, length: int, end: int) -> int:
    """An unsigned big-endian number.

    Raises:
        Broken: it reaches beyond its box.
    """
    if at + length > min(end, len(data)):
        raise Broken("a box ends in the middle of a number")
    return int.from_bytes(data[at : at + length], "big")


def _language(packed: int) -> str:
    return "".join(chr(((packed >> shift) & 31) + 0x60) for shift in (10, 5, 0))


def _kind(handler: bytes) -> str:
    names = {b"vide": "video", b"soun": "audio", b"text": "text", b"subt": "text", b"sbtl": "text"}
    return names.get(handler, _shown(handler))


def _shown(kind: bytes) -> str:
    return kind.decode("ascii", "replace")
