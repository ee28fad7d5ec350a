"""ffmpeg's words for the sounds of a video: a graph for each track, and an output for each version.

Pure, through ffmpeg-python graphs. Each track's graph is an argument of its own, because ffmpeg runs each in a thread
of its own. Doesn't belong here: which tracks and versions (sound.py), levels and downmixes (telecine/sound/shape).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import ffmpeg

from telecine.codecs import AudioCodec
from telecine.demux import input_args
from telecine.sound.encoder import Options, encoder_options
from telecine.sound.filtering import Stream, branches, filtered, graph_words, spelled
from telecine.sound.shape import CEILING_DB, DOWNMIX, Filter, Shape
from telecine.video.plan import VideoPlan
from telecine.video.sound import Sound, Take, Version
from telecine.video.timing import Timing

# Gaps and overlaps above 40 ms are filled or cut at once, slow drift above 10 ms is stretched away inaudibly.
_SYNC = {"async": 1000, "min_comp": 0.01, "min_hard_comp": 0.04, "first_pts": 0}
_ALWAYS: Options = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}


@dataclass(frozen=True, slots=True)
class Levelled:
    """A track that was decoded beforehand, because its layout changes on the way.

    Attributes:
        start_s: its first time stamp on ffmpeg's clock of the source.
    """

    path: Path
    start_s: float


def audio_file(sound: Sound, version: Version) -> str:
    """Name of a version in the work directory."""
    return f"audio-{sound.number}-{version.name}.{'m4a' if version.codec is AudioCodec.AAC else 'mka'}"


def sounds_argv(plan: VideoPlan, taken: Sequence[Take], work_dir: Path, levelled: Sequence[Levelled] = ()) -> list[str]:
    """What follows the inputs: each track's `-filter_complex`, and each version's options and file.

    Input 0 is the source; the levelled tracks, if there are any, are inputs 1 and so on.
    """
    argv: list[str] = []
    for number, take in enumerate(taken):
        argv += _track_argv(plan.timing, take, work_dir, number, levelled[number] if levelled else None)
    return argv + (unused([take.sound.track.index for take in taken]) if levelled else [])


def levelled_argv(plan: VideoPlan, taken: Sequence[Take], source: Path, targets: Sequence[Path]) -> list[str]:
    """Input and outputs that decode the tracks to stereo with their time stamps.

    Their graphs are rebuilt at each change of layout: recorded broadcasts go from stereo to 5.1 and back, and padding
    and timing can't survive a rebuild.
    """
    argv = input_args(source)
    for take, target in zip(taken, targets, strict=True):
        chain = [*DOWNMIX, ("aresample", {"sample_rate": take.versions[0].sample_rate})]
        argv += ["-map", f"0:{take.sound.track.index}", "-af", ",".join(map(spelled, chain))]
        argv += ["-c:a", "pcm_f32le", "-f", "nut", f"file:{target}"]
    return argv + unused([plan.video.index])


def unused(indexes: Iterable[int]) -> list[str]:
    """Read streams for nothing: ffmpeg judges an MPEG clock by all streams it reads, so both runs must read all."""
    return [*(word for index in indexes for word in ("-map", f"0:{index}")), "-c", "copy", "-f", "null", "-"]


def _track_argv(clock: Timing, take: Take, work_dir: Path, number: int, levelled: Levelled | None) -> list[str]:
    """One graph for all versions of a track: two graphs behind one decoder may wait for each other for ever."""
    groups = [list(group) for _, group in groupby(sorted(take.versions, key=_alike), key=_alike)]
    source = ffmpeg.input("source")["a:0" if levelled else str(take.sound.track.index)]
    heads = branches(source, len(groups))
    outputs = [
        output
        for head, versions in zip(heads, groups, strict=True)
        for output in _outputs(clock, take, versions, head, work_dir, levelled)
    ]
    words = graph_words(outputs, f"a{number}s")
    # Alone, each graph has one input, the first.
    return [word.replace("[0:a:0]", f"[{number + 1}:a:0]") for word in words] if levelled else words


def _outputs(
    clock: Timing, take: Take, versions: Sequence[Version], track: Stream, work_dir: Path, levelled: Levelled | None
) -> list[Stream]:
    """Versions that differ in their encoders only."""
    stream = filtered(track, _chain(clock, versions[0], levelled))
    outputs = []
    for branch, version in zip(branches(stream, len(versions)), versions, strict=True):
        options = encoder_options(version.codec, version.bitrate_bps) | _ALWAYS
        options["f"] = "mp4" if version.codec is AudioCodec.AAC else "matroska"
        target = f"file:{work_dir / audio_file(take.sound, version)}"
        outputs.append(ffmpeg.output(branch, target, **options))
    return outputs


def _alike(version: Version) -> tuple[str, int]:
    """Versions that are alike up to their encoder share a chain."""
    return repr(version.shape), version.sample_rate


def _chain(clock: Timing, version: Version, levelled: Levelled | None) -> list[Filter]:
    """The picture's clock, the wanted channels and level, exactly as long as the picture."""
    shift = clock.shift_s - (levelled.start_s if levelled is not None else 0.0)
    shape = version.shape if levelled is None else _after_levelling(version.shape)
    return [
        *([("asetpts", {"expr": f"PTS-({shift:.6f})/TB"})] if abs(shift) >= 0.0005 else []),
        *shape.filters(),
        ("aresample", {"sample_rate": version.sample_rate, **_SYNC}),
        ("aformat", {"sample_fmts": "fltp", "sample_rates": version.sample_rate, "channel_layouts": shape.layout}),
        ("apad", {"whole_dur": f"{clock.duration_s:.6f}"}),
        ("atrim", {"end": f"{clock.duration_s:.6f}"}),
    ]


def _after_levelling(shape: Shape) -> Shape:
    """The shape of a track that is stereo already, and was mixed down from more channels on the way."""
    ceiling = CEILING_DB if shape.ceiling_db is None else shape.ceiling_db
    return replace(shape, channels_in=2, known_layout=True, channels=min(2, shape.channels), ceiling_db=ceiling)
