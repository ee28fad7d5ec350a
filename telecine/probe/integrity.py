"""Looking at a container's outermost boxes: is the file whole, and which of its tracks are encrypted?

Pure reading of ISO base media boxes (ISO/IEC 14496-12 section 4.2), RIFF chunks and transport stream headers; ffprobe
doesn't say either thing in a way that can be relied on. Doesn't belong here: what is in a moov box (boxes.py), deciding
what a cut-off file is worth.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from telecine.probe.boxes import IsoTrack, iso_tracks

_MOOV_MAX = 64 * 1024**2
_BOXES_MAX = 200_000
_TS_PACKET, _TS_LOOK = 188, 20_000  # bytes; packets, 3.7 MB


@dataclass(frozen=True, slots=True)
class Integrity:
    """Attributes:
    missing_bytes: how much the last box promises beyond the end of the file; 0 when whole or unknown.
    index_missing: an ISO file without a moov box.
    tracks: of an ISO file, as its moov box tells them.
    scrambled: nearly all packets of a transport stream are encrypted (pay television).
    """

    missing_bytes: int = 0
    index_missing: bool = False
    tracks: tuple[IsoTrack, ...] = ()
    scrambled: bool = False


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
    if head[:1] == b"\x47":
        with path.open("rb") as f:
            return Integrity(scrambled=_scrambled(f.read(_TS_PACKET * _TS_LOOK)))
    return Integrity()


def _iso(f: BinaryIO, size: int) -> Integrity:
    offset, index, missing = 0, False, 0
    tracks: tuple[IsoTrack, ...] = ()
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
            head = 16 if struct.unpack_from(">I", header)[0] == 1 else 8
            f.seek(offset + head)
            tracks = tracks or iso_tracks(f.read(min(length - head, _MOOV_MAX)))
        if offset + length > size and (kind in (b"mdat", b"moov", b"moof", b"free")):
            missing = offset + length - size
        offset += length
    return Integrity(missing_bytes=missing, index_missing=not index, tracks=tracks)


def _scrambled(stream: bytes) -> bool:
    """Whether most packets with a payload say that it is scrambled (ISO/IEC 13818-1 section 2.4.3.3)."""
    payloads = scrambled = 0
    for offset in range(0, len(stream) - _TS_PACKET + 1, _TS_PACKET):
        if stream[offset] != 0x47:
            return False
        pid = (stream[offset + 1] & 0x1F) << 8 | stream[offset + 2]
        flags = stream[offset + 3]
        if pid >= 0x20 and pid != 0x1FFF and flags & 0x10:
            payloads += 1
            scrambled += flags >> 6 != 0
    return scrambled * 2 > payloads > 0
