"""From the decoded picture to one output's pixels.

Outputs that show the whole source are kept as sources for smaller ones, which costs a fraction. Measured on three
photos against one Lanczos step from full size: 1920 -> 1280 and 1920 -> 960 by Lanczos differ by 52 dB or more, which
nobody sees. Softer filters add up, so after one of them a source must be twice as large.
"""

from __future__ import annotations

from PIL import Image, ImageColor

from telecine.image.decode import Picture
from telecine.image.geometry import Box, Placement, Size
from telecine.recipe.image import ImageOutput

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_REDUCING_GAP = 2.0
_GAP_AFTER_LANCZOS = 1.4
_GAP_AFTER_OTHERS = 2.0


def filter_for(name: str, scale: float) -> Image.Resampling:
    """The filter of an output; `auto`: lanczos for 2x smaller or less, bicubic for larger, bilinear between."""
    if name != "auto":
        return _FILTERS[name]
    if scale <= 0.5:
        return Image.Resampling.LANCZOS
    return Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR


class Renderer:
    """Makes outputs of one decoded picture, each from the smallest picture that is large enough.

    Args:
        source: displayed size of the file, which placements are in.
    """

    def __init__(self, picture: Picture, source: Size) -> None:
        self._source = source
        self._picture = picture
        self._cascade: list[tuple[Picture, float]] = []  # with how much smaller the next one must be

    def render(self, placement: Placement, output: ImageOutput) -> Image.Image:
        """One output's pixels, still with alpha."""
        base = self._source_for(placement.scale)
        box = self._box_in(base, placement.crop)
        if base.image.size == placement.size and box == (0.0, 0.0, *map(float, base.image.size)):
            image, gap = base.image, _GAP_AFTER_LANCZOS
        else:
            # Pillow multiplies alpha in before and divides it out after filtering, so edges get no dark fringe.
            chosen = filter_for(output.interpolation, placement.scale)
            image = base.image.resize(placement.size, chosen, box=box, reducing_gap=_REDUCING_GAP)
            gap = _GAP_AFTER_LANCZOS if chosen is Image.Resampling.LANCZOS else _GAP_AFTER_OTHERS
        if placement.is_whole and placement.crop[2:] == self._source:
            whole = (0.0, 0.0, float(image.width), float(image.height))
            self._cascade.append((Picture(image, whole, placement.size[0] / self._source[0]), gap))
        return image if placement.canvas == placement.size else _letterboxed(image, placement, output.background)

    def _source_for(self, scale: float) -> Picture:
        large_enough = [picture for picture, gap in self._cascade if picture.scale >= scale * gap]
        return min(large_enough, key=lambda p: p.scale, default=self._picture)

    def _box_in(self, picture: Picture, crop: Box) -> Box:
        """A box of the source in a picture's own coordinates."""
        left, top, right, bottom = picture.extent
        across, down = (right - left) / self._source[0], (bottom - top) / self._source[1]
        return (
            left + crop[0] * across,
            top + crop[1] * down,
            min(left + crop[2] * across, right),
            min(top + crop[3] * down, bottom),
        )


def _letterboxed(image: Image.Image, placement: Placement, background: str) -> Image.Image:
    """The picture on a canvas of the background colour."""
    if image.mode in ("L", "LA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    canvas = Image.new(image.mode, placement.canvas, ImageColor.getcolor(background, image.mode))
    canvas.paste(image, placement.offset)
    return canvas
