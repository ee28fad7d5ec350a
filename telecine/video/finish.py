"""Finishing a video: renditions, sound files, stills, streams and metadata, each verified before it is handed back.

Belongs here: the order of things and the artifacts. Doesn't belong here: encoding (encode.py), packaging
(telecine/stream), uploading or publishing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from telecine.artifact import Artifact, MediaResult
from telecine.errors import NotOurs, TelecineError
from telecine.probe.sheet import sheet
from telecine.process import together
from telecine.progress import Details, ProgressSink
from telecine.sound.files import sound_of_video
from telecine.sound.plan import plan_sound_of_video
from telecine.stream.keys import KeyRing
from telecine.video.captions import make_captions
from telecine.video.describe import manifest_facts, metadata
from telecine.video.encode import Encoded
from telecine.video.gather import Gathering
from telecine.video.missing import Place, missing
from telecine.video.plan import (
    ASSETS,
    DASH,
    HLS,
    METADATA,
    RENDITIONS,
    THUMBNAILS,
    VideoPlan,
)
from telecine.video.private import ladder_plot, making, verdict
from telecine.video.quality import Quality, measure_quality
from telecine.video.renditions import broken_files, make_renditions, stream_files
from telecine.video.stills import make_stills, storyboard_artifact
from telecine.video.streams import make_streams

_HEARD = 0.8  # of making sound files, before they are verified


def finish(
    plan: VideoPlan,
    encoded: Encoded,
    source: Path,
    out_dir: Path,
    sink: ProgressSink,
    cancel: threading.Event,
    *,
    select: Set[str] | None = None,
    made: Collection[Place] = (),
    ring: KeyRing | None = None,
) -> MediaResult:
    """Make the wanted outputs from what `encode` left.

    An output that can't be made goes to the result's `failures` while there is another one beside the metadata.

    Args:
        source: the same file that was encoded, for stills.
        out_dir: an existing, empty directory; the tree below it is uploaded as it is.
        select: asset keys that are wanted; None for all that the recipe asks for.
        made: outputs that need not be made again; the same as for `encode`.
        ring: where keys are cut for protected streams; whoever publishes the result keeps them first.

    Raises:
        NotOurs: canceled.
        TelecineError: not one output could be made; nothing may be published then.
    """
    plan, left = missing(plan, ASSETS if select is None else select, made)
    work = Path(encoded.work_dir)
    gathered = Gathering()
    total = len(left)

    def tell(stage: str, share: float, operation: str, item: str) -> None:
        sink.report(
            stage, share, {"operation": operation, "item": item, "done": len(gathered.artifacts), "total": total}
        )

    plan = plan.without(frozenset(encoded.lacking))
    plan = replace(plan, singles=tuple(replace(r, copied=r.name not in encoded.encoded) for r in plan.singles))
    if plan.pictures:
        tell("PACKAGING", 0.0, "verifying", "pictures")
    renditions = [rung for rung in plan.pictures if (RENDITIONS, rung.name) in left]

    def muxing(share: float, item: str) -> None:
        tell("PACKAGING", 0.3 + 0.2 * share, "muxing", item)

    with together(1, cancel) as beside:  # comparing alone doesn't fill the cores
        comparing = beside.start(partial(_quality, plan, encoded, left, cancel))
        broken = broken_files(plan, encoded, [rung.name for rung in renditions], cancel)
        make_renditions(plan, encoded, renditions, source, out_dir, broken, gathered, muxing, cancel)
    quality, unmeasured = comparing.result()
    heard: tuple[str, ...] = ()
    if plan.audio:
        sounds = plan_sound_of_video(plan.facts, plan.audio, RENDITIONS)
        within = _Within(sink, "PACKAGING", 0.5, 0.6) if plan.pictures else _Within(sink, "ENCODING", 0.0, 1.0)
        heard = sound_of_video(sounds, source, out_dir, within, cancel, gathered)
        within.report("STILLS_AND_CLEANUP", 1.0, {})
    intact = replace(encoded, videos={name: file for name, file in encoded.videos.items() if file not in broken})
    if plan.storyboard is not None:  # before the streams, which show it too
        tell("PACKAGING", 0.6, "storyboard", plan.storyboard.name)
        wanted = left & {(THUMBNAILS, plan.storyboard.name)}
        with gathered.output(*wanted):
            storyboard = storyboard_artifact(plan, intact, source, out_dir, cancel)
            gathered.artifacts += [storyboard] if wanted else []
    streams = [place for place in ((HLS, "multivariant"), (DASH, "mpd")) if place in left]
    unread: tuple[str, ...] = ()
    if streams:
        tell("PACKAGING", 0.6, "segmenting", " and ".join(asset.rsplit("/", 1)[1].upper() for asset, _ in streams))
        with gathered.output(*streams):
            for file in stream_files(plan, encoded):  # a rung that isn't right leaves no half package
                if file in broken:
                    raise broken[file]
            captions, unread = make_captions(plan.captions, plan.facts, plan.timing, source, work, cancel)
            make_streams(plan, encoded, captions, work, out_dir, streams, gathered, cancel, ring)
    sink.report("PACKAGING", 1.0, {})
    preview = make_stills(plan, intact, source, out_dir, gathered, sink, cancel)
    sink.report("STILLS_AND_CLEANUP", 1.0, {})
    gathered.check()
    described = [_metadata(plan, out_dir)] if (METADATA, "metadata") in left else []
    return MediaResult(
        facts=manifest_facts(plan.facts),
        artifacts=(*described, *gathered.artifacts),
        warnings=(*plan.facts.warnings, *plan.warnings, *encoded.warnings, *heard, *unread, *gathered.warnings),
        failures=tuple(gathered.failures),
        preview=preview,
        plot=ladder_plot(plan, gathered.artifacts, quality),
        private_facts={
            "sheet": sheet(plan.facts),
            "renditions": making(plan, encoded, quality),
            "quality": verdict(plan, quality, unmeasured) if quality or unmeasured else None,
            "streams": gathered.streams,
        },
    )


@dataclass(frozen=True)
class _Within:
    """The stages of a sound file as a part of one stage of a video."""

    sink: ProgressSink
    stage: str
    begin: float
    end: float

    def report(self, stage: str, fraction: float, details: Details) -> None:
        """Hand on: making is 80 % of it, verifying the rest."""
        share = _HEARD * fraction if stage == "AUDIO" else _HEARD + (1 - _HEARD) * fraction
        self.sink.report(self.stage, self.begin + (self.end - self.begin) * share, details)


def _quality(
    plan: VideoPlan, encoded: Encoded, left: Collection[Place], cancel: threading.Event
) -> tuple[tuple[Quality, ...], str | None]:
    """Figures of the renditions, or why there are none; they are never worth failing for."""
    if not any(asset == RENDITIONS for asset, _ in left):
        return (), None
    try:
        return measure_quality(plan, encoded, cancel), None
    except NotOurs:
        raise
    except TelecineError as e:
        return (), e.message


def _metadata(plan: VideoPlan, out_dir: Path) -> Artifact:
    path = out_dir / "metadata" / "metadata.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metadata(plan.facts), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return Artifact.of_file(METADATA, "metadata", path, out_dir, "application/json")
