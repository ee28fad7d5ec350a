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

from telecine.errors import ConfigurationError, InputError, SystemFault, TelecineError
from telecine.process import Finished, Limits, ambient, run, under
from telecine.progress import Details, ProgressSink, Quiet, Saying
from telecine.tools import ffmpeg_path
from telecine.video.command import copy_argv, encode_argv, first_pass_argv, level_argv
from telecine.video.decoded import heard_tracks, picture_warnings
from telecine.video.following import Following
from telecine.video.ladder import Rung
from telecine.video.memory import cores_here, cores_that_fit
from telecine.video.missing import Place, missing
from telecine.video.picture_argv import video_file
from telecine.video.plan import ASSETS, DASH, HLS, RENDITIONS, VideoPlan
from telecine.video.rendition import measure
from telecine.video.sampling import reference_bytes
from telecine.video.sound import Take, takes
from telecine.video.sound_argv import Levelled, audio_file
from telecine.video.sound_level import at_their_loudness, check_levels
from telecine.video.verify import check, check_decodes, expected

_STALL_S = 180.0  # a two-core machine takes this long for no frame of an allowed size
_WALL_FACTOR, _WALL_LEAST_S = 20.0, 1800.0
_FIRST_PASS = 0.3  # of both
_BLAMED = re.compile(r"\[vost#\d+:\d+/([\w-]+)[^\n]*\bError (?:while opening encoder|submitting|encoding|initializing)")
_LAYOUT_CHANGES = "Changing audio frame properties on the fly is not supported"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encode left in its work directory.

    Attributes:
        work_dir: where the files are.
        videos: file name by rung name; empty when no wanted asset needs them.
        sounds: file name by name of the version, by number of the sound in its plan; one that was too damaged isn't
            there.
        warnings: sentences for the manifest.
        speed: times real time, as ffmpeg said it.
        lacking: ffmpeg's names of encoders that failed; what was made is `plan.without` them.
        encoded: names of the pictures that were encoded; the others are the source's own.
    """

    work_dir: str
    videos: dict[str, str]
    sounds: dict[int, dict[str, str]]
    warnings: tuple[str, ...] = ()
    speed: float | None = None
    lacking: tuple[str, ...] = ()
    encoded: tuple[str, ...] = ()

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
    plan = _with_copies(plan, source, work_dir, cancel)
    lacking: frozenset[str] = frozenset()
    while True:  # ends: each time an encoder more is lacking, and there are five
        attempt = plan.without(lacking)
        taken = _taken(attempt, wanted)
        try:
            finished, speed = _run(attempt, taken, source, work_dir, sink, cancel)
            break
        except (SystemFault, ConfigurationError) as e:
            lacking |= _failed_encoders(attempt, e)
            if plan.without(lacking) == attempt:
                raise
    said = finished.stderr if finished else ""
    warnings = picture_warnings(attempt, said) if finished else ()
    heard, unheard = heard_tracks(taken, said)
    return Encoded(
        work_dir=str(work_dir),
        videos={rung.name: video_file(rung) for rung in attempt.pictures},
        sounds={t.sound.number: {v.name: audio_file(t.sound, v) for v in t.versions} for t in heard},
        warnings=(*warnings, *unheard, *check_levels(heard, work_dir, cancel)),
        speed=speed,
        lacking=tuple(sorted(lacking)),
        encoded=tuple(rung.name for rung in attempt.encodes),
    )


def _run(
    plan: VideoPlan,
    taken: tuple[Take, ...],
    source: Path,
    work_dir: Path,
    sink: ProgressSink,
    cancel: threading.Event,
) -> tuple[Finished | None, float | None]:
    """Every picture and sound in one ffmpeg, after a first pass for those that take two; and the speed it had."""
    if not plan.encodes and not taken:
        if plan.pictures or not plan.audio:  # else finish.py has all of the encoding still to do
            sink.report("ENCODING", 1.0, {})
        return None, None
    threads, passes = cores_that_fit(plan), any(rung.coding.two_pass for rung in plan.encodes)
    cores = threads or cores_here()
    telling = Saying(sink, _details(plan))
    taken = at_their_loudness(taken, source, plan.timing.duration_s, sink, cancel)
    following = Following(telling, "ENCODING", plan.timing.duration_s, begin=_FIRST_PASS if passes else 0.0)

    def start(argv: list[str], on_line: Following) -> Finished:
        with under(replace(ambient(), threads=threads)):
            return run(argv, limits=_limits(plan), cancel=cancel, on_line=on_line)

    def attempt(levelled: tuple[Levelled, ...] = ()) -> Finished:
        argv = encode_argv(ffmpeg_path(), plan, source, work_dir, taken=taken, threads=cores, levelled=levelled)
        return start(argv, following)

    if passes:
        first = Following(telling, "ENCODING", plan.timing.duration_s, end=_FIRST_PASS)
        start(first_pass_argv(ffmpeg_path(), plan, source, work_dir, cores), first)
    try:
        return attempt(), following.speed
    except TelecineError as e:
        if not taken or _LAYOUT_CHANGES not in (e.details or ""):
            raise
        return attempt(_level(plan, taken, source, work_dir, cancel)), following.speed


def _with_copies(plan: VideoPlan, source: Path, work_dir: Path, cancel: threading.Event) -> VideoPlan:
    """Copy what is to be copied; what doesn't come out as it should is encoded after all.

    Packets before an edit list's beginning, or a keyframe where none is, show only in the copy.
    """

    def tried(rung: Rung) -> Rung:
        if not rung.copied:
            return rung
        target = work_dir / video_file(rung)
        try:
            run(copy_argv(ffmpeg_path(), plan, rung, source, work_dir), limits=Limits(stall_s=_STALL_S), cancel=cancel)
            check(rung.name, measure(target, cancel), expected(plan, rung, sound=False))
            check_decodes(target, cancel)
        except (InputError, SystemFault):
            return replace(rung, copied=False)
        return rung

    return replace(plan, singles=tuple(map(tried, plan.singles)))


def _failed_encoders(plan: VideoPlan, error: TelecineError) -> frozenset[str]:
    """ffmpeg's names of the encoders that it blames, of those that something else can stand in for."""
    used = {rung.coding.codec.encoder for rung in plan.encodes if rung.coding.codec.fallback is not None}
    blamed = used & set(_BLAMED.findall(error.details or ""))
    return frozenset(blamed or used)


