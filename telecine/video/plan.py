"""From facts and a recipe to a plan: everything that is decided about a video before anything runs.

Pure, frozen, and JSON both ways, so that it can cross from one step of a run to the next. Doesn't belong here: ffmpeg's
words for it (command.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from telecine.errors import ConfigurationError, ErrorCode
from telecine.probe import MediaFacts, VideoFacts
from telecine.recipe import Recipe
from telecine.recipe.still import AnimatedPreview as PreviewSpec
from telecine.recipe.still import Storyboard as StoryboardSpec
from telecine.recipe.still import VideoStill
from telecine.recipe.streams import Streams
from telecine.recipe.video import VideoLadder
from telecine.video.captions import Caption, CaptionFile, plan_captions
from telecine.video.ladder import Rung, ladder
from telecine.video.sound import Sound, plan_sound
from telecine.video.still_plan import AnimatedPreview, Still, plan_preview, plan_stills
from telecine.video.storyboard_plan import Storyboard, plan_storyboard
from telecine.video.timing import Timing, output_fps, timing

METADATA, RENDITIONS, THUMBNAILS = "video/metadata", "video/renditions", "video/thumbnails"
HLS, DASH = "video/hls", "video/dash"
ASSETS = frozenset({METADATA, RENDITIONS, THUMBNAILS, HLS, DASH})

# Luma samples a core gets through in a second (measured: veryfast on a 2-core virtual machine), for estimates only.
_ENCODE_RATE, _DECODE_RATE, _TONEMAP_RATE = 45e6, 250e6, 20e6
_PRESET_COST = {"ultrafast": 0.5, "superfast": 0.7, "veryfast": 1, "faster": 1.5, "fast": 2, "medium": 2.6, "slow": 5}


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What will be made of a video.

    Attributes:
        streams: HLS and DASH as the recipe asks for them, made of all rungs; None when it doesn't.
        captions: of the streams.
        warnings: sentences about what is left out.
        estimate_seconds: how long it takes one core, roughly; for scheduling only.
    """

    facts: MediaFacts
    timing: Timing
    rungs: tuple[Rung, ...]
    sound: Sound | None
    preset: str
    streams: Streams | None
    stills: tuple[Still, ...]
    previews: tuple[AnimatedPreview, ...]
    storyboard: Storyboard | None
    estimate_seconds: float
    captions: tuple[Caption, ...] = ()
    warnings: tuple[str, ...] = ()

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
        if self.stills or self.previews or self.storyboard:
            wanted.add(THUMBNAILS)
        wanted |= {f"video/{protocol}" for protocol in self.streams.protocols} if self.streams else set()
        return frozenset(wanted)

    def to_json(self) -> str:
        """This plan as JSON."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> VideoPlan:
        """The plan that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


def plan_video(facts: MediaFacts, recipe: Recipe, caption_files: Sequence[CaptionFile] = ()) -> VideoPlan:
    """Decide what to make of a video.

    Args:
        caption_files: what lies beside the source and can be read.

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
    preview_specs = [o for o in recipe.outputs if isinstance(o, PreviewSpec)]
    storyboard_spec = next((o for o in recipe.outputs if isinstance(o, StoryboardSpec)), None)
    if not (rungs_spec or still_specs or preview_specs or storyboard_spec):
        raise ConfigurationError(ErrorCode.NO_OUTPUTS, f"recipe {recipe.name!r} asks for nothing made from videos")
    max_fps = rungs_spec.max_fps if rungs_spec else 60.0
    fps = output_fps(video, max_fps)
    rungs = ladder(*video.displayed_size, rungs_spec.rungs, fps) if rungs_spec else ()
    slowest = max((rung.fps_divisor for rung in rungs), default=1)
    segment_s = streams.segment_s if streams else Streams(kind="streams").segment_s
    clock = timing(facts, fps, segment_s, divisor=slowest)
    preset = rungs_spec.preset if rungs_spec else "veryfast"
    captions, warnings = (
        plan_captions(facts.subtitles, caption_files) if streams and streams.captions != "none" else ((), ())
    )
    stills = tuple(still for spec in still_specs for still in plan_stills(spec, video, clock))
    previews = tuple(plan_preview(spec, video, clock) for spec in preview_specs)
    storyboard = plan_storyboard(storyboard_spec, video, clock) if storyboard_spec else None
    warnings += tuple(p.warning for p in (*stills, *previews, storyboard) if p is not None and p.warning)
    return VideoPlan(
        facts=facts,
        timing=clock,
        rungs=rungs,
        sound=plan_sound(facts, rungs),
        preset=preset,
        streams=streams,
        stills=stills,
        previews=previews,
        storyboard=storyboard,
        estimate_seconds=_estimate(video, rungs, clock, preset),
        captions=captions,
        warnings=warnings,
    )


def _estimate(video: VideoFacts, rungs: tuple[Rung, ...], clock: Timing, preset: str) -> float:
    """Core seconds, without start-up."""
    samples = sum(rung.pixels * clock.frames / rung.fps_divisor for rung in rungs)
    encode = samples / _ENCODE_RATE * _PRESET_COST[preset]
    decode = video.width * video.height * max(video.frames, 1) / _DECODE_RATE
    tonemap = rungs[-1].pixels * clock.frames / _TONEMAP_RATE if video.hdr and rungs else 0.0
    return round(1.0 + encode + decode + tonemap, 1)


_ADAPTER = TypeAdapter(VideoPlan)
