"""Looking at a container's outermost boxes: is the file whole, and is it encrypted?

Pure reading of ISO base media boxes (ISO/IEC 14496-12 section 4.2), RIFF chunks and EBML sizes; ffprobe doesn't say
either thing in a way that can be relied on. Doesn't belong here: deciding what a cut-off file is worth.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MOOV_MAX = 64 * 1024**2
_BOXES_MAX = 200_000
# Sample entries of protected tracks: ISO/IEC 23001-7 (encv, enca), Apple FairPlay (drms, drmi).
_PROTECTED = (b"encv", b"enca", b"drms", b"drmi")


@dataclass(frozen=True, slots=True)
class Integrity:
    """Attributes:
    missing_bytes: how much the last box promises beyond the end of the file; 0 when whole or unknown.
    index_missing: an ISO file without a moov box.
    protected: a track's sample entry says that it is encrypted.
    """

    missing_bytes: int = 0
    index_missing: bool = False
    protected: bool = False


def inspect(path: Path) -> Integrity:
    """What the outermost structure of a file says; an unknown container gives the defaults."""
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(16)
        f.seek(0)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"):
            return _iso(f, size)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        promised = struct.unpack_from("<I", head, 4)[0] + 8
        # Streamed files and recorders that lost power write 0 or the largest number they know.
        return Integrity(missing_bytes=max(0, promised - size) if 8 < promised < 0x7FFFF000 else 0)
    return Integrity()


def _iso(f: BinaryIO, size: int) -> Integrity:
    offset, index, protected, missing = 0, False, False, 0
    for _ in range(_BOXES_MAX):
        if offset + 8 > size:
            break
        f.seek(offset)
        header = f.read(16)
        length, kind = struct.unpack_from(">I4s", header)
        if length == 1 and len(header) == 16:
            length = struct.unpack_from(">Q", header, 8)[0]
        elif length == 0:  # to the end of the file
            length = size - offset
        if length < 8:
            break  # garbage after the last box
        if kind == b"moov":
            index = True
            body = f.read(min(length, _MOOV_MAX))
            protected = any(_is_sample_entry(body, name) for name in _PROTECTED)
        if offset + length > size and (kind in (b"mdat", b"moov", b"moof", b"free")):
            missing = offset + length - size
        offset += length
    return Integrity(missing_bytes=missing, index_missing=not index, protected=protected)


def _is_sample_entry(moov: bytes, name: bytes) -> bool:
    """Whether the moov holds a box of that name whose six reserved bytes are zero, as a sample entry's are."""
    at = moov.find(name)
    while at >= 0:
        if moov[at + 4 : at + 10] == bytes(6):
            return True
        at = moov.find(name, at + 1)
    return False
