"""Rules about HLS playlists: what each says of its segments, and what the multivariant playlist says of them all.

Sources: Apple's HLS Authoring Specification, RFC 8216. Doesn't belong here: rules about variants' attributes
(variant_rules.py), groups of renditions (group_rules.py), or reading (hls_read.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from telecine.stream.verify import caption_rules, group_rules, iframe_rules, protection_rules, variant_rules
from telecine.stream.verify.hls_read import Multivariant, Playlist, read
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.segment_rules import check_aligned, check_lengths, check_objects, check_segments

_SLACK_S = 0.5  # Apple 7.7
_HALF_TICK_S = 0.0006  # EXTINF is often written with three decimals


@dataclass
class Presentation:
    """Everything one entry playlist leads to.

    Attributes:
        entry: None when the package was entered by a media playlist.
        playlists: media playlists by name, those that could be read.
        renditions: the same, measured.
    """

    entry: Multivariant | None
    playlists: dict[str, Playlist] = field(default_factory=dict)
    renditions: dict[str, Rendition] = field(default_factory=dict)

    def pictures(self) -> list[Rendition]:
        """Renditions with a picture, I-frames left out."""
        return [
            self.renditions[name]
            for name, playlist in self.playlists.items()
            if not playlist.iframes_only and self.renditions[name].kind == "video"
        ]

    def sounds(self) -> list[Rendition]:
        """Renditions of sound alone."""
        return [r for r in self.renditions.values() if r.kind == "audio"]

    def texts(self) -> list[Rendition]:
        """Renditions of subtitles."""
        return [r for r in self.renditions.values() if r.kind == "text"]


def verify_hls(session: Session, notes: Notebook, name: str) -> Presentation | None:
    """Look at an HLS package from its entry playlist on; None when that can't be read."""
    entry = read(session, notes, name)
    if entry is None:
        return None
    if isinstance(entry, Playlist):
        found = Presentation(None, {name: entry})
    else:
        found = Presentation(entry, _playlists(session, notes, entry))
    said = _kinds(found.entry)
    for name, playlist in found.playlists.items():
        measured = session.measure(playlist.pieces)
        found.renditions[name] = Rendition(name, playlist.pieces, measured, said.get(name, ""))
    for playlist in found.playlists.values():
        _check_playlist(session, notes, playlist, found.renditions[playlist.name])
    pictures = found.pictures()
    check_aligned(notes, pictures)
    _check_together(notes, found)
    iframe_rules.check(session, notes, found.entry, found.playlists, found.renditions)
    if found.entry is not None:
        variant_rules.check(session, notes, found.entry, found.playlists, found.renditions)
        group_rules.check(session, notes, found.entry, found.playlists, found.renditions)
        _check_independent(notes, found.entry, found)
    return found


def _kinds(entry: Multivariant | None) -> dict[str, str]:
    """What playlists hold, as the multivariant playlist says."""
    if entry is None:
        return {}
    said = {line.playlist: "video" if "resolution" in line.given else "audio" for line in entry.variants}
    named = {"AUDIO": "audio", "VIDEO": "video", "SUBTITLES": "text"}
    said |= {line.playlist: named.get(line.given.get("type", ""), "") for line in entry.media}
    return {name: kind for name, kind in said.items() if name is not None}


def _playlists(session: Session, notes: Notebook, entry: Multivariant) -> dict[str, Playlist]:
    found: dict[str, Playlist] = {}
    lines = (*entry.variants, *entry.iframes, *entry.media)
    for name in dict.fromkeys(line.playlist for line in lines if line.playlist is not None):
        if name == entry.name:
            notes.fail("RFC8216-4.1", name, "refers to itself")
            continue
        playlist = read(session, notes, name)
        if isinstance(playlist, Multivariant):
            notes.fail("RFC8216-4.1", name, "a multivariant playlist", "a media playlist")
        elif playlist is not None:
            found[name] = playlist
    return found


