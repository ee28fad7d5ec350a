"""Finishing a video: MP4 renditions, stills, streams and metadata, each verified before it is handed back.

Belongs here: the order of things and the artifacts. Doesn't belong here: encoding (encode.py), packaging
(telecine/stream), uploading or publishing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Set
from pathlib import Path

from telecine.artifact import Artifact, MediaResult, sha256_of
from telecine.errors import ErrorCode, SystemFault
from telecine.process import Limits, run
from telecine.progress import ProgressSink
from telecine.tools import ffmpeg_path
from telecine.video.command import mux_argv
from telecine.video.describe import manifest_facts, metadata
from telecine.video.encode import Encoded
from telecine.video.gather import Gathering
from telecine.video.ladder import Rung
from telecine.video.missing import Place, missing
from telecine.video.plan import (
    ASSETS,
    DASH,
    HLS,
    METADATA,
    RENDITIONS,
    THUMBNAILS,
    Still,
    VideoPlan,
)
from telecine.video.rendition import check_decodes, measure
from telecine.video.still import take
from telecine.video.streams import make_streams

_STILL_EXTENSION = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_SYNC_S = 0.04  # requirements.md section 2: sound within 40 ms of the picture


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
) -> MediaResult:
    """Make the wanted outputs from what `encode` left.

    An output that can't be made goes to the result's `failures` while there is another one beside the metadata.

    Args:
        source: the same file that was encoded, for stills.
        out_dir: an existing, empty directory; the tree below it is uploaded as it is.
        select: asset keys that are wanted; None for all that the recipe asks for.
        made: outputs that need not be made again; the same as for `encode`.

    Raises:
        NotOurs: canceled.
        TelecineError: not one output could be made; nothing may be published then.
    """
    plan, left = missing(plan, ASSETS if select is None else select, made)
    work = Path(encoded.work_dir)
    gathered = Gathering()
    preview: bytes | None = None
    total = len(left)

    def tell(stage: str, share: float, operation: str, item: str) -> None:
        sink.report(
            stage, share, {"operation": operation, "item": item, "done": len(gathered.artifacts), "total": total}
        )

    for number, rung in enumerate(plan.rungs):
        if (RENDITIONS, rung.name) in left:
            tell("PACKAGING", 0.6 * number / len(plan.rungs), "muxing", rung.name)
            with gathered.output((RENDITIONS, rung.name)):
                gathered.artifacts.append(_rendition(plan, encoded, rung, work, out_dir, cancel))
    streams = [place for place in ((HLS, "multivariant"), (DASH, "mpd")) if place in left]
    if streams:
        tell("PACKAGING", 0.6, "segmenting", " and ".join(asset.rsplit("/", 1)[1].upper() for asset, _ in streams))
        make_streams(plan, encoded, work, out_dir, streams, gathered, cancel)
    sink.report("PACKAGING", 1.0, {})
    for still in plan.stills:
        if (THUMBNAILS, still.name) in left:
            tell("STILLS_AND_CLEANUP", 0.0, "still", still.name)
            with gathered.output((THUMBNAILS, still.name)):
                artifact, small = _still(plan, still, source, out_dir, cancel)
                gathered.artifacts.append(artifact)
                preview = preview or small
    sink.report("STILLS_AND_CLEANUP", 1.0, {})
    gathered.check()
    described = [_metadata(plan, out_dir)] if (METADATA, "metadata") in left else []
    return MediaResult(
        facts=manifest_facts(plan.facts),
        artifacts=(*described, *gathered.artifacts),
        warnings=(*plan.facts.warnings, *encoded.warnings),
        failures=tuple(gathered.failures),
        preview=preview,
    )


def _metadata(plan: VideoPlan, out_dir: Path) -> Artifact:
    path = out_dir / "metadata" / "metadata.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metadata(plan.facts), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return _artifact(METADATA, "metadata", path, out_dir, "application/json")


def _rendition(
    plan: VideoPlan, encoded: Encoded, rung: Rung, work: Path, out_dir: Path, cancel: threading.Event
) -> Artifact:
    """Mux, measure and decode one MP4."""
    target = out_dir / "renditions" / f"{rung.name}.mp4"
    target.parent.mkdir(parents=True, exist_ok=True)
    sound = work / encoded.sounds[rung.audio_bitrate_bps] if plan.sound else None
    language = plan.sound.language if plan.sound else None
    run(
        mux_argv(ffmpeg_path(), work / encoded.videos[rung.name], sound, target, language),
        limits=Limits(wall_s=3600, stall_s=180),
        cancel=cancel,
        on_line=lambda line: line.startswith(("total_size", "out_time")),
    )
    made = measure(target, cancel)
    if made.frames != plan.timing.frames:
        raise SystemFault(
            ErrorCode.VERIFY_FAILED, f"{target.name} holds {made.frames} frames instead of {plan.timing.frames}"
        )
    _check_sound(plan, target.name, made.audio_start_s, made.audio_duration_s)
    # Every frame of the smallest rung and every keyframe of the others: a damaged file shows in either.
    check_decodes(target, keyframes_only=rung is not plan.rungs[0], cancel=cancel)
    return Artifact(
        asset=RENDITIONS,
        name=rung.name,
        path=target.relative_to(out_dir).as_posix(),
        mime="video/mp4",
        size_bytes=made.size_bytes,
        sha256=sha256_of(target),
        width=made.width,
        height=made.height,
        duration_s=round(made.duration_s, 3),
        bitrate_bps=made.bitrate_bps,
        codecs=made.codecs,
    )


def _check_sound(plan: VideoPlan, name: str, start_s: float | None, duration_s: float | None) -> None:
    if (start_s is None) != (plan.sound is None):
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{name} has sound where it shouldn't, or none where it should")
    if start_s is None:
        return
    length, planned = duration_s or 0.0, plan.timing.duration_s
    if abs(start_s) > _SYNC_S or abs(length - planned) > 2 * _SYNC_S:
        raise SystemFault(
            ErrorCode.VERIFY_FAILED,
            f"{name}'s sound runs from {start_s:.3f} s for {length:.3f} s beside {planned:.3f} s of picture",
        )


def _still(
    plan: VideoPlan, still: Still, source: Path, out_dir: Path, cancel: threading.Event
) -> tuple[Artifact, bytes]:
    target = out_dir / "thumbnails" / f"{still.name}.{_STILL_EXTENSION[still.format]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    taken = take(plan, still, source, target, cancel)
    artifact = _artifact(THUMBNAILS, still.name, target, out_dir, f"image/{still.format}", (taken.width, taken.height))
    return artifact, taken.preview


def _artifact(
    asset: str, name: str, path: Path, out_dir: Path, mime: str, size: tuple[int, int] | None = None
) -> Artifact:
    return Artifact(
        asset=asset,
        name=name,
        path=path.relative_to(out_dir).as_posix(),
        mime=mime,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        width=size[0] if size else None,
        height=size[1] if size else None,
    )
