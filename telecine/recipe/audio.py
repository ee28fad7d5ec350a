"""Sound in a recipe: how it is mapped to an output, the sound of videos, and sound files.

Source: requirements.md section 2, audio. Doesn't belong here: what it means for ffmpeg (telecine/sound).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from telecine.codecs import AudioCodec, Container
from telecine.recipe.base import OutputName, SpecModel

Bitrate = Annotated[int, Field(ge=16_000, le=512_000)]
SampleRate = Literal[8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


class SoundQuality(StrEnum):
    """How good a sound file should be: speech, radio, music, no audible loss."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MAXIMUM = "maximum"


class AudioMap(SpecModel):
    """What becomes of a sound's channels, rate and level; the same for sound files and for the sound of videos."""

    channels: Literal["auto", "mono", "stereo", "left", "right", "keep"] = Field(
        "auto",
        description="auto: mono stays mono in sound files, everything else becomes stereo; mono: all channels mixed; "
        "left, right: that channel alone, for recordings whose other channel is silent or different; keep: as they "
        "are, in aac, opus and flac, of the usual layouts (quad, 5.0, 5.1, 6.1, 7.1); streams are stereo in any case.",
    )
    sample_rate: SampleRate | None = Field(
        None, description="Hz; left out: the source's. A rate that the codec hasn't becomes the next higher one."
    )
    loudness_lufs: Annotated[float, Field(ge=-31, le=-9)] | None = Field(
        None,
        description="Integrated loudness by EBU R 128, measured in a pass of its own; -16 suits the web, -23 "
        "broadcast. Left out: untouched.",
    )
    true_peak_dbtp: Annotated[float, Field(ge=-9, le=0)] = Field(
        -1.5, description="Highest true peak when the loudness is changed."
    )
    compression: Literal["light", "strong"] | None = Field(
        None, description="Dynamic-range compression: light for speech on the move, strong for listening at night."
    )


class VideoSound(AudioMap):
    """The sound of a video's outputs."""

    codec: AudioCodec | None = Field(
        None, description="Left out: AAC in mp4 and mkv, Opus in webm. Streams have AAC in any case."
    )
    bitrate_bps: Bitrate | None = Field(
        None, description="Left out: 64 to 256 kbit/s, by the size of the picture; 128 kbit/s in streams."
    )


class AudioRendition(AudioMap):
    """One sound file, made from a sound file or from the sound of a video."""

    kind: Literal["audio"]
    name: OutputName
    codec: AudioCodec
    container: (
        Literal[Container.M4A, Container.OGG, Container.WEBM, Container.MP3, Container.MKV, Container.FLAC] | None
    ) = Field(None, description="Left out: m4a for aac, ogg for opus and vorbis, mp3 for mp3, flac for flac.")
    bitrate_bps: Bitrate = Field(128_000, description="Average to aim at, unless `quality` says more. Not for flac.")
    quality: SoundQuality | None = Field(
        None, description="Instead of `bitrate_bps`: low for speech, medium, high for music, maximum."
    )
    from_videos: bool = Field(
        True, description="Also made of the main sound of videos, in video/renditions; false: of sound files alone."
    )
    metadata: Literal["strip_all", "safe"] = Field(
        "strip_all", description="safe: title, artist, album, track, genre, year and the like, as plain text."
    )

    @property
    def used_container(self) -> Container:
        """The container, also when it was left out."""
        return self.container or _USUAL[self.codec]

    @model_validator(mode="after")
    def _goes_together(self) -> AudioRendition:
        if self.codec not in self.used_container.audio_codecs:
            holders = [c.value for c in Container if self.codec in c.audio_codecs and c is not Container.MP4]
            raise ValueError(f"output {self.name!r}: {self.codec} goes into {', '.join(holders)}, not {self.container}")
        if self.quality is not None and "bitrate_bps" in self.model_fields_set:
            raise ValueError(f"output {self.name!r}: give 'quality' or 'bitrate_bps', not both")
        if self.codec is AudioCodec.FLAC and (self.quality is not None or "bitrate_bps" in self.model_fields_set):
            raise ValueError(f"output {self.name!r}: flac keeps every sample; leave 'quality' and 'bitrate_bps' out")
        return self


_USUAL = {
    AudioCodec.AAC: Container.M4A,
    AudioCodec.OPUS: Container.OGG,
    AudioCodec.VORBIS: Container.OGG,
    AudioCodec.MP3: Container.MP3,
    AudioCodec.FLAC: Container.FLAC,
}
