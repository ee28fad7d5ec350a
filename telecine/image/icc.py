"""Colour profiles as bytes: our own sRGB, and other people's without what they tell about them (ICC.1:2022).

A profile's header holds the time it was made, and monitor profiles hold names and serial numbers in their texts; only
what describes colours is kept.
"""

from __future__ import annotations

import struct
from functools import cache

from PIL import ImageCms

_HEADER_BYTES = 128
_COLOUR_TAGS = (
    {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"wtpt", b"bkpt", b"chad", b"cicp", b"gamt"}
    | {b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2"}
    | {b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"}
)
_MADE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # a date that says nothing, for programs that refuse zeros
_TOO_MANY = 200


@cache
def srgb_profile() -> bytes:
    """An sRGB profile, always the same bytes."""
    return anonymous(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), "sRGB") or b""


def anonymous(profile: bytes, name: str = "RGB") -> bytes | None:
    """A profile with the same colours, a neutral name, and nothing else; None when it is damaged."""
    try:
        (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
        if count > _TOO_MANY:
            return None
        tags = []
        for number in range(count):
            signature, at, size = struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * number)
            if at + size > len(profile):
                return None
            if signature in _COLOUR_TAGS:
                tags.append((signature, profile[at : at + size]))
    except struct.error:
        return None
    version = profile[8]
    tags += [(b"desc", _text(name, version, b"desc")), (b"cprt", _text("none", version, b"text"))]
    header = bytearray(profile[:_HEADER_BYTES])
    header[4:8] = bytes(4)  # who made it
    header[24:36] = _MADE
    header[40:44] = bytes(4)  # platform
    header[48:64] = bytes(16)  # device manufacturer, model, attributes
    header[80:] = bytes(_HEADER_BYTES - 80)  # creator and profile id
    return _assembled(header, tags)


def _assembled(header: bytearray, tags: list[tuple[bytes, bytes]]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}  # equal curves share their bytes
    for signature, data in tags:
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", signature, places[data], len(data))
    header[0:4] = struct.pack(">I", start + len(body))
    return bytes(header) + table + body


def _text(text: str, version: int, kind: bytes) -> bytes:
    """A text element: multiLocalizedUnicodeType in version 4, the older types before."""
    if version >= 4:
        wide = text.encode("utf-16-be")
        return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(wide), 28) + wide
    plain = text.encode("ascii") + b"\0"
    if kind == b"text":
        return b"text" + bytes(4) + plain
    return b"desc" + bytes(4) + struct.pack(">I", len(plain)) + plain + bytes(4 + 4 + 2 + 1 + 67)
