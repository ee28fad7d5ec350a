"""Reading an MPEG transport stream segment: its tracks, their timestamps, and where pictures can be entered.

Source: ISO/IEC 13818-1 (sections 2.4.3, 2.4.4), RFC 8216 section 3.2. Doesn't belong here: NAL units (nal.py), sound
frames (packed.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from telecine.stream.verify.codecs import avc_codec
from telecine.stream.verify.nal import AvcPicture, is_random_access, nal_units, read_sps
from telecine.stream.verify.packed import Frames, adts_frames, mpeg_frames
from telecine.stream.verify.window import Broken

_PACKET = 188
_CLOCK = 90_000
_WRAP = 1 << 33
_NONE = -1
_AVC, _HEVC, _ADTS, _MP3 = 0x1B, 0x24, 0x0F, (0x03, 0x04)
_SAMPLE_AES = {0xDB: _AVC, 0xCF: _ADTS, 0xC1: 0x81, 0xC2: 0x87}  # Apple, MPEG-2 Stream Encryption Format for HLS
_SOUNDS = {0x81: "ac-3", 0x87: "ec-3", 0x11: "mp4a.40.2"}
_HEAD = 64 * 1024  # of a picture's bytes, kept to look for its first slice


@dataclass(slots=True)
class Stream:
    """One elementary stream of a segment, in the order of its bytes.

    Attributes:
        times: decode times of its PES packets, ticks of 90 kHz; `shown` their presentation times.
        enters: which of them a decoder can start with.
        sound: its frames; None for pictures.
        scheme: "cbcs" when its samples are encrypted (SAMPLE-AES); headers are clear all the same.
        skips: broken continuity counters inside the segment; `counters` are the first and the last one.
    """

    kind: str
    type: int
    times: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    enters: list[bool] = field(default_factory=list)
    codec: str = ""
    picture: AvcPicture | None = None
    sound: Frames | None = None
    scheme: str | None = None
    skips: int = 0
    counters: tuple[int, int] = (_NONE, _NONE)

    @property
    def frame(self) -> float:
        """Ticks from one frame to the next."""
        if self.sound is not None:
            return self.sound.frame_s * _CLOCK
        shown = sorted(self.shown)
        gaps = [b - a for a, b in pairwise(shown) if b > a]
        return median(gaps) if gaps else 0

    @property
    def samples(self) -> int:
        """Frames."""
        return self.sound.count if self.sound is not None else len(self.shown)


@dataclass(slots=True)
class _Collected:
    stream: Stream
    bodies: list[bytearray] = field(default_factory=list)
    flags: list[bool] = field(default_factory=list)


def read_transport(data: bytes) -> list[Stream]:
    """The elementary streams of a segment.

    Raises:
        Broken: it is no transport stream, is cut off in a packet, or has no tables.
    """
    if len(data) % _PACKET:
        raise Broken(f"{len(data)} bytes aren't whole packets of {_PACKET}")
    tables: dict[int, int] = {}
    found: dict[int, _Collected] = {}
    for at in range(0, len(data), _PACKET):
        if data[at] != 0x47:
            raise Broken(f"no sync byte at {at}")
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        starts, has_more, has_body = data[at + 1] & 0x40, data[at + 3] & 0x20, data[at + 3] & 0x10
        body, enters = at + 4, False
        if has_more:
            enters = bool(data[at + 4] and data[at + 5] & 0x40)
            body += 1 + data[at + 4]
        if not has_body or body >= at + _PACKET:
            continue
        payload = data[body : at + _PACKET]
        if pid == 0 and starts:
            tables |= _association(payload)
        elif pid in tables and starts and not found:
            found = {number: _Collected(_stream(type_)) for number, type_ in _map(payload).items()}
        elif pid in found:
            _collect(found[pid], payload, bool(starts), enters, data[at + 3] & 15)
    if not found:
        raise Broken("no program map at its start" if tables else "no program association at its start")
    return [_finished(collected) for collected in found.values() if collected.bodies]


def unwrapped(times: Sequence[int], after: int) -> list[int]:
    """33-bit times as plain numbers that go on from `after`."""
    result = []
    for time in times:
        step = (time - after) % _WRAP
        after += step if step < _WRAP // 2 else step - _WRAP
        result.append(after)
    return result


def _association(payload: bytes) -> dict[int, int]:
    """Program map PIDs."""
    section = _section(payload)
    pairs = [section[at : at + 4] for at in range(5, len(section) - 3, 4)]
    return {(p[2] & 0x1F) << 8 | p[3]: p[0] << 8 | p[1] for p in pairs if len(p) == 4 and (p[0] or p[1])}


def _map(payload: bytes) -> dict[int, int]:
    """Stream types by PID."""
    section = _section(payload)
    if len(section) < 9:
        return {}
    at = 9 + ((section[7] & 15) << 8 | section[8])
    streams = {}
    while at + 5 <= len(section):
        streams[(section[at + 1] & 0x1F) << 8 | section[at + 2]] = section[at]
        at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])
    return streams


def _section(payload: bytes) -> bytes:
    """A table's section from its id on, without header and checksum."""
    start = 1 + payload[0] if payload else 0
    if start + 3 > len(payload):
        return b""
    length = (payload[start + 1] & 15) << 8 | payload[start + 2]
    return payload[start + 3 : min(start + 3 + length - 4, len(payload))]


