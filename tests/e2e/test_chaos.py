"""Everything is killed again and again while files of every kind are processed: nothing is lost, nothing is left.

30 jobs and five kills here; TELECINE_LONG_TESTS=1 (`make chaos`): 300 and thirty. TELECINE_CHAOS_SEED repeats a run, as
far as a seed decides: what and when, not what the machine did meanwhile. The load and the murderer are in chaos.py.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import dagster as dg
import pytest

from telecine.ledger import Job, attempts, batches, dead_letters
from telecine.ledger import jobs as job_rows
from tests.e2e.chaos import Murderer, drop, hand_over, left_at_work, write_load
from tests.e2e.house import House, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

_LONG = bool(os.environ.get("TELECINE_LONG_TESTS"))
JOBS, KILLS, PAUSES_S = (300, 30, (4.0, 12.0)) if _LONG else (30, 5, (1.0, 3.0))
QUIET_S = 60.0  # requirements.md section 4: nothing is left so long after the end
_REPLACED = (("CANCELED", "SOURCE_CHANGED"), ("FAILED", "SOURCE_CHANGED"), ("FAILED", "SOURCE_MISSING"))
_UNFINISHED = [s for s in dg.DagsterRunStatus if s.value not in ("SUCCESS", "FAILURE", "CANCELED")]


def test_whatever_is_killed_every_job_ends_once_and_nothing_is_left(house: House, tmp_path: Path) -> None:
    seed = int(os.environ.get("TELECINE_CHAOS_SEED") or random.randrange(1_000_000))
    print(f"\nTELECINE_CHAOS_SEED={seed}")
    rng = random.Random(seed)
    load = write_load(tmp_path, rng, JOBS)

    started = time.monotonic()
    murderer = Murderer(house, random.Random(seed + 1), KILLS, PAUSES_S)
    partitions = drop(house, load.dropped)
    murderer.start()
    try:
        batch_id = hand_over(house, load)
        eventually(lambda: _are_seen(house, load.again), "the first versions to be seen")
        drop(house, load.again)
        dropped = eventually(lambda: _all_over(house, len(load.dropped) + len(load.again)), "every drop", 3_000, 1.0)
        murderer.stop()
        batch = eventually(lambda: _ended(house, batch_id), "the batch", 600, 1.0)
    finally:
        murderer.stop()
    quiet = time.monotonic()
    print(f"{load.jobs} jobs over after {quiet - started:.0f} s; {sum(map(len, murderer.took_s.values()))} kills")
    for victim, took_s in sorted(murderer.took_s.items()):
        print(f"  {victim}: back after {statistics.median(took_s):.1f} s (median), {max(took_s):.1f} s (longest)")

    _assert_nothing_is_left(house, quiet)
    handed = house.ledger.do(batches.children, batch_id)
    assert len(handed) == len(load.handed)
    jobs = [*dropped, *handed]
    _assert_each_ended_once(house, jobs, load.broken)
    assert batch.status == ("COMPLETED" if all(job.status == "COMPLETED" for job in handed) else "PARTIAL")
    _assert_players_see_the_newest(house, [*partitions, *[job.partition for job in handed]])
    print(f"ended as {dict(Counter(job.error_code or job.status.value for job in jobs))}")


def _all_over(house: House, count: int) -> list[Job] | None:
    """This test's dropped jobs, once all have ended and no upload is unseen.

    An upload whose answer died with the store is repeated, and may be two versions.
    """
    jobs = house.jobs()
    return jobs if len(jobs) >= count and all(job.status.is_final for job in jobs) else None


def _are_seen(house: House, names: Collection[str]) -> bool:
    """Whether each has a job: what is replaced before anybody saw it never was accepted."""
    return set(names) <= {job.key.removeprefix(house.prefix) for job in house.jobs()}


def _ended(house: House, batch_id: str) -> batches.Batch | None:
    batch = house.ledger.do(batches.get, batch_id)
    return batch if batch is not None and batch.status != "OPEN" else None


def _assert_nothing_is_left(house: House, quiet: float) -> None:
    """Within a minute: no run, no claim, no process, no scratch; and the breakers are closed again in the end."""
    left: dict[str, object] = {}

    def is_clean() -> bool:
        left.clear()
        left["runs"] = [run.run_id for run in house.instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))]
        left["pools"] = [
            key
            for key in house.instance.event_log_storage.get_concurrency_keys()
            if house.instance.event_log_storage.get_concurrency_info(key).claimed_slots
        ]
        left["claims"] = [r.claim_id for r in house.rows("SELECT claim_id FROM telecine.claims WHERE ended_at IS NULL")]
        left["processes"] = left_at_work(house)
        left["scratch"] = house.scratch()
        return not any(left.values())

    try:
        eventually(is_clean, "nothing to be left", quiet + QUIET_S - time.monotonic(), 1.0)
    except AssertionError:
        raise AssertionError(f"left {QUIET_S:.0f} s after the end: {left}") from None
    print(f"nothing was left {time.monotonic() - quiet:.0f} s after the end")


def _assert_each_ended_once(house: House, jobs: list[Job], broken: frozenset[str]) -> None:
    """What is whole was made; what is broken failed with its reason; every attempt was closed, one of them as won."""
    for job in jobs:
        tried = {a.generation: a.outcome for a in house.ledger.do(attempts.of_job, job.job_id)}
        assert all(tried.values()), f"an attempt was never closed: {job.key} {tried}"
        letters = house.ledger.do(dead_letters.find, job_ids=[job.job_id], include_resolved=True)
        assert len(letters) == (job.status == "FAILED"), (job.key, job.status)
        assert list(tried.values()).count("completed") == (job.status == "COMPLETED"), (job.key, job.status, tried)
        how = (job.key, job.status, job.error_code, job.error_message, tried)
        if _LONG and job.error_code == "POISON":
            assert job.deaths == 3, how  # three dead workers make poison of any file
        elif Path(job.key).name in broken:
            assert (job.status, job.error_class) == ("FAILED", "input"), how
        elif job.status != "COMPLETED":  # a re-upload ends the job of the version before it
            assert (job.status, job.error_code) in _REPLACED, how


def _assert_players_see_the_newest(house: House, partitions: list[str]) -> None:
    """No manifest.json disagrees with the ledger, and what it names is there."""
    for row in house.rows("SELECT * FROM telecine.media_objects WHERE partition = ANY(:p)", p=partitions):
        published = house.rows("SELECT * FROM telecine.generations WHERE partition = :p", p=row.partition)
        assert row.published_generation == max((g.generation for g in published), default=None)
        if row.published_generation is None:
            assert house.store.stat(house.settings.output_bucket, f"{row.partition}/manifest.json") is None
            continue
        newest = row.published_generation
        eventually(
            lambda r=row, n=newest: house.manifest(r.partition)["generation"] == n,
            f"manifest.json to name g{newest}",
            30,
        )
        (truth,) = [g for g in published if g.generation == newest]
        assert house.manifest(row.partition) == truth.manifest
        latest = house.ledger.do(job_rows.latest_of_partition, row.partition)
        assert latest is not None
        if latest.status == "COMPLETED":
            assert truth.job_id == latest.job_id, "what is published is the newest version's"
        for output in truth.manifest["outputs"]:
            there = house.store.stat(house.settings.output_bucket, output["key"])
            assert there is not None, output["key"]
            assert there.size_bytes == output["size_bytes"], output["key"]
