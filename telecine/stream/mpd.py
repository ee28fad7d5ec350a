"""The MPD: what Shaka Packager wrote, with what it leaves out or can't know.

It leaves out Period@duration, writes no Label, and knows nothing of our captions and storyboard tiles; bandwidths are
measured anew. Sources: ISO/IEC 23009-1, DASH-IF IOP 4.3 (6.2.6 thumbnail tiles, 6.4 side-loaded text), DVB A168.
Doesn't belong here: deciding whether a package is good (telecine/stream/verify).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telecine.stream.rates import rates_of, sustaining_bps
from telecine.stream.tracks import Rendition

MIN_BUFFER_S = 4.0
"""Seconds that a player fetches before the picture moves (MPD@minBufferTime), for which every @bandwidth suffices."""

TRICK = "-trick"  # ends the directory of a rung's keyframes
_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_ROLES = "urn:mpeg:dash:role:2011"
_FOR_THE_BLIND = ("urn:tva:metadata:cs:AudioPurposeCS:2007", "1")  # DASH-IF IOP: audio description
_TILES = "http://dashif.org/guidelines/thumbnail_tile"
# The schema's order: what comes behind Label, Accessibility and Role in an adaptation set.
_BEHIND = ("BaseURL", "SegmentBase", "SegmentList", "SegmentTemplate", "Representation")


@dataclass(frozen=True, slots=True)
class Tiles:
    """Storyboard sheets: each holds `columns` x `rows` pictures, `period_s` apart.

    Attributes:
        media: path from the manifest with $Number$, counted from 1.
        width, height: of one sheet in pixels.
        largest_bytes: of all sheets, the largest.
    """

    media: str
    columns: int
    rows: int
    width: int
    height: int
    period_s: float
    largest_bytes: int
    mime: str = "image/jpeg"

    @property
    def sheet_s(self) -> float:
        """Time that one sheet covers."""
        return self.period_s * self.columns * self.rows


def completed(
    text: str,
    size_of: Callable[[str], int],
    sounds: Sequence[Rendition],
    captions: Sequence[Rendition],
    *,
    tiles: Tiles | None = None,
    as_list: bool = False,
) -> str:
    """An MPD whose attributes say what was measured and planned.

    Args:
        text: as Shaka Packager wrote it.
        size_of: bytes of a file by its path from the manifest.
        sounds: what is known of each sound; its name is the directory of its segments.
        captions: captions that lie beside the manifest as `<name>.vtt`.
        tiles: the storyboard.
        as_list: name every segment (SegmentList) instead of a template for all.

    Raises:
        ValueError: when it isn't such an MPD.
    """
    ET.register_namespace("", _NAMESPACE)
    ET.register_namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")
    ET.register_namespace("cenc", "urn:mpeg:cenc:2013")
    root = ET.fromstring(text)
    period = root.find(_tag("Period"))
    if period is None:
        raise ValueError("no Period")
    known = {sound.name: sound for sound in sounds}
    lengths: dict[str, float] = {}
    for adaptation in period.findall(_tag("AdaptationSet")):
        kind = adaptation.get("contentType", "")
        adaptation.set("startWithSAP", "1")  # every segment starts with a keyframe of a closed GOP
        for representation in adaptation.findall(_tag("Representation")):
            template = representation.find(_tag("SegmentTemplate"))
            if template is None:
                raise ValueError("a representation without SegmentTemplate")
            if f"{TRICK}/" in template.get("initialization", "") and not adaptation.findall(_tag("EssentialProperty")):
                adaptation.remove(representation)  # of a single keyframe the packager makes one more rung
                continue
            lengths.setdefault(kind, sum(_timeline(template)))
            representation.set("bandwidth", str(_measured(template, size_of)))
            if (name := template.get("initialization", "").partition("/")[0]) in known:
                _describe(adaptation, known[name])
            if as_list:
                _list_segments(representation, template)
        if kind == "video" and not adaptation.findall(_tag("EssentialProperty")):
            _describe(adaptation, Rendition("", language="", label=""))
    duration = _duration(lengths.get("video") or lengths.get("audio") or 0.0)
    root.set("mediaPresentationDuration", duration)
    period.set("duration", duration)
    if as_list:
        root.set("profiles", "urn:mpeg:dash:profile:isoff-main:2011")  # the live profile has templates only
    for caption in captions:
        period.append(_captions(caption, size_of, lengths))
    if tiles is not None:
        period.append(_thumbnails(tiles))
    _number(period.findall(_tag("AdaptationSet")))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _number(adaptations: Sequence[ET.Element]) -> None:
    """Ids for those that have none; the packager's stay, because a trick-mode set names another one."""
    taken = {adaptation.get("id") for adaptation in adaptations}
    free = (str(n) for n in range(2 * len(adaptations)) if str(n) not in taken)
    for adaptation in adaptations:
        if adaptation.get("id") is None:
            adaptation.set("id", next(free))