def _check_playlist(session: Session, notes: Notebook, playlist: Playlist, rendition: Rendition) -> None:
    name = playlist.name
    needed, why = playlist.needs
    notes.check("RFC8216-7", playlist.version >= needed, name, f"{needed} for {why}", str(playlist.version))
    notes.check("RFC8216-4.3.3.4", playlist.ended, name, "" if playlist.ended else "no EXT-X-ENDLIST")
    notes.check("APPLE-8.6", playlist.type == "VOD", name, playlist.type or "none", "VOD")
    for key, good in playlist.keys.items():
        notes.check("RFC8216-4.3.2.4", good, name, "", key)
    if not playlist.pieces:
        notes.fail("TC-FILES", name, "no segments")
        return
    longest = max(range(len(playlist.pieces)), key=lambda n: playlist.pieces[n].duration_s)
    length, target = playlist.pieces[longest].duration_s, playlist.target_s
    good = target is not None and int(length + 0.5) <= target
    said = "no EXT-X-TARGETDURATION" if target is None else f"{target} s"
    notes.check("RFC8216-4.3.3.1", good, name, f"{length:.3f} s in {rendition.where(longest)}", said)
    check_segments(session, notes, rendition) if not playlist.iframes_only else None
    check_objects(session, notes, rendition, "APPLE-8.20")
    whole = playlist.iframes_only and rendition.container is Container.MP4
    protection_rules.check_playlist(
        notes, playlist, iframe_rules.pictures_of(session, rendition) if whole else rendition
    )
    if rendition.container is Container.MP4:
        bare = sum(piece.init is None for piece in playlist.pieces)
        notes.check("APPLE-8.20", not bare, name, f"{bare} segments without EXT-X-MAP" if bare else "EXT-X-MAP")
    if not playlist.iframes_only:
        _check_durations(notes, playlist, rendition)


def _check_durations(notes: Notebook, playlist: Playlist, rendition: Rendition) -> None:
    """Declared lengths against the media's own clock."""
    kind = rendition.kind
    if kind not in ("video", "audio") or not rendition.whole:
        return
    frame = rendition.frame_s(kind) + _HALF_TICK_S
    begin: float | None = None
    declared = 0.0
    for number, stretch in rendition.known(kind):
        piece = playlist.pieces[number]
        if begin is None or piece.fresh:
            begin, declared = stretch.shown_s, 0.0
        declared += piece.duration_s
        end = stretch.shown_end_s
        following = rendition.stretches(kind)[number + 1] if number + 1 < len(playlist.pieces) else None
        if following is not None and not playlist.pieces[number + 1].fresh:
            end = following.shown_s
        where = rendition.where(number)
        off = abs(end - begin - declared)
        notes.check("APPLE-8.1", off <= frame, where, f"ends at {end - begin:.3f} s", f"{declared:.3f} s by EXTINF")
        if playlist.target_s is not None:
            length = end - stretch.shown_s
            notes.check(
                "APPLE-7.7", length <= playlist.target_s + _SLACK_S, where, f"{length:.3f} s", f"{playlist.target_s} s"
            )


def _check_together(notes: Notebook, found: Presentation) -> None:
    pictures, sounds = found.pictures(), found.sounds()
    targets = {r.name: found.playlists[r.name].target_s for r in (*pictures, *sounds)}
    for name, target in targets.items():
        first = next(iter(targets))
        notes.check("APPLE-8.2", target == targets[first], name, f"{target} s", f"{targets[first]} s in {first}")
    if pictures and found.entry is not None:
        for sound in sounds:
            check_lengths(notes, pictures[0], sound)
    for picture in pictures:
        if picture.any("audio"):
            check_lengths(notes, picture, picture)
    main = next(iter((*pictures, *sounds)), None)
    for text in found.texts():
        if main is None:
            continue
        caption_rules.check(notes, main, text)


def _check_independent(notes: Notebook, entry: Multivariant, found: Presentation) -> None:
    pictures = found.pictures()
    stretches = [stretch for r in pictures for _, stretch in r.known("video")]
    if not stretches or not all(stretch.clean for stretch in stretches):
        notes.skip("APPLE-9.11", "no rung whose segments all start with an IDR")
        return
    everywhere = all(found.playlists[r.name].independent for r in pictures)
    said = "there" if entry.independent else "only in media playlists" if everywhere else "missing"
    notes.check("APPLE-9.11", entry.independent, entry.name, said)
    notes.check("APPLE-9.12", entry.independent or everywhere, entry.name, said)
