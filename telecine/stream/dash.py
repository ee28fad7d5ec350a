"""DASH manifests: reading them, and adding what Shaka Packager leaves out.

Source: ISO/IEC 23009-1 (MPD, SegmentTemplate, SegmentTimeline), DASH-IF interoperability points. Doesn't belong here:
deciding whether a package is good (verify.py).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

_NS = "urn:mpeg:dash:schema:mpd:2011"
_DURATION = re.compile(r"^P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$")


@dataclass(frozen=True, slots=True)
class Representation:
    """One representation: its files in order, and when each of its segments starts."""

    kind: str
    bandwidth: int
    width: int | None
    height: int | None
    init: str
    segments: tuple[str, ...]
    durations_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An MPD with one period."""

    duration_s: float
    period_duration_s: float | None
    representations: tuple[Representation, ...]


def parse(text: str) -> Manifest:
    """An MPD of ours.

    Raises:
        ValueError: when it isn't one, or not of the kind that we make.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as e:
        raise ValueError(f"not XML: {e}") from e
    period = root.find(_tag("Period"))
    if period is None:
        raise ValueError("no Period")
    found = [
        _representation(adaptation, representation)
        for adaptation in period.findall(_tag("AdaptationSet"))
        for representation in adaptation.findall(_tag("Representation"))
    ]
    length = period.get("duration")
    return Manifest(
        duration_s=seconds(root.get("mediaPresentationDuration", "")),
        period_duration_s=seconds(length) if length else None,
        representations=tuple(found),
    )


def completed(text: str, bandwidths: Mapping[str, int]) -> str:
    """An MPD with Period@duration, startWithSAP, a main role for the picture, and measured bandwidths.

    Args:
        text: as Shaka Packager wrote it.
        bandwidths: measured bits per second of the worst segment, by the URI of the initialisation segment.
    """
    ET.register_namespace("", _NS)
    ET.register_namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root = ET.fromstring(text)
    for period in root.findall(_tag("Period")):
        period.set("duration", root.get("mediaPresentationDuration", ""))
        for adaptation in period.findall(_tag("AdaptationSet")):
            adaptation.set("startWithSAP", "1")  # every segment starts with a keyframe of a closed GOP
            for representation in adaptation.findall(_tag("Representation")):
                template = representation.find(_tag("SegmentTemplate"))
                measured = bandwidths.get(template.get("initialization", "")) if template is not None else None
                if measured is not None:
                    representation.set("bandwidth", str(measured))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


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


def _representation(adaptation: ET.Element, representation: ET.Element) -> Representation:
    template = representation.find(_tag("SegmentTemplate"))
    timeline = template.find(_tag("SegmentTimeline")) if template is not None else None
    if template is None or timeline is None:
        raise ValueError("a representation without SegmentTemplate and SegmentTimeline")
    scale = int(template.get("timescale", "1"))
    durations = [
        int(s.get("d", "0")) / scale for s in timeline.findall(_tag("S")) for _ in range(int(s.get("r", "0")) + 1)
    ]
    first, media = int(template.get("startNumber", "1")), template.get("media", "")
    width, height = representation.get("width"), representation.get("height")
    return Representation(
        kind=adaptation.get("contentType", ""),
        bandwidth=int(representation.get("bandwidth", "0")),
        width=int(width) if width else None,
        height=int(height) if height else None,
        init=template.get("initialization", ""),
        segments=tuple(_numbered(media, first + n) for n in range(len(durations))),
        durations_s=tuple(durations),
    )


def _numbered(media: str, number: int) -> str:
    """The template with $Number$ or $Number%05d$ filled in."""
    return re.sub(r"\$Number(?:%0(\d+)d)?\$", lambda m: f"{number:0{int(m.group(1) or 1)}d}", media)


def _tag(name: str) -> str:
    return f"{{{_NS}}}{name}"
