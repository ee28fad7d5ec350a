"""Who goes first when there is more work than room: URGENT at once, LOW in the end.

A stack of its own, in which ten seconds of waiting count as much as ten minutes do by default. 50 LOW images here, of a
size that makes two batches of them; 300 small ones with TELECINE_LONG_TESTS=1.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from media_assets import tags
from telecine import local
from telecine.acceptance import Order, accept_file
from telecine.ledger import Job
from telecine.ledger import jobs as job_rows
from telecine.priority import Priority
from telecine.process import Limits, run
from telecine.recipe import load_recipe
from telecine.samples import photo
from telecine.samples_video import write_clip
from telecine.settings import settings
from telecine.tools import ffmpeg_path
from tests.e2e.house import House, eventually, house_for

LONG = os.environ.get("TELECINE_LONG_TESTS")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LOW, LARGE, PADDING = (300, (1200, 900), 0) if LONG else (50, (3000, 2000), 2_500_000)
LEFT = 12  # files of the batch at work; it goes on for some seconds
STARVATION_S = 10.0


@pytest.fixture
def impatient_house(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A stack of this test's own that ages work quickly."""
    monkeypatch.setenv("TELECINE_STARVATION_S", str(STARVATION_S))
    known = local.up()
    os.environ.update(known)
    settings.cache_clear()
    with dg.DagsterInstance.get() as instance:
        found = house_for(known, instance)
        yield found
        found.ledger.close()


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a few seconds again and again: long to encode, quick to make."""
    folder = tmp_path_factory.mktemp("long-clip")
    short = write_clip(folder / "short.mp4", seconds=4, width=640, height=360)
    long = folder / "long.mp4"
    again = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-stream_loop", "149", "-i", f"file:{short}"]
    run([*again, "-c", "copy", f"file:{long}"], limits=Limits(wall_s=60))
    return long


class Door:
    """Hands files over with a priority, each under a name of its own."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder, self.number = house, folder, 0

    def submit(self, source: Path, priority: Priority, count: int = 1) -> list[str]:
        """Submit a file some times, each time as a file of its own; answers the job ids."""
        order = Order(load_recipe("default"), priority=priority, deduplicate=False)
        paths = []
        for _ in range(count):
            self.number += 1
            paths.append(self.folder / f"{priority.name.lower()}-{self.number:04}{source.suffix}")
            shutil.copyfile(source, paths[-1])

        def accept(path: Path) -> str:
            return accept_file(self.house.ledger, self.house.store, settings(), path, order).job_id

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(accept, paths))

    def jobs(self, ids: Sequence[str]) -> list[Job]:
        found = self.house.ledger.do(job_rows.get, ids)
        return [found[job_id] for job_id in ids]


def waited_s(job: Job) -> float:
    assert job.started_at is not None
    return (job.started_at - job.created_at).total_seconds()


def test_urgent_overtakes_everything_and_low_is_not_forgotten(
    impatient_house: House, long_clip: Path, tmp_path: Path
) -> None:
    house, door = impatient_house, Door(impatient_house, tmp_path)
    picture = tmp_path / "picture.jpg"
    photo(3, (320, 240)).save(picture, quality=80)
    padded = tmp_path / "padded.jpg"  # and large, so that a batch of it takes longer than an urgent run's start
    photo(4, LARGE).save(padded, quality=80)
    padded.write_bytes(padded.read_bytes() + bytes(max(0, PADDING - padded.stat().st_size)))

    encodes = door.submit(long_clip, Priority.NORMAL, 2)
    eventually(lambda: all(job.stage == "ENCODING" for job in door.jobs(encodes)), "two encodes")
    low = door.submit(padded, Priority.LOW, LOW)
    queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])

    def one_waits_for_another() -> set[str]:
        """Claims of LOW batches in Dagster's queue, while one has a good deal to do; the first may be a single file."""
        jobs = door.jobs(low)
        at_work = {job.claim_id for job in jobs if job.status == "PROCESSING"}
        left = sum(job.claim_id in at_work and not job.status.is_final for job in jobs)
        return {run.tags[tags.CLAIM] for run in house.instance.get_runs(queued)} if left >= LEFT else set()

    behind = eventually(one_waits_for_another, "a LOW batch to wait for another one")
    (urgent,) = door.submit(picture, Priority.URGENT)
    eventually(lambda: door.jobs([urgent])[0].status.is_final, "the urgent image")
    for job in door.jobs(encodes):
        assert job.status == "PROCESSING", "both encodes were going on all the time"
        house.ledger.do(job_rows.request_cancel, job.job_id, "long enough")

    # From now on something NORMAL always waits.
    stop, normal = threading.Event(), list[str]()

    def arrive() -> None:
        while not stop.wait(0.4):
            normal.extend(door.submit(picture, Priority.NORMAL))

    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        eventually(lambda: all(job.status.is_final for job in door.jobs(low)), "every LOW image", 240)
    finally:
        stop.set()
        arriving.join()

    first = door.jobs([urgent])[0]
    assert (first.status, {job.status.value for job in door.jobs(low)}) == ("COMPLETED", {"COMPLETED"})
    # When a run took its claim up; what it does first (it starts a pool) takes as long for everybody.
    began = {c.claim_id: c.started_at for c in house.rows("SELECT claim_id, started_at FROM telecine.claims")}
    assert began[first.claim_id] < min(began[claim_id] for claim_id in behind)
    print(f"URGENT started {waited_s(first):.1f} s after it was submitted")

    starts = [job.started_at for job in door.jobs(low) if job.started_at]
    arrived = [job.created_at for job in door.jobs(normal)]
    assert min(arrived) < max(starts), "the last LOW image started while NORMAL ones kept coming"
    print(
        f"LOW started {max(map(waited_s, door.jobs(low))):.1f} s after it was submitted at the latest, "
        f"while {len(normal)} NORMAL ones arrived"
    )
