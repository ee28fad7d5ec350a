"""Sound files: an audio-only source becomes the recipe's AAC and Opus renditions.

Mono stays mono, more than two channels become stereo; loudness is untouched, tags and cover art are left out. Doesn't
belong here: the sound of a video (plan.py, command.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Set
from dataclasses import dataclass
from pathlib import Path

from telecine.artifact import Artifact, MediaResult, sha256_of
from telecine.demux import input_args
from telecine.errors import ConfigurationError, ErrorCode, InputError, SystemFault
from telecine.probe import AudioFacts, MediaFacts
from telecine.process import Limits, run
from telecine.progress import ProgressSink, Saying
from telecine.recipe import Recipe
from telecine.recipe.video import AudioRendition
from telecine.tools import ffmpeg_path
from telecine.video.command import CLEAN, PROGRESS, QUIET, stereo
from telecine.video.describe import manifest_facts
from telecine.video.following import Following
from telecine.video.gather import Gathering
from telecine.video.missing import Place
from telecine.video.rendition import check_decodes, measure

RENDITIONS = "audio/renditions"
_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_LENGTH_S, _LENGTH_SHARE = 0.25, 0.02  # output against measured source; codecs pad, damaged frames are missing
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class SoundFile:
    """One file to make."""

    name: str
    codec: str
    bitrate_bps: int
    sample_rate: int
    channels: int

    @property
    def file(self) -> str:
        """Its file name."""
        extension = {"aac": ".m4a", "opus": ".opus"}[self.codec]
        return self.name if self.name.endswith(extension) else self.name + extension

    @property
    def mime(self) -> str:
        """Its media type (RFC 4337, RFC 7845)."""
        return {"aac": "audio/mp4", "opus": "audio/ogg"}[self.codec]


def plan_audio(audio: AudioFacts, recipe: Recipe) -> tuple[SoundFile, ...]:
    """What to make of a sound track.

    Raises:
        ConfigurationError: NO_OUTPUTS when the recipe has nothing for sound.
    """
    specs = [o for o in recipe.outputs if isinstance(o, AudioRendition)]
    if not specs:
        raise ConfigurationError(ErrorCode.NO_OUTPUTS, f"recipe {recipe.name!r} asks for nothing made from sound")
    channels = min(2, audio.channels)
    return tuple(
        SoundFile(
            name=spec.name,
            codec=spec.codec,
            bitrate_bps=spec.bitrate_bps,
            sample_rate=_rate(audio.sample_rate, _AAC_RATES if spec.codec == "aac" else _OPUS_RATES),
            channels=channels,
        )
        for spec in specs
    )


def audio_argv(ffmpeg: Path, audio: AudioFacts, files: tuple[SoundFile, ...], source: Path, out_dir: Path) -> list[str]:
    """One ffmpeg for all files."""
    argv = [str(ffmpeg), *QUIET, "-loglevel", "verbose", *PROGRESS, *input_args(source)]
    known = audio.layout is not None and "channels" not in audio.layout
    shift = [*stereo(audio.channels, known), "aresample=async=1:min_hard_comp=0.1"]
    parts = f"[0:{audio.index}]{','.join(shift)}"
    if len(files) > 1:
        parts += f",asplit={len(files)}" + "".join(f"[s{n}]" for n in range(len(files)))
    else:
        parts += "[s0]"
    argv += ["-filter_complex", parts]
    for number, file in enumerate(files):
        argv += ["-map", f"[s{number}]", *CLEAN, "-ac", str(file.channels), "-ar", str(file.sample_rate)]
        argv += ["-b:a", str(file.bitrate_bps), "-fflags", "+bitexact"]
        if file.codec == "aac":
            argv += ["-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"]
        else:
            argv += ["-c:a", "libopus", "-vbr", "on", "-f", "ogg"]
        argv.append(f"file:{out_dir / file.file}")
    return argv


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
    """Make every sound file that the recipe asks for; one that can't be made doesn't cost the others.

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
    audio = facts.audio
    if audio is None:
        raise InputError(ErrorCode.NO_MEDIA_STREAMS, "the file holds no sound that can be decoded")
    files = plan_audio(audio, recipe) if select is None or RENDITIONS in select else ()
    files = tuple(file for file in files if (RENDITIONS, file.name) not in made)
    gathered = Gathering()
    warnings = list(facts.warnings)
    directory = out_dir / "audio"
    directory.mkdir(parents=True, exist_ok=True)
    duration = audio.end_s - audio.start_s

    def encode(these: tuple[SoundFile, ...]) -> str:
        wall = max(1800.0, duration)
        limits = Limits(wall_s=wall, stall_s=180, cpu_s=round(wall * (os.cpu_count() or 1)))
        argv = audio_argv(ffmpeg_path(), audio, these, source, directory)
        said = Saying(sink, {"operation": "encoding", "total": len(files)})
        return run(argv, limits=limits, cancel=cancel, on_line=Following(said, "AUDIO", duration)).stderr

    def check(file: SoundFile, stderr: str) -> None:
        artifact = _verified(file, directory, out_dir, cancel)
        warnings.extend(_check_length(artifact, duration, stderr))
        gathered.artifacts.append(artifact)

    try:
        stderr = encode(files) if files else ""
    except (ConfigurationError, SystemFault):  # it may be one of them: an encoder that is missing or fails
        if len(files) == 1:
            raise
        for file in files:
            with gathered.output((RENDITIONS, file.name)):
                check(file, encode((file,)))
    else:
        for file in files:
            with gathered.output((RENDITIONS, file.name)):
                check(file, stderr)
    gathered.check()
    sink.report("STILLS_AND_CLEANUP", 1.0, {"done": len(gathered.artifacts), "total": len(files)})
    return MediaResult(
        facts=manifest_facts(facts),
        artifacts=tuple(gathered.artifacts),
        warnings=tuple(dict.fromkeys(warnings)),
        failures=tuple(gathered.failures),
    )


def _verified(file: SoundFile, directory: Path, out_dir: Path, cancel: threading.Event) -> Artifact:
    path = directory / file.file
    made = measure(path, cancel)
    check_decodes(path, cancel=cancel)
    return Artifact(
        asset=RENDITIONS,
        name=file.name,
        path=path.relative_to(out_dir).as_posix(),
        mime=file.mime,
        size_bytes=made.size_bytes,
        sha256=sha256_of(path),
        duration_s=round(made.duration_s, 3),
        bitrate_bps=made.bitrate_bps,
        codecs=made.codecs,
    )


def _check_length(artifact: Artifact, duration_s: float, stderr: str) -> tuple[str, ...]:
    """Refuse an output that lost most of the source; say when it lost a little."""
    length = artifact.duration_s or 0.0
    if length < duration_s * _HALF:
        raise InputError(
            ErrorCode.CORRUPT_MEDIA, f"only {length:.1f} of {duration_s:.1f} s of the sound can be decoded", stderr
        )
    if length > duration_s * 2 + 1:
        raise SystemFault(
            ErrorCode.VERIFY_FAILED, f"the sound came out {length:.1f} s long instead of {duration_s:.1f} s", stderr
        )
    if duration_s - length > max(_LENGTH_S, duration_s * _LENGTH_SHARE):
        return (f"{duration_s - length:.1f} s of the source's sound are damaged and were left out.",)
    return ()


def _rate(source: int, allowed: tuple[int, ...]) -> int:
    """The source's sample rate, or the next higher one that the codec has."""
    return next((rate for rate in allowed if rate >= source), allowed[-1])
