"""HLS playlists: reading them, and making what they declare true.

Shaka Packager leaves out VIDEO-RANGE, calls no sound the default one, and its BANDWIDTH can be below its own
AVERAGE-BANDWIDTH; `with_true_rates` puts that right from measured segments. Source: RFC 8216bis (section 4.4), Apple
HLS authoring specification 9.13 to 9.16. Doesn't belong here: deciding whether a package is good (verify.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_STREAM, _IFRAMES, _MEDIA = "#EXT-X-STREAM-INF:", "#EXT-X-I-FRAME-STREAM-INF:", "#EXT-X-MEDIA:"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment, or a byte range of one, of a media playlist."""

    uri: str
    duration_s: float
    length: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist; `init` is the URI of its initialisation section."""

    segments: tuple[Segment, ...]
    init: str | None
    target_duration_s: int
    ended: bool

    @property
    def duration_s(self) -> float:
        """Sum of all segments."""
        return sum(segment.duration_s for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Multivariant:
    """A multivariant playlist: attributes (unquoted) and URI of each line."""

    variants: tuple[tuple[Mapping[str, str], str], ...]
    iframes: tuple[tuple[Mapping[str, str], str], ...]
    media: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured bits per second: of the worst segment, and on average."""

    peak_bps: int
    average_bps: int


def parse_media(text: str) -> MediaPlaylist:
    """A media playlist's segments.

    Raises:
        ValueError: when it isn't one.
    """
    if not text.startswith("#EXTM3U"):
        raise ValueError("no #EXTM3U")
    segments: list[Segment] = []
    init: str | None = None
    target, ended = 0, False
    duration = 0.0
    length: int | None = None
    offset: int | None = None
    for line in text.splitlines():
        if line.startswith("#EXTINF:"):
            duration = float(line[8:].partition(",")[0])
        elif line.startswith("#EXT-X-BYTERANGE:"):
            size, _, start = line[17:].partition("@")
            length, offset = int(size), int(start)
        elif line.startswith("#EXT-X-MAP:"):
            init = attributes(line)["URI"]
        elif line.startswith("#EXT-X-TARGETDURATION:"):
            target = int(line.partition(":")[2])
        elif line.startswith("#EXT-X-ENDLIST"):
            ended = True
        elif line and not line.startswith("#"):
            segments.append(Segment(line, duration, length, offset))
            length = offset = None
    return MediaPlaylist(tuple(segments), init, target, ended)


def parse_multivariant(text: str) -> Multivariant:
    """A multivariant playlist's lines.

    Raises:
        ValueError: when it isn't one.
    """
    if not text.startswith("#EXTM3U"):
        raise ValueError("no #EXTM3U")
    lines = text.splitlines()
    variants, iframes, media = [], [], []
    for number, line in enumerate(lines):
        if line.startswith(_STREAM):
            variants.append((attributes(line), lines[number + 1]))
        elif line.startswith(_IFRAMES):
            given = attributes(line)
            iframes.append((given, given["URI"]))
        elif line.startswith(_MEDIA):
            media.append(attributes(line))
    return Multivariant(tuple(variants), tuple(iframes), tuple(media))


def attributes(line: str) -> dict[str, str]:
    """Attribute list of a tag, values without their quotes."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def rates(playlist: MediaPlaylist, size_of: Callable[[str], int]) -> Rates:
    """Measured rates of a playlist.

    Args:
        size_of: bytes of a file by its URI in the playlist.
    """
    sizes = [segment.length if segment.length is not None else size_of(segment.uri) for segment in playlist.segments]
    each = [size * 8 / s.duration_s for size, s in zip(sizes, playlist.segments, strict=True) if s.duration_s > 0]
    return Rates(
        peak_bps=-(-int(max(each, default=0.0) * 1000) // 1000) + 1,  # rounded up: the declared peak is never too low
        average_bps=round(sum(sizes) * 8 / playlist.duration_s) if playlist.duration_s > 0 else 0,
    )


def with_true_rates(text: str, measured: Mapping[str, Rates], sound: Rates | None) -> str:
    """A multivariant playlist whose variants declare what was measured.

    Args:
        text: as Shaka Packager wrote it.
        measured: rates by URI of each variant and I-frame playlist.
        sound: rates of the sound every variant is played with.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("## ")]
    result: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith(_STREAM):
            own = measured[lines[number + 1]]
            peak = own.peak_bps + (sound.peak_bps if sound else 0)
            average = own.average_bps + (sound.average_bps if sound else 0)
            line = _with(line, peak, average)
        elif line.startswith(_IFRAMES):
            own = measured[attributes(line)["URI"]]
            line = _with(line, own.peak_bps, own.average_bps)
        elif line.startswith(_MEDIA + "TYPE=AUDIO"):
            line = line.replace("DEFAULT=NO", "DEFAULT=YES")
        result.append(line)
    return "\n".join(result) + "\n"


def _with(line: str, peak_bps: int, average_bps: int) -> str:
    line = re.sub(r"(?<=[:,])BANDWIDTH=\d+", f"BANDWIDTH={max(peak_bps, average_bps)}", line)
    line = re.sub(r"AVERAGE-BANDWIDTH=\d+", f"AVERAGE-BANDWIDTH={average_bps}", line)
    return line if "VIDEO-RANGE=" in line else f"{line},VIDEO-RANGE=SDR"
