"""ffmpeg's words for a plan: argument lists, built and never run here.

Pure functions of frozen dataclasses, so that golden snapshots can pin every word. Belongs here: the whole command, and
the sounds. Doesn't belong here: the pictures' part (picture_argv.py), finished files (mux.py). Sources: ffmpeg(1),
ffmpeg-filters(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from telecine.demux import input_args
from telecine.video.encoder import working_container
from telecine.video.ladder import Rung
from telecine.video.picture_argv import picture_argv, video_file
from telecine.video.plan import VideoPlan
from telecine.video.sound import Sound
from telecine.video.voice import Voice

# Gaps and overlaps above 40 ms are filled or cut at once, slow drift above 10 ms is stretched away inaudibly.
_SYNC = "async=1000:min_comp=0.01:min_hard_comp=0.04:first_pts=0"
QUIET = ("-hide_banner", "-nostdin", "-y")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5", "-nostats")
_PATIENT = ("-max_error_rate", "1")  # one damaged track must not end the others; what was decoded is counted after
CLEAN = ("-map_metadata", "-1", "-map_chapters", "-1")


@dataclass(frozen=True, slots=True)
class Levelled:
    """A sound that was decoded beforehand, because its layout changes on the way.

    Attributes:
        start_s: its first time stamp on ffmpeg's clock of the source.
    """

    path: Path
    start_s: float


def audio_file(sound: Sound, voice: Voice) -> str:
    """Name of a sound in the work directory."""
    return f"audio-{sound.number}-{voice.name}.{voice.working_container.extension}"


def encode_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    source: Path,
    work_dir: Path,
    *,
    sounds: Sequence[Sound],
    threads: int | None = None,
    levelled: Sequence[Levelled] = (),
) -> list[str]:
    """One ffmpeg for every rung and sound: the source is decoded and scaled once.

    Args:
        sounds: those that are needed, out of `plan.sounds`, each with the encodes that are needed.
        threads: cores to use; None for all.
        levelled: what `levelled_argv` made of each sound, to be used instead of the source's own; empty for none.
    """
    argv = _reading(ffmpeg, source, threads)
    for file in levelled:
        argv += ["-i", f"file:{file.path}"]
    argv += picture_argv(plan, plan.encodes, work_dir, threads=threads) if plan.encodes else []
    for number, sound in enumerate(sounds):
        origin = f"{number + 1}:a:0" if levelled else f"0:{sound.index}"
        argv += ["-filter_complex", audio_graph(sound, plan, origin, levelled[number] if levelled else None)]
    for sound in sounds:
        for voice in sound.voices:
            argv += ["-map", f"[{_label(sound, voice)}]", *voice.options, *CLEAN, "-fflags", "+bitexact"]
            argv += ["-f", voice.working_container.muxer, f"file:{work_dir / audio_file(sound, voice)}"]
    return argv + (_unused([sound.index for sound in sounds]) if levelled else [])


def first_pass_argv(ffmpeg: Path, plan: VideoPlan, source: Path, work_dir: Path, threads: int | None) -> list[str]:
    """One ffmpeg for the first pass of every picture that takes two."""
    rungs = [rung for rung in plan.encodes if rung.coding.two_pass]
    return _reading(ffmpeg, source, threads) + picture_argv(plan, rungs, work_dir, threads=threads, first_pass=True)


def copy_argv(ffmpeg: Path, plan: VideoPlan, rung: Rung, source: Path, work_dir: Path) -> list[str]:
    """The source's own picture in a working file, as it is."""
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *input_args(source)]
    argv += ["-map", f"0:{plan.video.index}", "-c", "copy", *CLEAN, "-fflags", "+bitexact"]
    return [*argv, "-f", working_container(rung.coding).muxer, f"file:{work_dir / video_file(rung)}"]


def _reading(ffmpeg: Path, source: Path, threads: int | None) -> list[str]:
    argv = [str(ffmpeg), *QUIET, "-loglevel", "verbose", *PROGRESS, *_PATIENT]
    # A picture whose size changes on the way goes through the same graph: its first scaler takes any size.
    return argv + input_args(source, before_input=("-noautorotate", "-reinit_filter", "0", *_threads(threads)))


def audio_graph(sound: Sound, plan: VideoPlan, origin: str, levelled: Levelled | None = None) -> str:
    """One sound's filter graph: the same clock, stereo, exactly as long as the picture.

    Args:
        origin: the stream it reads, as "input:stream".
    """
    clock = plan.timing
    shift = clock.shift_s - (levelled.start_s if levelled is not None else 0.0)
    chain = [
        *([f"asetpts=PTS-({shift:.6f})/TB"] if abs(shift) >= 0.0005 else []),
        *(stereo(sound.channels, sound.known_layout) if levelled is None else []),
        f"aresample={sound.sample_rate}:{_SYNC}",
        f"aformat=sample_fmts=fltp:sample_rates={sound.sample_rate}:channel_layouts=stereo",
        f"apad=whole_dur={clock.duration_s:.6f}",
        f"atrim=end={clock.duration_s:.6f}",
    ]
    outputs = "".join(f"[{_label(sound, voice)}]" for voice in sound.voices)
    split = f",asplit={len(sound.voices)}" if len(sound.voices) > 1 else ""
    return f"[{origin}]{','.join(chain)}{split}{outputs}"


def levelled_argv(
    ffmpeg: Path, plan: VideoPlan, sounds: Sequence[Sound], source: Path, targets: Sequence[Path]
) -> list[str]:
    """The sounds as stereo PCM with their time stamps, through graphs that are rebuilt at each change of layout.

    Recorded broadcasts go from stereo to 5.1 and back; the padding and timing of `audio_graph` can't survive a rebuild.
    """
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *input_args(source)]
    for sound, target in zip(sounds, targets, strict=True):
        argv += ["-map", f"0:{sound.index}", "-af", f"aresample={sound.sample_rate},aformat=channel_layouts=stereo"]
        argv += ["-c:a", "pcm_s16le", "-f", "nut", f"file:{target}"]
    return argv + _unused([plan.video.index])


def _unused(indexes: Iterable[int]) -> list[str]:
    """Read streams for nothing: ffmpeg judges an MPEG clock by all streams it reads, so both runs must read all."""
    return [*(word for index in indexes for word in ("-map", f"0:{index}")), "-c", "copy", "-f", "null", "-"]


def _label(sound: Sound, voice: Voice) -> str:
    return f"a{sound.number}_{voice.name}"


def stereo(channels: int, known_layout: bool) -> list[str]:
    """What ffmpeg needs to be told before it can make two channels of many: nothing, when it knows the layout."""
    if known_layout or channels <= 2:
        return []
    return ["pan=stereo|c0=c0|c1=c1"]  # unlabelled tracks of recorders carry the mix on the first two


def _threads(threads: int | None) -> tuple[str, ...]:
    return () if threads is None else ("-threads", str(threads))
