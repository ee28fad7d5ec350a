"""Rules about I-frame playlists: each range frames one picture that can be decoded alone.

Source: RFC 8216 section 4.3.3.6, Apple's HLS Authoring Specification section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from telecine.stream.verify import variant_rules
from telecine.stream.verify.codecs import same_codec
from telecine.stream.verify.hls_read import Line, Multivariant, Playlist
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container, Piece
from telecine.stream.verify.place import Missing
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import Broken, Extent, whole_number

_WITHIN = 0.10
_FRAME_S = 0.1  # where frames can't be seen
_ROUNDING_S = 0.0005  # of an EXTINF with three decimals
_SEALED = "a range of a segment that is encrypted whole can't be decrypted alone"


def check(
    session: Session,
    notes: Notebook,
    entry: Multivariant | None,
    playlists: Mapping[str, Playlist],
    renditions: Mapping[str, Rendition],
) -> None:
    """Every I-frame playlist, and the variants that name them."""
    for name, playlist in playlists.items():
        if playlist.iframes_only:
            for number, piece in enumerate(playlist.pieces):
                _check_range(session, notes, renditions[name].where(number), piece)
    pictures = [r for name, r in renditions.items() if r.kind == "video" and not playlists[name].iframes_only]
    for name, playlist in playlists.items():
        if playlist.iframes_only and pictures:
            _check_length(notes, renditions[name], pictures)
    if entry is None:
        return
    if any(piece.seal for r in pictures for piece in r.pieces):
        notes.skip("APPLE-6.1", _SEALED)
    elif pictures:
        notes.check("APPLE-6.1", bool(entry.iframes), entry.name, f"{len(entry.iframes)} I-frame variants")
    for line in entry.iframes:
        notes.check("APPLE-9.3", bool(line.given.get("codecs")), line.where, "", line.given.get("codecs", "no CODECS"))
        found = playlists.get(line.playlist or "")
        if found is None:
            continue
        notes.check("APPLE-6.8", found.iframes_only, found.name, "" if found.iframes_only else "no EXT-X-I-FRAMES-ONLY")
        rendition = renditions[found.name]
        whole = pictures_of(session, rendition)
        variant_rules.check_size(notes, line, whole, "APPLE-9.4")
        variant_rules.check_range(notes, line, whole)
        _check_codecs(notes, line, whole)
        peak, declared = rendition.peak_bps(found.target_s or 0), whole_number(line.given.get("bandwidth"))
        if peak is not None and declared is not None:
            most = max(peak, rendition.heaviest_bps)
            good = peak * (1 - _WITHIN) <= declared <= most * (1 + _WITHIN)
            notes.check("APPLE-6.9", good, line.where, f"{peak:.0f} bit/s", f"{declared} bit/s")


def _check_length(notes: Notebook, frames: Rendition, pictures: Sequence[Rendition]) -> None:
    """An EXTINF of an I-frame lasts until the next one, the last one until the end: together they are everything."""
    length = frames.declared_s
    rung = min(pictures, key=lambda picture: abs(picture.declared_s - length))
    allowed = (rung.frame_s("video") or _FRAME_S) + _ROUNDING_S * len(frames.pieces)
    good = abs(rung.declared_s - length) <= allowed
    notes.check(
        "RFC8216-4.3.3.6-duration",
        good,
        frames.name,
        f"{length:.3f} s in {len(frames.pieces)} I-frames",
        f"{rung.declared_s:.3f} s in {rung.name}",
    )


def _check_codecs(notes: Notebook, line: Line, whole: Rendition) -> None:
    """CODECS of I-frames are those of the picture; of sound in the same segments nothing need be said."""
    seen = [stretch.codec for _, stretch in whole.known("video")][:1]
    heard = [stretch.codec for _, stretch in whole.known("audio")][:1]
    declared = [codec.strip() for codec in line.given.get("codecs", "").split(",") if codec.strip()]
    if declared and seen and seen[0]:
        pictures = [codec for codec in declared if not any(same_codec(codec, sound) for sound in heard)]
        variant_rules.compare_codecs(notes, "TC-CODECS", line.where, pictures, seen)


def _check_range(session: Session, notes: Notebook, where: str, piece: Piece) -> None:
    if piece.media is None:
        return
    if piece.seal:
        notes.skip("RFC8216-4.3.3.6", _SEALED)
        return
    whole = Piece(Extent(piece.media.name), 0.0, piece.init)
    found = session.measure([whole])[0]
    notes.check("TC-FILES", not found.missing, where, found.fault)
    if found.missing:
        return
    if found.container is Container.TS:
        _check_transport(session, notes, where, piece)
        return
    stretch = found.of("video")
    if stretch is None:
        notes.skip("RFC8216-4.3.3.6", "no picture that can be read")
        return
    start = piece.media.start
    end = start + piece.media.length if piece.media.length is not None else found.size
    inside = [sync for sync in stretch.frames if start <= sync.start and sync.end <= end]
    one = len(inside) == 1 and inside[0].end == end
    # What comes before the frame may only be headers.
    one = one and (inside[0].start == start or (inside[0].first_in_moof and start <= inside[0].moof))
    nearest = min(stretch.frames, key=lambda sync: abs(sync.end - end), default=None)
    real = f"bytes {nearest.moof if nearest.first_in_moof else nearest.start} to {nearest.end}" if nearest else "none"
    notes.check(
        "RFC8216-4.3.3.6", one, where, f"{len(inside)} frames; the nearest is {real}", f"bytes {start} to {end}"
    )
    try:
        head = session.window(Extent(piece.media.name)).at(start, 8)
    except (Broken, Missing):
        head = b""
    kind = head[4:8].decode("ascii", "replace")
    notes.check("APPLE-6.10", kind in ("moof", "styp", "emsg", "prft", "sidx"), where, f"begins with {kind!r}", "moof")


def _check_transport(session: Session, notes: Notebook, where: str, piece: Piece) -> None:
    found = session.measure([piece])[0]
    stretch = found.of("video")
    good = not found.fault and stretch is not None and stretch.samples == 1 and stretch.clean
    said = found.fault or (f"{stretch.samples} frames" if stretch else "no picture")
    notes.check("RFC8216-4.3.3.6", good, where, said, "one I-frame")


def pictures_of(session: Session, rendition: Rendition) -> Rendition:
    """The same objects whole: a range alone is cut off in the middle of a fragment."""
    pieces = tuple(
        replace(piece, media=Extent(piece.media.name)) for piece in rendition.pieces if piece.media is not None
    )
    return Rendition(rendition.name, pieces, session.measure(pieces))
