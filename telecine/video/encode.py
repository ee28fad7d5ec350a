"""Running the encode: one ffmpeg makes every rung and every sound of a video.

Belongs here: the run and what is checked right after it. Doesn't belong here: the argv (command.py), or what is made of
the files (finish.py).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from telecine.errors import ErrorCode, InputError, SystemFault, TelecineError
from telecine.process import Finished, Limits, ambient, run, under
from telecine.progress import Details, ProgressSink, Quiet, Saying
from telecine.tools import ffmpeg_path
from telecine.video.command import Levelled, audio_file, encode_argv, levelled_argv, video_file
from telecine.video.following import Following
from telecine.video.memory import cores_that_fit
from telecine.video.missing import Place, missing
from telecine.video.plan import ASSETS, DASH, HLS, RENDITIONS, STREAM_AUDIO_BPS, Sound, VideoPlan
from telecine.video.rendition import measure

_STALL_S = 180.0  # a two-core machine takes this long for no frame of an allowed size
_WALL_FACTOR, _WALL_LEAST_S = 20.0, 1800.0
_LAYOUT_CHANGES = "Changing audio frame properties on the fly is not supported"
_DAMAGE = re.compile(r"concealing \d+|error while decoding|Invalid NAL unit|corrupt", re.IGNORECASE)
_DECODED = re.compile(r"Input stream #0:(\d+) \(video\):.*?; (\d+) frames decoded(?:; (\d+) decode errors)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encode left in its work directory.

    Attributes:
        work_dir: where the files are.
        videos: file name by rung name; empty when no wanted asset needs them.
        sounds: file name by bit rate.
        warnings: sentences for the manifest.
        speed: times real time, as ffmpeg said it.
    """

    work_dir: str
    videos: dict[str, str]
    sounds: dict[int, str]
    warnings: tuple[str, ...] = ()
    speed: float | None = None

    def to_json(self) -> str:
        """This record as JSON."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Encoded:
        """The record that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


def encode(
    plan: VideoPlan,
    source: Path,
    work_dir: Path,
    sink: ProgressSink,
    cancel: threading.Event,
    *,
    select: Set[str] | None = None,
    made: Collection[Place] = (),
) -> Encoded:
    """Encode what the wanted assets need.

    Args:
        work_dir: an existing directory for working files.
        select: asset keys that are wanted; None for all.
        made: outputs that need not be made again.

    Raises:
        InputError: LIMIT_EXCEEDED when the job's memory isn't enough, CORRUPT_MEDIA when the picture can't be decoded.
        SystemFault: VERIFY_FAILED when ffmpeg made something else than was planned.
        TelecineError: what `telecine.process.run` raises.
    """
    plan, left = missing(plan, ASSETS if select is None else select, made)
    wanted = {asset for asset, _ in left}
    if not wanted & {RENDITIONS, HLS, DASH}:
        sink.report("ENCODING", 1.0, {})
        return Encoded(str(work_dir), {}, {})
    threads = cores_that_fit(plan)
    rates = _rates(plan, wanted)
    following = Following(Saying(sink, _details(plan)), "ENCODING", plan.timing.duration_s)

    def attempt(levelled: Levelled | None) -> Finished:
        argv = encode_argv(ffmpeg_path(), plan, source, work_dir, rates_bps=rates, threads=threads, levelled=levelled)
        with under(replace(ambient(), threads=threads)):
            return run(argv, limits=_limits(plan), cancel=cancel, on_line=following)

    try:
        finished = attempt(None)
    except TelecineError as e:
        if plan.sound is None or _LAYOUT_CHANGES not in (e.details or ""):
            raise
        finished = attempt(_level(plan, plan.sound, source, work_dir, cancel))
    warnings = _check_input(plan, finished.stderr)
    for rung in plan.rungs:
        came = measure(work_dir / video_file(rung), cancel)
        if (came.width, came.height) != (rung.width, rung.height) or came.frames == 0 or came.turned:
            raise SystemFault(
                ErrorCode.VERIFY_FAILED,
                f"rung {rung.name} is {came.width}x{came.height} with {came.frames} frames, turned: {came.turned}",
                finished.stderr,
            )
    return Encoded(
        work_dir=str(work_dir),
        videos={rung.name: video_file(rung) for rung in plan.rungs},
        sounds={rate: audio_file(rate) for rate in rates},
        warnings=warnings,
        speed=following.speed,
    )


def _details(plan: VideoPlan) -> Details:
    top = plan.rungs[-1]
    return {
        "operation": "encoding",
        "total": len(plan.rungs),
        "frames": plan.timing.frames,
        "resolution": f"{top.width}x{top.height}",
    }


def _level(plan: VideoPlan, sound: Sound, source: Path, work_dir: Path, cancel: threading.Event) -> Levelled:
    target = work_dir / "sound.nut"
    following = Following(Quiet(), "AUDIO", 1.0)
    argv = levelled_argv(ffmpeg_path(), plan, sound, source, target)
    run(argv, limits=Limits(stall_s=_STALL_S), cancel=cancel, on_line=following)
    return Levelled(target, measure(target, cancel).audio_start_s or 0.0)


def _rates(plan: VideoPlan, wanted: Set[str]) -> tuple[int, ...]:
    """The sounds that the wanted assets need."""
    if plan.sound is None:
        return ()
    rates: set[int] = set()
    if RENDITIONS in wanted:
        rates |= {rung.audio_bitrate_bps for rung in plan.rungs}
    if wanted & {HLS, DASH}:
        rates.add(STREAM_AUDIO_BPS)
    return tuple(sorted(rates))


def _limits(plan: VideoPlan) -> Limits:
    wall = max(_WALL_LEAST_S, plan.estimate_seconds * _WALL_FACTOR)
    largest = max(rung.max_bitrate_bps for rung in plan.rungs) / 8 * plan.timing.duration_s
    return Limits(
        wall_s=wall,
        stall_s=_STALL_S,
        cpu_s=round(wall * (os.cpu_count() or 1)),
        file_bytes=round(largest * 2) + 64 * 1024**2,
    )


def _check_input(plan: VideoPlan, stderr: str) -> tuple[str, ...]:
    """How the source's picture decoded, from ffmpeg's closing words."""
    for index, decoded, errors in _DECODED.findall(stderr):
        if int(index) != plan.video.index:
            continue
        frames, failed = int(decoded), int(errors or 0)
        if frames == 0:
            raise InputError(ErrorCode.CORRUPT_MEDIA, "not one frame of the picture can be decoded", stderr)
        if frames < plan.video.frames * 0.5:
            raise InputError(
                ErrorCode.CORRUPT_MEDIA,
                f"only {frames} of {plan.video.frames} frames of the picture can be decoded",
                stderr,
            )
        if failed:
            return (f"{failed} frame(s) of the source are damaged; what could be decoded was used.",)
    if _DAMAGE.search(stderr):
        return ("Parts of the source are damaged; what could be decoded was used.",)
    return ()


_ADAPTER = TypeAdapter(Encoded)
