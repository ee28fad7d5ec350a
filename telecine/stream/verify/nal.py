"""NAL units of H.264 and H.265: finding them in a byte stream, and what a sequence parameter set says.

Source: ITU-T H.264 (annex B, sections 7.3.2.1, E.1.1), H.265 annex B. Doesn't belong here: containers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from telecine.stream.verify.window import Broken

_START = re.compile(b"\x00\x00\x01")
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}  # profiles with chroma fields
_SQUARE = {2: (12, 11), 3: (10, 11), 4: (16, 11), 5: (40, 33), 6: (24, 11), 7: (20, 11), 8: (32, 11), 9: (80, 33)}


@dataclass(frozen=True, slots=True)
class AvcPicture:
    """Pixels as stored and as shown, and the transfer characteristics (2: not said)."""

    width: int
    height: int
    display: tuple[int, int]
    transfer: int


def nal_units(data: bytes) -> Iterator[bytes]:
    """NAL units of an annex B byte stream, without their start codes."""
    starts = [match.end() for match in _START.finditer(data)]
    for number, start in enumerate(starts):
        end = starts[number + 1] - 3 if number + 1 < len(starts) else len(data)
        yield data[start:end]


def is_random_access(unit: bytes, *, hevc: bool) -> bool | None:
    """Whether a NAL unit belongs to an IDR (H.265: random access) picture; None when it holds no slice."""
    if not unit:
        return None
    kind = unit[0] >> 1 & 63 if hevc else unit[0] & 31
    if hevc:
        return 16 <= kind <= 23 if kind < 32 else None
    return kind == 5 if 1 <= kind <= 5 else None


def read_sps(unit: bytes) -> AvcPicture:
    """Size and colour from an H.264 sequence parameter set.

    Raises:
        Broken: it ends early or says nonsense.
    """
    bits = _Bits(unit.replace(b"\0\0\3", b"\0\0")[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.ue()
    chroma = 1
    if profile in _HIGH:
        chroma = bits.ue()
        if chroma == 3:
            bits.take(1)
        bits.ue()
        bits.ue()
        bits.take(1)
        if bits.take(1):
            for n in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _scaling_list(bits, 16 if n < 6 else 64)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take(1)
        bits.ue()
        bits.ue()
        for _ in range(min(bits.ue(), 255)):
            bits.ue()
    bits.ue()
    bits.take(1)
    across, down = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    left = right = top = bottom = 0
    if bits.take(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
    step_x, step_y = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}.get(chroma, (1, 1))
    width = across * 16 - step_x * (left + right)
    height = (2 - frames_only) * (down * 16 - step_y * (top + bottom))
    if width <= 0 or height <= 0:
        raise Broken("a picture without size")
    ratio, transfer = _vui(bits) if bits.take(1) else ((1, 1), 2)
    return AvcPicture(width, height, (round(width * ratio[0] / ratio[1]), height), transfer)


def _vui(bits: _Bits) -> tuple[tuple[int, int], int]:
    """Pixel aspect ratio and transfer characteristics."""
    ratio, transfer = (1, 1), 2
    if bits.take(1):
        code = bits.take(8)
        ratio = (bits.take(16), bits.take(16)) if code == 255 else _SQUARE.get(code, (1, 1))
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(8)
            transfer = bits.take(8)
    return (ratio if all(ratio) else (1, 1)), transfer


def _scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.ue()
            following = (last + (code + 1) // 2 * (1 if code & 1 else -1)) % 256
        last = following or last


class _Bits:
    """Bits of a byte string, first to last."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        if count > self._left:
            raise Broken("a parameter set ends early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (H.264 section 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise Broken("a number without end in a parameter set")
        return (1 << zeros) - 1 + self.take(zeros)
