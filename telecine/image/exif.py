"""EXIF blocks for outputs: the source's own block made true for the output, or a new one of chosen tags.

Belongs here: bytes and tags (EXIF 2.32, TIFF 6.0 section 2). Doesn't belong here: which tags an output may carry
(metadata.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from telecine.image.faults import DECODER_FAULTS

_PREFIX = b"Exif\0\0"
_ORIENTATION = int(ExifTags.Base.Orientation)
_WIDTH, _HEIGHT = int(ExifTags.Base.ExifImageWidth), int(ExifTags.Base.ExifImageHeight)
_EXIF = int(ExifTags.IFD.Exif)
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12
# What describes the stored pixels rather than the photo: wrong for any output.
STRUCTURE = frozenset(
    int(tag)
    for tag in (
        ExifTags.Base.Orientation,
        ExifTags.Base.ImageWidth,
        ExifTags.Base.ImageLength,
        ExifTags.Base.BitsPerSample,
        ExifTags.Base.Compression,
        ExifTags.Base.PhotometricInterpretation,
        ExifTags.Base.SamplesPerPixel,
        ExifTags.Base.PlanarConfiguration,
        ExifTags.Base.YCbCrSubSampling,
        ExifTags.Base.StripOffsets,
        ExifTags.Base.StripByteCounts,
        ExifTags.Base.RowsPerStrip,
        ExifTags.Base.TileOffsets,
        ExifTags.Base.TileByteCounts,
        ExifTags.Base.TileWidth,
        ExifTags.Base.TileLength,
        ExifTags.Base.Predictor,
        ExifTags.Base.ColorMap,
        ExifTags.Base.ExtraSamples,
        ExifTags.Base.SampleFormat,
        ExifTags.Base.JPEGTables,
        ExifTags.Base.JpegIFOffset,
        ExifTags.Base.JpegIFByteCount,
        ExifTags.Base.NewSubfileType,
        ExifTags.Base.SubfileType,
        ExifTags.Base.FillOrder,
        ExifTags.Base.TransferFunction,
        ExifTags.Base.InterColorProfile,
        ExifTags.Base.SubIFDs,
        ExifTags.Base.XMLPacket,
        ExifTags.Base.IPTCNAA,
        ExifTags.Base.ImageResources,
        ExifTags.Base.ReferenceBlackWhite,
        ExifTags.Base.YCbCrPositioning,
        ExifTags.Base.YCbCrCoefficients,
    )
)


def whole(raw: bytes, size: tuple[int, int]) -> bytes | None:
    """A source's EXIF block with everything in its place: upright, the output's size, without the embedded thumbnail.

    Patched rather than written anew, because a MakerNote breaks when it is moved. None when it isn't sound.
    """
    block = bytearray(raw.removeprefix(_PREFIX))
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    try:
        if order is None:
            return None
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        entries = _entries(block, order, first)
        _set(block, order, entries, _ORIENTATION, 1)
        if _EXIF in entries:
            (inner,) = struct.unpack_from(f"{order}I", block, entries[_EXIF] + 8)
            sizes = _entries(block, order, inner)
            _set(block, order, sizes, _WIDTH, size[0])
            _set(block, order, sizes, _HEIGHT, size[1])
        _without_thumbnail(block, order, first + 2 + len(entries) * _ENTRY_BYTES)
    except struct.error:
        return None
    return _PREFIX + bytes(block)


def chosen(exif: Image.Exif, may_keep: Callable[[int, int, Any], bool], size: tuple[int, int]) -> bytes | None:
    """A new block of chosen tags.

    Args:
        may_keep: called with directory (0, or an `ExifTags.IFD`), tag and value.
        size: the output's; written only when the source had said its own.
    """
    made = Image.Exif()
    anything = False
    for ifd, tags in directories(exif):
        kept: dict[int, Any] = {}
        for tag, value in tags.items():
            if tag in STRUCTURE or not may_keep(ifd, tag, value):
                continue
            if tag in (_WIDTH, _HEIGHT):
                value = size[tag == _HEIGHT]
            if _writable(tag, value):
                kept[tag] = value
        if kept:  # an empty directory would still be pointed to
            (made if ifd == 0 else made.get_ifd(ifd)).update(kept)
            anything = True
    if not anything:
        return None
    try:
        return made.tobytes()
    except DECODER_FAULTS:
        return None


def directories(exif: Image.Exif) -> Iterable[tuple[int, dict[int, Any]]]:
    """The directories of a block that can be read, with their tags; pointers between them are left out."""
    pointers = {int(ifd) for ifd in ExifTags.IFD}
    yield 0, {int(tag): value for tag, value in exif.items() if tag not in pointers}
    for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            tags = dict(exif.get_ifd(ifd))
        except DECODER_FAULTS:
            continue
        yield int(ifd), {int(tag): value for tag, value in tags.items() if tag not in pointers}


def _writable(tag: int, value: Any) -> bool:
    """Whether a tag can be written alone; damaged values can't."""
    if not isinstance(value, int | float | str | bytes | IFDRational | tuple):
        return False
    trial = Image.Exif()
    trial[tag] = value
    try:
        trial.tobytes()
    except DECODER_FAULTS:
        return False
    return True


def _entries(block: bytearray, order: str, at: int) -> dict[int, int]:
    """Tag to offset of its entry."""
    (count,) = struct.unpack_from(f"{order}H", block, at)
    found: dict[int, int] = {}
    for number in range(count):
        place = at + 2 + number * _ENTRY_BYTES
        (tag, _, _, _) = struct.unpack_from(f"{order}HHII", block, place)
        found.setdefault(tag, place)
    if len(found) != count:
        raise struct.error("a tag is there twice")
    return found


def _set(block: bytearray, order: str, entries: dict[int, int], tag: int, value: int) -> None:
    if tag not in entries:
        return
    place = entries[tag]
    _, kind, count = struct.unpack_from(f"{order}HHI", block, place)
    if count != 1 or kind not in (_SHORT, _LONG):
        raise struct.error("not a single number")
    struct.pack_into(f"{order}H2x" if kind == _SHORT else f"{order}I", block, place + 8, value)


def _without_thumbnail(block: bytearray, order: str, pointer: int) -> None:
    """Cut the link to the second directory, and blank the thumbnail that it names.

    It shows the source uncropped, and often upside down.
    """
    (second,) = struct.unpack_from(f"{order}I", block, pointer)
    if second:
        entries = _entries(block, order, second)
        offset, length = (int(t) for t in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount))
        if offset in entries and length in entries:
            (at,) = struct.unpack_from(f"{order}I", block, entries[offset] + 8)
            (size,) = struct.unpack_from(f"{order}I", block, entries[length] + 8)
            end = min(at + size, len(block))
            if end == len(block) and at > second:
                del block[at:]
            elif at < end:
                block[at:end] = bytes(end - at)
        struct.pack_into(f"{order}I", block, pointer, 0)