def _stream(type_: int) -> Stream:
    clear = _SAMPLE_AES.get(type_, type_)
    return Stream(_kind(clear), clear, scheme="cbcs" if clear != type_ else None)


def _kind(type_: int) -> str:
    if type_ in (_AVC, _HEVC, 0x01, 0x02, 0x10):
        return "video"
    return "audio" if type_ in (_ADTS, *_MP3, *_SOUNDS) else "data"


def _collect(collected: _Collected, payload: bytes, starts: bool, enters: bool, counter: int) -> None:
    stream = collected.stream
    first, last = stream.counters
    if last != _NONE and counter != (last + 1) & 15:
        stream.skips += 1
    stream.counters = (counter if first == _NONE else first, counter)
    if not starts:
        if collected.bodies and (stream.kind == "audio" or len(collected.bodies[-1]) < _HEAD):
            collected.bodies[-1] += payload
        return
    if payload[:3] != b"\0\0\1" or len(payload) < 9:
        raise Broken("a packet that should begin a PES packet doesn't")
    flags = payload[7] >> 6
    shown = _time(payload[9:14]) if flags & 2 else _NONE
    if shown != _NONE:
        stream.shown.append(shown)
        stream.times.append(_time(payload[14:19]) if flags == 3 else shown)
        collected.bodies.append(bytearray(payload[9 + payload[8] :]))
        collected.flags.append(enters)
    elif collected.bodies:
        collected.bodies[-1] += payload[9 + payload[8] :]


def _time(field_: bytes) -> int:
    if len(field_) < 5:
        raise Broken("a timestamp is cut off")
    a, b, c, d, e = field_
    return (a & 14) << 29 | b << 22 | (c & 254) << 14 | d << 7 | e >> 1


def _finished(collected: _Collected) -> Stream:
    stream = collected.stream
    if stream.kind == "audio":
        sound = b"".join(collected.bodies)
        if stream.type == _ADTS:
            stream.sound = adts_frames(sound)
        elif stream.type in _MP3:
            stream.sound = mpeg_frames(sound)
        stream.codec = stream.sound.codec if stream.sound else _SOUNDS.get(stream.type, "")
        stream.enters = [True] * len(stream.times)
    elif stream.kind == "video":
        hevc = stream.type == _HEVC
        stream.codec = "hvc1" if hevc else ""
        for number, body in enumerate(collected.bodies):
            stream.enters.append(_enters(bytes(body), collected.flags[number], stream, hevc=hevc))
    return stream


def _enters(body: bytes, flagged: bool, stream: Stream, *, hevc: bool) -> bool:
    """Whether a decoder can start with this picture; on the way its parameter set is read."""
    if stream.type not in (_AVC, _HEVC):
        return flagged
    for unit in nal_units(body):
        if not hevc and unit[:1] and unit[0] & 31 == 7 and not stream.codec:
            stream.codec = avc_codec(unit)
            stream.picture = read_sps(unit)
        answer = is_random_access(unit, hevc=hevc)
        if answer is not None:
            return answer
    return flagged
