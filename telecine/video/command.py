"""ffmpeg's words for a plan: argument lists, built and never run here.

Pure functions of frozen dataclasses, so that golden snapshots can pin every word. Belongs here: the whole command.
Doesn't belong here: the pictures' part (picture_argv.py), the sounds' (sound_argv.py), finished files (mux.py). Source:
ffmpeg(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telecine.codecs import VideoCodec
from telecine.demux import input_args
from telecine.video.encoder import working_container
from telecine.video.ladder import Rung
from telecine.video.memory import decoder_threads
from telecine.video.picture_argv import picture_argv, video_file
from telecine.video.plan import VideoPlan
from telecine.video.sound import Take
from telecine.video.sound_argv import Levelled, levelled_argv, sounds_argv

QUIET = ("-hide_banner", "-nostdin", "-y")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5", "-nostats")
_PATIENT = ("-max_error_rate", "1")  # one damaged track must not end the others; what was decoded is counted after
# Units that a decoder needs: not the messages in which cameras and encoders write whatever they like (SEI), nor
# unspecified ones. ITU-T H.264 table 7-1.
_NEEDED_UNITS = "1-5|7-11"
CLEAN = ("-map_metadata", "-1", "-map_chapters", "-1")


def encode_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    source: Path,
    work_dir: Path,
    *,
    taken: Sequence[Take],
    threads: int | None = None,
    levelled: Sequence[Levelled] = (),
) -> list[str]:
    """One ffmpeg for every rung and sound: the source is decoded and scaled once.

    Args:
        taken: what is needed of the sounds.
        threads: cores to use; None for all.
        levelled: what `level_argv` made of each track, to be used instead of the source's own; empty for none.
    """
    argv = _reading(ffmpeg, source, threads and decoder_threads(plan, plan.encodes, threads))
    for file in levelled:
        argv += ["-i", f"file:{file.path}"]
    if plan.encodes:
        argv += picture_argv(plan, plan.encodes, work_dir, threads=threads, telling=bool(taken))
    return argv + sounds_argv(plan, taken, work_dir, levelled)


def first_pass_argv(ffmpeg: Path, plan: VideoPlan, source: Path, work_dir: Path, threads: int | None) -> list[str]:
    """One ffmpeg for the first pass of every picture that takes two."""
    rungs = [rung for rung in plan.encodes if rung.coding.two_pass]
    argv = _reading(ffmpeg, source, threads and decoder_threads(plan, rungs, threads))
    return argv + picture_argv(plan, rungs, work_dir, threads=threads, first_pass=True)


def level_argv(
    ffmpeg: Path, plan: VideoPlan, taken: Sequence[Take], source: Path, targets: Sequence[Path]
) -> list[str]:
    """One ffmpeg that decodes the tracks whose layout changes on the way, for `encode_argv` to use."""
    return [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *levelled_argv(plan, taken, source, targets)]


def copy_argv(ffmpeg: Path, plan: VideoPlan, rung: Rung, source: Path, work_dir: Path) -> list[str]:
    """The source's own picture in a working file, as it is; without messages in it, unless all tags are kept."""
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *input_args(source)]
    argv += ["-map", f"0:{plan.video.index}", "-c", "copy", *CLEAN, "-fflags", "+bitexact"]
    if not rung.kept.everything and rung.coding.codec is VideoCodec.H264:
        argv += ["-bsf:v", f"filter_units=pass_types={_NEEDED_UNITS}"]
    return [*argv, "-f", working_container(rung.coding).muxer, f"file:{work_dir / video_file(rung)}"]


def _reading(ffmpeg: Path, source: Path, threads: int | None) -> list[str]:
    argv = [str(ffmpeg), *QUIET, "-loglevel", "verbose", *PROGRESS, *_PATIENT]
    # A picture whose size changes on the way goes through the same graph: its first scaler takes any size.
    return argv + input_args(source, before_input=("-noautorotate", "-reinit_filter", "0", *_threads(threads)))


def _threads(threads: int | None) -> tuple[str, ...]:
    return () if threads is None else ("-threads", str(threads))
