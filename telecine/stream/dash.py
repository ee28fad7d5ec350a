"""DASH manifests, read: representations, their files, and when each segment starts.

Source: ISO/IEC 23009-1 (MPD, SegmentTemplate, SegmentTimeline, SegmentList). Doesn't belong here: writing manifests
(mpd.py), deciding whether a package is good (verify.py).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_DURATION = re.compile(r"^P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$")


@dataclass(frozen=True, slots=True)
class Representation:
    """One representation: its files in order, and how long each of its segments is.

    Attributes:
        kind: "video", "audio", "text" or "image".
        init: None for text and images, which need none.
        segments: captions are one file for the whole period.
        trick: holds keyframes only, for fast forward and back.
    """

    kind: str
    bandwidth: int
    width: int | None
    height: int | None
    init: str | None
    segments: tuple[str, ...]
    durations_s: tuple[float, ...]
    trick: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """An MPD with one period."""

    duration_s: float
    period_duration_s: float | None
    representations: tuple[Representation, ...]

    def of(self, kind: str) -> tuple[Representation, ...]:
        """The representations of one kind that are played at normal speed."""
        return tuple(r for r in self.representations if r.kind == kind and not r.trick)


def parse(text: str) -> Manifest:
    """An MPD of ours.

    Raises:
        ValueError: when it isn't one, or not of the kind that we make.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as e:
        raise ValueError(f"not XML: {e}") from e
    period = root.find(tag("Period"))
    if period is None:
        raise ValueError("no Period")
    length = period.get("duration")
    duration = seconds(root.get("mediaPresentationDuration", ""))
    found = [
        _representation(adaptation, representation, duration)
        for adaptation in period.findall(tag("AdaptationSet"))
        for representation in adaptation.findall(tag("Representation"))
    ]
    return Manifest(
        duration_s=duration, period_duration_s=seconds(length) if length else None, representations=tuple(found)
    )


def seconds(duration: str) -> float:
    """An xs:duration without years and months in seconds.

    Raises:
        ValueError: when it isn't one.
    """
    found = _DURATION.match(duration)
    if not found or duration in ("", "P", "PT"):
        raise ValueError(f"no duration: {duration!r}")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def tag(name: str) -> str:
    """An element's name as ElementTree has it."""
    return f"{{{NAMESPACE}}}{name}"


def numbered(media: str, number: int) -> str:
    """The template with $Number$ or $Number%05d$ filled in."""
    return re.sub(r"\$Number(?:%0(\d+)d)?\$", lambda m: f"{number:0{int(m.group(1) or 1)}d}", media)


def timeline(addressing: ET.Element) -> tuple[float, ...]:
    """Seconds of each segment of a SegmentTemplate or SegmentList that has a SegmentTimeline."""
    scale = int(addressing.get("timescale", "1"))
    return tuple(
        int(s.get("d", "0")) / scale
        for s in addressing.findall(f"{tag('SegmentTimeline')}/{tag('S')}")
        for _ in range(int(s.get("r", "0")) + 1)
    )


def _representation(adaptation: ET.Element, representation: ET.Element, whole_s: float) -> Representation:
    init, files, durations = _files(adaptation, representation, whole_s)
    width, height = representation.get("width"), representation.get("height")
    return Representation(
        kind=adaptation.get("contentType", ""),
        bandwidth=int(representation.get("bandwidth", "0")),
        width=int(width) if width else None,
        height=int(height) if height else None,
        init=init,
        segments=files,
        durations_s=durations,
        trick=any("trickmode" in e.get("schemeIdUri", "") for e in adaptation.findall(tag("EssentialProperty"))),
    )


def _files(
    adaptation: ET.Element, representation: ET.Element, whole_s: float
) -> tuple[str | None, tuple[str, ...], tuple[float, ...]]:
    """Initialisation, segments and their lengths, whichever way they are addressed."""
    template = _first("SegmentTemplate", representation, adaptation)
    if template is not None:
        durations = timeline(template) or _equal(template, whole_s)
        first, media = int(template.get("startNumber", "1")), template.get("media", "")
        media = media.replace("$RepresentationID$", representation.get("id", ""))
        files = tuple(numbered(media, first + n) for n in range(len(durations)))
        return template.get("initialization"), files, durations
    listed = _first("SegmentList", representation, adaptation)
    if listed is not None:
        init = listed.find(tag("Initialization"))
        files = tuple(url.get("media", "") for url in listed.findall(tag("SegmentURL")))
        return (init.get("sourceURL") if init is not None else None), files, timeline(listed)
    whole = representation.findtext(tag("BaseURL"))
    if whole is None:
        raise ValueError("a representation without SegmentTemplate, SegmentList or BaseURL")
    return None, (whole,), (whole_s,)


def _first(name: str, *elements: ET.Element) -> ET.Element | None:
    return next((found for e in elements if (found := e.find(tag(name))) is not None), None)


def _equal(template: ET.Element, whole_s: float) -> tuple[float, ...]:
    """Segments of one length: as many as the whole takes."""
    length = int(template.get("duration", "0")) / int(template.get("timescale", "1"))
    if length <= 0:
        raise ValueError("a SegmentTemplate without SegmentTimeline and duration")
    count = max(1, -int(-(whole_s - 1e-6) // length))
    return (*[length] * (count - 1), whole_s - length * (count - 1))
