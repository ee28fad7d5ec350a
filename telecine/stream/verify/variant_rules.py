"""Rules about variants: what EXT-X-STREAM-INF declares beside what was measured.

Sources: Apple's HLS Authoring Specification sections 1 and 9, RFC 8216 section 4.3.4.2. Doesn't belong here: groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from telecine.stream.verify.codecs import same_codec
from telecine.stream.verify.hls_read import Line, Multivariant, Playlist
from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Container
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import whole_number

_WITHIN = 0.10  # Apple 1.26, 1.27
_RATE_WITHIN = 0.0005  # tells 29.97 from 30, and forgives three decimals and a clock of milliseconds
_TEXT_CODECS = ("wvtt", "stpp")  # may be named or not (Apple 5.10)
_UNKNOWN = "what is inside can't be seen"


@dataclass(frozen=True)
class _Played:
    """A variant's own rendition with all those of its groups.

    Attributes:
        known: every one of them has a playlist that could be read.
    """

    own: Rendition
    sounds: tuple[Rendition, ...]
    angles: tuple[Rendition, ...]
    texts: tuple[Rendition, ...]
    known: bool

    @property
    def weighed(self) -> bool:
        """Whether the size of every segment is known."""
        everything = (self.own, *self.sounds, *self.angles, *self.texts)
        return self.known and all(r.average_bps is not None for r in everything)

    def sum(self, of: Callable[[Rendition], float], *, texts: bool = False) -> float:
        """The largest sum of any combination that is played together."""
        groups = (self.sounds, self.angles, self.texts if texts else ())
        return of(self.own) + sum(max(map(of, group), default=0.0) for group in groups)


def check(
    session: Session,
    notes: Notebook,
    entry: Multivariant,
    playlists: Mapping[str, Playlist],
    renditions: Mapping[str, Rendition],
) -> None:
    """Every variant of a multivariant playlist."""
    notes.check("RFC8216-4.3.4.2", bool(entry.variants), entry.name, f"{len(entry.variants)} variants")
    shapes: dict[str, tuple[int, int]] = {}
    seen = 0
    for line in entry.variants:
        good = bool(whole_number(line.given.get("bandwidth"))) and line.uri is not None
        notes.check("RFC8216-4.3.4.2", good, line.where, "", line.given.get("bandwidth", "no BANDWIDTH"))
        rendition = renditions.get(line.playlist or "")
        if rendition is None:
            continue
        if "resolution" in line.given or rendition.kind == "video":
            seen += 1
        played = _played(entry, line, rendition, renditions)
        _check_rates(notes, line, played, playlists[rendition.name].target_s or 0)
        _check_codecs(notes, line, played)
        stretch = rendition.any("video")
        if stretch is not None:
            check_size(notes, line, rendition)
            _check_frame_rate(notes, line, rendition)
            check_range(notes, line, rendition)
            if size := _size(line):
                shapes[line.where] = size
    _check_shapes(notes, shapes)
    scored = [line for line in entry.variants if "score" in line.given]
    if scored:
        notes.check(
            "APPLE-9.19", len(scored) == len(entry.variants), entry.name, f"on {len(scored)} of {len(entry.variants)}"
        )
    else:
        notes.skip("APPLE-9.19", "no variant has a SCORE")
    for line in (*entry.variants, *entry.iframes):
        if (score := line.given.get("score")) is not None:
            notes.check("TC-SCORE", re.fullmatch(r"[0-9]+(\.[0-9]+)?", score) is not None, line.where, "", score)
    if seen:
        notes.check("APPLE-9.9", seen > 1, entry.name, f"{seen} variants with a picture", "several")


def check_size(notes: Notebook, line: Line, rendition: Rendition, rule: str = "APPLE-9.2") -> None:
    """RESOLUTION beside the picture's size, as stored or as shown."""
    size = _size(line)
    notes.check(rule, size is not None, line.where, "", line.given.get("resolution", "no RESOLUTION"))
    stretch = rendition.any("video")
    if size is None or stretch is None:
        return
    if not stretch.sizes:
        notes.skip("TC-RESOLUTION", _UNKNOWN)
        return
    real = " or ".join(dict.fromkeys(f"{w}x{h}" for w, h in stretch.sizes))
    notes.check("TC-RESOLUTION", size in stretch.sizes, line.where, real, line.given["resolution"])


def check_range(notes: Notebook, line: Line, rendition: Rendition) -> None:
    """VIDEO-RANGE beside the transfer characteristics."""
    stretch = rendition.any("video")
    if stretch is None or stretch.range is None:
        notes.skip("APPLE-9.16", "the picture doesn't say its transfer characteristics")
        return
    said = line.given.get("video_range", "SDR")
    notes.check("APPLE-9.16", said == stretch.range, line.where, stretch.range, line.given.get("video_range", "none"))


def compare_codecs(notes: Notebook, rule: str, where: str, declared: Sequence[str], real: Sequence[str]) -> None:
    """Declared codec strings beside those of bitstreams; each must have its like on the other side."""
    strange = [d for d in declared if not any(same_codec(d, r) for r in real) and not d.startswith(_TEXT_CODECS)]
    unsaid = [r for r in real if not any(same_codec(d, r) for d in declared) and not r.startswith(_TEXT_CODECS)]
    notes.check(rule, not strange and not unsaid, where, ",".join(real), ",".join(declared))


