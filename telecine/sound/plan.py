"""What is made of a sound file: its renditions, waveforms and cover, decided before anything runs.

Pure. Doesn't belong here: ffmpeg's words for it (command.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace

from telecine.codecs import AudioCodec, Container
from telecine.errors import ConfigurationError, ErrorCode
from telecine.probe import AudioFacts, MediaFacts
from telecine.recipe import Recipe
from telecine.recipe.audio import AudioRendition
from telecine.recipe.cover import Cover
from telecine.recipe.waveform import Waveform
from telecine.sound.encoder import bitrate_for, rate_for, surround_bps
from telecine.sound.shape import Shape, plan_shape
from telecine.video.missing import Place

RENDITIONS, THUMBNAILS = "audio/renditions", "audio/thumbnails"

_MONO_SHARE = 0.6  # of a stereo bit rate
# Bits per second of stereo, where an encoder has no quality scale, or one that is worse than a bit rate
# (ffmpeg-codecs(1), aac); else the encoder's own number.
_BY_BITRATE = {
    AudioCodec.AAC: {"low": 64_000, "medium": 128_000, "high": 192_000, "maximum": 256_000},
    AudioCodec.OPUS: {"low": 48_000, "medium": 96_000, "high": 128_000, "maximum": 192_000},
}
_BY_QUALITY = {
    AudioCodec.MP3: {"low": 6, "medium": 4, "high": 2, "maximum": 0},
    AudioCodec.VORBIS: {"low": 2, "medium": 4, "high": 6, "maximum": 8},
}


@dataclass(frozen=True, slots=True)
class SoundFile:
    """One rendition.

    Attributes:
        bitrate_bps: None when the encoder is given a quality, or needs neither.
        quality: on the encoder's own scale; None when it is given a bit rate, or needs neither.
        sample_rate: in Hz.
        spec: what the recipe says.
        shape: what becomes of channels and level; its gain isn't known before the track is measured.
        asset: whose output it is.
    """

    name: str
    codec: AudioCodec
    container: Container
    bitrate_bps: int | None
    quality: int | None
    sample_rate: int
    spec: AudioRendition
    shape: Shape
    asset: str = RENDITIONS

    @property
    def file(self) -> str:
        """Its file name."""
        opus = self.container is Container.OGG and self.codec is AudioCodec.OPUS
        extension = {Container.MKV: ".mka"}.get(self.container, ".opus" if opus else f".{self.container.extension}")
        return self.name if self.name.endswith(extension) else self.name + extension

    @property
    def mime(self) -> str:
        """Its media type: without a picture, WebM and Matroska are audio (RFC 9559)."""
        return self.container.mime.replace("video/", "audio/")

    @property
    def place(self) -> Place:
        """Which output it is."""
        return self.asset, self.name


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """What will be made of a sound file.

    Attributes:
        covers: none when the file carries no picture.
        picture: its stream index.
    """

    facts: MediaFacts
    files: tuple[SoundFile, ...]
    waveforms: tuple[Waveform, ...]
    covers: tuple[Cover, ...]
    picture: int | None

    @property
    def audio(self) -> AudioFacts:
        """The track to use."""
        assert self.facts.audio is not None
        return self.facts.audio

    @property
    def duration_s(self) -> float:
        """Length of the track."""
        return self.audio.end_s - self.audio.start_s

    @property
    def window(self) -> int:
        """Samples of one point of the finest waveform."""
        points = max((waveform.width for waveform in self.waveforms), default=1)
        return max(1, -(-round(self.duration_s * self.audio.sample_rate) // points))

    @property
    def places(self) -> tuple[Place, ...]:
        """All outputs."""
        pictures = (*(waveform.name for waveform in self.waveforms), *(cover.name for cover in self.covers))
        return (*(file.place for file in self.files), *((THUMBNAILS, name) for name in pictures))

    def missing(self, wanted: Set[str] | None, made: Collection[Place]) -> SoundPlan:
        """This plan without what isn't wanted, and without what is there already.

        Args:
            wanted: asset keys; None for all.
        """

        def left(place: Place) -> bool:
            return place not in made and (wanted is None or place[0] in wanted)

        return replace(
            self,
            files=tuple(file for file in self.files if left(file.place)),
            waveforms=tuple(waveform for waveform in self.waveforms if left((THUMBNAILS, waveform.name))),
            covers=tuple(cover for cover in self.covers if left((THUMBNAILS, cover.name))),
        )


def plan_sound_file(facts: MediaFacts, recipe: Recipe) -> SoundPlan:
    """Decide what to make of a file with a sound track.

    Raises:
        ConfigurationError: NO_OUTPUTS when the recipe has nothing for sound, or only for a cover that isn't there.
    """
    audio = facts.audio
    assert audio is not None
    files = tuple(_file(spec, audio) for spec in recipe.outputs if isinstance(spec, AudioRendition))
    waveforms = tuple(spec for spec in recipe.outputs if isinstance(spec, Waveform))
    covers = tuple(spec for spec in recipe.outputs if isinstance(spec, Cover))
    if not files and not waveforms and not covers:
        raise ConfigurationError(ErrorCode.NO_OUTPUTS, f"recipe {recipe.name!r} asks for nothing made from sound")
    picture = next((video.index for video in facts.videos if video.picture), None)
    if picture is None and not files and not waveforms:
        raise ConfigurationError(
            ErrorCode.NO_OUTPUTS,
            f"the file carries no cover, and recipe {recipe.name!r} asks for nothing else of sound",
        )
    return SoundPlan(facts, files, waveforms, covers if picture is not None else (), picture)


def plan_sound_of_video(facts: MediaFacts, specs: Sequence[AudioRendition], asset: str) -> SoundPlan:
    """Files of a video's main sound, as outputs of an asset; `facts.audio` must be there."""
    assert facts.audio is not None
    files = tuple(replace(_file(spec, facts.audio), asset=asset) for spec in specs)
    return SoundPlan(facts, files, waveforms=(), covers=(), picture=None)


def _file(spec: AudioRendition, audio: AudioFacts) -> SoundFile:
    shape = plan_shape(audio, spec, stereo=False, codec=spec.codec)
    rate = rate_for(spec.codec, spec.sample_rate or audio.sample_rate)
    bitrate: int | None = spec.bitrate_bps
    if shape.channels > 2 and "bitrate_bps" not in spec.model_fields_set:
        bitrate = surround_bps(spec.bitrate_bps, shape.channels)
    quality = None
    if spec.quality is not None:
        quality = _BY_QUALITY.get(spec.codec, {}).get(spec.quality.value)
        stereo_bps = _BY_BITRATE.get(spec.codec, {}).get(spec.quality.value)
        bitrate = None if stereo_bps is None else round(stereo_bps * (_MONO_SHARE if shape.channels == 1 else 1))
        bitrate = surround_bps(bitrate, shape.channels) if bitrate is not None else None
    if spec.codec.lossless:
        bitrate = None
    return SoundFile(
        name=spec.name,
        codec=spec.codec,
        container=spec.used_container,
        bitrate_bps=None if bitrate is None else bitrate_for(spec.codec, bitrate, shape.channels, rate),
        quality=quality,
        sample_rate=rate,
        spec=spec,
        shape=shape,
    )
