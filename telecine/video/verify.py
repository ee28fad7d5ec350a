"""Deciding whether a file that we encoded is what was planned. An encoder's exit code alone is never trusted.

Belongs here: comparing what was measured with the plan, and decoding everything once. Doesn't belong here: measuring
(rendition.py), streams (telecine/stream/verify). Source of the tolerances: requirements.md section 2, issue 7 "Verify".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from telecine.codecs import VideoCodec
from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Limits, ambient, run, together
from telecine.tools import ffmpeg_path
from telecine.video.ladder import Rung
from telecine.video.memory import cores_here
from telecine.video.picture import colours
from telecine.video.plan import VideoPlan
from telecine.video.rendition import Rendition
from telecine.video.single import late_s
from telecine.video.timing import Pace

SYNC_S = 0.04  # sound within 40 ms of the picture
_TICK_S = 0.0011  # Matroska keeps time in milliseconds
# The null muxer's complaint about frames' times is no decoder's.
_HARMLESS = re.compile(r"non monotonic|null @|\[null")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file should hold.

    Attributes:
        codec: None for a picture that was copied from the source: its rhythm is the source's.
        colours: space, primaries, transfer and range as ffprobe names them.
        duration_s: of the sound.
        sound: whether it has any.
        late_s: how long after it the picture begins.
    """

    width: int
    height: int
    pace: Pace
    codec: VideoCodec | None
    pixel_format: str
    colours: Mapping[str, str]
    duration_s: float
    sound: bool
    late_s: float = 0.0

    @property
    def picture_s(self) -> float:
        """Length of the picture."""
        return float(self.pace.frames / self.pace.fps)


def expected(plan: VideoPlan, rung: Rung, *, sound: bool) -> Expected:
    """What one of a plan's pictures should be; a copy ends where the source's picture does, whatever its sound does."""
    pace = rung.pace(plan.timing)
    return Expected(
        width=rung.width,
        height=rung.height,
        pace=replace(pace, frames=plan.video.frames) if rung.copied else pace,
        duration_s=plan.timing.duration_s,
        codec=None if rung.copied else rung.coding.codec,
        pixel_format=rung.coding.pixel_format,
        colours=colours(rung.look, plan.video),
        sound=sound,
        late_s=late_s(plan.facts, rung),
    )


def check(name: str, made: Rendition, expected: Expected) -> None:
    """Nothing, when a file is what was planned.

    Raises:
        SystemFault: VERIFY_FAILED, naming every fault.
    """
    faults = [*_shape(made, expected), *_rhythm(made, expected), *_sound(made, expected)]
    if faults:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{name} isn't what was planned: {'; '.join(faults)}")


def _shape(made: Rendition, expected: Expected) -> list[str]:
    faults = []
    if (made.width, made.height) != (expected.width, expected.height):
        faults.append(f"it measures {made.width}x{made.height} instead of {expected.width}x{expected.height}")
    if made.turned:
        faults.append("players would turn it")
    if expected.codec is None:
        return faults
    if made.video_codec != expected.codec.ffprobe_name:
        faults.append(f"its codec is {made.video_codec} instead of {expected.codec}")
    if made.pixel_format != expected.pixel_format:
        faults.append(f"its pixels are {made.pixel_format} instead of {expected.pixel_format}")
    wrong = {k: made.colours.get(k) for k, told in expected.colours.items() if made.colours.get(k) != told}
    if wrong:
        faults.append(", ".join(f"its colour {k} is {v} instead of {expected.colours[k]}" for k, v in wrong.items()))
    return faults


