"""Pixels to files: JPEG, WebP, PNG, AVIF and GIF with the metadata their output carries.

Encoder settings were measured on photos (2 cores, Pillow 13): WebP method 2 takes 0.45 of method 4's time for 5 % more
bytes and 0.3 dB less; methods 3 and 4 cost the same. Lossless WebP at the least effort takes a fifth of the time for
15 % more bytes. AVIF speed 8 takes a quarter of speed 6's time for 8 % more bytes, and PNG level 3 half of level 6's
for 3 %. Doesn't belong here: whether what was written is right (verify.py), animations (animation.py).
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageColor, PngImagePlugin

from telecine.errors import ErrorCode, ResourceError, SystemFault
from telecine.image import palette
from telecine.image.faults import DECODER_FAULTS
from telecine.image.metadata import Carried
from telecine.image.quality import quality_of
from telecine.recipe.image import ImageFormat, ImageOutput

WEBP_METHOD = 2
AVIF_SPEED = 8
PNG_LEVEL = 3
LOSSLESS_WEBP_EFFORT = {"quality": 0, "method": 0}
_MOST_EFFORT = 9
_FULL_COLOUR_FROM = 90  # quality from which `subsampling: auto` keeps the full colour resolution

_PREVIEW_SIDE = 240
_PREVIEW_BYTES = 10_000
_PREVIEW_QUALITIES = (75, 60, 45, 30, 15, 5)


def encode(image: Image.Image, output: ImageOutput, carried: Carried, quality: int | None = None) -> bytes:
    """One finished file.

    Args:
        quality: instead of the output's own.

    Raises:
        ResourceError: OUT_OF_MEMORY.
        SystemFault: ENCODE_FAILED when the encoder refuses.
    """
    if not output.format.has_alpha:
        image = flattened(image, output.background)
    buffer = io.BytesIO()
    options = encoder_settings(output, quality or quality_of(output)) | _metadata(output.format, carried)
    try:
        if output.format is ImageFormat.GIF:
            image, transparent = palette.for_gif(image, output.max_colors or 256, output.background)
            options |= {"optimize": True} | ({} if transparent is None else {"transparency": transparent})
        elif output.format is ImageFormat.PNG and output.max_colors is not None:
            image = palette.with_palette(image, output.max_colors)
        image.save(buffer, output.format.value, **options)
    except MemoryError as e:
        raise ResourceError(
            ErrorCode.OUT_OF_MEMORY, f"There was not enough memory to write output {output.name!r}."
        ) from e
    except DECODER_FAULTS as e:
        raise SystemFault(
            ErrorCode.ENCODE_FAILED, f"Output {output.name!r} could not be written as {output.format.value}.", repr(e)
        ) from e
    data = buffer.getvalue()
    if output.format is ImageFormat.JPEG and carried.iptc:
        data = _with_iptc(data, carried.iptc)
    return data


def flattened(image: Image.Image, background: str) -> Image.Image:
    """A picture without alpha, what was transparent showing the background colour."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, ImageColor.getcolor(background[:7], "RGB"))
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def preview(image: Image.Image) -> bytes:
    """A JPEG of at most 10 kB and 240 pixels for the Dagster UI."""
    small = flattened(image, "#ffffff")
    small.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE), Image.Resampling.LANCZOS)
    for quality in _PREVIEW_QUALITIES:
        buffer = io.BytesIO()
        small.save(buffer, "jpeg", quality=quality, optimize=True)
        if buffer.tell() <= _PREVIEW_BYTES:
            break
    return buffer.getvalue()


def encoder_settings(output: ImageOutput, quality: int) -> dict[str, Any]:
    """Pillow's options for an output, without metadata."""
    effort = output.effort
    method = None if effort is None else round(effort * 6 / _MOST_EFFORT)
    subsampling = output.subsampling
    if subsampling == "auto":
        subsampling = "4:4:4" if quality >= _FULL_COLOUR_FROM else "4:2:0"
    match output.format:
        case ImageFormat.JPEG:
            return {
                "quality": quality,
                "progressive": output.progressive,
                "optimize": True,
                "subsampling": subsampling,
            }
        case ImageFormat.WEBP if output.lossless:
            chosen: dict[str, Any] = dict(LOSSLESS_WEBP_EFFORT)
            if effort is not None:
                chosen = {"quality": round(effort * 100 / _MOST_EFFORT), "method": method}
            if output.webp_method is not None:
                chosen["method"] = output.webp_method
            return {"lossless": True, "exact": True, **chosen}
        case ImageFormat.WEBP:
            return {"quality": quality, "method": _first(output.webp_method, method, WEBP_METHOD)}
        case ImageFormat.AVIF:
            speed = _first(output.avif_speed, None if effort is None else 10 - effort, AVIF_SPEED)
            return {"quality": quality, "speed": speed, "subsampling": subsampling, "max_threads": 1}
        case ImageFormat.PNG:
            return {"compress_level": _first(output.png_level, effort, PNG_LEVEL)}
        case ImageFormat.GIF:
            return {}


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def _metadata(format: ImageFormat, carried: Carried) -> dict[str, Any]:
    """Pillow's options for what the file carries beside its pixels."""
    if format is ImageFormat.GIF:
        return {"comment": carried.comment[:60_000]} if carried.comment else {}
    options: dict[str, Any] = {"exif": carried.exif, "icc_profile": carried.icc}
    if format is ImageFormat.PNG:
        options |= {"dpi": carried.dpi, "pnginfo": _png_texts(carried)}
    elif carried.xmp and (format is not ImageFormat.JPEG or len(carried.xmp) < 65_000):
        options["xmp"] = carried.xmp
    if format is ImageFormat.JPEG:
        options |= {"dpi": carried.dpi, "comment": (carried.comment or b"")[:60_000] or None}
        if carried.dpi:
            options["dpi"] = tuple(round(value) for value in carried.dpi)
    return {name: value for name, value in options.items() if value}


def _png_texts(carried: Carried) -> PngImagePlugin.PngInfo | None:
    if not (carried.xmp or carried.comment or carried.text):
        return None
    texts = PngImagePlugin.PngInfo()
    if carried.xmp:
        texts.add_itxt("XML:com.adobe.xmp", carried.xmp.decode("utf-8", "replace"))
    for keyword, text in carried.text:
        texts.add_itxt(keyword, text)
    if carried.comment:
        texts.add_itxt("Comment", carried.comment.decode("utf-8", "replace"))
    return texts


def _with_iptc(jpeg: bytes, record: bytes) -> bytes:
    """A JPEG with an IPTC record in a Photoshop segment, behind the other application segments."""
    resource = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + bytes(len(record) % 2)
    segment = b"Photoshop 3.0\0" + resource
    if len(segment) > 65_533:
        return jpeg
    at = 2
    while jpeg[at] == 0xFF and 0xE0 <= jpeg[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[at:]
