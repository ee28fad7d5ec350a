"""Reading an MPD into plain records: every representation with its segments resolved, however they are addressed.

SegmentTemplate with a timeline or a duration, SegmentList, SegmentBase with an index, and a lone BaseURL. Source:
ISO/IEC 23009-1 section 5.3. Doesn't belong here: whether what it says is right (dash_rules.py), or writing MPDs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from telecine.stream.verify import bmff
from telecine.stream.verify.measure import Piece, Session
from telecine.stream.verify.place import Missing, Outside
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import Broken, Extent

_MOST = 100_000  # segments of a representation
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_IDENTIFIER = re.compile(r"\$(RepresentationID|Number|Bandwidth|Time|SubNumber)?(?:%0(\d{1,2})d)?\$")
_SEGMENTS = ("SegmentTemplate", "SegmentList", "SegmentBase")
_TRICK = "http://dashif.org/guidelines/trickmode"
_TYPES = ("application/dash+xml", "video/vnd.mpeg.dash.mpd")


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
    except (Broken, ET.ParseError, ValueError, LookupError) as e:
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
            yield replace(_representation(context, chain, given, roles, number, length), trick=trick)


def _representation(
    context: _Context,
    chain: Sequence[ET.Element],
    given: Mapping[str, str],
    roles: tuple[str, ...],
    number: int,
    length: float | None,
) -> Representation:
    addressing = _Addressing(context, chain, given, length)
    try:
        pieces = addressing.pieces()
        fault = "" if pieces else "no segments"
    except (Broken, Missing) as e:
        pieces, fault = (), str(e)
    return Representation(
        number, given, roles, pieces, addressing.timed, addressing.scale, tuple(addressing.overlaps), fault
    )


class _Addressing:
    """Where a representation's segments are."""

    def __init__(
        self, context: _Context, chain: Sequence[ET.Element], given: Mapping[str, str], length: float | None
    ) -> None:
        self._context, self._chain, self._given, self._length = context, chain, given, length
        self._base = [element.findtext("BaseURL") for element in chain]
        kind = next((k for element in reversed(chain) for k in _SEGMENTS if element.find(k) is not None), None)
        self._kind = kind
        self._levels = [found for element in chain if kind and (found := element.find(kind)) is not None]
        self.scale = max(1, int(self._get("timescale", "1")))
        self.timed = False
        self.overlaps: list[str] = []

    def pieces(self) -> tuple[Piece, ...]:
        """Its segments in order."""
        if self._kind == "SegmentTemplate":
            return self._of_template()
        if self._kind == "SegmentList":
            return self._of_list()
        return self._of_base()

    def _of_template(self) -> tuple[Piece, ...]:
        media, first = self._get("media", ""), int(self._get("startNumber", "1"))
        if not media:
            raise Broken("a SegmentTemplate without media")
        start = self._get("initialization", "")
        init = self._extent(_filled(start, self._given, 0, 0)) if start else None
        return tuple(
            self._piece(self._extent(_filled(media, self._given, first + n, time)), time, ticks, init)
            for n, (time, ticks) in enumerate(self._times(None))
        )

    def _of_list(self) -> tuple[Piece, ...]:
        urls = next((found for level in reversed(self._levels) if (found := level.findall("SegmentURL"))), [])
        init = self._initialization()
        times = self._times(len(urls))
        return tuple(
            self._piece(self._extent(url.get("media", ""), url.get("mediaRange")), time, ticks, init)
            for url, (time, ticks) in zip(urls, times, strict=False)
        )

    def _of_base(self) -> tuple[Piece, ...]:
        extent = self._extent("")
        if extent is None:
            return ()
        if self._given.get("mimeType", "").startswith(("text/", "image/", "application/ttml")):
            return (Piece(extent, self._length or 0.0),)
        place = self._get("indexRange", "")
        start, length = _range(place) if place else (0, None)
        index = bmff.read_index(self._context.session.window(Extent(extent.name, start, length)), base=start)
        init = self._initialization() or Extent(extent.name, 0, start or None)
        if index is None:
            return (Piece(extent, self._length or 0.0, init if self._levels else None),)
        self.timed, self.scale = True, index.timescale
        pieces, time = [], index.begin
        for at, size, ticks in index.parts:
            pieces.append(self._piece(Extent(extent.name, at, size), time, ticks, init))
            time += ticks
        return tuple(pieces)

    def _times(self, count: int | None) -> list[tuple[int, int]]:
        """Begin and length of each segment in ticks."""
        timeline = next(
            (found for e in reversed(self._levels) if (found := e.find("SegmentTimeline")) is not None), None
        )
        if timeline is not None:
            self.timed = True
            return self._of_timeline(timeline)
        ticks = int(self._get("duration", "0"))
        if not ticks:
            if count == 1 or self._kind == "SegmentTemplate":
                return [(0, round((self._length or 0) * self.scale))]
            raise Broken("segments without SegmentTimeline or duration")
        if count is None:
            if self._length is None:
                raise Broken("segments of a period without length")
            count = -(-round(self._length * self.scale) // ticks)
        if count > _MOST:
            raise Broken(f"{count} segments")
        whole = round(self._length * self.scale) if self._length is not None else count * ticks
        offset = int(self._get("presentationTimeOffset", "0"))
        return [(offset + n * ticks, min(ticks, max(1, whole - n * ticks))) for n in range(count)]

    def _of_timeline(self, timeline: ET.Element) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        at: int | None = None
        runs = timeline.findall("S")
        for number, run in enumerate(runs):
            begin, ticks, repeat = run.get("t"), int(run.get("d", "0")), int(run.get("r", "0"))
            if ticks <= 0:
                raise Broken("a timeline entry without duration")
            if begin is not None:
                if at is not None and int(begin) != at:
                    self.overlaps.append(f"{begin} instead of {at}")
                at = int(begin)
            at = at or 0
            if repeat < 0:
                until = runs[number + 1].get("t") if number + 1 < len(runs) else None
                offset = int(self._get("presentationTimeOffset", "0"))
                last = int(until) if until is not None else offset + round((self._length or 0) * self.scale)
                repeat = max(0, -(-(last - at) // ticks) - 1)
            if len(found) + repeat > _MOST:
                raise Broken(f"more than {_MOST} segments")
            for _ in range(repeat + 1):
                found.append((at, ticks))
                at += ticks
        return found

    def _piece(self, media: Extent | None, time: int, ticks: int, init: Extent | None) -> Piece:
        return Piece(media, ticks / self.scale, init, begin_s=time / self.scale, ticks=self.scale)

    def _initialization(self) -> Extent | None:
        for level in reversed(self._levels):
            found = level.find("Initialization")
            if found is not None:
                return self._extent(found.get("sourceURL", ""), found.get("range"))
            if level.get("initialization") is not None:
                return self._extent(level.get("initialization", ""))
        return None

    def _extent(self, reference: str, range_: str | None = None) -> Extent | None:
        """A reference below the BaseURLs; None when it leads out of the package."""
        name = self._context.name
        resolve = self._context.session.place.resolve
        try:
            for base in self._base:
                if base:
                    name = resolve(name, base.strip()) + ("/" if base.strip().endswith("/") else "")
            if reference:
                name = resolve(name, reference)
        except (Outside, ValueError):
            self._context.notes.fail(
                "TC-INSIDE", self._given.get("id") or self._context.name, reference or str(self._base)
            )
            return None
        self._context.notes.check("TC-INSIDE", True, self._context.name, name)
        if range_:
            start, length = _range(range_)
            return Extent(name, start, length)
        return Extent(name)

    def _get(self, attribute: str, default: str) -> str:
        """An attribute of the nearest level that has it."""
        return next((level.attrib[attribute] for level in reversed(self._levels) if attribute in level.attrib), default)


def _range(text: str) -> tuple[int, int]:
    """Start and length of "first-last"."""
    found = re.fullmatch(r"(\d+)-(\d+)", text.strip())
    if not found or int(found[2]) < int(found[1]):
        raise Broken(f"no byte range: {text!r}")
    return int(found[1]), int(found[2]) - int(found[1]) + 1


def _filled(template: str, given: Mapping[str, str], number: int, time: int) -> str:
    """A template with its identifiers filled in (ISO/IEC 23009-1 section 5.3.9.4.4)."""
    values = {
        "RepresentationID": given.get("id", ""),
        "Bandwidth": given.get("bandwidth", "0"),
        "Number": str(number),
        "Time": str(time),
        None: "$",
    }
    return _IDENTIFIER.sub(lambda m: values.get(m[1], m[0]).zfill(int(m[2] or 0)), template)
