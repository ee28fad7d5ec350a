"""Embedded metadata: what a source has, and what each output may carry of it (requirements.md section 1).

Three promises: `strip_all` carries nothing; `preserve_technical` carries only tags of a list, so a tag nobody thought
of can't leak; whatever says `strip_private` loses coordinates, times, serial numbers and owners, and with them every
packet that could hide one (XMP, IPTC, MakerNote, comments, thumbnails). Doesn't belong here: bytes (exif.py, icc.py).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from telecine.image import exif as exif_blocks
from telecine.image import icc
from telecine.image.faults import DECODER_FAULTS
from telecine.image.header import opened
from telecine.image.png import late_exif
from telecine.recipe.image import ImageOutput
from telecine.recipe.metadata_fields import TAGS

_B = ExifTags.Base
GPS = int(ExifTags.IFD.GPSInfo)
PRIVATE_TAGS = frozenset(
    int(tag)
    for tag in (
        *(_B.DateTime, _B.DateTimeOriginal, _B.DateTimeDigitized, _B.PreviewDateTime, _B.TimeZoneOffset),
        *(_B.SubsecTime, _B.SubsecTimeOriginal, _B.SubsecTimeDigitized),
        *(_B.OffsetTime, _B.OffsetTimeOriginal, _B.OffsetTimeDigitized),
        *(_B.CameraSerialNumber, _B.BodySerialNumber, _B.LensSerialNumber, _B.CameraOwnerName, _B.ImageUniqueID),
        *(_B.MakerNote, _B.MakerNoteSafety, _B.UserComment, _B.HostComputer, _B.ImageHistory, _B.ImageNumber),
        *(_B.RawDataUniqueID, _B.OriginalRawFileName, _B.DNGPrivateData, _B.GPSInfo, _B.RelatedSoundFile),
    )
)
"""Coordinates, times, serial numbers and owners, and what can hide one."""

_TECHNICAL_TEXTS = frozenset(int(tag) for tag in (_B.Make, _B.Model, _B.Software, _B.LensMake, _B.LensModel))
_TECHNICAL_NUMBERS = frozenset(
    int(tag)
    for tag in (
        *(_B.XResolution, _B.YResolution, _B.ResolutionUnit, _B.ExifImageWidth, _B.ExifImageHeight, _B.ColorSpace),
        *(_B.ExposureTime, _B.FNumber, _B.ExposureProgram, _B.ISOSpeedRatings, _B.SensitivityType, _B.ISOSpeed),
        *(_B.RecommendedExposureIndex, _B.StandardOutputSensitivity, _B.ShutterSpeedValue, _B.ApertureValue),
        *(_B.BrightnessValue, _B.ExposureBiasValue, _B.MaxApertureValue, _B.MeteringMode, _B.LightSource, _B.Flash),
        *(_B.FocalLength, _B.FlashEnergy, _B.SensingMethod, _B.CustomRendered, _B.ExposureMode, _B.WhiteBalance),
        *(_B.DigitalZoomRatio, _B.FocalLengthIn35mmFilm, _B.SceneCaptureType, _B.GainControl, _B.Contrast),
        *(_B.Saturation, _B.Sharpness, _B.SubjectDistanceRange, _B.LensSpecification, _B.Gamma, _B.CompositeImage),
        *(_B.FileSource, _B.SceneType, _B.ExifVersion),
    )
)
# Software writes such things into harmless fields.
_TELLS_TOO_MUCH = re.compile(
    r"(19|20)\d\d[-:/.](0?[1-9]|1[0-2])[-:/.]\d|\d\d?:\d\d:\d\d|\bs/?n\b|serial|-?\d+\.\d{4,}\s*[,;/ ]\s*-?\d+\.\d{4,}",
    re.IGNORECASE,
)
_LONGEST_TEXT = 100
_LONGEST_BYTES = 4
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>\s*))[0-9]""")
_IPTC_RECORD = 0x0404  # Photoshop image resource
_IPTC_TIFF_TAG = 33723


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What a file carries beside its pixels.

    Attributes:
        raw_exif: the block as it stands in the file; None for formats that keep it in tags of their own (TIFF).
        text: keyword to text of a PNG.
    """

    exif: Image.Exif
    raw_exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None
    comment: bytes | None
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class Carried:
    """What one output carries beside its pixels."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    text: tuple[tuple[str, str], ...] = ()


def read(path: Path, format: str) -> SourceMetadata:
    """Everything embedded in a file; what is damaged counts as absent."""
    with warnings.catch_warnings(), opened(path, format) as image:
        warnings.simplefilter("ignore")  # header.py has said that it is damaged
        info = image.info
        if format == "png" and "exif" not in info and (late := late_exif(path)):
            info["exif"] = b"Exif\0\0" + late
        try:
            exif = Image.Image.getexif(image)
            len(exif)
        except DECODER_FAULTS:
            exif = Image.Exif()
        if not _is_readable(exif):
            exif = Image.Exif()
        for _ in exif_blocks.directories(
            exif
        ):  # read now: a TIFF's directories lie in the file, which is about to close
            pass
        xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
        return SourceMetadata(
            exif=exif,
            raw_exif=_bytes(info.get("exif")),
            xmp=xmp.encode() if isinstance(xmp, str) else _bytes(xmp),
            iptc=_iptc(image),
            dpi=_dpi(info.get("dpi")),
            comment=_bytes(info.get("comment")),
            # `image.text` would decode the pixels first.
            text=_texts(info) if format == "png" else {},
        )


