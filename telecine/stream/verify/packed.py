"""Sound frames that follow each other without a container: AAC in ADTS and MPEG audio.

Source: ISO/IEC 14496-3 (section 1.A.2.2, ADTS), ISO/IEC 11172-3 (section 2.4.1.3), RFC 8216 section 3.4 (packed audio).
"""

from __future__ import annotations

from dataclasses import dataclass

from telecine.stream.verify.sound_config import AAC_RATES, UNKNOWN, SoundShape, aac_shape
from telecine.stream.verify.window import Broken

_AAC_SAMPLES = 1024
_CLOCK = 90_000
_OWNER = b"com.apple.streaming.transportStreamTimestamp\0"  # RFC 8216 section 3.4
_KBITS = {  # by MPEG version (1, 2) and layer (3)
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True)
class Frames:
    """Sound frames: how many, how long each is in seconds, and their RFC 6381 codec."""

    count: int
    frame_s: float
    codec: str
    shape: SoundShape = UNKNOWN

    @property
    def duration_s(self) -> float:
        """All of them."""
        return self.count * self.frame_s


def looks_packed(head: bytes) -> bool:
    """Whether a file begins like packed audio: an ID3 tag, or a frame's sync word."""
    return head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def read_packed(data: bytes) -> tuple[float | None, Frames]:
    """A packed audio segment: its timestamp in seconds (None without one) and its frames.

    Raises:
        Broken: there is no frame of a known kind.
    """
    at, begin = 0, None
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = sum((data[at + 6 + n] & 0x7F) << 7 * (3 - n) for n in range(4))
        owner = data.find(_OWNER, at, at + 10 + size)
        if owner >= 0:
            stamp = data[owner + len(_OWNER) : owner + len(_OWNER) + 8]
            begin = (int.from_bytes(stamp, "big") & (1 << 33) - 1) / _CLOCK
        at += 10 + size
    sound = data[at:]
    if len(sound) > 1 and sound[1] & 0x06 == 0:  # layer 0 is ADTS
        return begin, adts_frames(sound)
    return begin, mpeg_frames(sound)


def adts_frames(data: bytes) -> Frames:
    """AAC frames with ADTS headers; a frame that is cut off at the end isn't counted.

    Raises:
        Broken: what should be a frame isn't.
    """
    at, count, object_type, rate, layout = 0, 0, 0, 0, 0
    while at + 7 <= len(data):
        if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            raise Broken(f"no AAC frame at byte {at} of the sound")
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        index = data[at + 2] >> 2 & 15
        if size < 7 or index >= len(AAC_RATES):
            raise Broken(f"a damaged AAC frame at byte {at} of the sound")
        rate, object_type = AAC_RATES[index], (data[at + 2] >> 6) + 1
        layout = (data[at + 2] & 1) << 2 | data[at + 3] >> 6
        at += size
        count += at <= len(data)
    if not count:
        raise Broken("no AAC frame")
    return Frames(count, _AAC_SAMPLES / rate, f"mp4a.40.{object_type}", aac_shape(object_type, rate, layout))


def mpeg_frames(data: bytes) -> Frames:
    """MPEG audio layer 3 frames.

    Raises:
        Broken: what should be a frame isn't.
    """
    at, count, length, shape = 0, 0, 0.0, UNKNOWN
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
            raise Broken(f"no MPEG audio frame at byte {at} of the sound")
        version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
        bits, index = data[at + 2] >> 4, data[at + 2] >> 2 & 3
        if version == 1 or layer != 1 or bits in (0, 15) or index == 3:
            raise Broken(f"a damaged MPEG audio frame at byte {at} of the sound")
        full = version == 3
        rate = (44100, 48000, 32000)[index] // {3: 1, 2: 2, 0: 4}[version]
        shape = SoundShape((1 if data[at + 3] >> 6 == 3 else 2,), (rate,))
        samples = 1152 if full else 576
        at += samples // 8 * _KBITS[1 if full else 2][bits] * 1000 // rate + (data[at + 2] >> 1 & 1)
        count, length = count + (at <= len(data)), samples / rate
    if not count:
        raise Broken("no MPEG audio frame")
    return Frames(count, length, "mp4a.40.34", shape)
