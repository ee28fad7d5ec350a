"""Sound: by signature (FLAC, WAV, AIFF, ID3) and by a run of frame headers (MPEG ISO 11172-3, ADTS ISO 13818-7)."""

from __future__ import annotations

from collections.abc import Callable

from telecine.sniff.result import Sniffed

_MP3 = Sniffed("audio", "mp3", "audio/mpeg")
_AAC = Sniffed("audio", "aac", "audio/aac")
_FLAC = Sniffed("audio", "flac", "audio/flac")

_FRAMES = 4  # consecutive frame headers that make a sync word more than chance
_GARBAGE_MAX = 16_384  # leading padding before the first frame that players skip as well

# kbit/s by [MPEG-1 layer 1, 2, 3, MPEG-2 layer 1, layers 2 and 3] (ISO 11172-3 2.4.2.3, ISO 13818-3 2.4.2.3)
_BITRATES = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits


def recognise(head: bytes) -> Sniffed | None:
    """A sound file with a signature at byte 0, or None."""
    if head.startswith(b"fLaC"):
        return _FLAC
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return Sniffed("audio", "wav", "audio/wav")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Sniffed("audio", "aiff", "audio/aiff")
    if head.startswith(b"ID3") and len(head) >= 10:
        return _after_id3(head)
    return None


def recognise_by_sync(head: bytes) -> Sniffed | None:
    """MP3 or ADTS AAC without any signature: several frames in a row, perhaps after padding; or None."""
    at = head.find(b"\xff")
    while 0 <= at < _GARBAGE_MAX:
        if _chain(head, at, _mpeg_frame_bytes):
            return _MP3
        if _chain(head, at, _adts_frame_bytes):
            return _AAC
        at = head.find(b"\xff", at + 1)
    return None


def _after_id3(head: bytes) -> Sniffed:
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))  # syncsafe
    body = head[10 + size :]
    if body.startswith(b"fLaC"):
        return _FLAC
    return _AAC if _chain(body, 0, _adts_frame_bytes) else _MP3


def _chain(data: bytes, at: int, frame_bytes: Callable[[bytes, int], int | None]) -> bool:
    """Whether enough frames follow one another; a short file may end exactly after two or more."""
    for frames in range(_FRAMES):
        if frames >= 2 and at == len(data):
            return True
        size = frame_bytes(data, at)
        if size is None:
            return False
        at += size
    return True


def _mpeg_frame_bytes(data: bytes, at: int) -> int | None:
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    rate_index, sample_index, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index in (0, 15) or sample_index == 3:
        return None
    table = layer - 1 if version == 3 else (3 if layer == 1 else 4)
    bits_per_second, sample_rate = _BITRATES[table][rate_index] * 1000, _SAMPLE_RATES[version][sample_index]
    if layer == 1:
        return (12 * bits_per_second // sample_rate + padding) * 4
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * bits_per_second // sample_rate + padding


def _adts_frame_bytes(data: bytes, at: int) -> int | None:
    if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:
        return None
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return size if size >= 7 else None
