"""Containers other than MP4: Matroska (RFC 9559), AVI, MPEG-TS and PS (ISO 13818-1), FLV, Ogg (RFC 3533)."""

from __future__ import annotations

from telecine.sniff.result import Kind, Sniffed

_OGG_VIDEO = (b"\x80theora", b"\x01video", b"BBCD\0", b"OVP80")
_EBML_DOCTYPE = b"\x42\x82"
_SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0x83
_TRACK_TYPE_VIDEO, _TRACK_TYPE_AUDIO = 1, 2
_TS_SYNC = 0x47
_TS_PACKETS = 5  # five sync bytes in a row happen by chance once in 10^12
_TS_STRIDES = ((188, 0), (192, 4))  # plain, and M2TS with its 4-byte timestamp in front


def recognise(head: bytes) -> Sniffed | None:
    """A container of moving pictures (or Ogg and Matroska sound), or None."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska(head)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Sniffed("video", "avi", "video/x-msvideo")
    if head.startswith(b"FLV\x01"):
        return Sniffed("video", "flv", "video/x-flv")
    if head.startswith(b"OggS"):
        if any(mark in head[:4096] for mark in _OGG_VIDEO):
            return Sniffed("video", "ogg", "video/ogg")
        return Sniffed("audio", "ogg", "audio/ogg")
    # Pack header; the next bits tell MPEG-2 ('01') from MPEG-1 ('0010').
    if head.startswith(b"\0\0\x01\xba") and len(head) > 4 and (head[4] & 0xC0 == 0x40 or head[4] & 0xF0 == 0x20):
        return Sniffed("video", "mpegps", "video/mpeg")
    if _is_transport_stream(head):
        return Sniffed("video", "mpegts", "video/mp2t")
    return None


def _is_transport_stream(head: bytes) -> bool:
    for stride, start in _TS_STRIDES:
        packets = min(_TS_PACKETS, (len(head) - start) // stride)
        if packets >= 2 and all(head[start + i * stride] == _TS_SYNC for i in range(packets)):
            return True
    # A recording may start in the middle of a packet; then ask for more evidence.
    for start in range(1, min(188, len(head))):
        packets = (len(head) - start) // 188
        if packets < 2 * _TS_PACKETS:
            return False
        if all(head[start + i * 188] == _TS_SYNC for i in range(2 * _TS_PACKETS)):
            return True
    return False


def _matroska(head: bytes) -> Sniffed:
    at = head.find(_EBML_DOCTYPE, 4, 64)
    webm = at >= 0 and head[at + 3 : at + 7] == b"webm"
    audio = _track_types(head) == {_TRACK_TYPE_AUDIO}
    name = "webm" if webm else "mkv"
    kind: Kind = "audio" if audio else "video"
    return Sniffed(kind, name, f"{kind}/{'webm' if webm else 'x-matroska'}")


def _track_types(head: bytes) -> set[int]:
    """Types of the picture and sound tracks, when the Tracks element is in the head; otherwise empty."""
    found: set[int] = set()
    stack = [(0, len(head))]
    while stack:
        at, end = stack.pop()
        while at < end:
            element, length = _vint(head, at, keep_marker=True)
            size, size_length = _vint(head, at + length, keep_marker=False)
            if element is None or size is None:
                break
            start = at + length + size_length
            stop = min(end if size < 0 else start + size, len(head))
            if element in (_SEGMENT, _TRACKS, _TRACK_ENTRY):
                stack.append((start, stop))
                if element == _TRACKS and (size < 0 or start + size > len(head)):
                    return set()  # cut off: what isn't seen can't be ruled out
            elif element == _TRACK_TYPE:
                found.add(int.from_bytes(head[start:stop], "big"))
            at = stop
    return found & {_TRACK_TYPE_VIDEO, _TRACK_TYPE_AUDIO}


def _vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """An EBML variable-size integer (RFC 8794 section 4) and its length; -1 means "unknown size"."""
    if at >= len(data) or data[at] == 0:
        return None, 1
    length = 9 - data[at].bit_length()
    raw = int.from_bytes(data[at : at + length], "big")
    if at + length > len(data):
        return None, length
    if keep_marker:
        return raw, length
    value = raw & ((1 << (7 * length)) - 1)
    return (-1 if value == (1 << (7 * length)) - 1 else value), length
