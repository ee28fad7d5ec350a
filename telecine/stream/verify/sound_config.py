"""What a sound's decoder configuration says: its codec, how many channels it has, at which rate.

Source: ISO/IEC 14496-1 section 7.2.6 (descriptors), 14496-3 section 1.6 (AudioSpecificConfig), ETSI TS 102 366 annex F
(dac3), the Opus and FLAC bindings for ISOBMFF. Doesn't belong here: pictures, and finding sample entries (codecs.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}  # ISO/IEC 14496-3 table 1.19
_LC, _SBR, _PS = 2, 5, 29
_IMPLICIT_HZ = 24_000  # up to here plain AAC may be half of HE-AAC, which nothing tells (14496-3 section 1.6.5)
_AC3_RATES = (48000, 44100, 32000)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)


@dataclass(frozen=True, slots=True)
class SoundShape:
    """Numbers of channels and rates in Hz that may be declared of a sound; none where that can't be told."""

    channels: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()


UNKNOWN = SoundShape()


def aac_shape(object_type: int, rate: int, layout: int, extended: int = 0) -> SoundShape:
    """Of AAC by its audio object type, its core's rate and channel configuration.

    Args:
        extended: rate of its explicit spectral band replication; 0 without.
    """
    implicit = object_type == _LC and rate <= _IMPLICIT_HZ
    count = _AAC_CHANNELS.get(layout)
    stereo = count == 1 and (implicit or object_type in (_SBR, _PS))  # parametric, made of one channel
    rates = (rate, extended) if extended else (rate, 2 * rate) if implicit else (rate,)
    return SoundShape(() if count is None else (1, 2) if stereo else (count,), rates)


def sound_shape(kind: bytes, boxes: Mapping[bytes, bytes], descriptors: Mapping[int, bytes]) -> SoundShape:
    """Of a sample entry.

    Args:
        kind: its four letters.
        descriptors: of its esds box by tag.
    """
    if kind == b"mp4a" and descriptors.get(4, b"")[:1] == b"\x40":
        return _aac(descriptors.get(5, b""))
    if kind == b"Opus" and len(record := boxes.get(b"dOps", b"")) >= 8:
        return SoundShape((record[1],), (48_000, int.from_bytes(record[4:8], "big")))
    if kind == b"fLaC" and len(record := boxes.get(b"dfLa", b"")) >= 21:
        return SoundShape((((record[20] >> 1) & 7) + 1,), (int.from_bytes(record[18:21], "big") >> 4,))
    if kind == b"ac-3" and len(record := boxes.get(b"dac3", b"")) >= 3:
        word = int.from_bytes(record[:3], "big")
        count = _AC3_CHANNELS[word >> 11 & 7] + (word >> 10 & 1)
        return SoundShape((count,), _AC3_RATES[word >> 22 : (word >> 22) + 1])
    return UNKNOWN


def _aac(special: bytes) -> SoundShape:
    """Of an AudioSpecificConfig."""
    bits = _Bits(special)
    try:
        object_type = _object_type(bits)
        rate, layout = _rate(bits), bits.take(4)
        extended = _rate(bits) if object_type in (_SBR, _PS) else 0
    except IndexError:
        return UNKNOWN
    return aac_shape(object_type, rate, layout, extended)


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._word, self._left = int.from_bytes(data[:16], "big"), 8 * len(data[:16])

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError(count)
        return self._word >> self._left & (1 << count) - 1


def _object_type(bits: _Bits) -> int:
    first = bits.take(5)
    return first if first != 31 else 32 + bits.take(6)


def _rate(bits: _Bits) -> int:
    index = bits.take(4)
    return bits.take(24) if index == 15 else AAC_RATES[index]
