"""Where an MPD's segments are: templates with a timeline or a duration, lists, and indexes of single files.

Source: ISO/IEC 23009-1 section 5.3.9. Doesn't belong here: what else an MPD says (mpd_read.py).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from telecine.stream.verify.bmff import read_index
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Piece
from telecine.stream.verify.place import Outside
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import Broken, Extent

_MOST = 100_000  # segments of a representation
_IDENTIFIER = re.compile(r"\$(RepresentationID|Number|Bandwidth|Time|SubNumber)?(?:%0(\d{1,2})d)?\$")
_SEGMENTS = ("SegmentTemplate", "SegmentList", "SegmentBase")


class Addressing:
    """Where a representation's segments are.

    Args:
        name: of the MPD.
        chain: its elements from the MPD down to the Representation.
        length: of the period in seconds.
    """

    def __init__(
        self,
        session: Session,
        notes: Notebook,
        name: str,
        chain: Sequence[ET.Element],
        given: Mapping[str, str],
        length: float | None,
    ) -> None:
        self._session, self._notes, self._name = session, notes, name
        self._given, self._length = given, length
        self._base = [element.findtext("BaseURL") for element in chain]
        kind = next((k for element in reversed(chain) for k in _SEGMENTS if element.find(k) is not None), None)
        self._kind = kind
        self._levels = [found for element in chain if kind and (found := element.find(kind)) is not None]
        self.scale = max(1, int(self._get("timescale", "1")))
        self.timed = False
        self.overlaps: list[str] = []

    def pieces(self) -> tuple[Piece, ...]:
        """Its segments in order; a representation without any counts as one."""
        self._session.count_segments(1)
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
        index = read_index(self._session.window(Extent(extent.name, start, length)), base=start)
        init = self._initialization() or Extent(extent.name, 0, start or None)
        if index is None:
            return (Piece(extent, self._length or 0.0, init if self._levels else None),)
        self.timed, self.scale = True, index.timescale
        self._session.count_segments(len(index.parts))
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
            times = self._of_timeline(timeline)
            self._session.count_segments(len(times))
            return times
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
        self._session.count_segments(count)
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
        name = self._name
        resolve = self._session.place.resolve
        try:
            for base in self._base:
                if base:
                    name = resolve(name, base.strip()) + ("/" if base.strip().endswith("/") else "")
            if reference:
                name = resolve(name, reference)
        except (Outside, ValueError):
            self._notes.fail("TC-INSIDE", self._given.get("id") or self._name, reference or str(self._base))
            return None
        self._notes.check("TC-INSIDE", True, self._name, name)
        if range_:
            start, length = _range(range_)
            return Extent(name, start, length)
        return Extent(name)

    def _get(self, attribute: str, default: str) -> str:
        """An attribute of the nearest level that has it."""
        return next((level.attrib[attribute] for level in reversed(self._levels) if attribute in level.attrib), default)


def _range(text: str) -> tuple[int, int]:
    """Start and length of "first-last"."""
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", text.strip())
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