def frame_rates(rendition: Rendition) -> tuple[float, bool]:
    """Frames in a second on average, and whether all frames are equally long."""
    found = [stretch for _, stretch in rendition.known("video")]
    length = sum(stretch.end_s - stretch.begin_s for stretch in found)
    rate = sum(stretch.samples for stretch in found) / length if length > 0 else 0.0
    return rate, all(stretch.even for stretch in found)


def same_rate(declared: float, real: float, *, even: bool) -> bool:
    """Whether a declared frame rate is the real one; of a variable one it is the largest."""
    close = abs(declared - real) <= real * _RATE_WITHIN + 0.0005
    return close or (not even and declared > real)


def _check_rates(notes: Notebook, line: Line, played: _Played, target_s: float) -> None:
    declared, usual = (whole_number(line.given.get(name)) for name in ("bandwidth", "average_bandwidth"))
    said = line.given.get("average_bandwidth", "no AVERAGE-BANDWIDTH")
    notes.check("APPLE-9.14", usual is not None, line.where, "", said)
    if not played.weighed:
        return
    # The largest sum of any playable combination (Apple 9.13), which leaves open whether subtitles count; and a last
    # segment too short to be measured alone may have been declared all the same.
    peak, average = played.sum(_peak(target_s)), played.sum(_average)
    most = max(played.sum(_peak(target_s), texts=True), played.sum(_heaviest, texts=True))
    if declared is not None:
        good = peak * (1 - _WITHIN) <= declared <= most * (1 + _WITHIN)
        notes.check("APPLE-1.27", good, line.where, f"{peak:.0f} bit/s", f"{declared} bit/s")
    if usual is not None:
        good = average * (1 - _WITHIN) <= usual <= played.sum(_average, texts=True) * (1 + _WITHIN)
        notes.check("APPLE-1.26", good, line.where, f"{average:.0f} bit/s", f"{usual} bit/s")
    if average > 0:
        ratio = peak / average
        notes.check("APPLE-1.30", ratio <= 2.0, line.where, f"{ratio:.2f} times the average", "2")


def _check_codecs(notes: Notebook, line: Line, played: _Played) -> None:
    declared = [codec.strip() for codec in line.given.get("codecs", "").split(",") if codec.strip()]
    notes.check("APPLE-9.1", bool(declared), line.where, "", line.given.get("codecs", "no CODECS"))
    rendition = played.own
    everything = (rendition, *played.sounds, *played.angles)
    if not played.known or any(r.container in (Container.SEALED, None) or not r.codecs() for r in everything):
        notes.skip("TC-CODECS", _UNKNOWN)
    elif declared:
        real = list(dict.fromkeys(codec for r in everything for codec in r.codecs()))
        compare_codecs(notes, "TC-CODECS", line.where, declared, real)
    for codec in rendition.codecs():
        if codec.startswith(("avc", "hvc", "hev", "dvh")):
            if rendition.container is Container.MP4:
                notes.check(
                    "APPLE-1.10", not codec.startswith(("avc3", "hev1", "dvhe")), line.where, codec, "avc1 or hvc1"
                )
            if codec.startswith(("hvc", "hev")):
                notes.check(
                    "APPLE-1.5", rendition.container is Container.MP4, line.where, f"{rendition.container}", "fMP4"
                )


def _check_frame_rate(notes: Notebook, line: Line, rendition: Rendition) -> None:
    declared = line.given.get("frame_rate")
    notes.check("APPLE-9.15", declared is not None, line.where, "", declared or "no FRAME-RATE")
    rate, even = frame_rates(rendition)
    if declared is None or not rate:
        return
    try:
        said = float(declared)
    except ValueError:
        said = 0.0
    notes.check("TC-FRAME-RATE", same_rate(said, rate, even=even), line.where, f"{rate:.3f}", declared)


def _check_shapes(notes: Notebook, shapes: Mapping[str, tuple[int, int]]) -> None:
    if len(shapes) < 2:
        notes.skip("APPLE-1.33", "fewer than two variants with a picture")
        return
    largest = max(shapes, key=lambda where: shapes[where][0])
    width, height = shapes[largest]
    for where, (w, h) in shapes.items():
        # Sides are even numbers, so that a small rung can't have exactly the shape of a large one.
        good = abs(w * height / width - h) <= 2 or abs(h * width / height - w) <= 2
        notes.check("APPLE-1.33", good, where, f"{w}x{h}", f"{width}x{height} in {largest}")


def _played(entry: Multivariant, line: Line, own: Rendition, renditions: Mapping[str, Rendition]) -> _Played:
    found: dict[str, tuple[Rendition, ...]] = {}
    known = True
    for kind in ("AUDIO", "VIDEO", "SUBTITLES"):
        named = line.given.get(kind.lower())
        members = entry.groups.get((kind, named), ()) if named else ()
        names = dict.fromkeys(member.playlist or "" for member in members if member.uri is not None)
        group = tuple(renditions[name] for name in names if name in renditions)
        known = known and len(group) == len(names) and bool(members or not named)
        found[kind] = tuple(r for r in group if r is not own)
    return _Played(own, found["AUDIO"], found["VIDEO"], found["SUBTITLES"], known)


def _peak(target_s: float) -> Callable[[Rendition], float]:
    return lambda rendition: rendition.peak_bps(target_s) or 0.0


def _average(rendition: Rendition) -> float:
    return rendition.average_bps or 0.0


def _heaviest(rendition: Rendition) -> float:
    return rendition.heaviest_bps


def _size(line: Line) -> tuple[int, int] | None:
    found = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", line.given.get("resolution", ""))
    return (int(found[1]), int(found[2])) if found else None
