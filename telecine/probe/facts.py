"""What is known about a media file before anything is made from it: frozen records, and small questions about them.

Belongs here: facts about displayed geometry, colour and timing. Doesn't belong here: how they are found out
(headers.py, scan.py), or what is made of them (telecine/video/plan.py). Nothing private is kept: no tags, no location.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

_SANE_SAR = (Fraction(1, 10), Fraction(10))  # anything beyond is a damaged header, not an anamorphic lens


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """One video track.

    Attributes:
        index: stream index in the container.
        width, height: coded pixels.
        sar: sample (pixel) aspect ratio as numerator, denominator; (1, 1) when unknown or absurd.
        rotation: degrees clockwise (0, 90, 180, 270) that the decoded picture has to be turned by, after `mirrored`.
        mirrored: whether the decoded picture has to be flipped left to right before turning.
        avg_fps, r_fps: the container's average and base frame rate; None when it has none.
        measured_fps: frames over time as found in the packets; None for fewer than two frames.
        typical_fps: one over the median distance between frames; None for fewer than two frames.
        vfr: distances between frames vary by more than rounding.
        hdr: "pq" or "hlg"; None for standard dynamic range.
        colour_*: as ffprobe names them; None when unknown.
        interlaced: the header says fields, not frames.
        start_s, end_s: of the frames that are shown, on the container's clock.
        frames: number of packets to be shown; 0 when the track is empty.
        keyframe_interval_s: longest distance between keyframes; None with fewer than two.
    """

    index: int
    codec: str
    profile: str | None
    width: int
    height: int
    sar: tuple[int, int]
    rotation: int
    mirrored: bool
    pixel_format: str | None
    bit_depth: int
    colour_space: str | None
    colour_primaries: str | None
    colour_transfer: str | None
    colour_range: str | None
    interlaced: bool
    avg_fps: float | None
    r_fps: float | None
    measured_fps: float | None
    typical_fps: float | None
    vfr: bool
    start_s: float
    end_s: float
    frames: int
    keyframe_interval_s: float | None
    bitrate_bps: int | None
    default: bool
    picture: bool

    @property
    def hdr(self) -> Literal["pq", "hlg"] | None:
        """The high dynamic range transfer, if it is one."""
        if self.colour_transfer == "smpte2084":
            return "pq"
        return "hlg" if self.colour_transfer == "arib-std-b67" else None

    @property
    def sar_is_sane(self) -> bool:
        """Whether the pixel shape can be believed; if not, pixels are taken for square."""
        return _SANE_SAR[0] <= Fraction(*self.sar) <= _SANE_SAR[1]

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in square pixels before rotation: what a scaler has to make of the decoded picture."""
        sar = Fraction(*self.sar) if self.sar_is_sane else Fraction(1)
        return max(1, round(self.width * sar)), self.height

    @property
    def displayed_size(self) -> tuple[int, int]:
        """Width and height in square pixels as a person sees it."""
        width, height = self.upright_size
        return (height, width) if self.rotation in (90, 270) else (width, height)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """One sound track; `language` is BCP 47 or ISO 639-2, None when unknown."""

    index: int
    codec: str
    profile: str | None
    channels: int
    layout: str | None
    sample_rate: int
    start_s: float
    end_s: float
    packets: int
    bitrate_bps: int | None
    language: str | None
    default: bool
    secondary: bool


@dataclass(frozen=True, slots=True)
class SubtitleFacts:
    """One subtitle track."""

    index: int
    codec: str
    language: str | None


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
        video, audio: the tracks to use; None when there is none.
        warnings: sentences about small damage.
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

    @property
    def kind(self) -> Literal["video", "audio"]:
        """Cover art doesn't make a song a video."""
        return "video" if self.video is not None else "audio"

    @property
    def begin_s(self) -> float:
        """When the first of the used tracks starts, on the container's clock."""
        return min(track.start_s for track in (self.video, self.audio) if track is not None)

    @property
    def duration_s(self) -> float:
        """From the beginning of the first to the end of the last used track."""
        return max(track.end_s for track in (self.video, self.audio) if track is not None) - self.begin_s
