"""From the decoded picture to one output's pixels.

Outputs that show the whole source are kept as sources for smaller ones: from twice the size down, a cascade looks the
same (Lanczos has already taken away what the smaller picture can't hold) and costs a fraction.
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
_CASCADE_GAP = 2.0


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
        self._sources = [picture]

    def render(self, placement: Placement, output: ImageOutput) -> Image.Image:
        """One output's pixels, still with alpha."""
        base = self._source_for(placement.scale)
        box = self._box_in(base, placement.crop)
        if base.image.size == placement.size and box == (0.0, 0.0, *map(float, base.image.size)):
            image = base.image
        else:
            # Pillow multiplies alpha in before and divides it out after filtering, so edges get no dark fringe.
            image = base.image.resize(
                placement.size, filter_for(output.interpolation, placement.scale), box=box, reducing_gap=_CASCADE_GAP
            )
        if placement.is_whole and placement.crop[2:] == self._source:
            whole = (0.0, 0.0, float(image.width), float(image.height))
            self._sources.append(Picture(image, whole, placement.size[0] / self._source[0]))
        return image if placement.canvas == placement.size else _letterboxed(image, placement, output.background)

    def _source_for(self, scale: float) -> Picture:
        large_enough = [p for p in self._sources[1:] if p.scale >= scale * _CASCADE_GAP]
        return min(large_enough, key=lambda p: p.scale, default=self._sources[0])

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
