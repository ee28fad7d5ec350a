"""Still pictures with a signature at byte 0 (JPEG, PNG, GIF, WebP, BMP, TIFF). AVIF and HEIC are in bmff."""

from __future__ import annotations

import struct

from telecine.errors import ErrorCode, InputError
from telecine.sniff.result import Sniffed

_BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}  # BITMAPCOREHEADER ... BITMAPV5HEADER
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and BigTIFF
_TAG_NEW_SUBFILE_TYPE = 254
_TAG_SUB_IFDS = 330
_TAG_DNG_VERSION = 50706  # Adobe DNG 1.7, chapter 4


def recognise(head: bytes) -> Sniffed | None:
    """A still picture, or None.

    Raises:
        InputError: UNSUPPORTED_MEDIA for camera raw files, which look like TIFF but hold only a tiny preview as such.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return Sniffed("image", "jpeg", "image/jpeg")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Sniffed("image", "png", "image/png")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Sniffed("image", "gif", "image/gif")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Sniffed("image", "webp", "image/webp")
    if head[:2] == b"BM" and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return Sniffed("image", "bmp", "image/bmp")
    if head.startswith(_TIFF_STARTS):
        if raw := _camera_raw(head):
            raise InputError(
                ErrorCode.UNSUPPORTED_MEDIA,
                f"This is {raw}, which Telecine doesn't develop; export it as JPEG, TIFF or HEIC.",
            )
        return Sniffed("image", "tiff", "image/tiff")
    return None


def _camera_raw(head: bytes) -> str | None:
    """Name of the raw format when a TIFF's first directory is that of a camera raw file."""
    if head[8:10] == b"CR" and head[2:4] in (b"*\0", b"\0*"):
        return "a Canon raw photo (CR2)"
    if head[2:4] not in (b"*\0", b"\0*"):
        return None
    order = "<" if head[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", head, 4)
        (count,) = struct.unpack_from(f"{order}H", head, at)
        entries = {}
        for i in range(min(count, 200)):
            tag, _, _, value = struct.unpack_from(f"{order}HHII", head, at + 2 + 12 * i)
            entries[tag] = value
    except struct.error:
        return None  # the directory lies further back: an ordinary TIFF
    if _TAG_DNG_VERSION in entries:
        return "a DNG raw photo"
    if entries.get(_TAG_NEW_SUBFILE_TYPE, 0) & 1 and _TAG_SUB_IFDS in entries:
        return "a camera raw photo"
    return None
