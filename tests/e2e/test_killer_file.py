"""A file that kills every process that touches it: three workers die of it, nobody else's file is lost or made twice.

20 files here, 100 with TELECINE_LONG_TESTS=1.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from telecine.ledger import attempts, dead_letters
from telecine.samples import photo
from tests.e2e.house import House

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FILES = 100 if os.environ.get("TELECINE_LONG_TESTS") else 20


def kill_whoever_works_on(house: House, partition: str, stop: threading.Event, killed: list[int]) -> None:
    """Kill -9 the run's process in every attempt at this file; `killed` are the generations that ended so."""
    while not stop.wait(0.01):
        for row in house.rows(
            "SELECT j.generation, c.worker FROM telecine.jobs j JOIN telecine.claims c USING (claim_id)"
            " WHERE j.partition = :p AND j.status = 'PROCESSING' AND c.ended_at IS NULL",
            p=partition,
        ):
            if row.generation not in killed:
                killed.append(row.generation)
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(int(row.worker.rsplit(":", 1)[1])).kill()


def test_a_killer_file_costs_only_itself(house: House, photos: list[Path], tmp_path: Path) -> None:
    killer = tmp_path / "killer.jpg"
    photo(13, (4000, 3000)).save(killer, quality=90)  # large, so that nobody is done with it before the watcher looks
    others = house.drop(photos[-(FILES - 1) :])
    (poison,) = house.drop([killer])
    started, stop, killed = time.monotonic(), threading.Event(), list[int]()
    watcher = threading.Thread(target=kill_whoever_works_on, args=(house, poison, stop, killed))
    watcher.start()
    try:
        jobs = {job.partition: job for job in house.wait_until_over(FILES)}
    finally:
        stop.set()
        watcher.join()
    print(f"{len(killed)} workers killed, all over after {time.monotonic() - started:.0f} s")

    ended = jobs.pop(poison)
    assert (ended.status, ended.error_code, ended.deaths) == ("FAILED", "POISON", 3)
    assert [a.outcome for a in house.ledger.do(attempts.of_job, ended.job_id)] == ["lost"] * 3
    assert sorted(killed) == [a.generation for a in house.ledger.do(attempts.of_job, ended.job_id)]
    (letter,) = house.ledger.do(dead_letters.find, job_ids=[ended.job_id])
    assert (letter.error_class, letter.error_code, letter.resolved_at) == ("poison", "POISON", None)

    assert set(jobs) == set(others)
    house.assert_nothing_lost_or_twice(jobs.values())
    # Only the first worker had others' files in hand as well; after that the suspects were by themselves.
    assert max(job.deaths for job in jobs.values()) <= 1
    shown = dict.fromkeys(others, "MATERIALIZED") | {poison: "FAILED"}
    house.wait_until_shown("image", shown)
