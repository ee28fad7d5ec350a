"""What may be decoded at all: pixels, side and memory, checked from the header before any decoding.

Belongs here: the limits and the memory estimate (requirements.md section 1: JPEG w*h*3*2.5 bytes, others w*h*4*3).
Doesn't belong here: the limits of a worker process (telecine/image/pool).
"""

from __future__ import annotations

from dataclasses import dataclass

from telecine.errors import ErrorCode, InputError
from telecine.recipe.image import ImageFormat, ImageOutput

WHOLE_COPIES_PIXELS = 50_000_000
"""Pictures with more pixels than this are converted band by band instead of in whole copies."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Largest picture that is accepted.

    Attributes:
        max_pixels: width times height as stored.
        max_side: pixels; 65,535 is the largest that JPEG and most decoders know.
        max_memory_bytes: estimate for decoding and converting.
        max_animation_pixels: width times height times frames of an animation that is kept as one; each frame is
            decoded and encoded whole, at some 10 million pixels a second.
        reduced_jpeg_pixels: JPEGs with more pixels are decoded at half their size or less.
    """

    max_pixels: int = 300_000_000
    max_side: int = 65_535
    max_memory_bytes: int = 2_000_000_000
    max_animation_pixels: int = 1_000_000_000
    reduced_jpeg_pixels: int = 50_000_000


# Bytes per pixel in Pillow's memory, by mode; "RGB" is stored as four bytes.
_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# The picture itself (4) and what the encoder adds to it.
_ENCODER_BYTES = {
    ImageFormat.JPEG: 8,
    ImageFormat.PNG: 8,
    ImageFormat.WEBP: 10,
    ImageFormat.AVIF: 29,
    ImageFormat.GIF: 16,
}
_LOSSLESS_WEBP_BYTES = 29
# Whole frames in memory at once: Pillow's, and the decoder's own (planes, RGBA canvases, their copy as bytes).
_FRAMES_AT_ONCE = {"webp": 4, "avif": 3, "heic": 3, "gif": 3}


def reduction_of(format: str, width: int, height: int, limits: ImageLimits) -> int:
    """Smallest divisor a JPEG is decoded with, whatever the outputs need; 1 for other formats."""
    divisor = 1
    if format == "jpeg":
        while width * height > limits.reduced_jpeg_pixels * divisor * divisor and divisor < 8:
            divisor *= 2
    return divisor


def estimate_memory(
    format: str, mode: str, width: int, height: int, limits: ImageLimits, *, progressive: bool = False
) -> int:
    """Bytes that decoding takes at its peak, from header fields only (an upper estimate, not a measurement).

    Small pictures are converted whole (three copies at the peak). Beyond 50 megapixels the working copy is reduced
    band by band (telecine/image/decode), so only the decoder's own buffers count.
    """
    divisor = reduction_of(format, width, height, limits)
    pixels = -(-width // divisor) * -(-height // divisor)
    if format == "jpeg":
        # libjpeg keeps every coefficient of a progressive file (two bytes, three components) at full size.
        return int(pixels * 3 * 2.5) + (width * height * 6 if progressive else 0)
    stored = _STORED_BYTES.get(mode, 4) * pixels
    if pixels <= WHOLE_COPIES_PIXELS:
        return pixels * 4 * 3
    if format == "webp":
        stored = 4 * pixels  # its canvas has alpha, whether the picture has it or not
    return stored * _FRAMES_AT_ONCE.get(format, 1) + 200_000_000  # bands, working copy, outputs


def check_limits(
    format: str, mode: str, width: int, height: int, limits: ImageLimits, *, progressive: bool = False
) -> None:
    """Refuse what is too large.

    Raises:
        InputError: LIMIT_EXCEEDED naming the number and the limit.
    """
    if width * height > limits.max_pixels:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"The picture has {width * height / 1e6:,.0f} megapixels ({width} x {height}); "
            f"the limit is {limits.max_pixels / 1e6:,.0f}.",
        )
    if max(width, height) > limits.max_side:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"The picture is {width} x {height} pixels; the limit for a side is {limits.max_side:,}.",
        )
    needed = estimate_memory(format, mode, width, height, limits, progressive=progressive)
    if needed > limits.max_memory_bytes:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"Decoding {width} x {height} pixels would take about {needed / 1e6:,.0f} MB of memory; "
            f"the limit is {limits.max_memory_bytes / 1e6:,.0f} MB.",
        )


def check_output(output: ImageOutput, width: int, height: int, limits: ImageLimits) -> None:
    """Refuse an output whose encoder would need too much memory (bytes per pixel measured on 24 megapixels).

    Raises:
        InputError: LIMIT_EXCEEDED naming the output, the number and the limit.
    """
    per_pixel = _LOSSLESS_WEBP_BYTES if output.lossless else _ENCODER_BYTES[output.format]
    needed = width * height * per_pixel
    if needed > limits.max_memory_bytes:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"Output {output.name!r} of {width} x {height} pixels would take about {needed / 1e6:,.0f} MB of memory; "
            f"the limit is {limits.max_memory_bytes / 1e6:,.0f} MB. Give it a width or height.",
        )
