"""Small facts about a source that its header tells and a person may want to know.

Belongs here: camera, resolution, how the file is compressed. Doesn't belong here: what decides how pixels are treated
(header.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from telecine.image.faults import DECODER_FAULTS

_LONGEST_NAME = 80
# ITU-T T.81 table K.1 in the zigzag order that files and Pillow keep; libjpeg scales it by the quality.
_LUMINANCE = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51),
    *(61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77),
    *(113, 121, 112, 100, 120, 92, 101, 103, 99),
)
_WELL_KNOWN = re.compile(
    r"(sRGB( IEC ?61966-2[.-]1| built-in)?|Display P3|DCI-?P3( D65)?|Adobe RGB \(1998\)|Apple RGB|ColorMatch RGB"
    r"|ProPhoto RGB|Wide Gamut RGB|Rec\.? ?(709|2020)[\w .-]{0,12}|Generic (RGB|Gray|CMYK)( Gamma 2\.2)?( Profile)?"
    r"|(Dot Gain|Gray Gamma) [\d.]+%?|U\.S\. (Web|Sheetfed) (Un)?[Cc]oated( \(SWOP\))? v2|(Un)?[Cc]oated FOGRA\d+"
    r"( \(ISO 12647-2:2004\))?|ISO [Cc]oated v2( 300%)?( \(ECI\))?|PSO [Cc]oated v3|Japan Color \d+ (Un)?[Cc]oated)$",
)
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>\s*)([1-8])""")
_XMP_GPS = re.compile(rb"exif:GPS(Latitude|Longitude)")


def camera(exif: Image.Exif) -> str | None:
    """Make and model as people say them: "Canon EOS 40D", not "Canon Canon EOS 40D"."""
    make, model = (_name(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    if make and model and model.lower().startswith(make.lower().split()[0]):
        make = ""
    return " ".join(part for part in (make, model) if part) or None


def dpi(image: Image.Image) -> tuple[float, float] | None:
    """Resolution across and down; None when there is none or it makes no sense."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except DECODER_FAULTS:
        return None
    return (across, down) if 1 <= across <= 100_000 and 1 <= down <= 100_000 else None


def compression(image: Image.Image, path: Path, format: str) -> str | None:
    """How the pixels are stored."""
    if format == "jpeg":
        return "progressive" if image.info.get("progressive") else "baseline"
    if format == "webp":
        with path.open("rb") as f:
            head = f.read(4096)
        return "lossless" if b"VP8L" in head else "lossy"
    if format in ("tiff", "bmp"):
        found = image.info.get("compression")
        return str(found) if found is not None else None
    return {"png": "deflate", "gif": "lzw", "avif": "av1", "heic": "hevc"}.get(format)


def jpeg_quality(image: Image.Image) -> int | None:
    """A JPEG's quality, by how its luminance table compares with libjpeg's (jpeg_quality_scaling)."""
    tables: dict[int, Any] = getattr(image, "quantization", None) or {}
    table = tables.get(0)
    if table is None or len(table) != len(_LUMINANCE):
        return None
    scale: float = 100 * sum(table) / sum(_LUMINANCE)
    quality = 100 - scale / 2 if scale <= 100 else 5000 / scale
    return max(1, min(100, round(quality)))


def has_coordinates(gps: Mapping[int, Any], xmp: Any) -> bool:
    """Whether the GPS tags or the XMP packet hold coordinates; many cameras write a version number only."""
    if {ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSDestLatitude} & gps.keys():
        return True
    return isinstance(xmp, bytes) and _XMP_GPS.search(xmp) is not None


def xmp_orientation(info: Mapping[str | tuple[int, int], Any]) -> int:
    """The orientation an XMP packet asks for, in spellings that Pillow doesn't know (single quotes, blanks); else 1."""
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    found = _XMP_ORIENTATION.search(packet.encode() if isinstance(packet, str) else packet)
    return int(found.group(1)) if found else 1


def public_profile_name(name: str | None) -> str | None:
    """A profile's name when it is a well-known one; others may name a monitor, a serial number or a person."""
    if name is None or name in ("damaged", "unnamed") or _WELL_KNOWN.match(name):
        return name
    return "custom"


def _name(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return re.sub(r"[^ -~]+", " ", value).strip()[:_LONGEST_NAME]
