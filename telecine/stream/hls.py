"""HLS playlists, read: what a playlist names, how long it is, and the rates of its segments.

A typed view of what the `m3u8` library parses. Source: RFC 8216bis section 4.4. Doesn't belong here: writing the entry
playlist (multivariant.py), deciding whether a package is good (verify.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import m3u8

from telecine.stream.rates import Rates, rates_of


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


def parse_media(text: str) -> MediaPlaylist:
    """A media playlist's segments.

    Raises:
        ValueError: when it isn't one.
    """
    parsed = _parsed(text)
    segments = tuple(_segment(segment) for segment in parsed.segments)
    maps = parsed.segment_map
    return MediaPlaylist(
        segments, maps[0].uri if maps else None, int(parsed.target_duration or 0), bool(parsed.is_endlist)
    )


def parse_multivariant(text: str) -> Multivariant:
    """A multivariant playlist's lines.

    Raises:
        ValueError: when it isn't one.
    """
    data = _parsed(text).data
    return Multivariant(
        variants=tuple((_attributes(p["stream_info"]), str(p["uri"])) for p in data["playlists"]),
        iframes=tuple((_attributes(p["iframe_stream_info"]), str(p["uri"])) for p in data["iframe_playlists"]),
        media=tuple(_attributes(media) for media in data["media"]),
    )


def rates(playlist: MediaPlaylist, size_of: Callable[[str], int]) -> Rates:
    """Measured rates of a playlist.

    Args:
        size_of: bytes of a file by its URI in the playlist.
    """
    sizes = [segment.length if segment.length is not None else size_of(segment.uri) for segment in playlist.segments]
    durations = [segment.duration_s for segment in playlist.segments]
    return rates_of(sizes, durations, playlist.target_duration_s or max(durations, default=0.0))


def _parsed(text: str) -> Any:
    if not text.startswith("#EXTM3U"):
        raise ValueError("no #EXTM3U")
    return m3u8.loads(text)


def _segment(segment: Any) -> Segment:
    if not segment.byterange:
        return Segment(str(segment.uri), float(segment.duration))
    length, _, offset = str(segment.byterange).partition("@")
    return Segment(str(segment.uri), float(segment.duration), int(length), int(offset))


def _attributes(found: Mapping[str, Any]) -> dict[str, str]:
    return {name.upper().replace("_", "-"): str(value).strip('"') for name, value in found.items()}
