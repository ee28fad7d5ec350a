"""Few colours instead of many: palettes for PNG and GIF."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageColor

_PROXY_SIDE = 200
_REFINED_PIXELS = 1_000_000  # above that k-means would cost seconds
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
    if few := image.getcolors(colors):
        mapped = Image.new("P", (1, 1))
        mapped.putpalette([value for _, color in few for value in color])  # type: ignore[union-attr]
        return image.quantize(palette=mapped, dither=Image.Dither.NONE)
    refine = image.width * image.height <= _REFINED_PIXELS
    mapped = image.quantize(colors, Image.Quantize.MEDIANCUT, kmeans=1 if refine else 0)
    exact = _set_exactly(mapped, _frequent(image))
    dithered = image.quantize(palette=mapped, dither=Image.Dither.FLOYDSTEINBERG)
    for color, index in exact.items():  # Pillow maps colours four levels at a time
        dithered.paste(index, mask=_where(image, color))
    return dithered


def _where(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    """A mask of the pixels that have exactly this colour."""
    red, green, blue = (
        band.point([255 * (value == wanted) for value in range(256)])
        for band, wanted in zip(image.split(), color, strict=True)
    )
    return ImageChops.darker(ImageChops.darker(red, green), blue)


def _frequent(image: Image.Image) -> list[tuple[int, int, int]]:
    """Colours that cover at least a hundredth of the picture each: backgrounds, which must not change their tone."""
    proxy = image.copy()
    proxy.thumbnail((_PROXY_SIDE, _PROXY_SIDE), Image.Resampling.NEAREST)
    least = proxy.width * proxy.height / 100
    return [color for count, color in proxy.getcolors(_PROXY_SIDE**2) or () if count >= least]  # type: ignore[misc]


def _set_exactly(mapped: Image.Image, wanted: list[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    """Move the palette's nearest entry onto each wanted colour, each entry at most once; returns where they are."""
    flat = mapped.getpalette() or []
    entries = [flat[at : at + 3] for at in range(0, len(flat), 3)]
    places: dict[tuple[int, int, int], int] = {}
    for color in wanted[: len(entries) // 2]:
        free = [i for i in range(len(entries)) if i not in places.values()]
        nearest = min(free, key=lambda i: sum((a - b) ** 2 for a, b in zip(entries[i], color, strict=True)))
        entries[nearest] = list(color)
        places[color] = nearest
    mapped.putpalette([value for entry in entries for value in entry])
    return places
