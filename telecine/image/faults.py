"""Where decoders' many exceptions become our errors: one code and one sentence each.

Pillow and its plugins raise almost anything on damaged input (SyntaxError, struct.error, TypeError, ...). The fuzz
test in tests/unit/image shows that the tuple below is enough; anything outside it would be a fault of our own.
"""

from __future__ import annotations

import errno
import struct
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageCms, UnidentifiedImageError

from telecine.errors import ErrorCode, InputError, ResourceError, SystemFault, TelecineError

DECODER_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    AttributeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)
"""What Pillow, pillow-heif and lcms raise for damaged files."""

_TAIL_BYTES = 65_536


@contextmanager
def within_means(format: str) -> Iterator[None]:
    """Name a lack of memory or disk; everything else is a fault of ours and passes through.

    Raises:
        ResourceError: OUT_OF_MEMORY or DISK_FULL.
        SystemFault: INTERNAL when a working file can't be read or written.
    """
    try:
        yield
    except MemoryError as e:
        raise ResourceError(
            ErrorCode.OUT_OF_MEMORY, f"There was not enough memory to work on this {label(format)}.", _tail(e)
        ) from e
    except OSError as e:
        if e.errno is None:
            raise
        raise _file_fault(e) from e


@contextmanager
def decoding(path: Path, format: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an error with a code.

    Raises:
        InputError: TRUNCATED_MEDIA when the file stops early, else CORRUPT_MEDIA.
        ResourceError: OUT_OF_MEMORY or DISK_FULL.
        SystemFault: INTERNAL when the file could not be read at all.
    """
    try:
        with within_means(format):
            yield
    except TelecineError:
        raise
    except DECODER_FAULTS as e:
        if "truncated" in str(e).lower() or is_cut_off(path, format):
            raise InputError(
                ErrorCode.TRUNCATED_MEDIA,
                f"This {label(format)} ends before its last pixel; the upload was probably cut off.",
                _tail(e),
            ) from e
        rare = " or stored in a rare way that isn't supported" if isinstance(e, UnidentifiedImageError) else ""
        raise InputError(
            ErrorCode.CORRUPT_MEDIA,
            f"This file starts like {article(format)} {label(format)} but can't be decoded; it is damaged{rare}.",
            _tail(e),
        ) from e


def label(format: str) -> str:
    """A format's name as people write it."""
    return {"webp": "WebP"}.get(format, format.upper())


def article(format: str) -> str:
    """The word before a format's name."""
    return "an" if format == "avif" else "a"


def is_cut_off(path: Path, format: str) -> bool:
    """Whether the file's own structure says that its end is missing. False when the format can't tell."""
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(64)
        if format in ("avif", "heic"):
            return _boxes_reach_beyond(path, size)
        f.seek(max(0, size - _TAIL_BYTES))
        tail = f.read()
    if format == "jpeg":
        return b"\xff\xd9" not in tail[-4096:]
    if format == "png":
        return b"IEND" not in tail
    if format == "gif":
        return not tail.rstrip(b"\0").endswith(b";")
    if format == "webp":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if format == "bmp":
        return int.from_bytes(head[2:6], "little") > size
    return False


def _boxes_reach_beyond(path: Path, size: int) -> bool:
    """Whether a top-level box of an ISO-BMFF file is longer than the file."""
    at = 0
    with path.open("rb") as f:
        while at + 8 <= size:
            f.seek(at)
            header = f.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length == 0:  # "to the end of the file"
                return False
            if length < 8:
                return False
            at += length
    return at != size


def _file_fault(error: OSError) -> ResourceError | SystemFault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(ErrorCode.DISK_FULL, "The scratch disk is full.", _tail(error))
    if error.errno == errno.ENOMEM:
        return ResourceError(ErrorCode.OUT_OF_MEMORY, "There was not enough memory to read the file.", _tail(error))
    return SystemFault(
        ErrorCode.INTERNAL, f"A working file couldn't be read or written: {error.strerror}.", _tail(error)
    )


def _tail(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-2000:]
