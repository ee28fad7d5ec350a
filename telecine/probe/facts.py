"""What is known about a media file before anything is made from it.

Belongs here: the file as a whole, and small questions about it. Doesn't belong here: its tracks (tracks.py), how
they are found out (headers.py, scan.py), or what is made of them (telecine/video/plan.py). Nothing private is kept: no
tags but a track's language and title, no location.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from telecine.probe.tracks import AudioFacts, DataFacts, SubtitleFacts, VideoFacts


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter mark, in seconds."""

    start_s: float
    end_s: float
    title: str | None


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Everything known about one file.

    Attributes:
        format: short container name, for example "mp4", "mov", "webm", "mkv", "mpegts".
        start_s: the container's clock at the beginning: what ffmpeg subtracts from every time stamp.
        header_duration_s: what the header claims; the tracks' own times are measured.
        bitrate_bps: what the header claims, or reckons from size and length.
        video, audio: the tracks to use; None when there is none.
        warnings: sentences about small damage.
        data: tracks that are neither seen nor heard, and attached files.
        missing: why a field is None, by its name.
    """

    format: str
    size_bytes: int
    start_s: float
    header_duration_s: float | None
    bitrate_bps: int | None
    videos: tuple[VideoFacts, ...]
    audios: tuple[AudioFacts, ...]
    subtitles: tuple[SubtitleFacts, ...]
    chapters: tuple[Chapter, ...]
    video: VideoFacts | None
    audio: AudioFacts | None
    warnings: tuple[str, ...] = ()
    data: tuple[DataFacts, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Literal["video", "audio"]:
        """Cover art doesn't make a song a video."""
        return "video" if self.video is not None else "audio"

    @property
    def cover(self) -> VideoFacts | None:
        """The attached picture to show for the file."""
        return next((v for v in self.videos if v.picture and v.unusable is None), None)

    @property
    def begin_s(self) -> float:
        """When the first of the used tracks starts, on the container's clock."""
        return min(track.start_s for track in (self.video, self.audio) if track is not None)

    @property
    def duration_s(self) -> float:
        """From the beginning of the first to the end of the last used track."""
        return max(track.end_s for track in (self.video, self.audio) if track is not None) - self.begin_s
