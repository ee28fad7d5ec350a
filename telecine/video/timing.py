"""One clock for all rungs: output frame rate, length and keyframe distance.

Pure. The output has a constant frame rate, so that a GOP can be a whole number of frames and every rung and segment
starts at the same instants (6.006 s at 29.97 is right; a drift from 6.000 is not a fault).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from telecine.probe import MediaFacts, VideoFacts

_STANDARD = tuple(
    sorted(
        (
            *(Fraction(n) for n in (5, 6, 8, 10, 12, 15, 18, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240)),
            *(Fraction(25, 2), Fraction(15, 2)),
            *(Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120, 240)),
        )
    )
)
_EXACT = 0.0002  # 24 and 23.976 are 0.001 apart
_CLOSE = 0.01
_NEAR = 0.03  # a variable rate hovers about the rate that was meant
_BURSTS = 1.06  # a median rate this much above the mean means pauses between bursts, not jitter
_SLOWEST = 5  # below it players seek and start badly; frames are repeated a whole number of times
_CRUMB, _GOP_SLACK = 1 / 6, 0.1
_DEFAULT = Fraction(25)  # for a single frame


@dataclass(frozen=True, slots=True)
class Timing:
    """Attributes:
    fps_num, fps_den: the output's frame rate as a fraction.
    frames: number of frames of every rung.
    gop_frames: distance of keyframes, which is also the length of a segment.
    shift_s: what is subtracted from ffmpeg's clock so that the first used track starts at zero.
    hold_s: how long the last frame has to be repeated because the sound goes on.
    """

    fps_num: int
    fps_den: int
    frames: int
    gop_frames: int
    shift_s: float
    hold_s: float

    @property
    def fps(self) -> Fraction:
        """The output's frame rate."""
        return Fraction(self.fps_num, self.fps_den)

    @property
    def duration_s(self) -> float:
        """Length of every output."""
        return float(self.frames / self.fps)

    @property
    def segment_s(self) -> float:
        """Length of a whole segment."""
        return float(self.gop_frames / self.fps)


def timing(facts: MediaFacts, max_fps: float, segment_s: float) -> Timing:
    """The clock of a video's outputs; `facts.video` must be there."""
    video = facts.video
    assert video is not None
    fps = output_fps(video, max_fps)
    duration = max(facts.duration_s, float(1 / fps))
    picture_end = video.end_s - facts.begin_s
    frames = max(1, round(duration * fps))
    return Timing(
        fps_num=fps.numerator,
        fps_den=fps.denominator,
        frames=frames,
        gop_frames=_gop(frames, max(1, round(segment_s * fps))),
        shift_s=round(facts.begin_s - facts.start_s, 6),
        hold_s=round(max(0.0, duration - picture_end) + float(2 / fps), 3),
    )


def output_fps(video: VideoFacts, max_fps: float) -> Fraction:
    """A constant frame rate for a source: its own when it is constant and allowed."""
    fps = _source_fps(video)
    if fps > Fraction(max_fps).limit_denominator(1001):
        fps /= -(-fps // Fraction(max_fps).limit_denominator(1001))  # every second, third ... frame: an even cadence
    if fps < _SLOWEST:
        fps *= -(-_SLOWEST // fps)
    return fps


def _gop(frames: int, wanted: int) -> int:
    """Frames of a segment: the wanted number, or one near it that leaves no crumb at the end.

    A last segment of a few frames is little more than its keyframe, and its bit rate, many times the others', would
    have to be declared as the stream's peak.
    """

    def leaves_a_crumb(gop: int) -> bool:
        return 0 < frames % gop < wanted * _CRUMB

    if frames <= wanted or not leaves_a_crumb(wanted):
        return wanted
    slack = int(wanted * _GOP_SLACK)
    near = [gop for step in range(1, slack + 1) for gop in (wanted + step, wanted - step)]
    return next((gop for gop in near if not leaves_a_crumb(gop)), wanted)


def _source_fps(video: VideoFacts) -> Fraction:
    measured, typical = video.measured_fps, video.typical_fps
    if measured is None or typical is None:
        return _snap(video.avg_fps or video.r_fps or float(_DEFAULT), _EXACT)
    if not video.vfr:
        for claimed in (video.r_fps, video.avg_fps):
            if claimed and any(abs(claimed / rate - 1) < _CLOSE for rate in (measured, typical)):
                return _snap(claimed, _EXACT)
        return _snap(measured, _CLOSE)
    return _snap(typical if typical > measured * _BURSTS else measured, _NEAR)


def _snap(rate: float, tolerance: float) -> Fraction:
    nearest = min(_STANDARD, key=lambda standard: abs(float(standard) - rate))
    if abs(float(nearest) / rate - 1) <= tolerance:
        return nearest
    return max(Fraction(rate).limit_denominator(1001), Fraction(1, 3600))
