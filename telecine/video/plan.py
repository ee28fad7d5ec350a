"""From facts and a recipe to a plan: everything that is decided about a video before anything runs.

Pure, frozen, and JSON both ways, so that it can cross from one step of a run to the next. Doesn't belong here: ffmpeg's
words for it (command.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from telecine.errors import ConfigurationError, ErrorCode
from telecine.probe import MediaFacts, VideoFacts
from telecine.recipe import Recipe
from telecine.recipe.video import Streams, VideoLadder, VideoStill
from telecine.video.ladder import Rung, ladder
from telecine.video.timing import Timing, timing

METADATA, RENDITIONS, THUMBNAILS = "video/metadata", "video/renditions", "video/thumbnails"
HLS, DASH = "video/hls", "video/dash"
ASSETS = frozenset({METADATA, RENDITIONS, THUMBNAILS, HLS, DASH})

STREAM_AUDIO_BPS = 128_000  # one stereo track for all rungs of a stream
_SOUND_RATES = (44_100, 48_000)
_POSTER_S, _POSTER_SHARE = 10.0, 0.1
# Luma samples a core gets through in a second (measured: veryfast on a 2-core virtual machine), for estimates only.
_ENCODE_RATE, _DECODE_RATE, _TONEMAP_RATE = 45e6, 250e6, 20e6
_PRESET_COST = {"ultrafast": 0.5, "superfast": 0.7, "veryfast": 1, "faster": 1.5, "fast": 2, "medium": 2.6, "slow": 5}


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


@dataclass(frozen=True, slots=True)
class Still:
    """One picture out of the video; `chosen_by_person` offsets are taken exactly, others may move off a black frame."""

    name: str
    format: Literal["jpeg", "png", "webp"]
    width: int
    height: int
    quality: int
    offset_s: float
    chosen_by_person: bool


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What will be made of a video.

    Attributes:
        stream_rungs: whether HLS and DASH are asked for is in `protocols`; they are made of all rungs.
        estimate_seconds: how long it takes one core, roughly; for scheduling only.
    """

    facts: MediaFacts
    timing: Timing
    rungs: tuple[Rung, ...]
    sound: Sound | None
    preset: str
    protocols: tuple[Literal["hls", "dash"], ...]
    stills: tuple[Still, ...]
    estimate_seconds: float

    @property
    def video(self) -> VideoFacts:
        """The picture to use."""
        assert self.facts.video is not None
        return self.facts.video

    @property
    def assets(self) -> frozenset[str]:
        """Keys of the assets that the recipe asks for."""
        wanted = {METADATA}
        if self.rungs:
            wanted.add(RENDITIONS)
        if self.stills:
            wanted.add(THUMBNAILS)
        wanted |= {f"video/{protocol}" for protocol in self.protocols}
        return frozenset(wanted)

    def to_json(self) -> str:
        """This plan as JSON."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> VideoPlan:
        """The plan that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


def plan_video(facts: MediaFacts, recipe: Recipe) -> VideoPlan:
    """Decide what to make of a video.

    Raises:
        ConfigurationError: NO_OUTPUTS when the recipe has nothing for videos.
    """
    video = facts.video
    if video is None:
        raise ConfigurationError(
            ErrorCode.NO_OUTPUTS, "the file has no moving picture; its sound is processed as audio"
        )
    rungs_spec = next((o for o in recipe.outputs if isinstance(o, VideoLadder)), None)
    streams = next((o for o in recipe.outputs if isinstance(o, Streams)), None)
    still_specs = [o for o in recipe.outputs if isinstance(o, VideoStill)]
    if rungs_spec is None and not still_specs:
        raise ConfigurationError(ErrorCode.NO_OUTPUTS, f"recipe {recipe.name!r} asks for nothing made from videos")
    max_fps = rungs_spec.max_fps if rungs_spec else 60.0
    clock = timing(facts, max_fps, streams.segment_s if streams else Streams(kind="streams").segment_s)
    rungs = ladder(*video.displayed_size, rungs_spec.rungs) if rungs_spec else ()
    preset = rungs_spec.preset if rungs_spec else "veryfast"
    return VideoPlan(
        facts=facts,
        timing=clock,
        rungs=rungs,
        sound=_sound(facts, rungs),
        preset=preset,
        protocols=streams.protocols if streams else (),
        stills=tuple(_still(spec, video, clock) for spec in still_specs),
        estimate_seconds=_estimate(video, rungs, clock, preset),
    )


def _sound(facts: MediaFacts, rungs: tuple[Rung, ...]) -> Sound | None:
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


def _still(spec: VideoStill, video: VideoFacts, clock: Timing) -> Still:
    width, height = video.displayed_size
    scale = min(1.0, spec.width / width)
    wanted = spec.offset_s if spec.offset_s is not None else min(_POSTER_S, clock.duration_s * _POSTER_SHARE)
    last_frame = (clock.frames - 1) / clock.fps
    return Still(
        name=spec.name,
        format=spec.format,
        width=max(2, round(width * scale / 2) * 2),
        height=max(2, round(height * scale / 2) * 2),
        quality=spec.quality,
        offset_s=round(min(wanted, float(last_frame)), 6),
        chosen_by_person=spec.offset_s is not None,
    )


def _estimate(video: VideoFacts, rungs: tuple[Rung, ...], clock: Timing, preset: str) -> float:
    """Core seconds, without start-up."""
    encode = sum(rung.pixels for rung in rungs) * clock.frames / _ENCODE_RATE * _PRESET_COST[preset]
    decode = video.width * video.height * max(video.frames, 1) / _DECODE_RATE
    tonemap = rungs[-1].pixels * clock.frames / _TONEMAP_RATE if video.hdr and rungs else 0.0
    return round(1.0 + encode + decode + tonemap, 1)


_ADAPTER = TypeAdapter(VideoPlan)
