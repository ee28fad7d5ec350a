"""Rules about MPDs: what a manifest says of its periods, sets and representations.

Source: ISO/IEC 23009-1 section 5.3, DASH-IF interoperability points. Doesn't belong here: reading (mpd_read.py), or
rules about segments themselves (segment_rules.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from telecine.stream.verify import protection_rules
from telecine.stream.verify.group_rules import LANGUAGE
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container, Measured
from telecine.stream.verify.mpd_read import Mpd, Period, Representation, read
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.segment_rules import check_aligned, check_lengths, check_objects, check_segments
from telecine.stream.verify.variant_rules import compare_codecs, frame_rates, same_rate
from telecine.stream.verify.window import whole_number

_WITHIN = 0.10
_COVERS_S = 0.1
_ROUNDING_S = 0.0015
_MPEG, _CICP = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "urn:mpeg:mpegB:cicp:ChannelConfiguration"
_LAYOUTS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 9: 3, 10: 4, 11: 7, 12: 8, 14: 8}  # ISO/IEC 23091-3
_KINDS = ("video", "audio", "text", "image")


@dataclass(frozen=True)
class Offer:
    """An MPD with every representation as declared and as measured."""

    mpd: Mpd
    representations: tuple[tuple[Representation, Rendition], ...]

    def of(self, kind: str) -> list[Rendition]:
        """Renditions declared as "video", "audio" or "text"; those for scrubbing left out."""
        return [rendition for said, rendition in self.representations if said.kind == kind and not _trick(said)]


def verify_dash(session: Session, notes: Notebook, name: str) -> Offer | None:
    """Look at a DASH package from its MPD on; None when that can't be read."""
    mpd = read(session, notes, name)
    if mpd is None:
        return None
    _check_head(notes, mpd)
    found: list[tuple[Representation, Rendition]] = []
    for period in mpd.periods:
        measured = [
            (r, Rendition(r.id, r.pieces, session.measure(r.pieces) if r.kind != "image" else _weighed(session, r)))
            for r in period.representations
        ]
        _check_period(session, notes, period, measured)
        for representation, rendition in measured:
            _check_bandwidth(notes, mpd, representation, rendition)
        found += measured
    _check_total(notes, mpd, [rendition for _, rendition in found])
    return Offer(mpd, tuple(found))


def _weighed(session: Session, representation: Representation) -> tuple[Measured, ...]:
    """Pictures of a thumbnail track: only whether they are there."""
    plain = session.measure(representation.pieces)
    return tuple(
        Measured(m.size, Container.OTHER, fault=m.fault if m.missing else "", missing=m.missing) for m in plain
    )


def _check_head(notes: Notebook, mpd: Mpd) -> None:
    kind = mpd.given.get("type", "static")
    notes.check("DASH-5.3.1.2", kind == "static", mpd.name, kind, "static")
    for needed in ("profiles", "minBufferTime"):
        notes.check("DASH-5.3.1.2", needed in mpd.given, mpd.name, f"{needed}={mpd.given.get(needed, 'missing')}")
    there = mpd.duration_s is not None
    notes.check("DASH-5.3.1.2-duration", there, mpd.name, "" if there else "no mediaPresentationDuration")
    total = [period.declared_s for period in mpd.periods]
    if mpd.duration_s is not None and all(length is not None for length in total):
        length = sum(length or 0.0 for length in total)
        good = abs(length - mpd.duration_s) <= _ROUNDING_S * len(total)
        notes.check("DASH-5.3.1.2-duration", good, mpd.name, f"{length:.3f} s of periods", f"{mpd.duration_s:.3f} s")


def _check_period(
    session: Session, notes: Notebook, period: Period, measured: list[tuple[Representation, Rendition]]
) -> None:
    where = f"Period {period.id}"
    notes.check(
        "TC-PERIOD",
        period.declared_s is not None,
        where,
        "",
        "no duration" if period.declared_s is None else f"{period.declared_s:.3f} s",
    )
    notes.check("DASH-5.3.3.2", bool(measured), where, f"{len(measured)} representations")
    ids = Counter(representation.given["id"] for representation, _ in measured)
    for representation, rendition in measured:
        _check_representation(session, notes, period, representation, rendition, ids[representation.given["id"]])
    sets: dict[int, list[tuple[Representation, Rendition]]] = {}
    for representation, rendition in measured:
        sets.setdefault(representation.set_number, []).append((representation, rendition))
    pictures = [
        rendition
        for representation, rendition in measured
        if representation.kind == "video" and not _trick(representation)
    ]
    for members in sets.values():
        if members[0][0].kind == "video" and not _trick(members[0][0]):
            check_aligned(notes, [rendition for _, rendition in members])
    sounds = [(representation, rendition) for representation, rendition in measured if representation.kind == "audio"]
    for _, sound in sounds:
        if pictures:
            check_lengths(notes, pictures[0], sound)
    heard = {representation.set_number: representation for representation, _ in sounds}
    if len(heard) > 1:
        main = sum("main" in representation.roles for representation in heard.values())
        notes.check("DASH-5.8.4.2", main >= 1, where, f"{main} of {len(heard)} sounds have the role main", "one")
    else:
        notes.skip("DASH-5.8.4.2", "no choice of sounds")


