"""Loudness: measuring a track as it will come out, and reading what ffmpeg says of it.

The first of two passes; the second is one gain (telecine/sound/shape), so dynamics stay as they are. It is what
ffmpeg's loudnorm does with `linear=true`, but measured by ebur128, which gives the same figures in a tenth of the time,
and never falls back to turning the level up and down on the way. Source: EBU R 128, ITU-R BS.1770-5; ffmpeg-filters(1).
Doesn't belong here: what is done with the figures.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from telecine.errors import ErrorCode, SystemFault
from telecine.process import Limits, run
from telecine.recipe.audio import AudioMap
from telecine.sound.filtering import filtered, opened
from telecine.sound.shape import Filter, Shape, at_loudness
from telecine.tools import ffmpeg_path

_TOLERANCE_LU = 1.0
_NEAR_DB = 1.5  # a peak this near to its ceiling was held down by the limiter
METER: Filter = ("ebur128", {"peak": "true", "framelog": "quiet"})
_SILENT_LUFS = -69.9  # ebur128 says -70 for silence, and for less than 0.4 s: BS.1770's absolute gate
_CLOSE_LU = 0.3
_TRIES = 3  # a limiter that works hard takes loudness away, which is given back
_SUMMARY = re.compile(r"Summary:\s+Integrated loudness:\s+I:\s+(\S+) LUFS.*?Peak:\s+(\S+) dBFS", re.DOTALL)
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "info", "-progress", "pipe:1", "-stats_period", "0.5", "-nostats")


@dataclass(frozen=True, slots=True)
class Loudness:
    """Attributes:
    integrated_lufs: None for silence and for less than 0.4 s of sound.
    true_peak_dbtp: None for silence.
    """

    integrated_lufs: float | None
    true_peak_dbtp: float | None


def measure_argv(program: Path, source: Path, index: int, filters: Iterable[Filter]) -> list[str]:
    """Measure one track of a stranger's file behind these filters."""
    track = filtered(opened(source)[str(index)], [*filters, METER])
    return [str(program), *_QUIET, *ffmpeg.output(track, "-", f="null").get_args()]


def loudness_of(stderr: str) -> Loudness:
    """What ebur128 said at the end; where a track changes its layout on the way, the louder part.

    Raises:
        SystemFault: VERIFY_FAILED when it said nothing.
    """
    found = [(float(loudness), float(peak)) for loudness, peak in _SUMMARY.findall(stderr)]
    if not found:
        raise SystemFault(ErrorCode.VERIFY_FAILED, "ffmpeg didn't say how loud the sound is", stderr)
    loudness, peak = max(found)
    heard = math.isfinite(loudness) and loudness > _SILENT_LUFS
    return Loudness(loudness if heard else None, peak if math.isfinite(peak) else None)


def check_loudness(name: str, wish: AudioMap, found: Loudness | None) -> tuple[str, ...]:
    """Nothing, when an output is within 1 LU of what was asked; a warning when that can't be.

    Args:
        found: None when it wasn't measured, because nothing was asked.

    Raises:
        SystemFault: VERIFY_FAILED.
    """
    if wish.loudness_lufs is None or found is None:
        return ()
    if found.integrated_lufs is None or found.true_peak_dbtp is None:
        return (f"{name}: there is no sound whose loudness could be changed.",)
    off = found.integrated_lufs - wish.loudness_lufs
    if abs(off) <= _TOLERANCE_LU:
        return ()
    if off < 0 and found.true_peak_dbtp > wish.true_peak_dbtp - _NEAR_DB:
        return (f"{name} is {-off:.1f} LU quieter than asked: its peaks leave no room.",)
    said = f"{name} came out at {found.integrated_lufs:.1f} LUFS instead of {wish.loudness_lufs:.1f}"
    raise SystemFault(ErrorCode.VERIFY_FAILED, said)


def levelled_shape(
    source: Path,
    index: int,
    shape: Shape,
    rate: int,
    wish: AudioMap,
    cancel: threading.Event,
    on_line: Callable[[str], bool],
) -> Shape:
    """The shape that brings a track to the wanted loudness; unchanged for silence.

    Args:
        rate: sample rate that it comes out at, in Hz.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    for _ in range(_TRIES):
        filters = [*shape.filters(), ("aresample", {"sample_rate": rate})]
        argv = measure_argv(ffmpeg_path(), source, index, filters)
        limits = Limits(wall_s=None, stall_s=180)
        found = loudness_of(run(argv, limits=limits, cancel=cancel, on_line=on_line).stderr)
        if found.integrated_lufs is None or found.true_peak_dbtp is None or wish.loudness_lufs is None:
            return shape
        missing = wish.loudness_lufs - found.integrated_lufs
        if shape.gain_db is not None and abs(missing) < _CLOSE_LU:
            return shape
        first, shape = shape.gain_db is None, at_loudness(shape, wish, found.integrated_lufs)
        if first and found.true_peak_dbtp + missing <= wish.true_peak_dbtp:
            return shape  # nothing for the limiter to do, so one gain is exact
    return shape
