"""Sound in a recipe: how it is mapped to an output, and outputs made from audio-only sources.

Source: requirements.md section 2, audio. Doesn't belong here: what it means for ffmpeg (telecine/sound).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from telecine.codecs import AudioCodec
from telecine.recipe.base import OutputName, SpecModel


class AudioMap(SpecModel):
    """What becomes of a sound's channels, rate and level; the same for sound files and for the sound of videos."""

    channels: Literal["auto", "mono", "stereo", "left", "right"] = Field(
        "auto",
        description="auto: mono stays mono in sound files, everything else becomes stereo; mono: all channels mixed; "
        "left, right: that channel alone, for recordings whose other channel is silent or different.",
    )
    sample_rate: Literal[8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] | None = Field(
        None, description="Hz; left out: the source's, or the nearest above it that the codec has. Opus is 48000."
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


class VideoSound(SpecModel):
    """The sound of a rendition of a video."""

    codec: AudioCodec | None = Field(
        None, description="Left out: what is usual in the container: aac in mp4 and mkv, opus in webm."
    )
    bitrate_bps: Annotated[int, Field(ge=16_000, le=512_000)] | None = Field(
        None, description="Left out: that of the ladder's rung of this size. Not used by flac."
    )


class AudioRendition(SpecModel):
    """One sound file made from an audio-only source."""

    kind: Literal["audio"]
    name: OutputName
    codec: Literal["aac", "opus"]
    bitrate_bps: Annotated[int, Field(ge=16_000, le=512_000)] = 128_000
