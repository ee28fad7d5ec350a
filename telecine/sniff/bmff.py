"""The ISO base media file format and its older QuickTime sibling (ISO 14496-12, HEIF 23008-12, QTFF)."""

from __future__ import annotations

from collections.abc import Iterator

from telecine.errors import ErrorCode, InputError
from telecine.sniff.result import Sniffed

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"msf1", b"mif2", b"heif"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "}
_FOREIGN_BRANDS = {b"crx ": "a Canon raw photo (CR3)", b"jp2 ": "a JPEG 2000 picture", b"jxl ": "a JPEG XL picture"}
# QuickTime files from before `ftyp` existed start with one of these.
_QUICKTIME_FIRST = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def recognise(head: bytes) -> Sniffed | None:
    """A HEIF picture, MP4, MOV or M4A, or None.

    Raises:
        InputError: UNSUPPORTED_MEDIA for relatives that aren't read (CR3, JPEG 2000, lone media segments).
    """
    first = head[4:8]
    if first == b"ftyp":
        return _by_brands(head)
    if first in (b"styp", b"moof", b"sidx"):
        raise InputError(
            ErrorCode.UNSUPPORTED_MEDIA,
            "This is one media segment of a stream; without its initialisation segment it can't be decoded.",
        )
    if first in _QUICKTIME_FIRST and _plausible_quicktime(head):
        return Sniffed("video", "mov", "video/quicktime")
    return None


def _by_brands(head: bytes) -> Sniffed:
    size = int.from_bytes(head[:4], "big")
    end = min(size if size >= 16 else 16, len(head), 1024)
    major = head[8:12]
    brands = {major} | {head[i : i + 4] for i in range(16, end - 3, 4)}
    for brand, what in _FOREIGN_BRANDS.items():
        if brand in brands:
            raise InputError(ErrorCode.UNSUPPORTED_MEDIA, f"This is {what}, which Telecine doesn't read.")
    if major in _AVIF_BRANDS:
        return Sniffed("image", "avif", "image/avif")
    if major in _HEIC_BRANDS:
        return Sniffed("image", "heic", "image/heic")
    if major in _HEIF_BRANDS:
        if brands & _AVIF_BRANDS:
            return Sniffed("image", "avif", "image/avif")
        return Sniffed("image", "heic", "image/heic" if brands & _HEIC_BRANDS else "image/heif")
    if major in _AUDIO_BRANDS or _only_sound(head):
        return Sniffed("audio", "m4a", "audio/mp4")
    if major == b"qt  ":
        return Sniffed("video", "mov", "video/quicktime")
    return Sniffed("video", "mp4", "video/mp4")


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, payload start and declared end of each box between two offsets; stops at nonsense."""
    at = start
    while at + 8 <= end:
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1 and at + 16 <= end:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header:
            return
        yield data[at + 4 : at + 8], at + header, at + size
        at += size


def _only_sound(head: bytes) -> bool:
    """True when the whole moov is in the head and has sound tracks but no picture track."""
    for kind, start, end in boxes(head, 0, len(head)):
        if kind == b"moov":
            return end <= len(head) and _handlers(head, start, end) == {b"soun"}
    return False


def _handlers(data: bytes, start: int, end: int) -> set[bytes]:
    """Handler types of a moov's tracks, of those that are sound or picture."""
    found = set()
    for kind, track, track_end in boxes(data, start, end):
        if kind != b"trak":
            continue
        for inner, media, media_end in boxes(data, track, track_end):
            if inner != b"mdia":
                continue
            for box, at, _ in boxes(data, media, media_end):
                if box == b"hdlr" and data[at + 8 : at + 12] in (b"soun", b"vide"):
                    found.add(data[at + 8 : at + 12])
    return found


def _plausible_quicktime(head: bytes) -> bool:
    """Whether sizes and the next box make sense, so that text that happens to say "free" isn't a film."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] == b"moov":
        return head[12:16] in (b"mvhd", b"cmov", b"prfl", b"udta", b"trak", b"iods")
    if head[4:8] == b"mdat":
        return size in (0, 1) or size >= 8
    if size < 8:
        return False
    if size + 8 > len(head):
        return True
    return head[size + 4 : size + 8] in _QUICKTIME_FIRST
