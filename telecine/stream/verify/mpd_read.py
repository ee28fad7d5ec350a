"""Reading an MPD into plain records.

Source: ISO/IEC 23009-1 section 5.3. Doesn't belong here: where segments are (mpd_addressing.py), whether what an MPD
says is right (dash_rules.py), or writing MPDs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Piece
from telecine.stream.verify.mpd_addressing import Addressing
from telecine.stream.verify.place import Missing
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import Broken

_WHOLE = "([0-9]{1,9})"
_DURATION = re.compile(rf"P(?:{_WHOLE}D)?(?:T(?:{_WHOLE}H)?(?:{_WHOLE}M)?(?:([0-9]{{1,9}}(?:\.[0-9]{{1,18}})?)S)?)?")
_TRICK = "http://dashif.org/guidelines/trickmode"
_MP4_PROTECTION = "urn:mpeg:dash:mp4protection:2011"
_CHANNELS = "AudioChannelConfiguration"
_KEY_ID = "{urn:mpeg:cenc:2013}default_KID"
_TYPES = ("application/dash+xml", "video/vnd.mpeg.dash.mpd")


@dataclass(frozen=True)
class Protection:
    """An mp4protection descriptor: its scheme ("cbcs") and default key ids in hexadecimal."""

    scheme: str
    key_ids: tuple[str, ...]


@dataclass(frozen=True)
class Representation:
    """One representation of a period.

    Attributes:
        given: its attributes, with those of its adaptation set where it has none of its own.
        roles: of its adaptation set.
        pieces: its segments; empty when the MPD doesn't say where they are (`fault` says why).
        timed: whether a SegmentTimeline or an index says when each segment begins.
        scale: the timescale that its segments are counted in.
        trick: for scrubbing only.
        protected: whether there is any ContentProtection; `protections` are those that name a scheme.
        channels: scheme and value of each AudioChannelConfiguration.
        overlaps: timeline entries that don't begin where the one before ends, as "t instead of t".
    """

    set_number: int
    given: Mapping[str, str]
    roles: tuple[str, ...]
    pieces: tuple[Piece, ...]
    timed: bool
    scale: int
    overlaps: tuple[str, ...]
    fault: str = ""
    trick: bool = False
    protected: bool = False
    protections: tuple[Protection, ...] = ()
    channels: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """What a report calls it."""
        return f"Representation {self.given.get('id') or '?'}"

    @property
    def kind(self) -> str:
        """ "video", "audio", "text" or "image", as declared."""
        declared = self.given.get("contentType") or self.given.get("mimeType", "").partition("/")[0]
        codecs = self.given.get("codecs", "")
        return "text" if declared == "application" and codecs.startswith(("wvtt", "stpp")) else declared


@dataclass(frozen=True)
class Period:
    """One period; times in seconds of the presentation."""

    id: str
    begin_s: float
    duration_s: float | None
    declared_s: float | None
    representations: tuple[Representation, ...]


@dataclass(frozen=True)
class Mpd:
    """A manifest."""

    name: str
    given: Mapping[str, str]
    duration_s: float | None
    buffer_s: float
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class _Context:
    session: Session
    notes: Notebook
    name: str


def read(session: Session, notes: Notebook, name: str) -> Mpd | None:
    """An MPD; None when it can't be read, which is noted."""
    try:
        text = session.text(name)
    except Missing as e:
        notes.fail("TC-FILES", name, str(e))
        return None
    except Broken as e:
        notes.fail("DASH-5.2", name, str(e))
        return None
    notes.check("TC-FILES", bool(text), name, f"{len(text)} bytes")
    if said := session.place.content_type(name):
        notes.check("APPLE-10.4", said in _TYPES, name, said, _TYPES[0])
    try:
        mpd = _mpd(_Context(session, notes, name), _root(text))
    except (Broken, ET.ParseError, ValueError, LookupError, ArithmeticError) as e:
        notes.fail("DASH-5.2", name, str(e))
        return None
    notes.check("DASH-5.2", True, name, "read")
    return mpd


