"""From the decoded picture to one output's pixels.

Outputs that show the whole source are kept as sources for smaller ones, which costs a fraction. Measured on three
photos against one Lanczos step from full size: 1920 -> 1280 and 1920 -> 960 by Lanczos differ by 52 dB or more, which
nobody sees. Softer filters add up, so after one of them a source must be twice as large.
"""

from __future__ import annotations

from PIL import Image, ImageColor, ImageFilter

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
_SHARPEN_RADIUS = 0.8  # pixels of the output: the blur that resampling leaves
_SHARPEN_PERCENT = 90


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
        image = resized(base.image, placement, output, box=box)
        softened = image is not base.image and _filter_of(output, placement) is not Image.Resampling.LANCZOS
        if placement.is_whole and placement.crop[2:] == self._source:
            whole = (0.0, 0.0, float(image.width), float(image.height))
            gap = _GAP_AFTER_OTHERS if softened else _GAP_AFTER_LANCZOS
            self._cascade.append((Picture(image, whole, placement.size[0] / self._source[0]), gap))
        return finished(image, placement, output)

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


def resized(image: Image.Image, placement: Placement, output: ImageOutput, *, box: Box) -> Image.Image:
    """The placed part of a picture at its size; the same object when there is nothing to do.

    Args:
        box: that part, in the picture's own pixels.
    """
    if image.size == placement.size and box == (0.0, 0.0, *map(float, image.size)):
        return image
    # Pillow multiplies alpha in before and divides it out after filtering, so edges get no dark fringe.
    return image.resize(placement.size, _filter_of(output, placement), box=box, reducing_gap=_REDUCING_GAP)


def finished(image: Image.Image, placement: Placement, output: ImageOutput) -> Image.Image:
    """A resized picture sharpened and letterboxed."""
    if output.sharpen > 0:
        image = _sharpened(image, output.sharpen)
    return image if placement.canvas == placement.size else _letterboxed(image, placement, output.background)


def _filter_of(output: ImageOutput, placement: Placement) -> Image.Resampling:
    return filter_for(output.interpolation, placement.scale)


def _sharpened(image: Image.Image, amount: float) -> Image.Image:
    """Unsharp mask on colours, never on alpha. The threshold leaves noise in skies alone."""
    mask = ImageFilter.UnsharpMask(radius=_SHARPEN_RADIUS, percent=round(_SHARPEN_PERCENT * amount), threshold=2)
    if image.mode not in ("LA", "RGBA"):
        return image.filter(mask)
    sharp = image.convert(image.mode[:-1]).filter(mask)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def _letterboxed(image: Image.Image, placement: Placement, background: str) -> Image.Image:
    """The picture on a canvas of the background colour, which may be transparent."""
    colour = ImageColor.getcolor(background, "RGBA")
    assert isinstance(colour, tuple)
    see_through = colour[3] < 255
    if image.mode in ("L", "LA") or (see_through and image.mode == "RGB"):
        image = image.convert("RGBA" if image.mode == "LA" or see_through else "RGB")
    canvas = Image.new(image.mode, placement.canvas, colour if image.mode == "RGBA" else colour[:3])
    canvas.paste(image, placement.offset)
    return canvas