def _rhythm(made: Rendition, expected: Expected) -> list[str]:
    """Length, number of frames, and keyframes exactly where the clock has them."""
    pace, tolerance = expected.pace, float(1 / expected.pace.fps) + SYNC_S
    length = made.video_duration_s or made.duration_s
    if expected.codec is None:
        # Frames that an edit list hides would go along, for anybody to see.
        if abs(length - expected.picture_s) > tolerance or made.frames != pace.frames:
            return [f"its picture lasts {length:.3f} s in {made.frames} frames, not {expected.picture_s:.3f} s"]
        return []
    faults = []
    if made.frames != pace.frames:
        faults.append(f"it holds {made.frames} frames instead of {pace.frames}")
    if abs(length - expected.picture_s) > tolerance:
        faults.append(f"its picture lasts {length:.3f} s, not {expected.picture_s:.3f} s")
    gop = 1 if expected.codec.lossless else pace.gop_frames
    start = made.video_start_s or 0.0
    planned = [start + float(n * gop / pace.fps) for n in range(-(-pace.frames // gop))]
    if len(planned) != len(made.keyframes_s) or any(
        abs(a - b) > _TICK_S for a, b in zip(planned, made.keyframes_s, strict=True)
    ):
        odd = next((b for a, b in zip(planned, made.keyframes_s, strict=False) if abs(a - b) > _TICK_S), None)
        where = f", the first odd one at {odd:.3f} s" if odd is not None else ""
        faults.append(f"it has {len(made.keyframes_s)} keyframes instead of {len(planned)}{where}")
    return faults


def _sound(made: Rendition, expected: Expected) -> list[str]:
    if (made.audio_start_s is not None) != expected.sound:
        return ["it has sound where it shouldn't, or none where it should"]
    if made.audio_start_s is None:
        return []
    faults = []
    apart = made.audio_start_s - (made.video_start_s or 0.0)
    if abs(apart + expected.late_s) > SYNC_S:
        faults.append(f"its sound starts {apart:.3f} s after its picture instead of {-expected.late_s:.3f} s")
    length = made.audio_duration_s
    if length is not None and abs(length - expected.duration_s) > 2 * SYNC_S:
        faults.append(f"its sound lasts {length:.3f} s beside {expected.duration_s:.3f} s of picture")
    return faults


def check_decodes(path: Path, cancel: threading.Event | None = None, threads: int | None = None) -> None:
    """Decode every frame of a file of ours.

    The loop filter is skipped: it smooths finished blocks, reads nothing, and costs a quarter of the time.

    Args:
        threads: of each decoder; None for as many as there are cores.

    Raises:
        SystemFault: VERIFY_FAILED when a decoder complains.
    """
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-xerror", "-skip_loop_filter", "all"]
    argv += ["-threads", str(threads or _cores()), "-i", f"file:{path}"]
    argv += ["-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"]
    try:
        complaints = run(argv, limits=Limits(wall_s=7200, stall_s=180), cancel=cancel).stderr.strip()
    except (InputError, SystemFault) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{path.name} can't be decoded", e.details) from e
    if serious := [line for line in complaints.splitlines() if not _HARMLESS.search(line)]:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{path.name} doesn't decode cleanly", "\n".join(serious))


def faults(checks: Mapping[Path, Callable[[int], None]], cancel: threading.Event) -> dict[Path, SystemFault]:
    """What the checks of these files complain of, by file.

    As many at once as there are cores, the largest first, each with threads by its share of all bytes. (All in one
    program the small ones hold up the largest, which then ends alone: a fifth longer with four rungs on two cores.)

    Args:
        checks: get a number of threads, and raise SystemFault.
    """
    sizes = {path: path.stat().st_size if path.exists() else 0 for path in checks}
    share = _cores() / max(1, sum(sizes.values()))

    def fault(path: Path) -> SystemFault | None:
        try:
            checks[path](max(1, round(sizes[path] * share)))
        except SystemFault as e:
            return e
        return None

    with together(_cores(), cancel) as pool:
        found = {path: pool.start(partial(fault, path)) for path in sorted(checks, key=lambda path: -sizes[path])}
        return {path: e for path in checks if (e := found[path].result()) is not None}


def _cores() -> int:
    return min(cores_here(), ambient().threads or cores_here())
