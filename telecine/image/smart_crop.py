"""Which part of a picture a smart crop keeps: the window whose luminance has the highest Shannon entropy.

A crop always spans one side of the picture, so the window slides along the other one only; on a proxy of 160 pixels,
where a histogram a column is all that has to be known. Windows that are nearly as good as the best are the same to an
eye; of those, the one nearest to the centre is taken, so flat pictures are cropped at their centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from telecine.image.encode import flattened
from telecine.image.geometry import Box, Size

_PROXY_SIDE = 160
_LEVELS = 64  # grey levels told apart; finer ones are mostly noise
_SAME_BITS = 0.04  # difference in entropy that nobody sees


def smart_crop(image: Image.Image, extent: Box, source: Size, centred: Box) -> Box:
    """The best place for a crop.

    Args:
        image: the decoded picture, upright.
        extent: where the source's edges lie in it.
        source: displayed size of the source, which crops are in.
        centred: the crop at the centre; the answer has its size.
    """
    width, height = centred[2] - centred[0], centred[3] - centred[1]
    free = source[0] - width, source[1] - height
    across = free[0] >= free[1]
    if max(free) < 1:
        return centred
    scale = _PROXY_SIDE / max(source)
    size = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
    proxy = flattened(image.resize(size, Image.Resampling.BOX, box=extent, reducing_gap=1.0), "#ffffff").convert("L")
    if not across:
        proxy = proxy.transpose(Image.Transpose.TRANSPOSE)
    lines = [proxy.crop((x, 0, x + 1, proxy.height)).histogram() for x in range(proxy.width)]
    length = max(1, round((width if across else height) * proxy.width / source[0 if across else 1]))
    start = best_window([_grouped(line) for line in lines], length)
    last = proxy.width - length
    moved = 0.0 if last <= 0 else start / last * (free[0] if across else free[1])
    if across:
        return moved, centred[1], moved + width, centred[3]
    return centred[0], moved, centred[2], moved + height


def best_window(lines: Sequence[Sequence[int]], length: int) -> int:
    """Start of the best run of so many histograms."""
    last = len(lines) - length
    if last <= 0:
        return 0
    counts = [sum(line[level] for line in lines[:length]) for level in range(len(lines[0]))]
    total = sum(counts)
    entropies = [_entropy(counts, total)]
    for start in range(1, last + 1):
        for level, (leaving, entering) in enumerate(zip(lines[start - 1], lines[start + length - 1], strict=True)):
            counts[level] += entering - leaving
        entropies.append(_entropy(counts, total))
    good = max(entropies) - _SAME_BITS
    return min((s for s in range(last + 1) if entropies[s] >= good), key=lambda s: abs(s - last / 2))


def _grouped(histogram: list[int]) -> list[int]:
    step = len(histogram) // _LEVELS
    return [sum(histogram[at : at + step]) for at in range(0, len(histogram), step)]


def _entropy(counts: Sequence[int], total: int) -> float:
    return -sum(count / total * math.log2(count / total) for count in counts if count)
