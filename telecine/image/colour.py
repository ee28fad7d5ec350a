"""Colour: every pixel layout to sRGB, with lcms where a profile says what the numbers mean.

Belongs here: unpacking palettes, 16-bit, CMYK and CIELAB, and the ICC transform (perceptual intent with black point
compensation). Doesn't belong here: alpha flattening, which only JPEG outputs need (encode).
"""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageCms

from telecine.image.faults import DECODER_FAULTS

_XOR_SIGN = [value ^ 128 for value in range(256)]
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "LAB")


def plain(image: Image.Image, bit_depth: int) -> Image.Image:
    """Palettes, bits, 16-bit and premultiplied pixels as L, LA, RGB, RGBA, CMYK or LAB with 8 bits a channel."""
    if image.mode.startswith("I;16"):
        # convert("L") would clip at 255 instead of scaling.
        divisor = ((1 << min(bit_depth, 16)) - 1) / 255 if bit_depth > 8 else 257
        return image.point(lambda value: value * (1 / divisor) + 0.0).convert("L")
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
        space, name = _profile_of(icc)
    except DECODER_FAULTS:
        return False
    return space == ("GRAY" if image.mode[0] == "L" else "RGB ") and "srgb" not in name.lower()


def _managed(image: Image.Image, icc: bytes, notes: list[str]) -> Image.Image:
    """An opaque picture through its profile; the same object when nothing is to be done or can be."""
    try:
        space, name = _profile_of(icc)
        if image.mode == "RGB" and space == "GRAY":
            image, grey = image.convert("L"), True
        else:
            grey = image.mode == "L" and space == "GRAY"
        if image.mode == "L" and space == "RGB ":
            return image if "srgb" in name.lower() else _transformed(image.convert("RGB"), icc)
        if {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}[image.mode] != space:
            notes.append("The colour profile is for other pixels than these and was ignored.")
            return image
        if image.mode == "RGB" and "srgb" in name.lower():
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
def _profile_of(icc: bytes) -> tuple[str, str]:
    """Colour space signature and description of a profile."""
    profile = _profile(icc)
    return profile.profile.xcolor_space, ImageCms.getProfileDescription(profile).strip()


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
