"""ffmpeg's words for taking frames out of a video: exact ones, and samples of the whole.

Pure functions. All frames are upright, in BT.709 like the rungs, as RGB with 8 bits; all times are on the outputs'
clock, so that a still shows what the video shows at that time. Doesn't belong here: running them (frames.py). Sources:
ffmpeg(1) -ss, -noaccurate_seek, -copyts, -skip_frame; ffmpeg-filters(1) fps, trim, tpad, tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from telecine.demux import input_args
from telecine.video.command import PROGRESS, QUIET
from telecine.video.picture import deinterlaced, upright
from telecine.video.plan import VideoPlan

# Tiles may come from keyframes alone when the last one is never much older than half an interval.
_KEYFRAMES_PER_INTERVAL = 1.5
_LATE_S = 5.0
_RGB = "scale=in_color_matrix=bt709:in_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"


@dataclass(frozen=True, slots=True)
class Footage:
    """Where frames come from.

    Attributes:
        path: the source, or a rung that was encoded from it.
        rung: whether it is a rung: upright already, on the outputs' clock, small, and ours.
        keyframe_s: longest distance between keyframes; None when nothing is known.
    """

    path: Path
    rung: bool
    keyframe_s: float | None

    def keyframes_suffice(self, interval_s: float) -> bool:
        """Whether samples this far apart may be taken from keyframes alone."""
        return self.keyframe_s is not None and self.keyframe_s <= interval_s * _KEYFRAMES_PER_INTERVAL


def exact_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    footage: Footage,
    *,
    start: Fraction,
    fps: Fraction,
    count: int,
    scaled: tuple[int, int],
    crop: tuple[int, int] | None = None,
    back_s: float | None = 0.0,
) -> list[str]:
    """`count` frames from `start`, raw RGB on stdout: what the outputs show at these instants.

    Fewer come out when the seek lands behind the start; then it has to be tried from further back.

    Args:
        start: seconds, a multiple of 1/fps.
        scaled: even width and height of the whole frame.
        crop: size of the middle of it that is wanted.
        back_s: how far before the start to look for a keyframe; None decodes from the very beginning.
    """
    clock = plan.timing
    seek, number = None if back_s is None else float(start) - back_s, round(start * fps)
    sought = seek is not None and seek > 0
    before = _seek(plan, footage, seek) if seek is not None and sought else ()
    chain = [
        *_clocked(plan, footage, as_in_file=sought),
        *([] if footage.rung else deinterlaced(plan.video)),
        # From the beginning it is like for the rungs: what comes late is shown from the beginning.
        f"fps=fps={fps.numerator}/{fps.denominator}{'' if sought else ':start_time=0'}:round=near:eof_action=pass",
        f"tpad=stop_mode=clone:stop_duration={clock.hold_s}",
        f"trim=start_pts={number}:end_pts={number + count}",
        *_picture(plan, footage, scaled),
        _RGB,
        *([f"crop={crop[0]}:{crop[1]}"] if crop is not None and crop != scaled else []),
    ]
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *_input(footage, before)]
    argv += ["-map", _stream(plan, footage), "-vf", ",".join(chain), "-fps_mode", "passthrough"]
    argv += ["-frames:v", str(count), "-f", "rawvideo", "pipe:1"]
    return argv if sought else [*argv, *_beside(plan, footage, float(start + count / fps))]


def sheets_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    footage: Footage,
    *,
    interval_ms: int,
    count: int,
    tile: tuple[int, int],
    grid: tuple[int, int],
    pattern: Path,
) -> list[str]:
    """A frame from the middle of every interval of the video, on sheets.

    Args:
        count: of intervals.
        tile: pixels of each frame.
        grid: columns and rows; what is left of the last sheet is black.
        pattern: of PPM files, with one `%03d`.
    """
    chain = [
        *_clocked(plan, footage),
        # Rounded to the nearest interval, a frame that comes just before the middle is the last to count.
        f"fps=fps=1000/{interval_ms}:start_time=0:round=near:eof_action=pass",
        "tpad=stop_mode=clone:stop=-1",
        f"trim=end_frame={count}",
        # So much smaller, fields are gone without a deinterlacer, which could do nothing with single frames anyway.
        *_picture(plan, footage, tile),
        f"tile={grid[0]}x{grid[1]}",
        _RGB,
    ]
    keys = ("-skip_frame", "nokey") if footage.keyframes_suffice(interval_ms / 1000) else ()
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *_input(footage, keys)]
    argv += ["-map", _stream(plan, footage), "-vf", ",".join(chain), "-fps_mode", "passthrough"]
    return [*argv, "-c:v", "ppm", "-f", "image2", f"file:{pattern}", *_beside(plan, footage)]


def samples_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    footage: Footage,
    *,
    first_s: float,
    last_s: float,
    interval_s: float,
    scaled: tuple[int, int],
    pattern: Path,
    sought: bool = False,
) -> list[str]:
    """Frames at least `interval_s` apart, as PPM files that are called by their time in milliseconds.

    Args:
        first_s, last_s: between which times.
        pattern: of the files, with one `%d`.
        sought: seek to the first time, and take only the first frame.
    """
    chosen = f"between(t,{first_s:.3f},{last_s:.3f})*(isnan(prev_selected_t)+gte(t-prev_selected_t,{interval_s:.3f}))"
    chain = [
        *_clocked(plan, footage, as_in_file=sought),
        f"select='{chosen}'",
        *_picture(plan, footage, scaled),
        _RGB,
        "settb=1/1000",
    ]
    keys = ("-skip_frame", "nokey") if footage.keyframes_suffice(interval_s) else ()
    seek = _seek(plan, footage, first_s) if sought else ()
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *_input(footage, (*keys, *seek))]
    argv += ["-map", _stream(plan, footage), "-vf", ",".join(chain), "-fps_mode", "passthrough"]
    argv += ["-frames:v", "1"] if sought else []
    argv += ["-enc_time_base", "1:1000", "-c:v", "ppm", "-f", "image2", "-frame_pts", "1", f"file:{pattern}"]
    return argv if sought else [*argv, *_beside(plan, footage)]


def _seek(plan: VideoPlan, footage: Footage, at_s: float) -> tuple[str, ...]:
    """To the keyframe before a time; with -copyts, frames keep time stamps that no rounding of the seek can move."""
    place = at_s + (0.0 if footage.rung else plan.timing.shift_s)
    return ("-copyts", "-noaccurate_seek", "-ss", f"{place:.6f}")


def _input(footage: Footage, before: tuple[str, ...]) -> list[str]:
    if footage.rung:
        return [*before, "-i", f"file:{footage.path}"]
    return input_args(footage.path, before_input=("-noautorotate", "-reinit_filter", "0", *before))


def _clocked(plan: VideoPlan, footage: Footage, *, as_in_file: bool = False) -> list[str]:
    """Time stamps as `command.video_graph` makes them, to the tick: a frame may lie just between two output frames."""
    start, shift = plan.facts.start_s, plan.timing.shift_s
    if footage.rung:
        return []
    return [
        *([f"setpts=round(PTS-({start:.6f})/TB)"] if as_in_file and start else []),
        *([f"setpts=PTS-{shift:.6f}/TB"] if abs(shift) >= 0.0005 else []),
    ]


def _beside(plan: VideoPlan, footage: Footage, until_s: float | None = None) -> list[str]:
    """The sound, read for nothing: ffmpeg's clock of an MPEG stream starts with the first stream that it reads."""
    audio = plan.facts.audio
    if footage.rung or audio is None:
        return []
    end = () if until_s is None else ("-t", f"{until_s:.3f}")
    # Nothing is known yet of a sound that starts late: it can't be copied, only decoded.
    copied = ("-c", "copy") if audio.start_s - plan.facts.begin_s < _LATE_S else ()
    return ["-map", f"0:{audio.index}", *copied, *end, "-f", "null", "-"]


def _stream(plan: VideoPlan, footage: Footage) -> str:
    return "0:v:0" if footage.rung else f"0:{plan.video.index}"


def _picture(plan: VideoPlan, footage: Footage, scaled: tuple[int, int]) -> list[str]:
    if footage.rung:
        return [f"scale={scaled[0]}:{scaled[1]}:flags=bicubic", "setsar=1"]
    return upright(plan.video, *scaled)
