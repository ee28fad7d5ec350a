"""How a picture is encoded: what a ladder and a single rendition have in common (requirements.md section 2).

Belongs here: fields, and what contradicts itself. Doesn't belong here: what is computed from the source
(telecine/video/coding.py), the matrix of what goes together (compatibility.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from telecine.codecs import AudioCodec, Container, VideoCodec
from telecine.compatibility import Problem, Target, problems
from telecine.recipe.audio import VideoSound
from telecine.recipe.base import SpecModel

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
Tune = Literal["film", "animation", "grain", "zerolatency"]
PixelFormat = Literal["yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "source"]
Quality = Literal["web", "high", "mobile", "low_latency"]

USUAL_CONTAINER = {
    VideoCodec.H264: Container.MP4,
    VideoCodec.H265: Container.MP4,
    VideoCodec.AV1: Container.MP4,
    VideoCodec.VP9: Container.WEBM,
    VideoCodec.FFV1: Container.MKV,
}
_HDR_CODECS = (VideoCodec.H265, VideoCodec.VP9, VideoCodec.AV1)


class CodingSettings(SpecModel):
    """Codec, container and encoder settings of pictures."""

    codec: VideoCodec = Field(
        VideoCodec.H264,
        description="When its encoder is missing or fails, the next of av1, vp9, h264 is used, with a warning.",
    )
    container: Literal[Container.MP4, Container.WEBM, Container.MKV] | None = Field(
        None, description="Left out: mp4 for h264, h265 and av1, webm for vp9, mkv for ffv1."
    )
    quality: Quality | None = Field(
        None,
        description="A profile that `crf`, `preset`, `profile` and `tune` are taken from where they are left out: web "
        "(22, medium), high (18, slow), mobile (26, fast, baseline), low_latency (24, ultrafast, zerolatency); the "
        "numbers are H.264's and translated for other codecs.",
    )
    crf: Annotated[float, Field(ge=0, le=63)] | None = Field(
        None,
        description="Constant quality on the codec's own scale: h264 and h265 0-51, vp9 and av1 0-63; lower is better.",
    )
    preset: Preset | None = Field(
        None, description="Effort of the encoder, in x264's words; left out: that of `quality`, else veryfast."
    )
    profile: str | None = Field(
        None,
        max_length=16,
        description="h264: baseline, main, high, high10, high422; h265: main, main10, main422-10; vp9: 0, 1, 2, 3; "
        "av1: main. Left out: the richest that the target plays and the pixels need.",
    )
    level: str | None = Field(
        None, pattern=r"^[1-6](\.[0-3])?$", description="At most this level; left out: the lowest that fits."
    )
    tune: Tune | None = Field(
        None, description="h264 has all; h265 no film; vp9 film, zerolatency; av1 grain, zerolatency."
    )
    pixel_format: PixelFormat | None = Field(
        None,
        description="Left out: yuv420p, or yuv420p10le where high dynamic range is kept. source: of these the nearest "
        "to the source's that codec, profile and target have.",
    )
    hdr: Literal["to_sdr", "keep"] = Field(
        "to_sdr",
        description="What becomes of high dynamic range: tone-mapped to BT.709, or kept with its tags in ten bits "
        "(h265, vp9, av1).",
    )
    gop_s: Annotated[float, Field(ge=0.5, le=10)] = Field(2.0, description="Seconds between keyframes, about.")
    max_fps: Annotated[float, Field(gt=0, le=120)] = 60.0
    target: Target | None = Field(
        None,
        description="Where it has to play; what doesn't is refused, and profile, level and frame rate are kept within.",
    )
    audio: VideoSound = Field(VideoSound(), description="What becomes of the sound.")
    faststart: bool = Field(True, description="MP4: the index comes first, so that playing starts before all is there.")

    @property
    def used_container(self) -> Container:
        """The container, also when it was left out."""
        return self.container or USUAL_CONTAINER[self.codec]

    @property
    def fastest_fps(self) -> float:
        """The most frames a second that are needed of a source."""
        return self.max_fps

    @model_validator(mode="after")
    def _goes_together(self) -> CodingSettings:
        found = [
            *problems(
                self.codec,
                self.used_container,
                self._sound_codec(),
                pixel_format=self.pixel_format if self.pixel_format not in (None, "source") else "yuv420p",
                profile=self.profile,
                level=float(self.level) if self.level else None,
                tune=self.tune,
                target=self.target,
            ),
            *self._own_problems(),
        ]
        if found:
            raise ValueError("; ".join(map(str, found)))
        return self

    def _sound_codec(self) -> AudioCodec | None:
        """What the sound is encoded with, when the recipe says it."""
        return self.audio.codec

    def _own_problems(self) -> list[Problem]:
        found = []
        if self.crf is not None and self.codec in (VideoCodec.H264, VideoCodec.H265) and self.crf > 51:
            found.append(Problem("crf", f"{self.codec}'s scale ends at 51", "use at most 51"))
        if self.codec.lossless and (self.crf is not None or self.quality is not None):
            found.append(Problem("crf", f"{self.codec} keeps every pixel", "leave 'crf' and 'quality' out"))
        if self.hdr == "keep" and self.codec not in _HDR_CODECS:
            found.append(Problem("hdr", f"{self.codec} output is BT.709", "use h265, vp9 or av1 to keep it"))
        if self.hdr == "keep" and self.pixel_format in ("yuv420p", "yuv422p"):
            found.append(
                Problem("pixel_format", f"{self.pixel_format} can't hold high dynamic range", "use yuv420p10le")
            )
        return found
