"""PNG chunks that Pillow is too strict or too late about (PNG third edition, sections 5.3 and 13.2)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SIGNATURE_BYTES = 8
_ANCILLARY = 0x20  # bit 5 of a chunk type's first byte: decoders may ignore the chunk
_ANCILLARY_MAX = 64 << 20  # a colour profile or comment larger than this isn't worth reading


def mended_png(path: Path) -> io.BytesIO | None:
    """The PNG without its damaged ancillary chunks (profile, EXIF, text); None when there are none.

    Pillow refuses the whole picture for them; browsers don't, since no pixel depends on them.
    """
    damaged = []
    with path.open("rb") as f:
        for kind, at, size in _chunks(f):
            if kind == b"IDAT":
                break
            if kind[0] & _ANCILLARY and size <= _ANCILLARY_MAX:
                f.seek(at)
                payload, crc = f.read(size), f.read(4)
                if len(crc) == 4 and zlib.crc32(kind + payload) != int.from_bytes(crc, "big"):
                    damaged.append((at - 8, at + size + 4))
        if not damaged:
            return None
        f.seek(0)
        data = bytearray(f.read())
    for start, end in reversed(damaged):
        del data[start:end]
    return io.BytesIO(data)


def late_exif(path: Path) -> bytes | None:
    """The eXIf chunk of a PNG that has it behind the pixels, where Pillow finds it only after decoding."""
    with path.open("rb") as f:
        for kind, at, size in _chunks(f):
            if kind == b"eXIf" and size <= _ANCILLARY_MAX:
                f.seek(at)
                payload, crc = f.read(size), f.read(4)
                return payload if zlib.crc32(kind + payload) == int.from_bytes(crc.ljust(4), "big") else None
    return None


def _chunks(f: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Type, payload offset and payload size of each chunk; stops where the file does."""
    at = _SIGNATURE_BYTES
    while True:
        f.seek(at)
        header = f.read(8)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header)
        yield kind, at + 8, size
        at += size + 12