def _trick(representation: Representation) -> bool:
    """Whether a representation is there for scrubbing only (DASH-IF IOP 4.3 section 3.2.9)."""
    return representation.trick or "maxPlayoutRate" in representation.given


def _check_representation(
    session: Session, notes: Notebook, period: Period, said: Representation, rendition: Rendition, same_id: int
) -> None:
    good = bool(said.given["id"]) and same_id == 1
    notes.check("DASH-5.3.3.2", good, said.id, "" if good else f"{same_id} times" if said.given["id"] else "no id")
    known = said.kind in _KINDS and bool(said.given.get("mimeType"))
    notes.check("DASH-5.3.3.2", known, said.id, said.given.get("mimeType", "no mimeType"), said.kind)
    notes.check("DASH-5.3.9", not said.fault, said.id, said.fault or f"{len(said.pieces)} segments")
    if not said.pieces:
        return
    if said.kind == "image":
        for number, found in enumerate(rendition.measured):
            notes.check("TC-FILES", not found.missing, rendition.where(number), found.fault)
        return
    check_segments(session, notes, rendition)
    check_objects(session, notes, rendition, "DASH-5.3.9.2")
    for init in dict.fromkeys(piece.init for piece in said.pieces if piece.init is not None):
        kinds = {track.kind for track in session.init(init).tracks}
        if kinds and said.kind in ("video", "audio", "text"):
            notes.check("DASH-5.3.9.2", said.kind in kinds, str(init), ", ".join(sorted(kinds)), said.kind)
    protection_rules.check_representation(session, notes, said, rendition)
    _check_times(session, notes, period, said, rendition)
    _check_words(notes, said, rendition)
    if said.kind in ("audio", "text"):
        language = said.given.get("lang")
        notes.check("TC-LANG", language is not None, said.id, "", language or "no lang")
        if language is not None:
            notes.check("TC-LANGUAGE", LANGUAGE.fullmatch(language) is not None, said.id, "", language)


def _check_times(session: Session, notes: Notebook, period: Period, said: Representation, rendition: Rendition) -> None:
    frame = rendition.frame_s(said.kind) or 0.1
    if said.timed:
        notes.check("DASH-5.3.9.6", not said.overlaps, said.id, "; ".join(said.overlaps[:3]) or "none")
    if said.timed and period.duration_s is not None:
        length = rendition.declared_s
        rule = "TC-DASH-TEXT" if said.kind == "text" else "DASH-5.3.2.2"
        good = abs(length - period.duration_s) <= frame + _ROUNDING_S
        good = length >= period.duration_s - _COVERS_S if said.kind == "text" else good
        notes.check(rule, good, said.id, f"{length:.3f} s of segments", f"{period.duration_s:.3f} s")
    if said.kind not in ("video", "audio"):
        return
    for number, stretch in rendition.known(said.kind):
        piece = rendition.pieces[number]
        if piece.begin_s is None or rendition.container is not Container.MP4:
            continue
        # A template with a duration only may be off by half a segment (ISO/IEC 23009-1 section 7.2.1).
        allowed = frame if said.timed else max(frame, piece.duration_s / 2)
        off = min(abs(piece.begin_s - time) for time in (stretch.shown_s, stretch.tfdt_s))
        where = rendition.where(number)
        notes.check("DASH-7.2.1", off <= allowed, where, f"tfdt {stretch.tfdt_s:.3f} s", f"{piece.begin_s:.3f} s")
    tracks = [track for piece in said.pieces[:1] if piece.init for track in session.init(piece.init).tracks]
    if tracks and said.timed:
        good = said.scale in {track.timescale for track in tracks}
        notes.check("TC-TIMESCALE", good, said.id, str(tracks[0].timescale), str(said.scale))


