"""What is known about one track of a file: picture, sound, subtitles, or anything else.

Belongs here: the frozen records, and small questions about displayed geometry and colour. Doesn't belong here: how the
facts are found out (headers.py, scan.py, frames.py), or the file as a whole (facts.py).

What a file doesn't say is None, and `missing` has the reason by field name, for people and logs; code looks at the
value only. Fields that only some tracks have (a title, HDR metadata, Dolby Vision) are None without a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from telecine.probe.hdr import ContentLight, DolbyVision, MasteringDisplay

_SANE_SAR = (Fraction(1, 10), Fraction(10))  # anything beyond is a damaged header, not an anamorphic lens

# Codecs that can store fields, and may go over to them at any frame: broadcasts do between programmes.
FIELD_CODECS = frozenset({"h264", "mpeg2video", "mpeg4", "vc1", "dvvideo", "prores", "mjpeg"})

FieldOrder = Literal["progressive", "top_first", "bottom_first"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list (ISO/IEC 14496-12 section 8.6.6).

    Attributes:
        media_s: where in the track it starts to be shown; None for an empty edit, a delay.
        duration_s: how long it is shown; 0 for to the end.
    """

    media_s: float | None
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFacts:
    """What every track has.

    Attributes:
        index: stream index in the container.
        codec: as ffprobe names it; "unknown" when it can't.
        language: BCP 47 or ISO 639-2, as the file says it.
        title: what the file calls the track, at most 200 characters.
        default, forced: the file's flags: chosen by players, shown even when subtitles are off.
        hearing_impaired: for the deaf and hard of hearing (SDH): by flag, or because the title says so.
        commentary, descriptions: somebody talks about the film; somebody tells what is to be seen.
        encrypted: by DRM; there is no key.
        edits: the edit list; empty when there is none, or when it only says "all of it".
        unusable: why nothing can be made of the track, for people; None when it can be used.
        missing: why a field is None, by its name.
    """

    index: int
    codec: str
    language: str | None = None
    title: str | None = None
    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False
    commentary: bool = False
    descriptions: bool = False
    encrypted: bool = False
    edits: tuple[Edit, ...] = ()
    unusable: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts(TrackFacts):
    """One video track.

    Attributes:
        width, height: coded pixels; 0 when unknown.
        sar: sample (pixel) aspect ratio as numerator, denominator.
        rotation: degrees clockwise (0, 90, 180, 270) that the decoded picture has to be turned by, after `mirrored`.
        mirrored: whether the decoded picture has to be flipped left to right before turning.
        bit_depth: of a sample; 8 when it can't be told (`missing` says so).
        colour_*: as ffprobe names them.
        mastering_display, content_light: HDR10's static metadata, from the container or the first frames.
        dolby_vision: its profile.
        interlaced: the picture, or some of it, is stored as fields; `field_order` says which comes first.
        avg_fps, r_fps: the container's average and base frame rate.
        measured_fps: frames over time as found in the packets.
        typical_fps: one over the median distance between frames.
        vfr: distances between frames vary by more than rounding.
        start_s, end_s: of the frames that are shown, on the container's clock.
        frames: number of packets to be shown; 0 when the track is empty.
        keyframes: how many of them.
        keyframe_interval_s: longest distance between keyframes.
        bitrate_bps: average, measured from the packets.
        picture: an attached picture (cover art), not a film.
        closed_captions: captions (CEA-608, CEA-708) come with the first frames.
    """

    profile: str | None
    width: int
    height: int
    sar: tuple[int, int] | None
    rotation: int
    mirrored: bool
    pixel_format: str | None
    bit_depth: int
    colour_space: str | None
    colour_primaries: str | None
    colour_transfer: str | None
    colour_range: str | None
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    dolby_vision: DolbyVision | None = None
    interlaced: bool
    field_order: FieldOrder | None = None
    avg_fps: float | None
    r_fps: float | None
    measured_fps: float | None
    typical_fps: float | None
    vfr: bool
    start_s: float
    end_s: float
    frames: int
    keyframes: int = 0
    keyframe_interval_s: float | None
    bitrate_bps: int | None
    picture: bool
    closed_captions: bool = False

    @property
    def hdr(self) -> Literal["pq", "hlg"] | None:
        """The high dynamic range transfer, if it is one."""
        if self.colour_transfer == "smpte2084":
            return "pq"
        return "hlg" if self.colour_transfer == "arib-std-b67" else None

    @property
    def may_have_fields(self) -> bool:
        """Whether a frame may be stored as fields, even when those that were looked at are not."""
        return self.interlaced or self.codec in FIELD_CODECS

    @property
    def sar_is_sane(self) -> bool:
        """Whether the pixel shape can be believed; if not, pixels are taken for square."""
        return self.sar is None or _SANE_SAR[0] <= Fraction(*self.sar) <= _SANE_SAR[1]

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in square pixels before rotation: what a scaler has to make of the decoded picture."""
        sar = Fraction(*self.sar) if self.sar is not None and self.sar_is_sane else Fraction(1)
        return max(1, round(self.width * sar)), self.height

    @property
    def displayed_size(self) -> tuple[int, int]:
        """Width and height in square pixels as a person sees it."""
        width, height = self.upright_size
        return (height, width) if self.rotation in (90, 270) else (width, height)

    @property
    def dar(self) -> tuple[int, int] | None:
        """Display aspect ratio as a person sees it, for example (16, 9); None without a size."""
        width, height = self.displayed_size
        if not self.width or not self.height:
            return None
        shape = Fraction(width, height).limit_denominator(100)
        return shape.numerator, shape.denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts(TrackFacts):
    """One sound track.

    Attributes:
        channels, sample_rate: 0 when unknown.
        layout: ffmpeg's name for which channel is which.
        start_s, end_s: of what is heard, on the container's clock.
        packets: 0 when the track is empty.
        bitrate_bps: average, measured from the packets.
        dubbed, original: the file's flags.
        karaoke: without the voice, or without the effects.
    """

    profile: str | None
    channels: int
    layout: str | None
    sample_rate: int
    start_s: float
    end_s: float
    packets: int
    bitrate_bps: int | None
    dubbed: bool = False
    original: bool = False
    karaoke: bool = False

    @property
    def secondary(self) -> bool:
        """Made for some listeners only: never chosen while there is another."""
        return self.commentary or self.descriptions or self.hearing_impaired or self.karaoke


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleFacts(TrackFacts):
    """One subtitle track.

    Attributes:
        kind: whether it holds text or pictures of text.
        packets: how many; 0 when the track is empty.
        start_s, end_s: of the first and last one, on the container's clock.
    """

    kind: Literal["text", "image"] | None
    packets: int = 0
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts(TrackFacts):
    """A track that is neither seen nor heard, or an attached file; nothing is made of it.

    Attributes:
        what: for people, for example "timecode", "camera telemetry (GoPro)", "font".
    """

    what: str
    packets: int = 0
