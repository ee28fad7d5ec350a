"""Names of metadata that `metadata: selective` can copy: EXIF tags by their names, and whole groups."""

from __future__ import annotations

from difflib import get_close_matches

from PIL import ExifTags

GROUPS = ("GPS", "ICC", "XMP", "IPTC", "DPI", "COMMENT")
"""Groups: every coordinate tag, the colour profile, the XMP packet, the IPTC record, resolution, the comment."""

_NEVER = {"ExifOffset", "GPSInfo", "JpegIFOffset", "JpegIFByteCount", "InteroperabilityIFD", "Orientation", "MakerNote"}
TAGS = {tag.name: int(tag) for tag in ExifTags.Base if tag.name not in _NEVER}
"""EXIF tag names to numbers. Left out: pointers, orientation (always upright), and MakerNote, whose inner addresses
break when it is moved and which hides serial numbers and coordinates."""


def unknown_field(name: str) -> str | None:
    """Why a field can't be copied; None when it can."""
    if name in TAGS or name in GROUPS:
        return None
    near = get_close_matches(name, [*GROUPS, *TAGS], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"metadata field {name!r} is unknown; {hint or 'there are'} the groups {', '.join(GROUPS)} and EXIF tag names "
        "such as Artist, Copyright, Make, Model, DateTimeOriginal, ExposureTime"
    )
