"""Batches: opened, filled, ended by their last job, whatever order and however many at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from telecine.batch_manifest import batch_manifest
from telecine.errors import ConfigurationError, ErrorCode, InputError
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, attempts, batches, generations, media
from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import Terms
from telecine.priority import Lane
from telecine.recipe import load_recipe
from telecine.sniff import Sniffed
from tests.integration.conftest import an_object, get

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
_BAD_FILE = InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken")
_JPEG = Sniffed(kind="image", format="jpeg", mime="image/jpeg")


def open_batch(ledger: Ledger, total: int, *, fail_fast: bool = False) -> str:
    batch_id = new_id()
    ledger.do(batches.open_batch, batch_id, total=total, name="spring", fail_fast=fail_fast)
    return batch_id


def child(ledger: Ledger, batch_id: str) -> Job:
    job_id, terms = new_id(), Terms(batch_id=batch_id)
    ledger.do(
        media.accept,
        an_object(),
        _JPEG,
        load_recipe("thumbnail"),
        priority=5,
        lane=Lane.LIVE,
        origin="submit",
        job_id=job_id,
        terms=terms,
    )
    return get(ledger, job_id)


def complete(ledger: Ledger, job: Job, generation: int) -> None:
    ledger.do(generations.publish, job.job_id, job.partition, generation, {"outputs": []})


def status(ledger: Ledger, batch_id: str) -> str:
    batch = ledger.do(batches.get, batch_id)
    assert batch is not None
    return batch.status


def test_a_batch_ends_with_its_last_job_and_not_before_all_are_there(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 2)
    first = child(ledger, batch_id)
    complete(ledger, first, begun(first)[1])
    assert status(ledger, batch_id) == "OPEN"
    second = child(ledger, batch_id)
    complete(ledger, second, begun(second)[1])
    assert status(ledger, batch_id) == "COMPLETED"


def test_closing_a_batch_whose_jobs_have_all_ended_ends_it(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 5)
    job = child(ledger, batch_id)
    complete(ledger, job, begun(job)[1])
    ledger.do(batches.close, batch_id)
    batch = ledger.do(batches.get, batch_id)
    assert batch is not None
    assert (batch.status, batch.total, batch.progress) == ("COMPLETED", 1, 100.0)


def test_last_jobs_that_end_at_the_same_moment_end_the_batch_once(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 10)
    work = [(job, begun(job)[1]) for job in (child(ledger, batch_id) for _ in range(10))]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda item: complete(ledger, *item), work))
    assert status(ledger, batch_id) == "COMPLETED"
    assert ledger.do(batches.unwritten) == [batch_id]


@pytest.mark.parametrize(("good", "expected"), [(1, "PARTIAL"), (0, "FAILED")])
def test_failures_do_not_stop_the_others_and_show_in_the_end(
    ledger: Ledger, begun: Begun, good: int, expected: str
) -> None:
    batch_id = open_batch(ledger, 2)
    jobs = [child(ledger, batch_id) for _ in range(2)]
    for number, job in enumerate(jobs):
        _, generation = begun(job)
        if number < good:
            complete(ledger, job, generation)
        else:
            ledger.do(attempts.fail, job.job_id, generation, _BAD_FILE)
    assert status(ledger, batch_id) == expected


def test_fail_fast_cancels_what_waits_and_flags_what_runs(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 3, fail_fast=True)
    bad, running, waiting = (child(ledger, batch_id) for _ in range(3))
    _, generation = begun(bad)
    claim = begun(running)
    ledger.do(attempts.fail, bad.job_id, generation, _BAD_FILE)
    assert get(ledger, waiting.job_id).status == "CANCELED"
    assert get(ledger, running.job_id).cancel_requested
    assert status(ledger, batch_id) == "OPEN"
    ledger.do(attempts.end_canceled, running.job_id, claim[1], "as asked")
    assert status(ledger, batch_id) == "FAILED"


def test_a_failure_that_is_tried_again_does_not_stop_a_batch_that_fails_fast(ledger: Ledger, begun: Begun) -> None:
    from telecine.errors import TransientError

    batch_id = open_batch(ledger, 2, fail_fast=True)
    shaky, waiting = (child(ledger, batch_id) for _ in range(2))
    ledger.do(
        attempts.fail, shaky.job_id, begun(shaky)[1], TransientError(ErrorCode.STORE_UNAVAILABLE, "the store hiccuped")
    )
    assert get(ledger, waiting.job_id).status == "PENDING"


def test_canceling_a_batch_ends_it_once_its_running_jobs_stopped(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 3)
    running, *waiting = (child(ledger, batch_id) for _ in range(3))
    _, generation = begun(running)
    assert ledger.do(batches.cancel, batch_id, "not wanted") == (2, 1)
    assert {get(ledger, job.job_id).status for job in waiting} == {"CANCELED"}
    ledger.do(attempts.end_canceled, running.job_id, generation, "not wanted")
    assert status(ledger, batch_id) == "CANCELED"


def test_progress_is_the_average_and_never_goes_back(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 2)
    jobs = [child(ledger, batch_id) for _ in range(2)]
    seen = []

    def look() -> None:
        batch = ledger.do(batches.get, batch_id)
        assert batch is not None
        seen.append(batch.progress)

    look()
    _, generation = begun(jobs[0])
    ledger.do(attempts.report, jobs[0].job_id, generation, "ENCODING", 40.0)
    look()
    ledger.do(attempts.fail, jobs[0].job_id, generation, _BAD_FILE)
    look()
    complete(ledger, jobs[1], begun(jobs[1])[1])
    look()
    assert seen == [0.0, 20.0, 50.0, 100.0]


def test_the_manifest_names_every_job_with_its_outcome(ledger: Ledger, begun: Begun) -> None:
    batch_id = open_batch(ledger, 2)
    good, bad = (child(ledger, batch_id) for _ in range(2))
    complete(ledger, good, begun(good)[1])
    ledger.do(attempts.fail, bad.job_id, begun(bad)[1], _BAD_FILE)
    document = batch_manifest(ledger, batch_id)
    assert (document["status"], document["name"], document["total"]) == ("PARTIAL", "spring", 2)
    by_id = {job["job_id"]: job for job in document["jobs"]}
    assert by_id[good.job_id]["manifest"].endswith(f"{good.partition}/manifest.json")
    assert by_id[bad.job_id]["error"]["code"] == "CORRUPT_MEDIA"
    assert by_id[bad.job_id]["manifest"] is None


def test_an_unknown_batch_is_named(ledger: Ledger) -> None:
    assert ledger.do(batches.get, "no-such-batch") is None
    with pytest.raises(ConfigurationError, match="no-such-batch"):
        batch_manifest(ledger, "no-such-batch")


def test_jobs_are_found_by_batch_status_kind_and_time(ledger: Ledger) -> None:
    batch_id = open_batch(ledger, 1)
    inside, outside = child(ledger, batch_id), child(ledger, open_batch(ledger, 1))
    assert [job.job_id for job in ledger.do(job_rows.find, batch_id=batch_id)] == [inside.job_id]
    assert [job.job_id for job in ledger.do(job_rows.find, kind="image")] == [outside.job_id, inside.job_id]
    assert ledger.do(job_rows.find, kind="video") == []
    later = ledger.do(job_rows.find, since=outside.created_at)
    assert [job.job_id for job in later] == [outside.job_id]


def test_a_batch_of_thousands_is_canceled_in_one_go_while_a_child_is_processed(ledger: Ledger, begun: Begun) -> None:
    batch = open_batch(ledger, 3_000)
    running = child(ledger, batch)
    begun(running)
    ledger.do(
        lambda c: c.execute(
            text(
                "INSERT INTO telecine.jobs (job_id, partition, kind, identity, etag, size_bytes, recipe, recipe_name,"
                " recipe_hash, origin, correlation_id, batch_id, lane, priority, estimate_s)"
                " SELECT 'many-' || n, partition, kind, identity, etag, size_bytes, recipe, recipe_name, recipe_hash,"
                " origin, correlation_id, batch_id, lane, priority, estimate_s"
                " FROM telecine.jobs, generate_series(1, 2999) AS n WHERE job_id = :job"
            ),
            {"job": running.job_id},
        )
    )
    began = time.monotonic()
    assert ledger.do(batches.cancel, batch, "not wanted") == (2_999, 1)
    took_s = time.monotonic() - began
    print(f"2,999 children canceled in {took_s:.2f} s")
    assert took_s < 30, "the square of the children's number"
    assert status(ledger, batch) == "OPEN"


def test_a_batch_whose_submitter_died_is_closed_once_its_children_have_ended(ledger: Ledger, begun: Begun) -> None:
    batch = open_batch(ledger, 2)
    only = child(ledger, batch)
    complete(ledger, only, begun(only)[1])
    assert ledger.do(batches.forsaken) == [], "the second may still be uploading"
    ledger.do(lambda c: c.execute(text("UPDATE telecine.batches SET created_at = now() - interval '1 hour'")))
    assert ledger.do(batches.forsaken) == [], "a child came a moment ago"
    ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET created_at = now() - interval '1 hour'")))
    assert ledger.do(batches.forsaken) == [batch]
    ledger.do(batches.close, batch)
    assert status(ledger, batch) == "COMPLETED"


def test_a_child_that_joins_an_ended_batch_opens_it_again(ledger: Ledger, begun: Begun) -> None:
    batch = open_batch(ledger, 1)
    first = child(ledger, batch)
    complete(ledger, first, begun(first)[1])
    assert status(ledger, batch) == "COMPLETED"
    second = child(ledger, batch)
    ledger.do(batches.close, batch)
    assert status(ledger, batch) == "OPEN"
    complete(ledger, second, begun(second)[1])
    assert status(ledger, batch) == "COMPLETED"
    assert len(batch_manifest(ledger, batch)["jobs"]) == 2
