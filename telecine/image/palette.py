"""Few colours instead of many: palettes for PNG and GIF."""

from __future__ import annotations

from PIL import Image, ImageColor

_OPAQUE_FROM = 128  # GIF knows transparent and opaque; half covered counts as opaque


def with_palette(image: Image.Image, colors: int) -> Image.Image:
    """A picture with a palette of at most so many colours; alpha stays as it is."""
    if image.mode == "L" and colors == 256:
        return image
    if image.mode in ("LA", "RGBA"):
        return image.convert("RGBA").quantize(colors, Image.Quantize.FASTOCTREE)
    return _dithered(image.convert("RGB"), colors)


def for_gif(image: Image.Image, colors: int, background: str) -> tuple[Image.Image, int | None]:
    """A picture with a palette as GIF has them, and the index of its transparent colour, if any.

    Args:
        background: what half transparent pixels are mixed with.
    """
    if image.mode not in ("LA", "RGBA"):
        return _dithered(image.convert("RGB"), colors), None
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] >= _OPAQUE_FROM:  # type: ignore[operator]
        return _dithered(_over(image, background), colors), None
    usable = max(1, min(colors, 256) - 1)
    mapped = _dithered(_over(image, background), usable)
    mapped.paste(usable, mask=alpha.point(lambda value: 255 * (value < _OPAQUE_FROM)))
    palette = mapped.getpalette() or []
    mapped.putpalette([*(palette + [0] * 768)[: 3 * usable], 0, 0, 0])
    return mapped, usable


def _over(image: Image.Image, background: str) -> Image.Image:
    canvas = Image.new("RGB", image.size, ImageColor.getcolor(background[:7], "RGB"))
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _dithered(image: Image.Image, colors: int) -> Image.Image:
    """Exact when there are few colours; else the best palette, its errors spread over the neighbours."""
    few = image.getcolors(colors) is not None
    mapped = image.quantize(colors, Image.Quantize.MEDIANCUT)
    return mapped if few else image.quantize(palette=mapped, dither=Image.Dither.FLOYDSTEINBERG)
