"""Fragments of MP4 segments: when each track's samples are decoded and shown, and which of them can be entered.

Source: ISO/IEC 14496-12 section 8.8, ISO/IEC 14496-15 (NAL units in samples). Doesn't belong here: what the tracks are
(init_section.py).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from telecine.stream.verify.bmff import children, payload, top_level, uint
from telecine.stream.verify.codecs import Entry
from telecine.stream.verify.init_section import Track
from telecine.stream.verify.window import Broken, Window

_SAMPLES = 200_000  # of one segment
_NON_SYNC = 0x00010000  # sample_is_non_sync_sample
_Span = tuple[bytes, int, int]  # type, payload start, end


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
        entry: the sample entry of its first fragment.
        first: start and size of the first sample's bytes, relative to the segment.
        gap: largest distance between the end of a fragment and the next one's start.
    """

    track: Track
    entry: Entry | None
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
            reach = max(reach, _moof(payload(window, start, end), at, window.start, known, runs))
    if not fragments:
        raise Broken("holds no moof box")
    if reach > window.size:
        raise Broken(f"samples end at byte {reach}, after the file's {window.size} bytes")
    return [run for run in runs.values() if run.samples]


def starts_with_idr(window: Window, run: Run) -> bool | None:
    """Whether the first sample's NAL units are those of a random access point; None where that can't be told.

    Flags in the container can be wrong; the picture's own words aren't (ISO/IEC 14496-10 table 7-1, 23008-2 table 7-1).
    """
    entry = run.entry
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
    flags = uint(data, at + 1, 3, stop)
    track = known.get(uint(data, at + 4, 4, stop))
    if track is None:
        raise Broken(f"track {uint(data, at + 4, 4, stop)} isn't in the initialisation section")
    at += 8
    base, fields = moof, [track.duration, track.size, track.flags]
    if flags & 0x1:
        base, at = uint(data, at, 8, stop) - origin, at + 8
    description = track.description
    if flags & 0x2:
        description, at = uint(data, at, 4, stop), at + 4
    for n, bit in enumerate((0x8, 0x10, 0x20)):
        if flags & bit:
            fields[n], at = uint(data, at, 4, stop), at + 4
    time: int | None = None
    for kind, at, stop in boxes:
        if kind == b"tfdt":
            time = uint(data, at + 4, 8 if data[at] == 1 else 4, stop)
    run = runs.get(track.id)
    if time is None:
        raise Broken("a track fragment without tfdt")
    if run is None:
        run = runs[track.id] = Run(track, track.described(description), time, time, 1 << 62, -(1 << 62))
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
    version, flags, count = data[at], uint(data, at + 1, 3, end), uint(data, at + 4, 4, end)
    at += 8
    if flags & 0x1:
        cursor = base + int.from_bytes(data[at : at + 4], "big", signed=True)
        at += 4
    first_flags: int | None = None
    if flags & 0x4:
        first_flags, at = uint(data, at, 4, end), at + 4
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
