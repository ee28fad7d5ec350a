"""What a HEIF file (AVIF, HEIC) says in its tables, which its decoders don't tell (ISO 23008-12, AV1 in ISO-BMFF).

Belongs here: reading the few boxes. Doesn't belong here: what follows from them (header.py, primaries.py).
"""

from __future__ import annotations

import struct
from pathlib import Path

from telecine.image.limits import ImageLimits, check_limits

_TABLE_BYTES = 65_536  # the tables stand first
_HDR_TRANSFERS = (16, 18)  # PQ and HLG, ISO 23091-2 table 3


def tables_of(path: Path) -> bytes:
    """The first bytes of the file."""
    with path.open("rb") as f:
        return f.read(_TABLE_BYTES)


def check_announced_sizes(path: Path, format: str, limits: ImageLimits) -> None:
    """Check the sizes in the file's own table (6.5.3 ispe), because the decoders' limits only say that the file is bad.

    Raises:
        InputError: LIMIT_EXCEEDED.
    """
    head = tables_of(path)
    at = head.find(b"ispe")
    while at >= 0:
        size = head[at + 8 : at + 16]
        if len(size) == 8:
            check_limits(format, "RGB", int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big"), limits)
        at = head.find(b"ispe", at + 4)


def code_points(head: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer function (ISO 23091-2) of the colr box; None without one."""
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return None
    primaries, transfer = struct.unpack_from(">HH", head, at + 8)
    return primaries, transfer


def is_hdr(head: bytes) -> bool:
    """Whether the transfer function is PQ or HLG."""
    found = code_points(head)
    return found is not None and found[1] in _HDR_TRANSFERS


def av1_bit_depth(head: bytes) -> int:
    """Bits per channel of an AVIF (2.3: high_bitdepth, twelve_bit)."""
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
