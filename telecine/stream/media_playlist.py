"""Media playlists: what Shaka Packager wrote, with exact lengths and a target duration as short as the standard allows.

The packager rounds every length to a millisecond, the longest up to a second, and leaves the tables of MPEG-TS out of
I-frame playlists. Source: RFC 8216bis sections 4.4.3.1 (the target duration is the longest length, rounded to the
nearest second), 4.4.4.5 (EXT-X-MAP of I-frame playlists) and 6.2.4 (one target duration for all variants and sounds).
Doesn't belong here: what the lengths are (lengths.py), the multivariant playlist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import m3u8
from m3u8.model import InitializationSection


def target_of(lengths_s: Iterable[float]) -> int:
    """The target duration of playlists that belong together, in seconds, by the lengths of all their segments."""
    return max(1, int(max(lengths_s, default=0.0) + 0.5))


def completed(text: str, lengths_s: Sequence[float], target_s: int) -> str:
    """A media playlist with exact lengths, another target duration, and the tables that its byte ranges need."""
    playlist = m3u8.loads(text)
    playlist.target_duration = target_s
    for segment, length in zip(playlist.segments, lengths_s, strict=True):
        segment.duration = length
    ranged = playlist.segments[0] if playlist.segments and playlist.segments[0].byterange else None
    if ranged is not None and not playlist.segment_map:
        # Every segment begins with the same tables; the first keyframe lies right behind them.
        offset = str(ranged.byterange).partition("@")[2]
        tables = InitializationSection(base_uri=None, uri=ranged.uri, byterange=f"{offset}@0")
        for segment in playlist.segments:
            segment.init_section = tables
    return str(playlist.dumps(infspec="microseconds")).rstrip("\n") + "\n"
