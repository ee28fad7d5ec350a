"""Rules about encryption: what is encrypted is said to be, by its scheme and key id, and nothing else is.

Source: RFC 8216 section 4.3.2.4, ISO/IEC 23001-7, ISO/IEC 23009-1 section 5.8.4.1. Doesn't belong here: finding sample
entries (init_section.py), opening what is encrypted whole (sealed.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from telecine.stream.verify.hls_read import Playlist
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container, Measured, Piece
from telecine.stream.verify.mpd_read import Representation
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook

_METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}  # RFC 8216bis section 4.4.4.4
_NO_ID = "no key id is declared"


def check_playlist(notes: Notebook, playlist: Playlist, rendition: Rendition) -> None:
    """EXT-X-KEY beside the samples of each segment.

    Args:
        rendition: of I-frame playlists, the segments whole.
    """
    for number, (piece, found) in enumerate(zip(rendition.pieces, rendition.measured, strict=True)):
        where = f"{playlist.name}, {rendition.where(number)}"
        if piece.seal is not None:
            if found.container is Container.SEALED:
                notes.check("RFC8216-4.3.2.4-scheme", not found.fault, where, found.fault, "METHOD=AES-128")
            continue
        if found.container is Container.PACKED or not found.stretches:
            continue  # the headers of encrypted packed sound are clear, and captions always are
        _check_methods(notes, where, piece, found)
        _check_ids(
            notes,
            where,
            [key.id for key in piece.keys if key.id],
            {stretch.kid for stretch in found.stretches if stretch.kid},
        )


def check_representation(session: Session, notes: Notebook, said: Representation, rendition: Rendition) -> None:
    """ContentProtection beside the sample entries of initialisation segments."""
    sections = dict.fromkeys(piece.init for piece in said.pieces if piece.init is not None)
    entries = [entry for init in sections for track in session.init(init).tracks for entry in track.entries]
    stretches = [stretch for found in rendition.measured for stretch in found.stretches]
    if not entries and not stretches:
        return
    schemes = {scheme for scheme in (*(e.scheme for e in entries), *(s.scheme for s in stretches)) if scheme}
    declared = {protection.scheme for protection in said.protections}
    good = schemes == declared if schemes else not said.protected
    measured = " and ".join(sorted(schemes)) or "clear samples"
    words = ", ".join(sorted(declared)) or ("ContentProtection without mp4protection" if said.protected else "none")
    notes.check("DASH-5.8.4.1", good, said.id, measured, words)
    if schemes and declared:
        ids = {kid for kid in (*(e.kid for e in entries), *(s.kid for s in stretches)) if kid}
        named = [kid for protection in said.protections for kid in protection.key_ids]
        notes.check("TC-KID", bool(named), said.id, ", ".join(ids), ", ".join(named) or "no default_KID")
        _check_ids(notes, said.id, named, ids)


def _check_methods(notes: Notebook, where: str, piece: Piece, found: Measured) -> None:
    schemes = {stretch.scheme for stretch in found.stretches if stretch.scheme}
    methods = {key.method for key in piece.keys}
    needed = {_METHODS.get(scheme, f"none for {scheme}") for scheme in schemes}
    measured = " and ".join(sorted(schemes)) or "clear samples"
    said = ", ".join(f"METHOD={method}" for method in sorted(methods)) or "no EXT-X-KEY"
    notes.check("RFC8216-4.3.2.4-scheme", methods == needed, where, measured, said)


def _check_ids(notes: Notebook, where: str, declared: Iterable[str], real: set[str]) -> None:
    if not real or not declared:
        notes.skip("TC-KID", _NO_ID)
        return
    strange = [kid for kid in declared if kid not in real]
    notes.check("TC-KID", not strange, where, ", ".join(sorted(real)), ", ".join(strange or sorted(real)))
