"""Media playlists: what Shaka Packager wrote, with the target duration as short as the standard allows.

The packager rounds every length up and leaves the tables of MPEG-TS out of I-frame playlists. Source: RFC 8216bis
sections 4.4.3.1 (lengths are rounded to the nearest second), 4.4.4.5 (EXT-X-MAP of I-frame playlists) and 6.2.4 (one
target duration for all variants and sounds). Doesn't belong here: the multivariant playlist.
"""

from __future__ import annotations

from collections.abc import Sequence

import m3u8
from m3u8.model import InitializationSection


def target_of(texts: Sequence[str]) -> int:
    """The target duration of playlists that belong together, in seconds."""
    durations = [float(segment.duration) for text in texts for segment in m3u8.loads(text).segments]
    return max(1, int(max(durations, default=0.0) + 0.5))


def completed(text: str, target_s: int) -> str:
    """A media playlist with another target duration, and with the tables that its byte ranges need."""
    playlist = m3u8.loads(text)
    playlist.target_duration = target_s
    ranged = playlist.segments[0] if playlist.segments and playlist.segments[0].byterange else None
    if ranged is not None and not playlist.segment_map:
        # Every segment begins with the same tables; the first keyframe lies right behind them.
        offset = str(ranged.byterange).partition("@")[2]
        tables = InitializationSection(base_uri=None, uri=ranged.uri, byterange=f"{offset}@0")
        for segment in playlist.segments:
            segment.init_section = tables
    return str(playlist.dumps(infspec="milliseconds")).rstrip("\n") + "\n"
