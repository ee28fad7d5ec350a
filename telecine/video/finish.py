"""Finishing a video: MP4 renditions, stills, streams and metadata, each verified before it is handed back.

Belongs here: the order of things and the artifacts. Doesn't belong here: encoding (encode.py), packaging
(telecine/stream), uploading or publishing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Set
from pathlib import Path

from telecine.artifact import Artifact, MediaResult, StreamFile, sha256_of
from telecine.errors import ErrorCode, SystemFault
from telecine.process import Limits, run
from telecine.progress import ProgressSink
from telecine.stream.package import MPD, MULTIVARIANT, SOUND, Input, package
from telecine.stream.verify import verify_dash, verify_hls
from telecine.tools import ffmpeg_path
from telecine.video.command import mux_argv
from telecine.video.describe import manifest_facts, metadata
from telecine.video.encode import Encoded
from telecine.video.ladder import Rung
from telecine.video.plan import (
    ASSETS,
    DASH,
    HLS,
    METADATA,
    RENDITIONS,
    STREAM_AUDIO_BPS,
    THUMBNAILS,
    Still,
    VideoPlan,
)
from telecine.video.rendition import check_decodes, measure
from telecine.video.still import take

_STREAM_DIR = "stream"
_MIME = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}
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
) -> MediaResult:
    """Make the wanted assets from what `encode` left.

    Args:
        source: the same file that was encoded, for stills.
        out_dir: an existing, empty directory; the tree below it is uploaded as it is.
        select: asset keys that are wanted; None for all that the recipe asks for.

    Raises:
        SystemFault: VERIFY_FAILED when something isn't right; nothing may be published then.
        TelecineError: what `telecine.process.run` raises.
    """
    wanted = plan.assets & (ASSETS if select is None else select)
    work = Path(encoded.work_dir)
    artifacts: list[Artifact] = []
    preview: bytes | None = None
    if METADATA in wanted:
        artifacts.append(_metadata(plan, out_dir))
    if RENDITIONS in wanted:
        for number, rung in enumerate(plan.rungs):
            sink.report("PACKAGING", 0.6 * number / len(plan.rungs), {"rendition": rung.name})
            artifacts.append(_rendition(plan, encoded, rung, work, out_dir, cancel))
    if wanted & {HLS, DASH}:
        sink.report("PACKAGING", 0.6, {})
        artifacts += _streams(plan, encoded, work, out_dir, wanted, cancel)
    sink.report("PACKAGING", 1.0, {})
    if THUMBNAILS in wanted:
        for still in plan.stills:
            artifact, small = _still(plan, still, source, out_dir, cancel)
            artifacts.append(artifact)
            preview = preview or small
    sink.report("STILLS_AND_CLEANUP", 1.0, {})
    return MediaResult(
        facts=manifest_facts(plan.facts),
        artifacts=tuple(artifacts),
        warnings=(*plan.facts.warnings, *encoded.warnings),
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


def _streams(
    plan: VideoPlan, encoded: Encoded, work: Path, out_dir: Path, wanted: Set[str], cancel: threading.Event
) -> list[Artifact]:
    directory = out_dir / _STREAM_DIR
    inputs = [Input(rung.name, work / encoded.videos[rung.name]) for rung in plan.rungs]
    if plan.sound is not None:
        inputs.append(Input(SOUND, work / encoded.sounds[STREAM_AUDIO_BPS], plan.sound.language))
    package(
        inputs,
        directory,
        segment_s=plan.timing.segment_s,
        want_hls=HLS in wanted,
        want_dash=DASH in wanted,
        cancel=cancel,
    )
    sound, length, rungs = plan.sound is not None, plan.timing.duration_s, len(plan.rungs)
    hashes: dict[str, StreamFile] = {}
    made = []
    if HLS in wanted:
        files = verify_hls(directory, length, rungs, sound=sound)
        made.append(_entry(plan, HLS, "multivariant", MULTIVARIANT, files, out_dir, hashes))
    if DASH in wanted:
        files = verify_dash(directory, length, rungs, sound=sound)
        made.append(_entry(plan, DASH, "mpd", MPD, files, out_dir, hashes))
    return made


def _entry(
    plan: VideoPlan,
    asset: str,
    name: str,
    entry: str,
    files: tuple[str, ...],
    out_dir: Path,
    known: dict[str, StreamFile],
) -> Artifact:
    """The artifact of a stream: its entry file with all files; `known` saves hashing shared segments twice."""
    for file in files:
        if file not in known:
            path = out_dir / _STREAM_DIR / file
            mime = "audio/mp4" if file.startswith(f"{SOUND}/") else _MIME[path.suffix]
            known[file] = StreamFile(f"{_STREAM_DIR}/{file}", mime, path.stat().st_size, sha256_of(path))
    top = plan.rungs[-1]
    return Artifact(
        asset=asset,
        name=name,
        path=f"{_STREAM_DIR}/{entry}",
        mime=known[entry].mime,
        size_bytes=known[entry].size_bytes,
        sha256=known[entry].sha256,
        width=top.width,
        height=top.height,
        duration_s=round(plan.timing.duration_s, 3),
        stream_files=tuple(known[file] for file in files),
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
