"""Video, stream, still and audio outputs of a recipe (requirements.md sections 2 and 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from telecine.recipe.base import OutputName, SpecModel

RungHeight = Literal[240, 360, 480, 720, 1080]


class VideoLadder(SpecModel):
    """MP4 renditions, one per rung; a rung is named by its short side."""

    kind: Literal["video_ladder"]
    codec: Literal["h264"] = "h264"
    rungs: tuple[RungHeight, ...] = Field(
        (240, 360, 480, 720, 1080),
        min_length=1,
        description="Short sides in pixels; rungs above the source are left out, the lowest always exists.",
    )
    max_fps: Annotated[float, Field(gt=0, le=120)] = 60.0
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"

    @field_validator("rungs")
    @classmethod
    def _ascending(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rungs)))


class Streams(SpecModel):
    """HLS and DASH over one set of CMAF segments, made from the recipe's ladder."""

    kind: Literal["streams"]
    protocols: tuple[Literal["hls", "dash"], ...] = Field(("hls", "dash"), min_length=1)
    segment_s: Annotated[float, Field(ge=2, le=10)] = 6.0


class VideoStill(SpecModel):
    """One picture out of a video: the poster."""

    kind: Literal["video_still"]
    name: OutputName = "poster"
    offset_s: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Seconds from the start; left out: the smaller of 10 s and 10 % of the duration."
    )
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    width: Annotated[int, Field(ge=16, le=4096)] = 1280
    quality: Annotated[int, Field(ge=1, le=100)] = 82


class AudioRendition(SpecModel):
    """One sound file made from an audio-only source."""

    kind: Literal["audio"]
    name: OutputName
    codec: Literal["aac", "opus"]
    bitrate_bps: Annotated[int, Field(ge=16_000, le=512_000)] = 128_000
