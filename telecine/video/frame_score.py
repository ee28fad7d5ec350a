"""How good a picture of a video a frame would be: sharp, well lit, colourful; not black, faded, blurred or credits.

Pure: arrays in, numbers out, the same for the same frames. The measures are textbook ones on a small copy of the frame:
the spread of its Laplacian for sharpness (Pech-Pacheco et al., 2000), mean and spread of luma for light, entropy of
coarse colours for content. Doesn't belong here: getting the frames (moments.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)  # ITU-R BT.709
_MARGIN = 8  # an eighth on each side isn't looked at: letterboxes, captions, logos
_SIGNATURE = 8  # cells a side of the coarse picture by which frames are told apart
_ALIKE = 9.0  # mean difference of two signatures of one shot, of 255
# For several pictures: one from each part of the film; how far apart, as a share of a part; how different; how good, as
# a share of the best.
_WISHES = (
    (True, 0.3, _ALIKE, 0.3),
    (True, 0.3, 0.0, 0.3),
    (False, 0.3, _ALIKE, 0.2),
    (False, 0.3, 0.0, 0.1),
    (False, 0.0, 0.0, 0.0),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What was measured on one frame.

    Attributes:
        frame: number of the output frame.
        mean, spread: of luma, 0 to 255.
        edges: spread of the Laplacian of luma.
        entropy: of its coarse colours, in bits, 0 to 8.
        flat: share of the commonest coarse colour.
        signature: coarse luma, to tell shots apart.
    """

    frame: int
    mean: float
    spread: float
    edges: float
    entropy: float
    flat: float
    signature: tuple[float, ...]


def look_at(frame: int, picture: NDArray[np.uint8]) -> Look:
    """Measure one frame: height x width x RGB."""
    height, width = picture.shape[:2]
    top, left = height // _MARGIN, width // _MARGIN
    rgb = picture[top : height - top, left : width - left].astype(np.float32)
    luma = rgb @ _LUMA
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    # 16 steps of light, 4 of each colour difference: grey films still have 16 colours.
    blue, red = rgb[..., 2] - luma, rgb[..., 0] - luma
    coarse = (luma // 16).astype(np.int64) * 16 + _quarter(blue) * 4 + _quarter(red)
    shares = np.bincount(coarse.ravel(), minlength=256) / coarse.size
    filled = shares[shares > 0]
    return Look(
        frame=frame,
        mean=float(luma.mean()),
        spread=float(luma.std()),
        edges=float(laplacian.std()) if laplacian.size else 0.0,
        entropy=float(-(filled * np.log2(filled)).sum()),
        flat=float(shares.max()),
        signature=_signature(luma),
    )


def score(look: Look, typical_edges: float) -> float:
    """0 for a frame that shows nothing, near 1 for a good picture.

    Args:
        typical_edges: what `edges` are in this video's sharper frames.
    """
    sharp = look.edges / (look.edges + typical_edges) * 2 if look.edges > 0 else 0.0
    # A night scene is dark too, but something in it is lit.
    light = float(np.interp(look.mean + look.spread, (20, 80), (0, 1)) * np.interp(look.mean, (190, 245), (1, 0.15)))
    contrast = min(1.0, look.spread / 45)
    content = min(1.0, look.entropy / 3) ** 2
    background = float(np.interp(look.flat, (0.5, 0.9), (1, 0.1)))
    return min(1.0, sharp) * light * contrast * content * background


def scores(looks: Sequence[Look]) -> list[float]:
    """The score of every frame of a video among the others."""
    pictures = [look.edges for look in looks if look.mean > 30 and look.spread > 12 and look.flat < 0.7]
    typical = float(np.percentile(pictures, 75)) if pictures else 1.0
    return [score(look, max(typical, 0.5)) for look in looks]


def choose(looks: Sequence[Look], count: int) -> list[int]:
    """Numbers of the best frames, in order of time: apart from each other, and of different shots if there are.

    Args:
        looks: in order of time.
        count: how many; fewer come out when there are fewer frames.
    """
    rated = sorted(zip(scores(looks), looks, strict=True), key=lambda pair: (-pair[0], pair[1].frame))
    if not rated:
        return []
    first, length = looks[0].frame, (looks[-1].frame - looks[0].frame + 1) / count
    chosen: dict[Look, int] = {}
    # First one of each part of the film, of different shots and good; then with ever less of that, until there are
    # enough.
    for each_part, apart, alike, least in _WISHES:
        for rating, look in rated:
            part = int((look.frame - first) / length)
            if len(chosen) == count or rating < rated[0][0] * least or (each_part and part in chosen.values()):
                continue
            if all(_apart(look, other, apart * length, alike) for other in chosen):
                chosen[look] = part
    return sorted(look.frame for look in chosen)


def shows_nothing(look: Look) -> bool:
    """Whether a frame is black; titles on black are bright somewhere, so the spread tells them apart."""
    return look.mean < 28 and look.spread < 12


def _apart(one: Look, other: Look, frames: float, alike: float) -> bool:
    if one.frame == other.frame or abs(one.frame - other.frame) < frames:
        return False
    return float(np.abs(np.subtract(one.signature, other.signature)).mean()) >= alike


def _quarter(difference: NDArray[np.float32]) -> NDArray[np.int64]:
    """A colour difference in four steps, one of them for grey."""
    return np.digitize(difference, (-24.0, -8.0, 8.0))


def _signature(luma: NDArray[np.float32]) -> tuple[float, ...]:
    rows = np.array_split(luma, min(_SIGNATURE, luma.shape[0]), axis=0)
    cells = [cell.mean() for row in rows for cell in np.array_split(row, min(_SIGNATURE, luma.shape[1]), axis=1)]
    return tuple(float(cell) for cell in cells)
