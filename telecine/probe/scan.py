"""Measuring a file's tracks packet by packet, because headers lie.

A browser's recording has no duration, a camera that lost power has a wrong one, a cut-off upload promises what isn't
there. Reading every packet (not decoding) costs a fraction of any encode and gives real times, real frame distances
and the distance between keyframes. Doesn't belong here: choosing tracks or an output frame rate.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from telecine.demux import input_args
from telecine.probe.ffprobe import ffprobe
from telecine.probe.values import integer, number
from telecine.process import Limits, run
from telecine.tools import ffmpeg_path

_JITTER_S = 0.0021  # two ticks of the millisecond clocks of WebM and FLV
_BACK_S = 0.1
_JITTER_SHARE = 0.1
_LIMITS = Limits(wall_s=1800, stall_s=120)
_TIME_BASE = re.compile(r"#tb (\d+): (\d+)/(\d+)")  # of libavformat/framecrcenc.c
_NO_TIME = 1 << 62
_MAX_TIMES = 20_000_000  # a day at 240 frames a second; more is hostile


@dataclass(slots=True)
class Track:
    """What the packets of one track say; times in seconds on the container's clock.

    Attributes:
        restarts: a packet comes long before the one that it follows.
    """

    packets: int = 0
    size_bytes: int = 0
    first_s: float | None = None
    end_s: float = 0.0
    times: array[float] = field(default_factory=lambda: array("d"))
    keyframes: array[float] = field(default_factory=lambda: array("d"))
    last_duration_s: float = 0.0
    restarts: bool = False

    def add(self, pts: float | None, dts: float | None, duration: float, key: bool, size: int = 0) -> None:
        """Count one packet."""
        self.packets += 1
        self.size_bytes += size
        self.last_duration_s = duration or self.last_duration_s
        at = pts if pts is not None else dts
        if at is None or len(self.times) >= _MAX_TIMES:
            return
        self.restarts = self.restarts or bool(self.times and at < self.times[-1] - _BACK_S)
        self.times.append(at)
        if key:
            self.keyframes.append(at)
        self.first_s = at if self.first_s is None else min(self.first_s, at)
        self.end_s = max(self.end_s, at + duration) if self.packets > 1 else at + duration


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How frames follow each other."""

    measured_fps: float | None
    typical_fps: float | None
    vfr: bool
    keyframe_interval_s: float | None


def scan(path: Path, cancel: threading.Event | None = None) -> tuple[dict[int, Track], str]:
    """Read every packet of a file.

    Returns:
        The tracks by stream index, and what ffprobe complained about.
    """
    tracks: dict[int, Track] = {}

    def on_line(line: str) -> bool:
        fields = line.split(",")
        if len(fields) < 6:
            return True
        index, pts, dts, duration, size, flags = fields[:6]
        if "D" not in flags and index.isdigit():  # D: outside the edit list, never shown
            track = tracks.setdefault(int(index), Track())
            track.add(number(pts), number(dts), number(duration) or 0.0, "K" in flags, integer(size) or 0)
        return True

    entries = "packet=stream_index,pts_time,dts_time,duration_time,size,flags"
    words = ["-v", "warning", "-show_entries", entries, "-of", "csv=p=0"]
    finished = ffprobe(words, path, limits=_LIMITS, on_line=on_line, cancel=cancel)
    return tracks, finished.stderr


def scan_restarting(
    path: Path, indexes: Sequence[int], start_s: float, cancel: threading.Event | None = None, *, far: bool = False
) -> tuple[dict[int, Track], str]:
    """Read every packet of a file whose clock may restart on the way: MPEG streams, Ogg files one behind the other.

    ffmpeg closes such jumps when it encodes (ffmpeg_demux.c, ts_discontinuity_process), so it is ffmpeg that is asked
    for the times that will come out, not ffprobe.

    Args:
        indexes: the streams to read.
        start_s: the container's clock at the beginning, which ffmpeg subtracts.
        far: see `telecine.demux.input_args`.
    """
    tracks = {index: Track() for index in indexes}
    ticks: dict[int, float] = {}

    def on_line(line: str) -> bool:
        if header := _TIME_BASE.match(line):
            ticks[int(header[1])] = int(header[2]) / int(header[3])
        elif not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            output, (dts, pts, duration, size) = int(fields[0]), (int(field) for field in fields[1:5])
            tick = ticks[output]
            tracks[indexes[output]].add(
                None if abs(pts) > _NO_TIME else pts * tick + start_s,
                None if abs(dts) > _NO_TIME else dts * tick + start_s,
                duration * tick,
                "F=0x0" not in line,
                size,
            )
        return True

    argv = [str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "warning", *input_args(path, far=far)]
    for index in indexes:
        argv += ["-map", f"0:{index}"]
    argv += ["-c", "copy", "-copyinkf", "-f", "framecrc", "pipe:1"]
    finished = run(argv, limits=_LIMITS, on_line=on_line, cancel=cancel)
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
