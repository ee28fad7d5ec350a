"""Pixels: one decode per file, no larger than its outputs need, upright and in sRGB.

Belongs here: what has to happen once per source. Doesn't belong here: anything per output (resize, encode).
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile

from telecine.errors import ErrorCode, InputError
from telecine.image import colour, primaries
from telecine.image.faults import decoding, is_cut_off
from telecine.image.geometry import Box
from telecine.image.header import ImageFacts, is_lab, opened
from telecine.image.limits import WHOLE_COPIES_PIXELS, ImageLimits, reduction_of
from telecine.image.orient import UPRIGHT, upright, upright_box

_BAND_ROWS = 512
_REDUCIBLE = ("L", "RGB", "CMYK")  # modes whose reduce() makes no copy in another mode


@dataclass(frozen=True, slots=True)
class Picture:
    """The decoded source, upright, in sRGB, perhaps smaller than the file says.

    Attributes:
        extent: where the source's edges lie in the image. When a side isn't divisible by the reduction, the last
            row or column of the image is only partly covered.
        scale: image pixels per source pixel.
        profile: the source's colour profile when the numbers were kept instead of being converted to sRGB.
    """

    image: Image.Image
    extent: Box
    scale: float
    profile: bytes | None = None


def decode(
    path: Path,
    facts: ImageFacts,
    scale: float,
    notes: list[str],
    *,
    limits: ImageLimits | None = None,
    keep_profile: bool = False,
    allow_truncated: bool = False,
) -> Picture:
    """Decode a file once.

    Args:
        scale: the largest scale any output needs; decoding may stop there.
        notes: gets sentences about what was ignored or repaired.
        limits: say from what size on a JPEG is decoded reduced.
        keep_profile: don't convert grey and RGB pixels to sRGB.
        allow_truncated: make what can be made of a file whose end is missing.

    Raises:
        InputError: CORRUPT_MEDIA or TRUNCATED_MEDIA.
        ResourceError: OUT_OF_MEMORY.
    """
    scale = min(scale, 1 / reduction_of(facts.format, facts.width, facts.height, limits or ImageLimits()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with opened(path, facts.format) as image:
                picture = _decode(image, path, facts, scale, notes, keep_profile)
        except InputError as e:
            if not allow_truncated or e.code is not ErrorCode.TRUNCATED_MEDIA:
                raise
            with _without_its_end(), opened(path, facts.format) as image:
                picture = _decode(image, path, facts, scale, notes, keep_profile)
            notes.append("The file ends before its last pixel; what is missing was filled up.")
    notes += [f"The decoder remarked: {w.message}." for w in caught if not issubclass(w.category, DeprecationWarning)]
    if facts.format == "gif" and is_cut_off(path, "gif"):
        notes.append("The GIF lacks its end; its first frame is complete.")
    return picture


@contextmanager
def _without_its_end() -> Iterator[None]:
    """Pillow's decoders make up what they don't find. The switch is global; a process decodes one file at a time."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _decode(
    image: Image.Image, path: Path, facts: ImageFacts, scale: float, notes: list[str], keep_profile: bool
) -> Picture:
    icc = image.info.get("icc_profile") or (primaries.profile_of(facts.color_space) if facts.color_space else None)
    inverted_cmyk = image.mode == "CMYK" and facts.format == "jpeg" and "adobe" not in image.info
    lab = is_lab(image)
    full = image.size
    if facts.format == "jpeg":
        image = _loaded_jpeg(image, path, scale, notes)
    else:
        image.load()
        full = image.size  # a decoder that turns the picture has done so by now
    if lab and image.mode != "LAB":
        image = colour.lab_bands(image)
    reached = max(image.size[0] / full[0], image.size[1] / full[1])
    # Half as much again stays for the final filter (Pillow's reducing_gap of 2).
    factor = max(1, int(reached / (2 * scale)))
    extent = _jpeg_extent(image, full) if facts.format == "jpeg" else (float(full[0]), float(full[1]))
    image = _reduced(image, factor, facts.bit_depth)
    kept = keep_profile and colour.keeps_profile(image, icc)
    if not kept:
        image = colour.to_srgb(image, icc, notes, inverted_cmyk=inverted_cmyk)
    box = (0.0, 0.0, extent[0] / factor, extent[1] / factor)
    orientation = UPRIGHT if facts.turned_by_decoder else facts.orientation
    box = upright_box(box, image.size, orientation)
    image = upright(image, orientation)
    image.info = {}  # Pillow's encoders copy comments, profiles and transparency from here
    return Picture(image, box, (box[2] - box[0]) / facts.displayed_width, icc if kept else None)


def _jpeg_extent(image: Image.Image, full: tuple[int, int]) -> tuple[float, float]:
    """The source's true size in a JPEG that was decoded at 1/1, 1/2, 1/4 or 1/8 (libjpeg rounds up)."""
    divisor = next(d for d in (1, 2, 4, 8) if -(-full[0] // d) == image.size[0] and -(-full[1] // d) == image.size[1])
    return full[0] / divisor, full[1] / divisor


def _loaded_jpeg(image: Image.Image, path: Path, scale: float, notes: list[str]) -> Image.Image:
    """A JPEG decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that is still large enough."""
    width, height = image.size
    size = max(1, math.ceil(width * scale - 1e-6)), max(1, math.ceil(height * scale - 1e-6))
    image.draft(None, size)
    try:
        image.load()
    except OSError as e:
        if "truncated" not in str(e) or not is_cut_off(path, "jpeg"):
            raise
        repaired = _with_end_marker(path, size)
        if repaired is None:
            raise
        notes.append("The JPEG lacks its end marker; all its pixels are there.")
        return repaired
    return image


def _with_end_marker(path: Path, size: tuple[int, int]) -> Image.Image | None:
    """The JPEG with an end marker added, when nothing but that marker was missing.

    libjpeg makes up what it doesn't find, so two different endings that give the same pixels prove that all the
    pixels were there.
    """
    data = path.read_bytes()
    pictures = []
    for ending in (b"\xff\xd9", b"\x55" * 64 + b"\xff\xd9"):
        with decoding(path, "jpeg"):
            image = Image.open(io.BytesIO(data + ending), formats=("JPEG",))
            image.draft(None, size)
            image.load()
        pictures.append(image)
    return pictures[0] if pictures[0].tobytes() == pictures[1].tobytes() else None


def _reduced(image: Image.Image, factor: int, bit_depth: int) -> Image.Image:
    """A plain picture, made smaller by a whole factor; in bands when whole copies would cost too much memory."""
    if image.size[0] * image.size[1] <= WHOLE_COPIES_PIXELS:
        image = colour.plain(image, bit_depth)
        return image.reduce(factor) if factor > 1 else image
    if factor == 1:
        return colour.plain(image, bit_depth)
    if image.mode in _REDUCIBLE and not image.has_transparency_data:
        return image.reduce(factor)
    width, height = image.size
    rows = _BAND_ROWS // factor * factor or factor
    target: Image.Image | None = None
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(height, top + rows)))
        part = colour.plain(band, bit_depth).reduce(factor)
        if target is None:
            target = Image.new(part.mode, (part.width, -(-height // factor)))
        target.paste(part, (0, top // factor))
    assert target is not None  # a picture has at least one row
    return target
