"""How each picture is encoded: a recipe's settings made definite for one size, frame rate and source.

Pure. Belongs here: rate, profile, level, pixels, colour, the encoder to use. Doesn't belong here: an encoder's words
for it (encoder.py), sizes (ladder.py).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from telecine.codecs import Container, VideoCodec
from telecine.compatibility import PLAYS, TUNES, Target, profiles_for
from telecine.probe import VideoFacts
from telecine.recipe.audio import VideoSound
from telecine.recipe.coding import USUAL_CONTAINER, CodingSettings, Preset, Quality, Tune
from telecine.video.level import level_for

_QUALITIES: dict[Quality, tuple[float, Preset, str | None, Tune | None]] = {
    # requirements.md section 2: Web 20-24 medium, High 16-20 slow, Mobile 24-28 fast baseline, Low latency 22-26
    # ultrafast zerolatency; the middle of each range.
    "web": (22, "medium", None, None),
    "high": (18, "slow", None, None),
    "mobile": (26, "fast", "baseline", None),
    "low_latency": (24, "ultrafast", None, "zerolatency"),
}
_CRF = 23.0  # in the middle of Web
# What looks like H.264's number on other codecs' scales: by SSIM at veryfast, the middle of two filmed clips, which lie
# 2 (H.265) to 7 (AV1) from it.
_CRF_MORE = {VideoCodec.H264: 0, VideoCodec.H265: 2, VideoCodec.VP9: 9, VideoCodec.AV1: 12}
# In names of pixel formats with more colour than 4:2:0 (libavutil/pixdesc.c).
_MORE_CHROMA = (
    "422",
    "444",
    "440",
    "rgb",
    "bgr",
    "gbr",
    "pal8",
    "p210",
    "p216",
    "p410",
    "p416",
    "v210",
    "yuyv",
    "uyvy",
)
BUFFER_S = 1.5  # seconds at the cap: Apple HLS authoring 1.26 wants peaks within 200 % of the average


@dataclass(frozen=True, slots=True)
class Coding:
    """One picture's encoder settings.

    Attributes:
        profile: None for the encoder's own choice.
        level: None when none fits or the codec has none.
        crf: constant quality; None with a bit rate or a lossless codec.
        bitrate_bps: average to aim at.
        max_bitrate_bps: what a player's buffer is filled with at most; None for no bound.
        hdr: the transfer that is kept; None for BT.709.
        two_pass: whether the source is read twice.
        target: where it has to play.
        audio: what the recipe says of the sound.
    """

    codec: VideoCodec = VideoCodec.H264
    container: Container = Container.MP4
    preset: Preset = "veryfast"
    tune: Tune | None = None
    profile: str | None = "high"
    level: float | None = None
    pixel_format: str = "yuv420p"
    hdr: Literal["pq", "hlg"] | None = None
    crf: float | None = _CRF
    bitrate_bps: int | None = None
    max_bitrate_bps: int | None = None
    two_pass: bool = False
    faststart: bool = True
    target: Target | None = None
    audio: VideoSound = field(default_factory=VideoSound)

    @property
    def ten_bits(self) -> bool:
        """Whether samples have ten bits."""
        return self.pixel_format.endswith("10le")


def plan_coding(
    spec: CodingSettings,
    size: tuple[int, int],
    fps: Fraction,
    video: VideoFacts,
    *,
    bitrate_bps: int | None = None,
    max_bitrate_bps: int | None = None,
    two_pass: bool = False,
) -> Coding:
    """The settings of one picture.

    Args:
        size: width and height.
        video: the source's picture.
        bitrate_bps, max_bitrate_bps, two_pass: of a single rendition, or the cap of a rung.
    """
    crf, preset, profile, tune = _QUALITIES[spec.quality] if spec.quality else (_CRF, "veryfast", None, None)
    if spec.tune or (tune and tune in TUNES[spec.codec]):
        tune = spec.tune or tune
    kept = video.hdr if spec.hdr == "keep" else None
    if spec.pixel_format == "source":
        pixels = _as_source(spec, video, kept is not None)
    else:
        pixels = spec.pixel_format or ("yuv420p10le" if kept else "yuv420p")
    profile = spec.profile or (profile if profile in profiles_for(spec.codec, pixels) else None)
    profile = profile or _profile(spec.codec, spec.target, pixels)
    constant = bitrate_bps is None and not spec.codec.lossless
    own = float(crf + _CRF_MORE.get(spec.codec, 0))
    bound = max_bitrate_bps or bitrate_bps
    lowest = level_for(spec.codec, *size, fps, bound, profile)
    return Coding(
        codec=spec.codec,
        container=spec.used_container,
        preset=spec.preset or preset,
        tune=tune,
        profile=profile,
        level=lowest,
        pixel_format=pixels,
        hdr=kept,
        crf=(spec.crf if spec.crf is not None else own) if constant else None,
        bitrate_bps=bitrate_bps,
        max_bitrate_bps=max_bitrate_bps,
        two_pass=two_pass,
        faststart=spec.faststart,
        target=spec.target,
        audio=spec.audio,
    )


def _as_source(spec: CodingSettings, video: VideoFacts, hdr: bool) -> str:
    """The pixel format nearest to the source's; of what can't be had, chroma goes first, then depth."""
    depth = "10le" if hdr or (video.bit_depth or 8) > 8 else ""
    wide = [f"yuv422p{depth}"] if any(word in (video.pixel_format or "") for word in _MORE_CHROMA) else []
    nearest = (*wide, f"yuv420p{depth}", "yuv420p")

    def holds(pixels: str) -> bool:
        if spec.profile is not None:
            return spec.profile in profiles_for(spec.codec, pixels)
        return spec.codec.lossless or _profile(spec.codec, spec.target, pixels) is not None

    return next((pixels for pixels in nearest if holds(pixels)), "yuv420p")


def _profile(codec: VideoCodec, target: Target | None, pixels: str) -> str | None:
    """The plainest profile that holds the pixels and that the target plays; of H.264 up to High: it costs nothing."""
    possible = profiles_for(codec, pixels)
    if target is not None:
        possible = tuple(p for p in PLAYS[target].profiles.get(codec, ()) if p in possible)
        return (possible[-1] if codec is VideoCodec.H264 else possible[0]) if possible else None
    if codec is VideoCodec.H264 and "high" in possible:
        return "high"
    return possible[0] if possible else None


def most_capable(spec: CodingSettings) -> float | None:
    """The highest level that may be used; None for any."""
    of_target = PLAYS[spec.target].max_level if spec.target and spec.codec is VideoCodec.H264 else None
    bounds = [bound for bound in (of_target, float(spec.level) if spec.level else None) if bound is not None]
    return min(bounds, default=None)


def without(coding: Coding, missing: Set[str]) -> Coding:
    """The next codec of the chain whose encoder isn't among the missing ones; the same when nothing else will do.

    Quality is translated, and the container follows where it can't hold the new codec. The level is left open.
    """
    codec = coding.codec
    while codec.encoder in missing and codec.fallback is not None:
        codec = codec.fallback
    if codec is coding.codec or codec.encoder in missing:
        return coding
    pixels = "yuv420p" if codec is VideoCodec.H264 else coding.pixel_format
    shift = _CRF_MORE[codec] - _CRF_MORE[coding.codec]
    return replace(
        coding,
        codec=codec,
        container=coding.container if codec in coding.container.video_codecs else USUAL_CONTAINER[codec],
        tune=coding.tune if coding.tune in TUNES[codec] else None,
        profile=_profile(codec, coding.target, pixels),
        level=None,
        pixel_format=pixels,
        hdr=None if codec is VideoCodec.H264 else coding.hdr,
        crf=None if coding.crf is None else max(0.0, coding.crf + shift),
    )