def is_private(ifd: int, tag: int) -> bool:
    """Whether a tag tells where, when, with which very device, or by whom."""
    return ifd == GPS or tag in PRIVATE_TAGS


def carried_by(
    output: ImageOutput,
    source: SourceMetadata | None,
    size: tuple[int, int],
    mode: str,
    pixel_profile: bytes | None,
    notes: list[str],
) -> Carried:
    """What an output carries.

    Args:
        source: None when no output carries anything.
        size: the output's.
        mode: Pillow's, of the output's pixels.
        pixel_profile: the source's colour profile when the pixels still mean what it says; None when they are sRGB.
        notes: gets a sentence when something can't be carried.
    """
    wanted = output.metadata
    open_hearted = wanted in ("preserve_all", "selective") and not output.strip_private
    profile = None
    if pixel_profile is not None:
        profile = pixel_profile if open_hearted else icc.anonymous(pixel_profile)
    elif mode.startswith("RGB") and (
        wanted in ("preserve_technical", "preserve_all") or "ICC" in output.metadata_fields
    ):
        profile = icc.srgb_profile()
    if wanted == "strip_all" or source is None:
        return Carried(icc=profile)
    if wanted == "preserve_technical":
        return Carried(exif=_chosen_exif(output, source, size, _technical), icc=profile, dpi=source.dpi)
    if wanted == "preserve_all":
        if output.strip_private:
            return Carried(exif=_chosen_exif(output, source, size, _anything), icc=profile, dpi=source.dpi)
        block = _whole_exif(output, source, size, notes)
        xmp, text = upright_xmp(source.xmp), tuple(source.text.items())
        return Carried(block, xmp, source.iptc, profile, source.dpi, source.comment, text)
    fields = output.metadata_fields
    numbers = {TAGS[name] for name in fields if name in TAGS}

    def named(ifd: int, tag: int, value: Any) -> bool:
        return "GPS" in fields if ifd == GPS else tag in numbers

    return Carried(
        exif=_chosen_exif(output, source, size, named),
        xmp=upright_xmp(source.xmp) if "XMP" in fields and open_hearted else None,
        iptc=source.iptc if "IPTC" in fields and open_hearted else None,
        icc=profile,
        dpi=source.dpi if "DPI" in fields else None,
        comment=source.comment if "COMMENT" in fields and open_hearted else None,
    )


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """An XMP packet that no longer turns the picture."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None


def _whole_exif(output: ImageOutput, source: SourceMetadata, size: tuple[int, int], notes: list[str]) -> bytes | None:
    block = exif_blocks.whole(source.raw_exif, size) if source.raw_exif else None
    if block is None or len(block) > 65_500:  # one JPEG segment; the other formats follow, so that all are alike
        block = _chosen_exif(output, source, size, lambda ifd, tag, value: True)
    if block is not None and len(block) > 65_500:
        block = _chosen_exif(output, source, size, lambda ifd, tag, value: tag != _B.MakerNote)
        notes.append("The camera's own notes (MakerNote) are too large for one EXIF block and were left out.")
    return block


def _chosen_exif(output: ImageOutput, source: SourceMetadata, size: tuple[int, int], keep: Any) -> bytes | None:
    srgb = output.color_profile == "srgb"

    def may_keep(ifd: int, tag: int, value: Any) -> bool:
        if output.strip_private and is_private(ifd, tag):
            return False
        if tag == _B.ColorSpace and srgb and value != 1:  # the pixels are sRGB now
            return False
        return bool(keep(ifd, tag, value))

    return exif_blocks.chosen(source.exif, may_keep, size)


def _anything(ifd: int, tag: int, value: Any) -> bool:
    return not (isinstance(value, str) and _TELLS_TOO_MUCH.search(value))


def _technical(ifd: int, tag: int, value: Any) -> bool:
    if ifd == GPS or tag in PRIVATE_TAGS:
        return False
    if tag in _TECHNICAL_TEXTS:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT and not _TELLS_TOO_MUCH.search(value)
    if tag not in _TECHNICAL_NUMBERS or isinstance(value, str):
        return False
    return not isinstance(value, bytes) or len(value) <= _LONGEST_BYTES


def _is_readable(exif: Image.Exif) -> bool:
    try:
        dict(exif.items())
    except DECODER_FAULTS:
        return False
    return True


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = float(value[0]), float(value[1])
    except DECODER_FAULTS:
        return None
    return (across, down) if 1 <= across <= 20_000 and 1 <= down <= 20_000 else None


def _texts(info: Mapping[Any, Any]) -> dict[str, str]:
    """A PNG's texts, but for packets that only look like text."""
    texts = {str(keyword): text for keyword, text in info.items() if isinstance(text, str)}
    return {k: text for k, text in texts.items() if not k.startswith(("Raw profile type", "XML:com.adobe.xmp"))}


def _iptc(image: Image.Image) -> bytes | None:
    resources = image.info.get("photoshop")
    if isinstance(resources, dict):
        return _bytes(resources.get(_IPTC_RECORD))
    tags = getattr(image, "tag_v2", None)
    try:
        return _bytes(tags.get(_IPTC_TIFF_TAG)) if tags is not None else None
    except DECODER_FAULTS:
        return None