def _measured(template: ET.Element, size_of: Callable[[str], int]) -> int:
    durations = _timeline(template)
    first, media = int(template.get("startNumber", "1")), template.get("media", "")
    sizes = [size_of(_numbered(media, first + n)) for n in range(len(durations))]
    peak = rates_of(sizes, durations, max(durations, default=0.0)).peak_bps
    return max(peak, sustaining_bps(sizes, durations, MIN_BUFFER_S))


def _describe(adaptation: ET.Element, rendition: Rendition) -> None:
    """Say what an adaptation set is for, in the places that the schema has for it."""
    for name in ("Label", "Role", "Accessibility"):
        for old in adaptation.findall(_tag(name)):
            adaptation.remove(old)
    if rendition.language:
        adaptation.set("lang", rendition.language)
    said: list[ET.Element] = []
    if rendition.label:
        label = ET.Element(_tag("Label"))
        label.text = rendition.label
        said.append(label)
    if rendition.role == "description":
        said.append(_property("Accessibility", *_FOR_THE_BLIND))
    role = rendition.role if rendition.default or rendition.role != "main" or not rendition.label else "alternate"
    said.append(_property("Role", _ROLES, role))
    at = next((n for n, child in enumerate(adaptation) if child.tag.rpartition("}")[2] in _BEHIND), len(adaptation))
    for element in reversed(said):
        adaptation.insert(at, element)


def _list_segments(representation: ET.Element, template: ET.Element) -> None:
    """A SegmentList that names what the template stands for."""
    listed = ET.Element(_tag("SegmentList"), timescale=template.get("timescale", "1"))
    ET.SubElement(listed, _tag("Initialization"), sourceURL=template.get("initialization", ""))
    listed.extend(template.findall(_tag("SegmentTimeline")))
    first, media = int(template.get("startNumber", "1")), template.get("media", "")
    for number in range(len(_timeline(template))):
        ET.SubElement(listed, _tag("SegmentURL"), media=_numbered(media, first + number))
    representation[list(representation).index(template)] = listed


def _captions(caption: Rendition, size_of: Callable[[str], int], lengths: dict[str, float]) -> ET.Element:
    """Captions as one file beside the manifest, which every player of DASH reads."""
    file = f"{caption.name}.vtt"
    adaptation = ET.Element(_tag("AdaptationSet"), contentType="text", mimeType="text/vtt")
    length = lengths.get("video") or lengths.get("audio") or 1.0
    rate = max(1, round(size_of(file) * 8 / length))
    representation = ET.SubElement(adaptation, _tag("Representation"), id=caption.name, bandwidth=str(rate))
    ET.SubElement(representation, _tag("BaseURL")).text = file
    _describe(adaptation, caption)
    return adaptation


def _thumbnails(tiles: Tiles) -> ET.Element:
    adaptation = ET.Element(_tag("AdaptationSet"), contentType="image", mimeType=tiles.mime)
    scale = 1000
    ET.SubElement(
        adaptation,
        _tag("SegmentTemplate"),
        media=tiles.media,
        timescale=str(scale),
        duration=str(round(tiles.sheet_s * scale)),
        startNumber="1",
    )
    representation = ET.SubElement(
        adaptation,
        _tag("Representation"),
        id="thumbnails",
        bandwidth=str(max(1, round(tiles.largest_bytes * 8 / tiles.sheet_s))),
        width=str(tiles.width),
        height=str(tiles.height),
    )
    representation.append(_property("EssentialProperty", _TILES, f"{tiles.columns}x{tiles.rows}"))
    return adaptation


def _property(name: str, scheme: str, value: str) -> ET.Element:
    return ET.Element(_tag(name), schemeIdUri=scheme, value=value)


def _duration(seconds: float) -> str:
    """An xs:duration to the microsecond."""
    return f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"


def _tag(name: str) -> str:
    """An element's name as ElementTree has it."""
    return f"{{{_NAMESPACE}}}{name}"


def _numbered(media: str, number: int) -> str:
    """The template with $Number$ or $Number%05d$ filled in."""
    return re.sub(r"\$Number(?:%0(\d+)d)?\$", lambda m: f"{number:0{int(m.group(1) or 1)}d}", media)


def _timeline(addressing: ET.Element) -> tuple[float, ...]:
    """Seconds of each segment of a SegmentTemplate or SegmentList that has a SegmentTimeline."""
    scale = int(addressing.get("timescale", "1"))
    return tuple(
        int(s.get("d", "0")) / scale
        for s in addressing.findall(f"{_tag('SegmentTimeline')}/{_tag('S')}")
        for _ in range(int(s.get("r", "0")) + 1)
    )
