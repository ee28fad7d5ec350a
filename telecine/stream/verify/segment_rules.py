"""Rules about segments, whoever lists them: whole, cut at keyframes, without gaps, at the same instants on every rung.

Doesn't belong here: what playlists (hls_rules.py) and manifests (dash_rules.py) say of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container, Stretch
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook

_KEYFRAMES_S = 2.5  # "every two seconds": a GOP is a whole number of frames, and segments aren't always even
_ROUNDING_S = 0.0015  # clocks of a millisecond
_SEALED = "segments are encrypted whole (AES-128): nothing can be seen inside without the key"
_TYPES = {  # Apple 10.4, with what DASH-IF names beside it
    Container.MP4: ("video/mp4", "audio/mp4", "application/mp4", "video/iso.segment", "audio/iso.segment"),
    Container.TS: ("video/mp2t",),
    Container.PACKED: ("audio/aac", "audio/mpeg", "audio/ac3", "audio/eac3"),
    Container.VTT: ("text/vtt", "text/plain"),
}


def seconds(value: float) -> str:
    """Seconds for a report."""
    return f"{value:.3f} s"


def check_segments(session: Session, notes: Notebook, rendition: Rendition) -> None:
    """What each segment of a rendition, and each beside the next, must be."""
    for number, found in enumerate(rendition.measured):
        piece = rendition.pieces[number]
        if piece.media is None:
            continue  # noted where the reference was resolved
        where = rendition.where(number)
        notes.check("TC-FILES", not found.missing, where, found.fault or f"{found.size} bytes")
        if found.missing:
            continue
        rule = "TC-VTT" if found.container is Container.VTT else "TC-WHOLE"
        if found.container is Container.SEALED:
            for sealed in ("TC-WHOLE", "APPLE-7.4", "APPLE-1.13", "APPLE-7.3", "APPLE-8.22", "APPLE-8.3"):
                notes.skip(sealed, _SEALED)
        else:
            notes.check(rule, not found.fault, where, found.fault or f"{found.size} bytes of {found.container}")
        _check_type(session, notes, piece.media.name, found.container)
    for kind in ("video", "audio"):
        _check_continuity(notes, rendition, kind)
    _check_entry_points(notes, rendition)


def check_objects(session: Session, notes: Notebook, rendition: Rendition, rule: str) -> None:
    """Initialisation sections, under the protocol's rule for them."""
    sections = {piece.init: piece.init_sealed for piece in rendition.pieces if piece.init is not None}
    for init, sealed in sections.items():
        if rendition.container is Container.TS:
            continue  # tables of a transport stream: read with its segments
        if sealed:
            notes.check("TC-FILES", session.there(init), str(init))
            notes.skip(rule, _SEALED)
            continue
        found = session.init(init)
        notes.check("TC-FILES", not found.missing, str(init), found.fault)
        if not found.missing:
            kinds = ", ".join(f"{track.kind} {track.entry.codec if track.entry else ''}" for track in found.tracks)
            notes.check(rule, not found.fault, str(init), found.fault or kinds)
            _check_type(session, notes, init.name, Container.MP4)


def check_aligned(notes: Notebook, pictures: Sequence[Rendition]) -> None:
    """All rungs are cut at the same instants, by their own clocks."""
    known = [r for r in pictures if r.whole and r.any("video")]
    if len(known) < 2:
        if len(pictures) < 2:
            notes.skip("APPLE-8.22", "there is one rung only")
        return
    first = known[0]
    cuts = [stretch.shown_s for _, stretch in first.known("video")]
    for other in known[1:]:
        half = max(_ROUNDING_S, min(first.frame_s("video"), other.frame_s("video")) / 2)
        own = [stretch.shown_s for _, stretch in other.known("video")]
        if len(own) != len(cuts):
            notes.fail("APPLE-8.22", other.name, f"{len(own)} segments", f"{len(cuts)} in {first.name}")
            continue
        far = max(range(len(cuts)), key=lambda n: abs(own[n] - cuts[n]), default=0)
        at = "" if not cuts else f"segment {far + 1} begins at {own[far]:.3f} s"
        beside = "" if not cuts else f"{cuts[far]:.3f} s in {first.name}"
        notes.check("APPLE-8.22", not cuts or abs(own[far] - cuts[far]) <= half, other.name, at, beside)


