"""One encode of ours outside of any job, and what a piece of work costs: for benchmarks that put others beside it."""

from __future__ import annotations

import resource
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telecine.probe import probe
from telecine.process import Limits, run
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.samples_video import write_clip
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.plan import VideoPlan, plan_video

LADDER = {"kind": "video_ladder", "rungs": (360, 480, 720, 1080)}
Cost = tuple[float, float]
"""Wall and processor seconds."""


def source_clip(directory: Path, seconds: int) -> Path:
    """A 1080p clip made on the spot."""
    return write_clip(directory / f"{seconds}-seconds.mp4", seconds=seconds, width=1920, height=1080)


def timed(work: Callable[[], object]) -> Cost:
    """What a piece of work costs."""

    def used() -> float:
        children, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        return children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime

    wall, cpu = time.monotonic(), used()
    work()
    return time.monotonic() - wall, used() - cpu


def niced(command: list[str]) -> None:
    """Through our runner, which makes every encode step back for others: so both sides wait alike."""
    run(command, limits=Limits(wall_s=7200))


def ours(plan: VideoPlan, source: Path, directory: Path, assets: set[str]) -> Cost:
    """Encode, verify every frame, measure quality, finish; what the encode alone cost."""
    work, out = directory / "work", directory / "out"
    for path in (work, out):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    encoded: list[Encoded] = []
    alone = timed(lambda: encoded.append(encode(plan, source, work, Quiet(), threading.Event(), select=assets)))
    made = finish(plan, encoded[0], source, out, Quiet(), threading.Event(), select=assets)
    assert made.failures == (), made.failures
    return alone


def planned(source: Path, *outputs: dict[str, Any]) -> VideoPlan:
    """Probing counts as part of the work."""
    return plan_video(probe(source), parse_recipe({"name": "bench", "outputs": outputs}, "the bench"))


def ratio(mine: list[Cost], theirs: list[Cost]) -> dict[str, float]:
    """The best of each, by the wall clock and in processor seconds."""
    return {
        "wall": round(min(mine)[0] / min(theirs)[0], 3),
        "processor": round(min(cpu for _, cpu in mine) / min(cpu for _, cpu in theirs), 3),
    }
