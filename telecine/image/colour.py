"""Colour: every pixel layout to sRGB, with lcms where a profile says what the numbers mean.

Belongs here: unpacking palettes, 16-bit, CMYK and CIELAB, and the ICC transform (perceptual intent with black point
compensation). Doesn't belong here: alpha flattening, which only JPEG outputs need (encode).
"""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageCms, ImageMath

from telecine.image.faults import DECODER_FAULTS

_XOR_SIGN = [value ^ 128 for value in range(256)]
_SAME_LEVELS = 3  # between makers' versions of sRGB
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "LAB")


def plain(image: Image.Image, bit_depth: int) -> Image.Image:
    """Palettes, bits, 16-bit and premultiplied pixels as L, LA, RGB, RGBA, CMYK or LAB with 8 bits a channel."""
    if image.mode.startswith("I;16"):
        # convert("L") would clip at 255 instead of scaling.
        divisor = ((1 << min(bit_depth, 16)) - 1) / 255 if bit_depth > 8 else 257
        grey = image.point(lambda value: value * (1 / divisor) + 0.0).convert("L")
        clear = image.info.get("transparency")
        if isinstance(clear, int):  # one of 65,536 levels is transparent
            seen = ImageMath.lambda_eval(lambda a: (a["x"] != clear) * 255, x=image.convert("I"))
            grey.putalpha(seen.convert("L"))
        return grey
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        return image.convert("LA" if image.mode in ("L", "La") else "RGBA")
    if image.mode in _PLAIN_MODES:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def lab_bands(image: Image.Image) -> Image.Image:
    """Bands of a CIELAB TIFF that were unpacked as RGB(A), as LAB: the signs of a and b are put right."""
    lightness, a, b = image.split()[:3]
    return Image.merge("LAB", (lightness, a.point(_XOR_SIGN), b.point(_XOR_SIGN)))


def to_srgb(image: Image.Image, icc: bytes | None, notes: list[str], *, inverted_cmyk: bool = False) -> Image.Image:
    """A plain picture in sRGB: L, LA, RGB or RGBA.

    Args:
        icc: embedded profile, if any.
        inverted_cmyk: the decoder inverted CMYK although the file wasn't (JPEG without Adobe's marker).
        notes: gets a sentence when a profile can't be used.
    """
    if image.mode == "CMYK" and inverted_cmyk:
        image = ImageChops.invert(image)
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
        image = image.convert(image.mode[:-1])
    if icc:
        opaque = image if alpha is None else image.convert(image.mode[:-1])
        managed = _managed(opaque, icc, notes)
        if managed is not opaque:
            image = managed
            if alpha is not None:
                image.putalpha(alpha)
    if image.mode == "CMYK":
        notes.append("CMYK without a usable colour profile: its colours are an estimate.")
        return image.convert("RGB")
    return image


def keeps_profile(image: Image.Image, icc: bytes | None) -> bool:
    """Whether a plain picture's numbers can be kept with its profile: grey or RGB, a sound profile, and not sRGB."""
    if not icc or image.mode not in ("L", "LA", "RGB", "RGBA"):
        return False
    try:
        space = _space_of(icc)
        return space == ("GRAY" if image.mode[0] == "L" else "RGB ") and not (space == "RGB " and _is_srgb(icc))
    except DECODER_FAULTS:
        return False


def _managed(image: Image.Image, icc: bytes, notes: list[str]) -> Image.Image:
    """An opaque picture through its profile; the same object when nothing is to be done or can be."""
    try:
        space = _space_of(icc)
        if image.mode == "RGB" and space == "GRAY":
            image, grey = image.convert("L"), True
        else:
            grey = image.mode == "L" and space == "GRAY"
        if image.mode == "L" and space == "RGB ":
            return image if _is_srgb(icc) else _transformed(image.convert("RGB"), icc)
        if {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}[image.mode] != space:
            notes.append("The colour profile is for other pixels than these and was ignored.")
            return image
        if image.mode == "RGB" and _is_srgb(icc):
            return image
        converted = _transformed(image, icc)
        return converted.convert("L") if grey else converted
    except DECODER_FAULTS:
        notes.append("The colour profile is damaged; the picture was treated as sRGB.")
        return image


def _transformed(image: Image.Image, icc: bytes) -> Image.Image:
    converted = ImageCms.applyTransform(image, _transform(icc, image.mode))
    assert converted is not None  # None only for in-place transforms
    return converted


def _profile(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))


@lru_cache(maxsize=16)
def _space_of(icc: bytes) -> str:
    """Colour space signature of a profile."""
    return str(_profile(icc).profile.xcolor_space)


@lru_cache(maxsize=16)
def _is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile means sRGB. Names lie ("linear sRGB", or sRGB under a camera's name), colours don't."""
    levels = (0, 16, 64, 128, 200, 255)
    cube = Image.new("RGB", (len(levels) ** 3, 1))
    cube.putdata([(red, green, blue) for red in levels for green in levels for blue in levels])
    difference = ImageChops.difference(cube, _transformed(cube, icc))
    return max(high for _, high in difference.getextrema()) <= _SAME_LEVELS  # type: ignore[misc]


@lru_cache(maxsize=16)  # a shoot's photos share one profile, and building a transform costs as much as using it
def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        _profile(icc),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.PERCEPTUAL,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")


def _stretched(image: Image.Image) -> Image.Image:
    """32-bit integers or floats (scientific pictures) as grey: black is the least value, white the greatest."""
    low, high = image.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    span = float(high) - float(low)
    if not span or span != span:
        return image.convert("L")
    factor = 255 / span
    offset = -float(low) * factor
    return image.point(lambda value: value * factor + offset).convert("L")
