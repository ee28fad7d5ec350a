"""Levels: how capable a decoder has to be for a size, frame rate and bit rate.

Pure. Belongs here: the tables of the standards. Doesn't belong here: which player has which level (compatibility.py).
Sources: ITU-T H.264 table A-1 (High: 1.25 times the rate), ITU-T H.265 table A.8 and A.9 (main tier), VP9 levels
(webmproject.org/vp9/levels), AV1 specification annex A.3 (main tier).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from telecine.codecs import VideoCodec


@dataclass(frozen=True, slots=True)
class _Level:
    """`picture` and `rate` in macroblocks (H.264) or luma samples (all others), a frame and a second."""

    number: float
    picture: int
    rate: int
    bitrate_bps: int


def _table(*rows: tuple[float, int, int, float]) -> tuple[_Level, ...]:
    return tuple(_Level(number, picture, rate, round(megabits * 1e6)) for number, picture, rate, megabits in rows)


_LEVELS = {
    VideoCodec.H264: _table(
        (1.0, 99, 1_485, 0.064),
        (1.1, 396, 3_000, 0.192),
        (1.2, 396, 6_000, 0.384),
        (1.3, 396, 11_880, 0.768),
        (2.0, 396, 11_880, 2),
        (2.1, 792, 19_800, 4),
        (2.2, 1_620, 20_250, 4),
        (3.0, 1_620, 40_500, 10),
        (3.1, 3_600, 108_000, 14),
        (3.2, 5_120, 216_000, 20),
        (4.0, 8_192, 245_760, 20),
        (4.1, 8_192, 245_760, 50),
        (4.2, 8_704, 522_240, 50),
        (5.0, 22_080, 589_824, 135),
        (5.1, 36_864, 983_040, 240),
        (5.2, 36_864, 2_073_600, 240),
        (6.0, 139_264, 4_177_920, 240),
        (6.1, 139_264, 8_355_840, 480),
        (6.2, 139_264, 16_711_680, 800),
    ),
    VideoCodec.H265: _table(
        (1.0, 36_864, 552_960, 0.128),
        (2.0, 122_880, 3_686_400, 1.5),
        (2.1, 245_760, 7_372_800, 3),
        (3.0, 552_960, 16_588_800, 6),
        (3.1, 983_040, 33_177_600, 10),
        (4.0, 2_228_224, 66_846_720, 12),
        (4.1, 2_228_224, 133_693_440, 20),
        (5.0, 8_912_896, 267_386_880, 25),
        (5.1, 8_912_896, 534_773_760, 40),
        (5.2, 8_912_896, 1_069_547_520, 60),
        (6.0, 35_651_584, 1_069_547_520, 60),
        (6.1, 35_651_584, 2_139_095_040, 120),
        (6.2, 35_651_584, 4_278_190_080, 240),
    ),
    VideoCodec.VP9: _table(
        (1.0, 36_864, 829_440, 0.2),
        (1.1, 73_728, 2_764_800, 0.8),
        (2.0, 122_880, 4_608_000, 1.8),
        (2.1, 245_760, 9_216_000, 3.6),
        (3.0, 552_960, 20_736_000, 7.2),
        (3.1, 983_040, 36_864_000, 12),
        (4.0, 2_228_224, 83_558_400, 18),
        (4.1, 2_228_224, 160_432_128, 30),
        (5.0, 8_912_896, 311_951_360, 60),
        (5.1, 8_912_896, 588_251_136, 120),
        (5.2, 8_912_896, 1_176_502_272, 180),
        (6.0, 35_651_584, 1_176_502_272, 180),
        (6.1, 35_651_584, 2_353_004_544, 240),
        (6.2, 35_651_584, 4_706_009_088, 480),
    ),
    VideoCodec.AV1: _table(
        (2.0, 147_456, 4_423_680, 1.5),
        (2.1, 278_784, 8_363_520, 3),
        (3.0, 665_856, 19_975_680, 6),
        (3.1, 1_065_024, 31_950_720, 10),
        (4.0, 2_359_296, 70_778_880, 12),
        (4.1, 2_359_296, 141_557_760, 20),
        (5.0, 8_912_896, 267_386_880, 30),
        (5.1, 8_912_896, 534_773_760, 40),
        (5.2, 8_912_896, 1_069_547_520, 60),
        (5.3, 8_912_896, 1_069_547_520, 60),
        (6.0, 35_651_584, 1_069_547_520, 60),
        (6.1, 35_651_584, 2_139_095_040, 100),
        (6.2, 35_651_584, 4_278_190_080, 160),
    ),
}
_HIGH_FACTOR = 1.25  # H.264 table A-2, cpbBrVclFactor of High against Baseline and Main


def level_for(
    codec: VideoCodec, width: int, height: int, fps: Fraction, bitrate_bps: int | None, profile: str | None = None
) -> float | None:
    """The lowest level that allows a picture; None when no level does, or the codec has none.

    Args:
        bitrate_bps: the most that a second may take; None when nothing bounds it.
    """
    if codec is VideoCodec.H264:
        picture = -(-width // 16) * -(-height // 16)
        bits = (bitrate_bps or 0) / (_HIGH_FACTOR if (profile or "high").startswith("high") else 1)
    else:
        picture, bits = width * height, float(bitrate_bps or 0)
    # No side may be longer than the root of eight times the largest picture (all four standards, in other words).
    longest = max(width, height) / (16 if codec is VideoCodec.H264 else 1)
    for level in _LEVELS.get(codec, ()):
        fits = picture <= level.picture and longest * longest <= 8 * level.picture
        if fits and picture * fps <= level.rate and bits <= level.bitrate_bps:
            return level.number
    return None
