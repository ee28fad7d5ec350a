"""From facts and a recipe to a plan: everything that is decided about a video before anything runs.

Pure, frozen, and JSON both ways, so that it can cross from one step of a run to the next. Doesn't belong here: ffmpeg's
words for it (command.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction

from pydantic import TypeAdapter

from telecine.codecs import VideoCodec
from telecine.errors import ConfigurationError, ErrorCode
from telecine.probe import MediaFacts, VideoFacts
from telecine.recipe import Recipe
from telecine.recipe.audio import AudioRendition
from telecine.recipe.still import AnimatedPreview as PreviewSpec
from telecine.recipe.still import Storyboard as StoryboardSpec
from telecine.recipe.still import VideoStill
from telecine.recipe.streams import Streams
from telecine.recipe.video import VideoLadder, VideoRendition
from telecine.video.captions import Caption, CaptionFile, plan_captions
from telecine.video.coding import most_capable, plan_coding, without
from telecine.video.estimate import estimate_seconds
from telecine.video.ladder import Rung, at_level, ladder
from telecine.video.sampling import Window, windows
from telecine.video.single import single
from telecine.video.sound import Sound, plan_sounds
from telecine.video.still_plan import AnimatedPreview, Still, plan_preview, plan_stills
from telecine.video.storyboard_plan import Storyboard, plan_storyboard
from telecine.video.timing import GOP_S, Timing, exact_fps, output_fps, timing

_SLOW = (VideoCodec.AV1, VideoCodec.VP9, VideoCodec.H265)
METADATA, RENDITIONS, THUMBNAILS = "video/metadata", "video/renditions", "video/thumbnails"
HLS, DASH = "video/hls", "video/dash"
ASSETS = frozenset({METADATA, RENDITIONS, THUMBNAILS, HLS, DASH})


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What will be made of a video.

    Attributes:
        rungs: of the ladder, smallest first.
        singles: renditions that stand alone.
        audio: files of the main sound alone.
        rung_files: whether the rungs are published as files too, beside the streams.
        sounds: the first is the main one, in every output; streams have the others, too. None for a silent video.
        streams: HLS and DASH as the recipe asks for them, made of all rungs; None when it doesn't.
        captions: of the streams.
        warnings: sentences about what is left out, or made otherwise than asked.
        estimate_seconds: how long it takes one core, roughly; for scheduling only.
        samples: which frames are compared for quality figures; none when nobody wants them.
    """

    facts: MediaFacts
    timing: Timing
    rungs: tuple[Rung, ...]
    singles: tuple[Rung, ...]
    sounds: tuple[Sound, ...]
    streams: Streams | None
    stills: tuple[Still, ...]
    previews: tuple[AnimatedPreview, ...]
    storyboard: Storyboard | None
    estimate_seconds: float
    captions: tuple[Caption, ...] = ()
    warnings: tuple[str, ...] = ()
    samples: tuple[Window, ...] = ()
    rung_files: bool = True
    audio: tuple[AudioRendition, ...] = ()

    @property
    def video(self) -> VideoFacts:
        """The picture to use."""
        assert self.facts.video is not None
        return self.facts.video

    @property
    def pictures(self) -> tuple[Rung, ...]:
        """The ladder's rungs and the singles."""
        return (*self.rungs, *self.singles)

    @property
    def published(self) -> tuple[Rung, ...]:
        """Those of which a file is published."""
        return self.pictures if self.rung_files else self.singles

    @property
    def encodes(self) -> tuple[Rung, ...]:
        """Those that are encoded, not copied."""
        return tuple(rung for rung in self.pictures if not rung.copied)

    @property
    def assets(self) -> frozenset[str]:
        """Keys of the assets that the recipe asks for."""
        wanted = {METADATA}
        if self.published or self.audio:
            wanted.add(RENDITIONS)
        if self.stills or self.previews or self.storyboard:
            wanted.add(THUMBNAILS)
        wanted |= {f"video/{protocol}" for protocol in self.streams.protocols} if self.streams else set()
        return frozenset(wanted)

    def within(self, seconds: float, cores: int) -> VideoPlan:
        """This plan, or one with codecs that are encoded sooner when it would take longer than that."""
        plan, slow = self, set[str]()
        for codec in _SLOW:
            if plan.estimate_seconds <= seconds * cores:
                break
            slow.add(codec.encoder)
            plan = self.without(slow, "would take longer than the job may")
            plan = replace(plan, estimate_seconds=estimate_seconds(plan.video, plan.pictures, plan.timing))
        return plan

    def without(self, encoders: Set[str], because: str = "is missing or failed") -> VideoPlan:
        """This plan with other codecs, where ones are wanted whose encoders can't be used; `because` says why."""
        warnings = dict.fromkeys(self.warnings)

        def changed(rung: Rung) -> Rung:
            coding = rung.coding if rung.copied else without(rung.coding, encoders)
            if coding != rung.coding:
                said = f"{rung.name} is {coding.codec} in {coding.container}"
                warnings[f"{said}: the encoder for {rung.coding.codec} {because}."] = None
                rung = at_level(replace(rung, coding=coding), rung.pace(self.timing).fps)
            return rung

        rungs, singles = tuple(map(changed, self.rungs)), tuple(map(changed, self.singles))
        return replace(self, rungs=rungs, singles=singles, warnings=tuple(warnings))

    def to_json(self) -> str:
        """This plan as JSON."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> VideoPlan:
        """The plan that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


