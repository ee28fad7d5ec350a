"""A source's whole metadata as JSON, for the owner's eyes only (`keep_details`).

Belongs here: making EXIF, XMP, IPTC and texts JSON-ready. Doesn't belong here: where it is stored (image_task.py; never
in the public bucket).
"""

from __future__ import annotations

from typing import Any

from PIL import ExifTags
from PIL.TiffImagePlugin import IFDRational

from telecine.image.exif import directories
from telecine.image.faults import DECODER_FAULTS
from telecine.image.header import ImageFacts
from telecine.image.metadata import GPS, SourceMetadata

_LONGEST_BYTES = 2_000
_LONGEST_TEXT = 200_000


def details_of(facts: ImageFacts, source: SourceMetadata) -> dict[str, Any]:
    """The metadata by names, with orientation and coordinates lifted out."""
    exif: dict[str, Any] = {}
    gps: dict[str, Any] = {}
    for ifd, tags in directories(source.exif):
        for tag, value in tags.items():
            if ifd == GPS:
                gps[ExifTags.GPSTAGS.get(tag, f"0x{tag:04x}")] = _plain(value)
            else:
                exif[ExifTags.TAGS.get(tag, f"0x{tag:04x}")] = _plain(value)
    return {
        "orientation": facts.orientation,
        "camera": facts.camera,
        "coordinates": _coordinates(gps),
        "dpi": list(source.dpi) if source.dpi else None,
        "icc_profile": facts.icc_name,
        "exif": exif,
        "gps": gps,
        "iptc": _iptc(source.iptc),
        "xmp": source.xmp.decode("utf-8", "replace")[:_LONGEST_TEXT] if source.xmp else None,
        "comment": _plain(source.comment),
        "text": {key: value[:_LONGEST_TEXT] for key, value in source.text.items()},
    }


def _plain(value: Any) -> Any:
    """A tag's value as JSON knows it; what isn't a number is null, long binary data is cut."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        if text.isascii() and text.decode("ascii").isprintable():
            return text.decode("ascii")[:_LONGEST_TEXT]
        return "0x" + value[:_LONGEST_BYTES].hex()
    if isinstance(value, IFDRational | float):
        try:
            number = float(value)
        except (ZeroDivisionError, OverflowError):
            return None
        return number if number == number and abs(number) != float("inf") else None
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if isinstance(value, str | int | None) else str(value)


def _coordinates(gps: dict[str, Any]) -> dict[str, float] | None:
    """Latitude and longitude in degrees, north and east positive."""
    try:
        latitude = _degrees(gps["GPSLatitude"], gps.get("GPSLatitudeRef") == "S")
        longitude = _degrees(gps["GPSLongitude"], gps.get("GPSLongitudeRef") == "W")
    except (KeyError, TypeError, ValueError):
        return None
    return {"latitude": latitude, "longitude": longitude}


def _degrees(parts: list[float], negative: bool) -> float:
    degrees, minutes, seconds = (*parts, 0.0, 0.0)[:3]
    value = round(degrees + minutes / 60 + seconds / 3600, 7)
    return -value if negative else value


def _iptc(record: bytes | None) -> dict[str, Any]:
    """Data sets of an IPTC record by "record:number"."""
    if not record:
        return {}
    found: dict[str, Any] = {}
    at = 0
    try:
        while at + 5 <= len(record) and record[at] == 0x1C:
            size = int.from_bytes(record[at + 3 : at + 5], "big")
            found.setdefault(f"{record[at + 1]}:{record[at + 2]}", []).append(
                record[at + 5 : at + 5 + size].decode("utf-8", "replace")
            )
            at += 5 + size
    except DECODER_FAULTS:
        return found
    return found
