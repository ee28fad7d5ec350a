"""One clock for all rungs: output frame rate, length, keyframe distance and segment length.

Pure. The output has a constant frame rate, so that a GOP can be a whole number of frames of the slowest rung and a
segment a whole number of GOPs: every rung then has its keyframes and cuts at the same instants (6.006 s at 29.97 is
right; a drift from 6.000 is not a fault). Source: Apple HLS authoring 1.10 (IDR every 2 s), 7.5 (6 s segments).
"""

from __future__ import annotations

import math
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
GOP_S = 2.0  # Apple HLS authoring 1.10
_CRUMB, _GOP_SLACK = 1 / 6, 0.1
_LEAST_S, _MOST_S = 2, 10  # of a segment, as recipes may ask for it
_DEFAULT = Fraction(25)  # for a single frame
_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock as one rung sees it.

    Attributes:
        fps_num, fps_den: the rung's frame rate as a fraction.
        frames: how many it has.
        gop_frames: distance of its keyframes.
    """

    fps_num: int
    fps_den: int
    frames: int
    gop_frames: int

    @property
    def fps(self) -> Fraction:
        """The rung's frame rate."""
        return Fraction(self.fps_num, self.fps_den)


@dataclass(frozen=True, slots=True)
class Timing:
    """Attributes:
    fps_num, fps_den: the output's frame rate as a fraction; rungs with a divisor have a part of it.
    frames: number of frames at that rate; a multiple of every rung's divisor.
    gop_frames: distance of keyframes at that rate; a multiple of every rung's divisor.
    segment_frames: length of a segment at that rate; a multiple of `gop_frames`.
    shift_s: what is subtracted from ffmpeg's clock so that the first used track starts at zero.
    hold_s: how long the last frame has to be repeated because the sound goes on.
    """

    fps_num: int
    fps_den: int
    frames: int
    gop_frames: int
    segment_frames: int
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
    def gop_s(self) -> float:
        """Distance of keyframes."""
        return float(self.gop_frames / self.fps)

    @property
    def segment_s(self) -> float:
        """Length of a whole segment."""
        return float(self.segment_frames / self.fps)

    def pace(self, divisor: int = 1) -> Pace:
        """What a rung that keeps every `divisor`-th frame goes by."""
        fps = self.fps / divisor
        return Pace(fps.numerator, fps.denominator, self.frames // divisor, self.gop_frames // divisor)


def timing(facts: MediaFacts, fps: Fraction, segment_s: float, gop_s: float = GOP_S, divisor: int = 1) -> Timing:
    """The clock of a video's outputs; `facts.video` must be there.

    Args:
        fps: of the fastest rung (`output_fps`).
        segment_s, gop_s: wanted; what comes out is near them.
        divisor: of the slowest rung.
    """
    video = facts.video
    assert video is not None
    slow = fps / divisor
    duration = max(facts.duration_s, float(1 / slow))
    picture_end = video.end_s - facts.begin_s
    slow_frames = max(1, math.floor(duration * slow + _HALF))
    gop, gops = _gop(slow_frames, slow, segment_s, gop_s)
    return Timing(
        fps_num=fps.numerator,
        fps_den=fps.denominator,
        frames=slow_frames * divisor,
        gop_frames=gop * divisor,
        segment_frames=gop * gops * divisor,
        shift_s=round(facts.begin_s - facts.start_s, 6),
        hold_s=round(max(0.0, duration - picture_end) + float(2 / slow), 3),
    )


def output_fps(video: VideoFacts, max_fps: float) -> Fraction:
    """A constant frame rate for a source: its own when it is constant and allowed."""
    fps, most = _source_fps(video), exact_fps(max_fps)
    if fps > most:
        fps /= -(-fps // most)  # every second, third ... frame: an even cadence
    if fps < _SLOWEST:
        fps *= -(-_SLOWEST // fps)
    return fps


def _gop(frames: int, fps: Fraction, segment_s: float, gop_s: float) -> tuple[int, int]:
    """Frames of a GOP and GOPs of a segment: the wanted ones, or near them when those leave a crumb at the end.

    A last segment of a few frames is little more than its keyframe, and its bit rate, many times the others', would
    have to be declared as the stream's peak. The same goes for the last keyframe of an I-frame playlist. No segment
    gets shorter or longer than a recipe could have asked for.
    """
    gops = max(1, round(segment_s / gop_s))
    wanted = max(1, round(segment_s * fps / gops))

    def leaves_a_crumb(length: int) -> bool:
        return frames > length and 0 < frames % length < length * _CRUMB

    slack = int(wanted * _GOP_SLACK)
    near = [wanted, *(gop for step in range(1, slack + 1) for gop in (wanted + step, wanted - step))]
    near = [gop for gop in near if _LEAST_S <= gop * gops / fps <= _MOST_S] or [wanted]
    # The smallest in this order: no crumb of a segment, then no crumb of a GOP, then the nearest.
    return min(near, key=lambda gop: (leaves_a_crumb(gop * gops), leaves_a_crumb(gop))), gops


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


def exact_fps(rate: float) -> Fraction:
    """The fraction that a person means who writes a rate with two or three decimals: 29.97 is 30000/1001."""
    return _snap(rate, _EXACT)


def _snap(rate: float, tolerance: float) -> Fraction:
    nearest = min(_STANDARD, key=lambda standard: abs(float(standard) - rate))
    if abs(float(nearest) / rate - 1) <= tolerance:
        return nearest
    return max(Fraction(rate).limit_denominator(1001), Fraction(1, 3600))
