"""Measuring a file's tracks packet by packet, because headers lie.

A browser's recording has no duration, a camera that lost power has a wrong one, a cut-off upload promises what isn't
there. Reading every packet (not decoding) costs a fraction of any encode and gives real times, real frame distances
and the distance between keyframes. Doesn't belong here: choosing tracks or an output frame rate.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from telecine.demux import input_args
from telecine.process import Limits, run
from telecine.tools import ffprobe_path

# ffmpeg takes such jumps in MPEG streams for a new clock and closes the gap (ffmpeg_demux.c, ts_discontinuity_process;
# -dts_delta_threshold); what it will do to the clock has to be foreseen here.
_JUMP_AHEAD_S, _JUMP_BACK_S = 10.0, 0.1
_JITTER_S = 0.0021  # two ticks of the millisecond clocks of WebM and FLV
_JITTER_SHARE = 0.1
_MAX_TIMES = 20_000_000  # a day at 240 frames a second; more is hostile


@dataclass(slots=True)
class Track:
    """What the packets of one track say; times in seconds on the container's clock."""

    packets: int = 0
    first_s: float | None = None
    end_s: float = 0.0
    times: array[float] = field(default_factory=lambda: array("d"))
    keyframes: array[float] = field(default_factory=lambda: array("d"))
    last_duration_s: float = 0.0
    next_dts_s: float | None = None

    def add(self, pts: float | None, dts: float | None, duration: float, key: bool) -> None:
        """Count one packet."""
        self.packets += 1
        if dts is not None:
            self.next_dts_s = dts + duration
        self.last_duration_s = duration or self.last_duration_s
        at = pts if pts is not None else dts
        if at is None or len(self.times) >= _MAX_TIMES:
            return
        self.times.append(at)
        if key:
            self.keyframes.append(at)
        self.first_s = at if self.first_s is None else min(self.first_s, at)
        self.end_s = max(self.end_s, at + duration) if self.packets > 1 else at + duration


@dataclass(slots=True)
class Clock:
    """The container's clock with its restarts taken out: one offset for all tracks, as ffmpeg keeps it."""

    jumps: bool
    offset_s: float = 0.0

    def shift(self, track: Track, dts: float | None) -> float:
        """What to add to this packet's times."""
        if self.jumps and dts is not None and track.next_dts_s is not None:
            delta = dts + self.offset_s - track.next_dts_s
            if delta > _JUMP_AHEAD_S or delta < -_JUMP_BACK_S:
                self.offset_s -= delta
        return self.offset_s


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How frames follow each other."""

    measured_fps: float | None
    typical_fps: float | None
    vfr: bool
    keyframe_interval_s: float | None


def scan(path: Path, *, jumps: bool, cancel: threading.Event | None = None) -> tuple[dict[int, Track], str]:
    """Read every packet of a file.

    Args:
        jumps: whether the container's clock may be restarted (MPEG streams).

    Returns:
        The tracks by stream index, and what ffprobe complained about.
    """
    tracks: dict[int, Track] = {}
    clock = Clock(jumps)

    def on_line(line: str) -> bool:
        fields = line.split(",")
        if len(fields) < 5:
            return True
        index, pts, dts, duration, flags = fields[:5]
        if "D" not in flags and index.isdigit():  # D: outside the edit list, never shown
            track = tracks.setdefault(int(index), Track())
            shown, decoded = _number(pts), _number(dts)
            shift = clock.shift(track, decoded)
            track.add(
                None if shown is None else shown + shift,
                None if decoded is None else decoded + shift,
                _number(duration) or 0.0,
                "K" in flags,
            )
        return True

    argv = [
        str(ffprobe_path()),
        "-v",
        "warning",
        "-show_entries",
        "packet=stream_index,pts_time,dts_time,duration_time,flags",
    ]
    argv += ["-of", "csv=p=0", *input_args(path)]
    finished = run(argv, limits=Limits(wall_s=1800, stall_s=120), on_line=on_line, cancel=cancel)
    return tracks, finished.stderr


def rhythm(times: Iterable[float], keyframes: Iterable[float]) -> Rhythm:
    """Frame rate and regularity from presentation times in any order."""
    ordered = sorted(times)
    keys = sorted(keyframes)
    key_gaps = [b - a for a, b in pairwise(keys)]
    interval = max(key_gaps) if key_gaps else None
    gaps = [b - a for a, b in pairwise(ordered) if b > a]
    if not gaps:
        return Rhythm(None, None, False, interval)
    typical = median(gaps)
    tolerance = max(_JITTER_S, typical * _JITTER_SHARE)
    odd = sum(abs(gap - typical) > tolerance for gap in gaps)
    span = ordered[-1] - ordered[0]
    return Rhythm(
        measured_fps=len(gaps) / span,
        typical_fps=1 / typical,
        # One long gap (a dropped frame) in a hundred is still a constant rate.
        vfr=odd > max(1, len(gaps) // 100),
        keyframe_interval_s=interval,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # "N/A"
        return None