def _check_words(notes: Notebook, said: Representation, rendition: Rendition) -> None:
    codecs = [codec for codec in said.given.get("codecs", "").split(",") if codec.strip()]
    if said.kind in ("video", "audio") and rendition.codecs():
        compare_codecs(notes, "DASH-5.3.7.2", said.id, codecs, rendition.codecs())
    _check_sound(notes, said, rendition)
    stretch = rendition.any("video")
    if said.kind != "video" or stretch is None:
        return
    given = (said.given.get("width", ""), said.given.get("height", ""))
    if stretch.sizes and all(given):
        stored = {(str(w), str(h)) for w, h in stretch.sizes}
        real = " or ".join("x".join(size) for size in stored)
        notes.check("DASH-5.3.7.2-size", given in stored, said.id, real, "x".join(given))
    elif stretch.sizes:
        notes.skip("DASH-5.3.7.2-size", "no width and height are declared")
    declared = said.given.get("frameRate")
    if _trick(said):
        return  # keyframes are as far apart as the encoder put them
    if declared is None:
        notes.skip("DASH-5.3.7.2-rate", "no frameRate is declared")
        return
    rate, even = frame_rates(rendition)
    found = re.fullmatch(r"([0-9]{1,9})(?:/([1-9][0-9]{0,8}))?", declared)
    value = float(Fraction(int(found[1]), int(found[2] or 1))) if found else 0.0
    notes.check("DASH-5.3.7.2-rate", same_rate(value, rate, even=even), said.id, f"{rate:.3f}", declared)


def _check_sound(notes: Notebook, said: Representation, rendition: Rendition) -> None:
    """@audioSamplingRate (one number, or the least and the largest) and the number of channels."""
    stretch = rendition.any("audio")
    if said.kind != "audio" or stretch is None:
        return
    rates, declared = stretch.shape.rates, said.given.get("audioSamplingRate")
    if rates and declared is not None:
        numbers = [whole_number(part) or 0 for part in declared.split()] or [0]
        good = any(numbers[0] <= rate <= numbers[-1] for rate in rates) and len(numbers) < 3
        notes.check("DASH-5.3.7.2-sampling", good, said.id, " or ".join(f"{rate} Hz" for rate in rates), declared)
    for scheme, value in said.channels:
        number = whole_number(value)
        count = _LAYOUTS.get(number or 0) if scheme == _CICP else number if scheme == _MPEG else None
        known = scheme in (_CICP, _MPEG) and bool(stretch.shape.channels) and (count is not None or number is None)
        if known:
            real = " or ".join(map(str, stretch.shape.channels))
            notes.check("DASH-5.8.5.4", count in stretch.shape.channels, said.id, f"{real} channels", value)


def _check_bandwidth(notes: Notebook, mpd: Mpd, said: Representation, rendition: Rendition) -> None:
    if said.kind not in ("video", "audio") or rendition.average_bps is None:
        return
    declared = whole_number(said.given.get("bandwidth"))
    if not declared:
        notes.fail("DASH-5.3.5.2", said.id, "", said.given.get("bandwidth", "no bandwidth"))
        return
    needed = _needed_bps(rendition, mpd.buffer_s)
    notes.check("DASH-5.3.5.2", declared >= needed * 0.999, said.id, f"{needed:.0f} bit/s", f"{declared} bit/s")
    # What a player has to fetch in a segment's time; a short last segment counts, or doesn't.
    least = rendition.peak_bps(max(piece.duration_s for piece in rendition.pieces)) or 0.0
    most = max(least, rendition.heaviest_bps)
    good = least * (1 - _WITHIN) <= declared <= most * (1 + _WITHIN)
    notes.check("TC-BANDWIDTH", good, said.id, f"{most:.0f} bit/s", f"{declared} bit/s")


def _needed_bps(rendition: Rendition, buffer_s: float) -> float:
    """The least rate at which a player that waited for minBufferTime never starves, wherever it starts.

    The last bit of a segment must have arrived when its last frame is shown: after the buffer time and all segments
    since the start. Each start gives a bound on the rate, and the largest holds. Spans of 60 segments are enough: over
    longer ones only the average counts, which no declared peak is below.
    """
    needed = rendition.average_bps or 0.0 if buffer_s <= 0 else 0.0
    for first in range(len(rendition.pieces)):
        bits, passed = 0.0, buffer_s
        for piece, found in islice(zip(rendition.pieces, rendition.measured, strict=True), first, first + 60):
            bits, passed = bits + found.size * 8, passed + piece.duration_s
            if passed > 0:
                needed = max(needed, bits / passed)
    return needed


def _check_total(notes: Notebook, mpd: Mpd, found: Sequence[Rendition]) -> None:
    """The media's own length beside the declared one, in a presentation of one period."""
    if len(mpd.periods) != 1 or mpd.duration_s is None:
        return
    spans = [(r, kind, r.span(kind)) for r in found for kind in ("video", "audio")]
    known = [(r, r.frame_s(kind), span) for r, kind, span in spans if span is not None]
    if known:
        rendition, frame, span = max(known, key=lambda entry: entry[2][1] - entry[2][0])
        length = span[1] - span[0]
        good = abs(length - mpd.duration_s) <= frame + _ROUNDING_S
        where = f"{mpd.name}, {rendition.name}"
        notes.check("DASH-5.3.1.2-duration", good, where, f"{length:.3f} s of media", f"{mpd.duration_s:.3f} s")
