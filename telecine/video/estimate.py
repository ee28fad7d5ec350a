"""How long an encode takes, roughly, from header facts: for scheduling and for time limits, never for promises.

Pure. Belongs here: what codecs and presets cost. Source: measured on a 2-core virtual machine with the bench's clip.
"""

from __future__ import annotations

from collections.abc import Iterable

from telecine.codecs import VideoCodec
from telecine.probe import VideoFacts
from telecine.recipe.coding import Preset
from telecine.video.ladder import Rung
from telecine.video.timing import Timing

# Luma samples a core gets through in a second.
_DECODE_RATE, _TONEMAP_RATE, _COPY_RATE = 250e6, 20e6, 5_000e6
_ENCODE_RATE = {
    VideoCodec.H264: 45e6,
    VideoCodec.H265: 20e6,
    VideoCodec.VP9: 17e6,
    VideoCodec.AV1: 27e6,
    VideoCodec.FFV1: 60e6,
}
_PRESETS: tuple[Preset, ...] = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")
# What each costs against veryfast.
_PRESET_COST = {
    VideoCodec.H264: (0.5, 0.7, 1, 1.5, 2, 2.6, 5),
    VideoCodec.H265: (0.6, 0.8, 1, 1.3, 1.7, 2.2, 7),
    VideoCodec.VP9: (0.4, 1, 1, 1.3, 1.6, 2.1, 5.5),
    VideoCodec.AV1: (0.6, 0.8, 1, 1.5, 2.4, 3.7, 8),
    VideoCodec.FFV1: (1, 1, 1, 1, 1, 1, 1),
}
_FIRST_PASS = 0.5  # of the second


def estimate_seconds(video: VideoFacts, rungs: Iterable[Rung], clock: Timing) -> float:
    """Core seconds, without start-up."""
    rungs = tuple(rungs)
    encodes = [rung for rung in rungs if not rung.copied]
    seconds = sum(encode_seconds(rung, clock) for rung in encodes)
    seconds += decode_seconds(video) if encodes else _samples(video) / _COPY_RATE
    if video.hdr and any(rung.coding.hdr is None for rung in encodes):
        seconds += max(rung.pixels for rung in encodes) * clock.frames / _TONEMAP_RATE
    return round(1.0 + seconds, 1)


def decode_seconds(video: VideoFacts) -> float:
    """Core seconds of decoding a source once."""
    return _samples(video) / _DECODE_RATE


def _samples(video: VideoFacts) -> int:
    return video.width * video.height * max(video.frames, 1)


def encode_seconds(rung: Rung, clock: Timing) -> float:
    """Core seconds of one picture's encoder."""
    coding = rung.coding
    cost = _PRESET_COST[coding.codec][_PRESETS.index(coding.preset)]
    passes = 1 + _FIRST_PASS * coding.two_pass
    return rung.pixels * rung.pace(clock).frames / _ENCODE_RATE[coding.codec] * cost * passes
