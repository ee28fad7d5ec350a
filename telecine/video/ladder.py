"""The ladder: which rungs a source gets, how large they are and what they may cost.

Pure. A rung is named by its short side, so 720p of a portrait source is 720 wide. Bit rates are those of
requirements.md section 2: the upper end of each range caps a constant-quality encode, so the content decides how much
of the range is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the ladder.

    Attributes:
        name: for example "720p".
        width, height: even, as displayed.
        max_bitrate_bps: what the decoder's buffer is filled with at most (VBV).
        audio_bitrate_bps: of the MP4 rendition's sound.
    """

    name: str
    width: int
    height: int
    max_bitrate_bps: int
    audio_bitrate_bps: int

    @property
    def pixels(self) -> int:
        """Luma samples of a frame."""
        return self.width * self.height


# Short side: upper end of the video range, audio rate.
_RATES = {
    240: (500_000, 64_000),
    360: (800_000, 96_000),
    480: (1_200_000, 128_000),
    720: (3_000_000, 128_000),
    1080: (6_000_000, 192_000),
}


def ladder(width: int, height: int, short_sides: Sequence[int]) -> tuple[Rung, ...]:
    """Rungs for a picture of `width` x `height` square pixels, smallest first.

    Rungs above the source are left out, but the lowest always exists: at the source's size when that is smaller.
    """
    short = min(width, height)
    chosen = [side for side in sorted(short_sides) if side <= short] or [min(short_sides)]
    return tuple(_rung(width, height, side) for side in chosen)


def _rung(width: int, height: int, side: int) -> Rung:
    short = min(width, height)
    if side >= short:
        size = _even_below(width), _even_below(height)
    elif width < height:
        size = side, min(_even(height * side / width), _even_below(height))
    else:
        size = min(_even(width * side / height), _even_below(width)), side
    bitrate, audio = _RATES[side]
    return Rung(f"{side}p", *size, bitrate, audio)


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _even_below(value: int) -> int:
    return max(2, value // 2 * 2)
