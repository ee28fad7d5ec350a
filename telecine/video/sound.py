"""Planning the sound of a video: which track, and how it comes out.

Pure. Doesn't belong here: ffmpeg's words for it (command.py), audio-only files (audio.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from telecine.probe import MediaFacts
from telecine.video.ladder import Rung

STREAM_AUDIO_BPS = 128_000  # one stereo track for all rungs of a stream
_SOUND_RATES = (44_100, 48_000)


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a video's outputs.

    Attributes:
        index: stream index in the source.
        channels: of the source.
        known_layout: whether ffmpeg knows which channel is which.
        sample_rate: of the outputs, in Hz.
        rates_bps: one AAC encode each, ascending.
    """

    index: int
    channels: int
    known_layout: bool
    sample_rate: int
    rates_bps: tuple[int, ...]
    language: str | None


def plan_sound(facts: MediaFacts, rungs: tuple[Rung, ...]) -> Sound | None:
    """The sound of a video's outputs; None for a silent one."""
    audio = facts.audio
    if audio is None:
        return None
    return Sound(
        index=audio.index,
        channels=audio.channels,
        known_layout=audio.layout is not None and "channels" not in audio.layout,
        sample_rate=audio.sample_rate if audio.sample_rate in _SOUND_RATES else 48_000,
        rates_bps=tuple(sorted({STREAM_AUDIO_BPS, *(rung.audio_bitrate_bps for rung in rungs)})),
        language=audio.language,
    )
