"""The ladder: which rungs a source gets, how large they are and what they may cost.

Pure. A rung is named by its short side, so 720p of a portrait source is 720 wide. Bit rates are those of
requirements.md section 2: the upper end of each range caps a constant-quality encode, so the content decides how much
of the range is used. A single rendition is a rung that stands alone. Doesn't belong here: encoder settings (coding.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from telecine.codecs import VideoCodec
from telecine.compatibility import PLAYS
from telecine.recipe.video_tags import Kept
from telecine.video.coding import Coding
from telecine.video.level import level_for
from telecine.video.picture import Look
from telecine.video.timing import Pace, Timing


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the picture.

    Attributes:
        name: for example "720p".
        width, height: even, as displayed.
        min_bitrate_bps, max_bitrate_bps: the range of the ladder's table; the upper end is what the decoder's buffer is
            filled with at most (VBV). The lower end is for measured complexity to choose within.
        audio_bitrate_bps: of the rendition's sound, unless the recipe says another.
        fps_divisor: it keeps one in so many frames of the clock (`Timing.pace`).
        fps: a frame rate of its own, as numerator and denominator; None for the clock's.
        gop_s: a keyframe distance of its own; None for the clock's.
        kept: what of the source's tags goes along.
        copied: whether the source's own picture is what would be made, so that it is taken over as it is.
    """

    name: str
    width: int
    height: int
    min_bitrate_bps: int
    max_bitrate_bps: int
    audio_bitrate_bps: int
    fps_divisor: int = 1
    fps: tuple[int, int] | None = None
    gop_s: float | None = None
    copied: bool = False
    kept: Kept = field(default_factory=Kept)
    coding: Coding = field(default_factory=Coding)

    def pace(self, clock: Timing) -> Pace:
        """Its frames on a clock."""
        pace = clock.pace(self.fps_divisor)
        if self.fps is not None:
            frames = max(1, round(clock.duration_s * Fraction(*self.fps)))
            pace = Pace(*self.fps, frames, max(1, round(clock.gop_s * Fraction(*self.fps))))
        return pace if self.gop_s is None else replace(pace, gop_frames=max(1, round(self.gop_s * pace.fps)))

    @property
    def pixels(self) -> int:
        """Luma samples of a frame."""
        return self.width * self.height

    @property
    def look(self) -> Look:
        """How its encoder wants its pictures."""
        return Look(self.coding.pixel_format, self.coding.hdr)


# Short side: both ends of the video range, audio rate.
_RATES = {
    240: (300_000, 500_000, 64_000),
    360: (500_000, 800_000, 96_000),
    480: (800_000, 1_200_000, 128_000),
    720: (1_500_000, 3_000_000, 128_000),
    1080: (3_000_000, 6_000_000, 192_000),
    1440: (6_000_000, 12_000_000, 256_000),
}
# Small pictures at 50 or 60 frames a second spend their bits on frames that nobody misses (issue 7, plan).
_HALVED_UP_TO, _HALVED_FROM_FPS = 480, 47


def ladder(width: int, height: int, short_sides: Sequence[int], fps: Fraction, divisor: int = 1) -> tuple[Rung, ...]:
    """Rungs for a picture of `width` x `height` square pixels at `fps`, smallest first.

    Args:
        divisor: what the clock's rate was divided by to get `fps`.

    Rungs above the source are left out, but the lowest always exists: at the source's size when that is smaller.
    """
    short = min(width, height)
    chosen = [side for side in sorted(short_sides) if side <= short] or [min(short_sides)]
    return tuple(
        Rung(f"{side}p", *size_of(width, height, side), *_RATES[side], fps_divisor=divisor * _fewer(side, fps))
        for side in chosen
    )


def size_of(width: int, height: int, side: int | None) -> tuple[int, int]:
    """Even width and height of a picture whose short side is at most `side`; None for the source's size."""
    short = min(width, height)
    if side is None or side >= short:
        return _even_below(width), _even_below(height)
    side = _even_below(side)
    if width < height:
        return side, min(_even(height * side / width), _even_below(height))
    return min(_even(width * side / height), _even_below(width)), side


def at_level(rung: Rung, fps: Fraction) -> Rung:
    """A rung with its level, when that was left open; smaller where its target plays no such level."""
    coding = rung.coding
    most = PLAYS[coding.target].max_level if coding.target and coding.codec is VideoCodec.H264 else None
    bound = coding.max_bitrate_bps or coding.bitrate_bps
    short = min(rung.width, rung.height)
    for side in (short, *(s for s in sorted(_RATES, reverse=True) if s < short)):
        width, height = size_of(rung.width, rung.height, side)
        level = level_for(coding.codec, width, height, fps, bound, coding.profile)
        if most is None or (level is not None and level <= most):
            return replace(rung, width=width, height=height, coding=replace(coding, level=level))
    return rung


def range_of(side: int) -> tuple[int, int, int]:
    """Both ends of the video range and the audio rate that the table has for a short side, in bits per second.

    Above the table the video range grows with the area.
    """
    row = next((s for s in sorted(_RATES) if side <= s), None)
    if row is not None:
        return _RATES[row]
    top = max(_RATES)
    lower, upper, audio = _RATES[top]
    return round(lower * side**2 / top**2), round(upper * side**2 / top**2), audio


def _fewer(side: int, fps: Fraction) -> int:
    return 2 if side <= _HALVED_UP_TO and fps >= _HALVED_FROM_FPS else 1


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _even_below(value: int) -> int:
    return max(2, value // 2 * 2)