def seconds(duration: str | None) -> float | None:
    """An xs:duration without years and months in seconds; None without one.

    Raises:
        Broken: it isn't one.
    """
    if duration is None:
        return None
    found = _DURATION.fullmatch(duration.strip())
    if not found or not any(found.groups()):
        raise Broken(f"no duration: {duration!r}")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _root(text: str) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Broken("has a document type, in which entities may be defined")
    root = ET.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "MPD":
        raise Broken(f"is a {root.tag}, not an MPD")
    return root


def _mpd(context: _Context, root: ET.Element) -> Mpd:
    whole = seconds(root.get("mediaPresentationDuration"))
    elements = root.findall("Period")
    if not elements:
        raise Broken("has no Period")
    periods: list[Period] = []
    begin = 0.0
    for number, element in enumerate(elements):
        begin = seconds(element.get("start")) if element.get("start") is not None else begin  # type: ignore[assignment]
        declared = seconds(element.get("duration"))
        following = elements[number + 1].get("start") if number + 1 < len(elements) else None
        end = seconds(following) if following is not None else whole if number + 1 == len(elements) else None
        length = declared if declared is not None else end - begin if end is not None else None
        found = tuple(_representations(context, [root, element], length))
        periods.append(Period(element.get("id") or str(number + 1), begin, length, declared, found))
        begin += length or 0.0
    given = {name.rpartition("}")[2]: value for name, value in root.attrib.items()}
    return Mpd(context.name, given, whole, seconds(root.get("minBufferTime")) or 0.0, tuple(periods))


def _representations(context: _Context, above: list[ET.Element], length: float | None) -> Iterator[Representation]:
    shared = {e.get("refId"): e for parent in above for e in parent.findall("ContentProtection") if e.get("refId")}
    for number, adaptation in enumerate(above[-1].findall("AdaptationSet")):
        roles = tuple(role.get("value", "") for role in adaptation.findall("Role"))
        properties = [*adaptation.findall("EssentialProperty"), *adaptation.findall("SupplementalProperty")]
        trick = any(p.get("schemeIdUri") == _TRICK for p in properties)
        for element in adaptation.findall("Representation"):
            chain = [*above, adaptation, element]
            given = {**adaptation.attrib, **element.attrib, "id": element.get("id", "")}
            component = adaptation.find("ContentComponent")
            if component is not None and "contentType" not in given:
                given["contentType"] = component.get("contentType", "")
            found = [*adaptation.findall("ContentProtection"), *element.findall("ContentProtection")]
            yield replace(
                _representation(context, chain, given, roles, number, length),
                trick=trick,
                protected=bool(found),
                protections=_protections([shared.get(e.get("ref"), e) for e in found]),
                channels=tuple((e.get("schemeIdUri", ""), e.get("value", "")) for e in _nearest(chain, _CHANNELS)),
            )


def _nearest(chain: Sequence[ET.Element], tag: str) -> list[ET.Element]:
    """Elements of the innermost level that has any."""
    return next((found for level in reversed(chain) if (found := level.findall(tag))), [])


def _protections(elements: Sequence[ET.Element]) -> tuple[Protection, ...]:
    return tuple(
        Protection(
            element.get("value", "").strip().lower(),
            tuple(kid.replace("-", "").lower() for kid in element.get(_KEY_ID, "").split()),
        )
        for element in elements
        if element.get("schemeIdUri", "").lower() == _MP4_PROTECTION
    )


def _representation(
    context: _Context,
    chain: Sequence[ET.Element],
    given: Mapping[str, str],
    roles: tuple[str, ...],
    number: int,
    length: float | None,
) -> Representation:
    addressing = Addressing(context.session, context.notes, context.name, chain, given, length)
    try:
        pieces = addressing.pieces()
        fault = "" if pieces else "no segments"
    except (Broken, Missing) as e:
        pieces, fault = (), str(e)
    return Representation(
        number, given, roles, pieces, addressing.timed, addressing.scale, tuple(addressing.overlaps), fault
    )
