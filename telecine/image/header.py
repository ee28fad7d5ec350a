"""What a picture's header says, without decoding a pixel: size, mode, orientation, colour profile, frames.

Belongs here: opening files with exactly the decoder the signature asks for, and the limits. Doesn't belong here:
pixels (decode). Damaged EXIF or ICC data is reported as a warning, never as a failure: the photo is still good.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageCms, TiffImagePlugin

from telecine.errors import ErrorCode, InputError
from telecine.image import heif, primaries, source_facts
from telecine.image.faults import DECODER_FAULTS, decoding
from telecine.image.limits import ImageLimits, check_limits
from telecine.image.orient import UPRIGHT, displayed_size
from telecine.image.png import late_exif, mended_png
from telecine.sniff import Sniffed

pillow_heif.register_heif_opener()
# Files are spread over processes (pool), so a decoder's own threads would only get in each other's way.
pillow_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Our own limits are checked from the header, before any decoding, and say what to do; Pillow's would only duplicate
# them at 89 megapixels.
Image.MAX_IMAGE_PIXELS = None

# Pillow reads 8-bit CIELAB TIFF only. These entries let it unpack the other layouts as plain bands;
# colour.lab_bands puts the bands right (TIFF 6.0 section 23: a and b are signed).
for _order, _raw16 in ((b"II", "RGB;16L"), (b"MM", "RGB;16B")):
    TiffImagePlugin.OPEN_INFO.setdefault((_order, 8, (1,), 1, (16, 16, 16), ()), ("RGB", _raw16))
    for _extra in ((0,), (1,), (2,)):
        TiffImagePlugin.OPEN_INFO.setdefault((_order, 8, (1,), 1, (8, 8, 8, 8), _extra), ("RGBA", "RGBA"))

_PHOTOMETRIC = 262
_CIELAB = 8

_DECODERS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
    "bmp": "BMP",
    "tiff": "TIFF",
    "avif": "AVIF",
    "heic": "HEIF",
}
_MENDED = "telecine_mended"  # our own note in a Pillow image's info
# Pillow turns TIFFs while loading them, libheif obeys HEIF's own irot and imir.
_TURNED_BY_DECODER = ("tiff", "heic")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """A picture's header.

    Attributes:
        width, height: pixels as stored.
        displayed_width, displayed_height: pixels after orientation.
        mode: Pillow's name of the pixel layout.
        orientation: EXIF orientation 1 to 8; 1 when there is none or it makes no sense.
        turned_by_decoder: the decoder applies the orientation itself.
        color_space: one that the file names without embedding a profile ("Display P3"); None for sRGB and unknown.
        icc_name: description inside the embedded colour profile; None without one.
        bit_depth: bits per channel in the file.
        has_gps: whether there are coordinates.
        camera: make and model; None when unknown.
        dpi: resolution across and down; None when unknown.
        compression: how the pixels are stored ("progressive", "lzw", "lossless", ...).
        source_quality: a JPEG's quality on libjpeg's scale, estimated from its tables; None for others.
        warnings: sentences about what had to be ignored.
    """

    format: str
    width: int
    height: int
    displayed_width: int
    displayed_height: int
    mode: str
    frames: int
    orientation: int
    turned_by_decoder: bool
    color_space: str | None
    icc_name: str | None
    bit_depth: int
    has_gps: bool
    camera: str | None
    dpi: tuple[float, float] | None
    compression: str | None
    source_quality: int | None
    warnings: tuple[str, ...] = ()

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height after orientation."""
        return self.displayed_width, self.displayed_height

    def public(self) -> dict[str, Any]:
        """The facts for a manifest: nothing private."""
        return {
            "format": self.format,
            "width": self.displayed_width,
            "height": self.displayed_height,
            "duration_s": None,
            "mode": self.mode,
            "orientation": self.orientation,
            "frames": self.frames,
            "bit_depth": self.bit_depth,
            "icc_profile": source_facts.public_profile_name(self.icc_name) or self.color_space,
            "megapixels": round(self.width * self.height / 1e6, 2),
            "dpi": None if self.dpi is None else [round(value, 2) for value in self.dpi],
            "compression": self.compression,
            "source_quality": self.source_quality,
        }

    def private(self) -> dict[str, Any]:
        """The facts for the owner's eyes only: they go to Dagster, never to a manifest."""
        return {"camera": self.camera, "has_gps": self.has_gps, "icc_profile": self.icc_name}


@contextmanager
def opened(path: Path, format: str) -> Iterator[Image.Image]:
    """Open a file with the one decoder its signature names; pixels are not read yet."""
    with decoding(path, format):
        mended = mended_png(path) if format == "png" else None
        with Image.open(mended or path, formats=(_DECODERS[format],)) as image:
            image.info[_MENDED] = mended is not None
            yield image


def inspect(path: Path, sniffed: Sniffed, limits: ImageLimits | None = None) -> ImageFacts:
    """Read the header and check it against the limits.

    Raises:
        InputError: LIMIT_EXCEEDED, CORRUPT_MEDIA or TRUNCATED_MEDIA.
    """
    if sniffed.format in ("avif", "heic"):
        heif.check_announced_sizes(path, sniffed.format, limits or ImageLimits())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with opened(path, sniffed.format) as image:
            facts, notes = _facts(image, path, sniffed.format, limits or ImageLimits())
    notes += [f"The decoder remarked: {w.message}." for w in caught if not issubclass(w.category, DeprecationWarning)]
    return _with(facts, notes)


