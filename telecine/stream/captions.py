"""Captions in a package: segmented WebVTT with a playlist for HLS, one whole file for DASH and for downloads.

Belongs here: the files. Doesn't belong here: WebVTT itself (webvtt.py), how they are declared (multivariant.py,
mpd.py). Source: RFC 8216 section 3.5; Apple HLS authoring specification 5.x (cut where the picture is cut).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import m3u8

from telecine.stream.media_playlist import target_of
from telecine.stream.tracks import Text
from telecine.stream.webvtt import render, segments


def write_whole(text: Text, directory: Path) -> None:
    """`<name>.vtt`."""
    (directory / f"{text.rendition.name}.vtt").write_text(render(text.captions))


def write_segments(text: Text, directory: Path, durations_s: Sequence[float], first_pts_s: float) -> None:
    """`<name>/00001.vtt` and so on, and `<name>.m3u8`, which covers the whole stream.

    Args:
        durations_s: of the segments that the captions go with.
        first_pts_s: the time stamp with which those begin.
    """
    name = text.rendition.name
    (directory / name).mkdir()
    playlist = m3u8.M3U8()
    playlist.version, playlist.playlist_type, playlist.is_endlist = "6", "VOD", True
    playlist.target_duration = target_of(durations_s)
    for number, (duration, document) in enumerate(
        zip(durations_s, segments(text.captions, durations_s, first_pts_s), strict=True), 1
    ):
        uri = f"{name}/{number:05d}.vtt"
        (directory / uri).write_text(document)
        playlist.add_segment(m3u8.Segment(uri=uri, duration=duration))
    (directory / text.rendition.playlist).write_text(playlist.dumps(infspec="microseconds"))