def _details(plan: VideoPlan) -> Details:
    top = max(plan.pictures, key=lambda rung: rung.pixels)
    return {
        "operation": "encoding",
        "total": len(plan.pictures),
        "frames": plan.timing.frames,
        "resolution": f"{top.width}x{top.height}",
    }


def _level(
    plan: VideoPlan, taken: tuple[Take, ...], source: Path, work_dir: Path, cancel: threading.Event
) -> tuple[Levelled, ...]:
    targets = [work_dir / f"sound-{take.sound.number}.nut" for take in taken]
    following = Following(Quiet(), "AUDIO", 1.0)
    argv = level_argv(ffmpeg_path(), plan, taken, source, targets)
    run(argv, limits=Limits(stall_s=_STALL_S), cancel=cancel, on_line=following)
    return tuple(Levelled(target, measure(target, cancel).audio_start_s or 0.0) for target in targets)


def _limits(plan: VideoPlan) -> Limits:
    wall = max(_WALL_LEAST_S, plan.estimate_seconds * _WALL_FACTOR)
    caps = [rung.coding.max_bitrate_bps or rung.coding.bitrate_bps for rung in plan.encodes]
    largest = sum(cap for cap in caps if cap) / 8 * plan.timing.duration_s
    sampled = reference_bytes(plan.encodes, plan.samples)
    return Limits(
        wall_s=wall,
        stall_s=_STALL_S,
        cpu_s=round(wall * (os.cpu_count() or 1)),
        file_bytes=round(largest * 2) + 64 * 1024**2 + sampled if all(caps) else None,
    )


def _taken(plan: VideoPlan, wanted: Set[str]) -> tuple[Take, ...]:
    """What the wanted assets need of the sounds."""
    renditions = plan.pictures if RENDITIONS in wanted else ()
    return takes(plan.sounds, renditions=renditions, ladder=plan.rungs, streams=bool(wanted & {HLS, DASH}))


_ADAPTER = TypeAdapter(Encoded)