def _facts(image: Image.Image, path: Path, format: str, limits: ImageLimits) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    check_limits(format, image.mode, *image.size, limits, progressive=bool(image.info.get("progressive")))
    if format == "tiff":
        _refuse_what_is_misread(image)
    if image.info[_MENDED]:
        notes.append("Extra data of the PNG (profile, EXIF or text) is damaged and was ignored.")
    orientation, has_gps, camera = _exif(image, path, format, notes)
    if format in ("avif", "heic") and heif.is_hdr(heif.tables_of(path)):
        notes.append("The picture is HDR; it was not tone-mapped, so it may look pale.")
    turned = format in _TURNED_BY_DECODER
    swapped = turned
    if format == "tiff":
        # Pillow turns a TIFF whose XMP it understands as well, but doesn't announce the turned size.
        swapped = ExifTags.Base.Orientation in image.tag_v2  # type: ignore[attr-defined]
        with suppress(*DECODER_FAULTS):
            turned = ExifTags.Base.Orientation in Image.Image.getexif(image)
    shown = image.size if swapped else displayed_size(image.size, orientation)
    stored = displayed_size(shown, orientation)
    return {
        "format": format,
        "width": stored[0],
        "height": stored[1],
        "displayed_width": shown[0],
        "displayed_height": shown[1],
        "mode": "LAB" if is_lab(image) else image.mode,
        # The extra pictures of a multi-picture JPEG are previews and depth maps, not frames.
        "frames": 1 if format == "jpeg" else int(getattr(image, "n_frames", 1)),
        "orientation": orientation,
        "turned_by_decoder": turned,
        "color_space": _color_space(image, path, format),
        "icc_name": _icc_name(image),
        "bit_depth": _bit_depth(image, path, format),
        "has_gps": has_gps,
        "camera": camera,
        "dpi": source_facts.dpi(image),
        "compression": source_facts.compression(image, path, format),
        "source_quality": source_facts.jpeg_quality(image) if format == "jpeg" else None,
    }, notes


def _refuse_what_is_misread(image: Image.Image) -> None:
    """Refuse TIFFs that Pillow decodes to nonsense without saying so: deep channels in separate planes.

    Raises:
        InputError: UNSUPPORTED_MEDIA.
    """
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    if (
        tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
        and isinstance(bits, tuple)
        and len(bits) > 1
        and max(bits) > 8
    ):
        raise InputError(
            ErrorCode.UNSUPPORTED_MEDIA,
            f"This TIFF keeps channels of {max(bits)} bits in separate planes, which isn't read; save it interleaved.",
        )


def is_lab(image: Image.Image) -> bool:
    """Whether a TIFF's numbers are CIELAB, which our own OPEN_INFO entries hide from `mode`."""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC) == _CIELAB


def _with(facts: dict[str, Any], notes: list[str]) -> ImageFacts:
    return ImageFacts(**facts, warnings=tuple(dict.fromkeys(notes)))


def _exif(image: Image.Image, path: Path, format: str, notes: list[str]) -> tuple[int, bool, str | None]:
    """Orientation, whether there are coordinates, and the camera."""
    try:
        if format == "png" and "exif" not in image.info and (late := late_exif(path)):
            image.info["exif"] = b"Exif\0\0" + late
        # Pillow's getexif also finds an orientation that only XMP knows.
        exif = Image.Image.getexif(image)
        orientation = image.info.get("original_orientation") if format == "heic" else None
        if orientation is None:
            orientation = exif.get(ExifTags.Base.Orientation)
        if orientation is None:
            orientation = source_facts.xmp_orientation(image.info) if format != "heic" else UPRIGHT
        has_gps = source_facts.has_coordinates(exif.get_ifd(ExifTags.IFD.GPSInfo), image.info.get("xmp"))
        camera = source_facts.camera(exif)
    except DECODER_FAULTS:
        notes.append("The EXIF data is damaged and was ignored, so the orientation may be wrong.")
        return UPRIGHT, False, None
    if not isinstance(orientation, int) or orientation not in range(1, 9):
        if orientation != 0:  # 0 is what many programs write for "unknown"
            shown = orientation if isinstance(orientation, int) else "that is no number"
            notes.append(f"An EXIF orientation {shown} makes no sense and was ignored.")
        return UPRIGHT, has_gps, camera
    return orientation, has_gps, camera


def _color_space(image: Image.Image, path: Path, format: str) -> str | None:
    """The colour space that a file without a profile names in another way."""
    if image.info.get("icc_profile") or image.mode not in ("RGB", "RGBA"):
        return None
    if format in ("avif", "heic"):
        return primaries.named_by_code_points(heif.code_points(heif.tables_of(path)))
    try:
        return primaries.named_by_exif(Image.Image.getexif(image))
    except DECODER_FAULTS:
        return None


def _icc_name(image: Image.Image) -> str | None:
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except DECODER_FAULTS:
        return "damaged"  # colour.to_srgb says what that means for the picture
    return name or "unnamed"


def _bit_depth(image: Image.Image, path: Path, format: str) -> int:
    if format == "png":
        with path.open("rb") as f:
            return f.read(25)[24]  # IHDR's bit depth
    if format == "tiff":
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))  # type: ignore[attr-defined]
        return int(bits[0] if isinstance(bits, tuple) else bits)
    if format == "heic":
        return int(image.info.get("bit_depth", 8))
    if format == "avif":
        return heif.av1_bit_depth(heif.tables_of(path))
    return 1 if image.mode == "1" else 8