def plan_video(
    facts: MediaFacts, recipe: Recipe, caption_files: Sequence[CaptionFile] = (), *, lacking: Set[str] = frozenset()
) -> VideoPlan:
    """Decide what to make of a video.

    Args:
        caption_files: what lies beside the source and can be read.
        lacking: ffmpeg's names of encoders that aren't there; other codecs are planned instead.

    Raises:
        ConfigurationError: NO_OUTPUTS when the recipe has nothing for videos.
    """
    video = facts.video
    if video is None:
        raise ConfigurationError(
            ErrorCode.NO_OUTPUTS, "the file has no moving picture; its sound is processed as audio"
        )
    spec = next((o for o in recipe.outputs if isinstance(o, VideoLadder)), None)
    single_specs = [o for o in recipe.outputs if isinstance(o, VideoRendition)]
    streams = recipe.streams() if spec else None  # without a ladder they are those of sound files
    still_specs = [o for o in recipe.outputs if isinstance(o, VideoStill)]
    preview_specs = [o for o in recipe.outputs if isinstance(o, PreviewSpec)]
    storyboard_spec = next((o for o in recipe.outputs if isinstance(o, StoryboardSpec)), None)
    audio = tuple(o for o in recipe.outputs if isinstance(o, AudioRendition) and o.from_videos)
    pictured = spec or single_specs or still_specs or preview_specs or storyboard_spec
    if not pictured and audio and facts.audio is None:
        raise ConfigurationError(
            ErrorCode.NO_OUTPUTS, f"the video has no sound, and recipe {recipe.name!r} asks for nothing else of videos"
        )
    if not pictured and not audio:
        raise ConfigurationError(ErrorCode.NO_OUTPUTS, f"recipe {recipe.name!r} asks for nothing made from videos")
    asked = [*([spec] if spec else []), *single_specs]
    fps = output_fps(video, max((o.fastest_fps for o in asked), default=60.0))
    rungs = _rungs(spec, video, fps) if spec else ()
    singles = tuple(single(one, facts, fps) for one in single_specs)
    divisor = math.lcm(*(rung.fps_divisor for rung in (*rungs, *singles)))
    clock = timing(
        facts,
        fps,
        streams.segment_s if streams else Streams(kind="streams").segment_s,
        spec.gop_s if spec else GOP_S,
        divisor=divisor,
    )
    captions, warnings = (
        plan_captions(facts.subtitles, caption_files, closed=video.closed_captions)
        if streams and streams.captions != "none"
        else ((), ())
    )
    stills = tuple(still for spec in still_specs for still in plan_stills(spec, video, clock))
    previews = tuple(plan_preview(spec, video, clock) for spec in preview_specs)
    storyboard = plan_storyboard(storyboard_spec, video, clock) if storyboard_spec else None
    warnings += tuple(p.warning for p in (*stills, *previews, storyboard) if p is not None and p.warning)
    sounds, unheard = plan_sounds(facts, streams=streams is not None)
    if facts.audio is None:
        unheard += [f"{one.name} was left out: the video has no sound." for one in audio]
    return VideoPlan(
        facts=facts,
        timing=clock,
        rungs=rungs,
        singles=singles,
        rung_files=spec.files if spec else True,
        audio=audio if facts.audio is not None else (),
        sounds=sounds,
        streams=streams,
        stills=stills,
        previews=previews,
        storyboard=storyboard,
        estimate_seconds=estimate_seconds(video, (*rungs, *singles), clock),
        captions=captions,
        warnings=(*warnings, *unheard),
        samples=windows(clock, divisor) if recipe.quality_check == "sample" else (),
    ).without(lacking)


def _rungs(spec: VideoLadder, video: VideoFacts, fps: Fraction) -> tuple[Rung, ...]:
    """The ladder's rungs with their settings.

    One above the level that is allowed has half its frames; when that isn't enough either, it is left out.
    """
    divisor, most = math.ceil(fps / exact_fps(spec.max_fps)), most_capable(spec)
    rungs: list[Rung] = []
    for rung in ladder(*video.displayed_size, spec.rungs, fps / divisor, divisor):
        for fewer in (1, 2):
            rung = replace(rung, fps_divisor=rung.fps_divisor * fewer)
            size, cap = (rung.width, rung.height), rung.max_bitrate_bps
            coding = plan_coding(spec, size, fps / rung.fps_divisor, video, max_bitrate_bps=cap)
            if most is None or (coding.level is not None and coding.level <= most):
                rungs.append(replace(rung, coding=coding))
                break
        else:
            rungs += [] if rungs else [replace(rung, coding=coding)]
    return tuple(rungs)


_ADAPTER = TypeAdapter(VideoPlan)
