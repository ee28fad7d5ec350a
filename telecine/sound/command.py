"""ffmpeg's words for a sound file: one run makes every rendition and the levels that waveforms are drawn from.

Pure, through ffmpeg-python graphs. Doesn't belong here: encoders' options (encoder.py), levels and downmixes
(shape.py). Sources: ffmpeg(1), ffmpeg-filters(1), ffmpeg-formats(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import ffmpeg

from telecine.codecs import AudioCodec, Container
from telecine.demux import input_args
from telecine.sound.encoder import Options, encoder_options
from telecine.sound.filtering import Stream, branches, filtered, graph_words
from telecine.sound.plan import SoundFile, SoundPlan
from telecine.sound.shape import Filter

QUIET = ("-hide_banner", "-nostdin", "-y")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5", "-nostats")
# Small gaps and overlaps are left alone: there is no picture to be in step with.
_SYNC = {"async": 1, "min_hard_comp": 0.1}
_ALWAYS: Options = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}


def files_argv(
    program: Path, plan: SoundPlan, source: Path, out_dir: Path, levels: Path, tags: Mapping[str, str]
) -> list[str]:
    """One ffmpeg for all files of a plan and, when it has waveforms, `levels`.

    All in one graph: of two graphs behind one decoder, ffmpeg 9 leaves both waiting for ever once in twenty or so.
    """
    argv = [str(program), *QUIET, "-loglevel", "verbose", *PROGRESS, *input_args(source)]
    groups = [list(group) for _, group in groupby(sorted(plan.files, key=_alike), key=_alike)]
    track = ffmpeg.input("source")[str(plan.audio.index)]
    heads = branches(track, len(groups) + bool(plan.waveforms))
    outputs = [output for head, files in zip(heads, groups, strict=False) for output in _outputs(head, files, out_dir)]
    if plan.waveforms:
        outputs.append(ffmpeg.output(filtered(heads[-1], _metering(plan, levels)), "-", f="null"))
    argv += graph_words(outputs, "s")
    for file in plan.files:
        if file.spec.metadata == "safe":  # ffmpeg-python has each option of an output once
            at = argv.index(_target(file, out_dir))
            argv[at:at] = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    return argv


def cover_argv(program: Path, picture: int, source: Path, target: Path) -> list[str]:
    """The attached picture as it is, without decoding it."""
    argv = [str(program), *QUIET, "-loglevel", "error", *input_args(source), "-map", f"0:{picture}"]
    return [*argv, "-c", "copy", "-frames:v", "1", "-f", "image2", "-update", "1", f"file:{target}"]


def decode_argv(program: Path, path: Path, filters: list[Filter]) -> list[str]:
    """A file of ours, decoded to its end."""
    track = filtered(ffmpeg.input(f"file:{path}").audio, [*filters, ("anull", {})])
    words = ffmpeg.output(track, "-", f="null").get_args()
    return [str(program), *QUIET, "-loglevel", "info", *PROGRESS, "-xerror", *words]


def _alike(file: SoundFile) -> tuple[str, int]:
    """Files that are alike up to their encoder share a chain."""
    return repr(file.shape), file.sample_rate


def _outputs(track: Stream, files: list[SoundFile], out_dir: Path) -> list[Stream]:
    """Files that differ in their encoders only."""
    rate = files[0].sample_rate
    stream = filtered(track, [*files[0].shape.filters(), ("aresample", {"sample_rate": rate, **_SYNC})])
    outputs = []
    for branch, file in zip(branches(stream, len(files)), files, strict=True):
        options = encoder_options(file.codec, file.bitrate_bps, file.quality) | _ALWAYS | _container_options(file)
        outputs.append(ffmpeg.output(branch, _target(file, out_dir), **options))
    return outputs


def _target(file: SoundFile, out_dir: Path) -> str:
    return f"file:{out_dir / file.file}"


def _container_options(file: SoundFile) -> Options:
    options: Options = {"f": file.container.muxer}
    if file.container.is_iso:
        options["movflags"] = "+faststart"
    if file.container is Container.MP3:
        options["id3v2_version"] = 3 if file.spec.metadata == "safe" else 0
    if file.codec is AudioCodec.FLAC and file.container.is_iso:
        options["strict"] = "experimental"
    return options


def _metering(plan: SoundPlan, levels: Path) -> list[Filter]:
    """The lowest and highest sample of each window, as text."""
    return [
        ("aformat", {"sample_fmts": "fltp", "sample_rates": plan.audio.sample_rate}),
        ("asetnsamples", {"nb_out_samples": plan.window, "pad": 0}),
        (
            "astats",
            {"metadata": 1, "reset": 1, "measure_perchannel": "none", "measure_overall": "Min_level+Max_level"},
        ),
        ("ametadata", {"mode": "print", "file": str(levels)}),
    ]
