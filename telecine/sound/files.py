"""Sound files: an audio-only source becomes the recipe's renditions, waveforms and cover; a video's sound renditions.

Belongs here: the order of things and the artifacts. Doesn't belong here: what is planned (plan.py), ffmpeg's words
(command.py), the sound within a video's outputs (telecine/video/sound).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from telecine.artifact import Artifact, MediaResult, sha256_of
from telecine.errors import ConfigurationError, ErrorCode, InputError, SystemFault
from telecine.probe import MediaFacts
from telecine.probe.sheet import sheet
from telecine.process import Limits, run
from telecine.progress import ProgressSink, Saying
from telecine.recipe import Recipe
from telecine.recipe.waveform import Waveform
from telecine.sound.command import files_argv
from telecine.sound.cover import make_covers
from telecine.sound.loudness import levelled_shape
from telecine.sound.plan import THUMBNAILS, SoundFile, SoundPlan, plan_sound_file
from telecine.sound.shape import Shape
from telecine.sound.tags import safe_tags
from telecine.sound.verify import check, listen
from telecine.sound.waveform import Levels, preview, read_levels, write_waveform
from telecine.tools import ffmpeg_path
from telecine.video.describe import manifest_facts
from telecine.video.following import Following
from telecine.video.gather import Gathering
from telecine.video.missing import Place

_MEASURED = 0.35  # of the stage AUDIO, when loudness is measured before
_VERIFIED = 0.9  # of the stage STILLS_AND_CLEANUP
_MIME = {"png": "image/png", "webp": "image/webp", "json": "application/json"}


def process_audio(
    facts: MediaFacts,
    source: Path,
    recipe: Recipe,
    out_dir: Path,
    sink: ProgressSink,
    cancel: threading.Event,
    *,
    select: Set[str] | None = None,
    made: Collection[Place] = (),
) -> MediaResult:
    """Make everything that the recipe asks for; what can't be made doesn't cost the rest.

    Args:
        out_dir: an existing, empty directory; the tree below it is uploaded as it is.
        select: asset keys that are wanted; None for all.
        made: outputs that need not be made again.

    Raises:
        ConfigurationError: NO_OUTPUTS.
        InputError: NO_MEDIA_STREAMS, CORRUPT_MEDIA.
        SystemFault: VERIFY_FAILED.
        TelecineError: what `telecine.process.run` raises.
    """
    if facts.audio is None:
        raise InputError(ErrorCode.NO_MEDIA_STREAMS, "the file holds no sound that can be decoded")
    plan = plan_sound_file(facts, recipe).missing(select, made)
    with TemporaryDirectory(dir=out_dir.parent, prefix="sound-") as scratch:
        return _Studio(plan, source, out_dir, Path(scratch), sink, cancel).make()


def sound_of_video(
    plan: SoundPlan, source: Path, out_dir: Path, sink: ProgressSink, cancel: threading.Event, gathered: Gathering
) -> tuple[str, ...]:
    """Make the files of `plan_sound_of_video`, into `gathered`; the answer is warnings.

    Args:
        sink: gets progress of the stages of a sound file (AUDIO, STILLS_AND_CLEANUP).

    Raises:
        NotOurs: canceled.
    """
    with TemporaryDirectory(dir=out_dir.parent, prefix="sound-") as scratch:
        return _Studio(plan, source, out_dir, Path(scratch), sink, cancel).make_files(gathered)


@dataclass(frozen=True)
class _Encode:
    """What one ffmpeg left."""

    stderr: str
    levels: Levels


class _Studio:
    """One sound file while its outputs are being made."""

    def __init__(
        self, plan: SoundPlan, source: Path, out_dir: Path, scratch: Path, sink: ProgressSink, cancel: threading.Event
    ) -> None:
        self._plan, self._source, self._out_dir, self._scratch = plan, source, out_dir, scratch
        self._sink, self._cancel = sink, cancel
        self._files_dir, self._pictures_dir = out_dir / "audio", out_dir / "thumbnails"
        self._gathered = Gathering()
        self._warnings: list[str] = list(plan.facts.warnings)
        self._preview: bytes | None = None

    def make(self) -> MediaResult:
        """Everything of the plan."""
        self._files_dir.mkdir(parents=True, exist_ok=True)
        self._pictures_dir.mkdir(parents=True, exist_ok=True)
        if self._plan.files or self._plan.waveforms:
            self._make_sound()
        if self._plan.covers:
            self._make_covers()
        self._gathered.check()
        self._sink.report("STILLS_AND_CLEANUP", 1.0, {"done": len(self._gathered.artifacts)})
        return MediaResult(
            facts=manifest_facts(self._plan.facts),
            artifacts=tuple(self._gathered.artifacts),
            warnings=tuple(dict.fromkeys(self._warnings)),
            failures=tuple(self._gathered.failures),
            preview=self._preview,
            private_facts={"sheet": sheet(self._plan.facts)},
        )

    def make_files(self, gathered: Gathering) -> tuple[str, ...]:
        """The files of the plan among other outputs; the answer is what there is to say of them."""
        self._files_dir.mkdir(parents=True, exist_ok=True)
        self._gathered, self._warnings = gathered, []
        with gathered.output(*(file.place for file in self._plan.files)):
            self._make_sound()
        return tuple(dict.fromkeys(self._warnings))

    def _make_sound(self) -> None:
        plan = self._at_their_loudness()
        begin = _MEASURED if any(file.spec.loudness_lufs is not None for file in plan.files) else 0.0
        try:
            encode = self._encode(plan, begin)
        except (ConfigurationError, SystemFault):  # it may be one of them: an encoder that is missing or fails
            if len(plan.places) == 1:
                raise
            self._one_by_one(plan)
            return
        for number, file in enumerate(plan.files):
            with self._gathered.output(file.place):
                self._verify(file, encode, number, len(plan.files))
        self._draw(plan.waveforms, encode)

    def _one_by_one(self, plan: SoundPlan) -> None:
        """Each output in a run of its own."""
        for number, file in enumerate(plan.files):
            with self._gathered.output(file.place):
                self._verify(file, self._encode(replace(plan, files=(file,), waveforms=()), 0.0), number, 1)
        if plan.waveforms:
            places = [(THUMBNAILS, waveform.name) for waveform in plan.waveforms]
            with self._gathered.output(*places):
                self._draw(plan.waveforms, self._encode(replace(plan, files=()), 0.0))

    def _at_their_loudness(self) -> SoundPlan:
        """The plan with the gains that bring its files to the wanted loudness; alike ones are measured once."""
        plan = self._plan
        wanted = {_as_it_comes_out(file): file for file in plan.files if file.spec.loudness_lufs is not None}
        shapes: dict[str, Shape] = {}
        telling = Saying(self._sink, {"operation": "measuring loudness", "total": len(wanted)})
        for number, (key, file) in enumerate(wanted.items()):
            begin, end = (_MEASURED * n / len(wanted) for n in (number, number + 1))
            following = Following(telling, "AUDIO", plan.duration_s, begin=begin, end=end)
            track, rate = plan.audio.index, file.sample_rate
            shapes[key] = levelled_shape(self._source, track, file.shape, rate, file.spec, self._cancel, following)
        files = (replace(file, shape=shapes.get(_as_it_comes_out(file), file.shape)) for file in plan.files)
        return replace(plan, files=tuple(files))

    def _encode(self, plan: SoundPlan, begin: float) -> _Encode:
        wall = max(1800.0, plan.duration_s)
        limits = Limits(wall_s=wall, stall_s=180, cpu_s=round(wall * (os.cpu_count() or 1)))
        levels = self._scratch / "levels"
        tags = safe_tags(self._source, self._cancel) if any(f.spec.metadata == "safe" for f in plan.files) else {}
        argv = files_argv(ffmpeg_path(), plan, self._source, self._files_dir, levels, tags)
        telling = Saying(self._sink, {"operation": "encoding", "total": len(plan.files)})
        following = Following(telling, "AUDIO", plan.duration_s, begin=begin)
        stderr = run(argv, limits=limits, cancel=self._cancel, on_line=following).stderr
        return _Encode(stderr, read_levels(levels) if plan.waveforms else ())

    def _verify(self, file: SoundFile, encode: _Encode, number: int, total: int) -> None:
        path, plan = self._files_dir / file.file, self._plan
        telling = Saying(self._sink, {"operation": "verifying", "item": file.name, "done": number, "total": total})
        begin, end = (_VERIFIED * n / total for n in (min(number, total - 1), min(number, total - 1) + 1))
        following = Following(telling, "STILLS_AND_CLEANUP", plan.duration_s, begin=begin, end=end)
        meter = file.spec.loudness_lufs is not None
        heard = listen(path, meter=meter, cancel=self._cancel, on_line=following)
        self._warnings.extend(check(file, heard, plan.duration_s, encode.stderr))
        asset, name = file.place
        self._gathered.artifacts.append(
            Artifact(
                asset=asset,
                name=name,
                path=path.relative_to(self._out_dir).as_posix(),
                mime=file.mime,
                size_bytes=heard.size_bytes,
                sha256=sha256_of(path),
                duration_s=round(heard.duration_s, 3),
                bitrate_bps=heard.bitrate_bps,
                codecs=file.codec.rfc6381(file.container),
            )
        )

    def _draw(self, waveforms: tuple[Waveform, ...], encode: _Encode) -> None:
        plan = self._plan
        for waveform in waveforms:
            with self._gathered.output((THUMBNAILS, waveform.name)):
                if not encode.levels:
                    raise InputError(ErrorCode.CORRUPT_MEDIA, "nothing of the sound can be decoded", encode.stderr)
                target = self._pictures_dir / f"{waveform.name}.{waveform.format}"
                write_waveform(waveform, encode.levels, target, plan.audio.sample_rate, plan.window)
                size = None if waveform.format == "json" else (waveform.width, waveform.height)
                mime = _MIME[waveform.format]
                made = Artifact.of_file(THUMBNAILS, waveform.name, target, self._out_dir, mime, size)
                self._gathered.artifacts.append(made)
                self._preview = self._preview or preview(encode.levels, waveform)

    def _make_covers(self) -> None:
        plan, places = self._plan, [(THUMBNAILS, cover.name) for cover in self._plan.covers]
        assert plan.picture is not None
        with self._gathered.output(*places):
            framed = make_covers(plan.covers, plan.picture, self._source, self._scratch, self._out_dir, self._cancel)
            self._gathered.artifacts += framed.artifacts
            self._warnings += framed.warnings
            self._preview = framed.preview or self._preview


def _as_it_comes_out(file: SoundFile) -> str:
    """Files that are alike are measured once."""
    wish = file.spec
    return repr((file.shape, file.sample_rate, wish.loudness_lufs, wish.true_peak_dbtp))