def check_lengths(notes: Notebook, picture: Rendition, sound: Rendition) -> None:
    """Picture and sound begin and end together, within a frame of whichever has the longer frames."""
    seen, heard = picture.span("video"), sound.span("audio")
    if seen is None or heard is None:
        return
    allowed = max(picture.frame_s("video"), sound.frame_s("audio")) + _ROUNDING_S
    good = abs(seen[0] - heard[0]) <= allowed and abs(seen[1] - heard[1]) <= allowed
    notes.check(
        "APPLE-8.3",
        good,
        f"{sound.name} beside {picture.name}",
        f"sound {heard[0]:.3f} to {heard[1]:.3f} s",
        f"picture {seen[0]:.3f} to {seen[1]:.3f} s, a frame is {allowed:.3f} s",
    )


def _check_continuity(notes: Notebook, rendition: Rendition, kind: str) -> None:
    transport = rendition.container is Container.TS
    rule = "APPLE-7.2" if transport else "APPLE-7.3"
    if rendition.container is Container.PACKED:
        return  # its timestamps are optional
    stretches = rendition.stretches(kind)
    for number, stretch in rendition.known(kind):
        # Sound of a transport stream is rounded to its clock, and its frames may straddle segments.
        allowed = stretch.frame_s * (1.5 if transport else 0.99) + _ROUNDING_S * transport
        where = rendition.where(number)
        if abs(stretch.gap_s) > allowed:
            notes.fail(rule, where, f"a gap of {stretch.gap_s:.3f} s inside", "none")
        if stretch.skips:
            notes.fail(rule, where, f"{stretch.skips} packets are missing inside", "none")
        before = stretches[number - 1] if number else None
        if before is not None and not rendition.pieces[number].fresh:
            gap = stretch.begin_s - before.end_s
            _check_counters(notes, where, before, stretch)
            notes.check(
                rule, abs(gap) <= allowed, where, f"begins at {seconds(stretch.begin_s)}", seconds(before.end_s)
            )


def _check_counters(notes: Notebook, where: str, before: Stretch, stretch: Stretch) -> None:
    """Continuity counters go on from one segment of a transport stream to the next."""
    if before.counters is None or stretch.counters is None:
        return
    due, found = (before.counters[1] + 1) % 16, stretch.counters[0]
    if found != due:
        notes.fail("APPLE-7.2", where, f"{stretch.kind} begins with continuity counter {found}", str(due))


def _check_entry_points(notes: Notebook, rendition: Rendition) -> None:
    keys: list[float] = []
    last: Stretch | None = None
    for number, stretch in rendition.known("video"):
        where = rendition.where(number)
        notes.check("APPLE-7.4", stretch.clean, where, "" if stretch.clean else "starts with another frame", "IDR")
        keys += stretch.syncs
        last = stretch
    if last is None or not rendition.whole or any(piece.fresh for piece in rendition.pieces):
        return
    keys.sort()
    apart = max((b - a for a, b in pairwise([*keys, last.shown_end_s])), default=0.0)
    notes.check("APPLE-1.13", apart <= _KEYFRAMES_S, rendition.name, f"{apart:.3f} s apart", "2 s")


def _check_type(session: Session, notes: Notebook, name: str, container: Container) -> None:
    said = session.place.content_type(name)
    if said is None:
        notes.skip("APPLE-10.4", "nothing is said of types in a directory")
    elif container in _TYPES:
        notes.check("APPLE-10.4", said in _TYPES[container], name, said, " or ".join(_TYPES[container][:2]))
