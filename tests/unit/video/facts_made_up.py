"""Facts for plans: one ordinary video, to be changed field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from telecine.probe import AudioFacts, MediaFacts, VideoFacts

VIDEO = VideoFacts(
    index=0,
    codec="h264",
    profile="High",
    width=1920,
    height=1080,
    sar=(1, 1),
    rotation=0,
    mirrored=False,
    pixel_format="yuv420p",
    bit_depth=8,
    colour_space="bt709",
    colour_primaries="bt709",
    colour_transfer="bt709",
    colour_range="tv",
    interlaced=False,
    avg_fps=30000 / 1001,
    r_fps=30000 / 1001,
    measured_fps=29.97,
    typical_fps=29.97,
    vfr=False,
    start_s=0.0,
    end_s=20.02,
    frames=600,
    keyframe_interval_s=2.0,
    bitrate_bps=4_000_000,
    default=True,
    picture=False,
)
AUDIO = AudioFacts(
    index=1,
    codec="aac",
    profile="LC",
    channels=2,
    layout="stereo",
    sample_rate=48_000,
    start_s=0.0,
    end_s=20.0,
    packets=938,
    bitrate_bps=128_000,
    language="eng",
    default=True,
)


def video(**changes: Any) -> VideoFacts:
    """An ordinary picture with some fields changed."""
    return replace(VIDEO, **changes)


def media(picture: VideoFacts | None = VIDEO, sound: AudioFacts | None = AUDIO, **changes: Any) -> MediaFacts:
    """A file with these tracks."""
    facts = MediaFacts(
        format="mp4",
        size_bytes=10_000_000,
        start_s=0.0,
        header_duration_s=20.02,
        bitrate_bps=4_000_000,
        videos=(picture,) if picture else (),
        audios=(sound,) if sound else (),
        subtitles=(),
        chapters=(),
        video=picture,
        audio=sound,
    )
    return replace(facts, **changes)
