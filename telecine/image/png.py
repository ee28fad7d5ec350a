"""PNG chunks that Pillow is too strict or too late about (PNG third edition, sections 5.3 and 13.2)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import PngImagePlugin

_SIGNATURE_BYTES = 8
_ANCILLARY = 0x20  # bit 5 of a chunk type's first byte: decoders may ignore the chunk
_ANCILLARY_MAX = 64 << 20  # a colour profile or comment larger than this isn't worth reading
_UNPACKED_MAX = 16 << 20  # printers' profiles have megabytes; a thousand times that is a bomb
_PACKED = (b"zTXt", b"iTXt", b"iCCP")
_TEXTS = frozenset({"tEXt", "zTXt", "iTXt", "tIME", "eXIf", "iCCP"})
# Pillow's own limit is 1 MB, and it refuses the whole picture beyond.
PngImagePlugin.MAX_TEXT_CHUNK = _UNPACKED_MAX


def mended_png(path: Path) -> io.BytesIO | None:
    """The PNG without its damaged or exploding ancillary chunks (profile, EXIF, text); None when there are none.

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
                broken = zlib.crc32(kind + payload) != int.from_bytes(crc, "big")
                if len(crc) == 4 and (broken or (kind in _PACKED and _is_bomb(payload))):
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


def metadata_chunks(data: bytes) -> set[str]:
    """Kinds of chunks in a PNG that can carry something beside pixels."""
    return {kind.decode("latin-1") for kind, _, _ in _chunks(io.BytesIO(data))} & _TEXTS


def _is_bomb(payload: bytes) -> bool:
    """Whether a packed chunk unpacks to more than is reasonable. Deflate packs a thousandfold at best."""
    if len(payload) < _UNPACKED_MAX // 1100:
        return False
    for start in range(len(payload.split(b"\0", 1)[0]), min(len(payload), 400)):
        try:
            unpacked = zlib.decompressobj().decompress(payload[start:], _UNPACKED_MAX + 1)
        except zlib.error:
            continue
        return len(unpacked) > _UNPACKED_MAX
    return False


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
