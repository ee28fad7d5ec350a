"""The tracks of an ISO file as its moov box tells them: what ffprobe doesn't say about them.

Belongs here: walking boxes in memory, edit lists, sample entries of encrypted tracks (ISO/IEC 14496-12 sections 4.2,
8.5 and 8.6.6). Doesn't belong here: the outermost boxes (integrity.py), or anything that ffprobe says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from telecine.probe.tracks import Edit

# Sample entries of protected tracks: ISO/IEC 23001-7, Apple FairPlay.
_PROTECTED = frozenset({b"encv", b"enca", b"enct", b"encs", b"drms", b"drmi", b"p608"})
_TRACKS_MAX, _EDITS_MAX, _SIBLINGS_MAX = 1_000, 10_000, 100_000
_WHOLE_S = 0.001


@dataclass(frozen=True, slots=True)
class IsoTrack:
    """One trak box.

    Attributes:
        track_id: ffprobe's `id` of the stream.
        protected: its sample entry says that it is encrypted.
        edits: empty when there is no edit list, or when it only says "all of it".
    """

    track_id: int
    protected: bool
    edits: tuple[Edit, ...]


def iso_tracks(moov: bytes) -> tuple[IsoTrack, ...]:
    """The tracks of a moov box's content; a damaged one is left out."""
    boxes = list(_children(moov))
    movie_scale = next((_timescale(body) for kind, body in boxes if kind == b"mvhd"), 0)
    tracks: list[IsoTrack] = []
    for kind, body in boxes:
        if kind == b"trak" and len(tracks) < _TRACKS_MAX:
            try:
                tracks.append(_track(body, movie_scale))
            except (struct.error, LookupError):
                continue
    return tuple(tracks)


def _track(trak: bytes, movie_scale: int) -> IsoTrack:
    boxes = dict(_children(trak))
    header = boxes[b"tkhd"]
    (track_id,) = struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)
    media = dict(_children(boxes.get(b"mdia", b"")))
    tables = dict(_children(dict(_children(media.get(b"minf", b""))).get(b"stbl", b"")))
    entries = tables.get(b"stsd", b"")[8:]  # version, flags, number of entries
    protected = any(kind in _PROTECTED for kind, _ in _children(entries))
    scale = _timescale(media[b"mdhd"]) if b"mdhd" in media else 0
    edits = _edits(dict(_children(boxes.get(b"edts", b""))).get(b"elst", b""), scale, movie_scale)
    return IsoTrack(track_id, protected, edits)


def _edits(elst: bytes, scale: int, movie_scale: int) -> tuple[Edit, ...]:
    if len(elst) < 8 or not scale or not movie_scale:
        return ()
    layout = ">QqHH" if elst[0] == 1 else ">IiHH"
    size = struct.calcsize(layout)
    number = min(struct.unpack_from(">I", elst, 4)[0], (len(elst) - 8) // size, _EDITS_MAX)
    edits = []
    for n in range(number):
        length, at, _, _ = struct.unpack_from(layout, elst, 8 + n * size)
        edits.append(Edit(None if at < 0 else round(at / scale, 6), round(length / movie_scale, 6)))
    whole = len(edits) == 1 and edits[0].media_s is not None and edits[0].media_s < _WHOLE_S
    return () if whole else tuple(edits)


def _timescale(header: bytes) -> int:
    """Units in a second, of an mvhd or mdhd box; 0 when it says none."""
    try:
        return int(struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0])
    except (struct.error, IndexError):
        return 0


def _children(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in a box; what isn't whole is cut at its parent's end."""
    offset = 0
    for _ in range(_SIBLINGS_MAX):
        if offset + 8 > len(body):
            return
        length, kind = struct.unpack_from(">I4s", body, offset)
        head = 8
        if length == 1 and offset + 16 <= len(body):
            (length,) = struct.unpack_from(">Q", body, offset + 8)
            head = 16
        elif length == 0:
            length = len(body) - offset
        if length < head:
            return
        yield kind, body[offset + head : offset + length]
        offset += length
