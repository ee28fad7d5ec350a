"""Events are written with the state change itself, in order, and no reader with a cursor misses one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from telecine.errors import ConfigurationError, ErrorCode, InputError, TransientError
from telecine.job_id import new_id
from telecine.ledger import attempts, batches, claims, events
from telecine.ledger.events import Cursor
from tests.integration.conftest import get
from tests.integration.webhooks.conftest import Life

pytestmark = pytest.mark.integration


def told(life: Life, job_id: str) -> list[str]:
    """A job's event types in their order."""
    found = life.ledger.do(events.of_job, job_id)
    assert [event.sequence for event in found] == list(range(1, len(found) + 1))
    return [event.event_type for event in found]


def test_a_job_from_start_to_end_with_progress_in_25_percent_steps(life: Life) -> None:
    job_id = life.accepted()
    life.begun(job_id)
    life.reported(job_id, 3, 10, 24.9, 25, 30, 60, 74, 99)
    life.published(job_id)
    assert told(life, job_id) == ["job.started", *["job.progress"] * 3, "job.completed"]
    steps = [e.snapshot["progress"] for e in life.ledger.do(events.of_job, job_id) if e.event_type == "job.progress"]
    assert steps == [25, 60, 99]


def test_video_progress_is_told_every_20_percent(life: Life) -> None:
    job_id = life.accepted(kind="video")
    life.begun(job_id)
    life.reported(job_id, 10, 19, 21, 39, 41, 80)
    assert told(life, job_id) == ["job.started", *["job.progress"] * 3]


def test_an_error_that_is_tried_again_is_a_retry_and_the_last_one_a_failure(life: Life) -> None:
    passing, bad = life.accepted(), life.accepted()
    _, generation = life.begun(passing)
    life.ledger.do(attempts.fail, passing, generation, TransientError(ErrorCode.STORE_UNAVAILABLE, "away"))
    assert told(life, passing) == ["job.started", "job.retry"]
    retry = life.ledger.do(events.of_job, passing)[-1]
    assert retry.snapshot["not_before"] > retry.snapshot["created_at"]
    assert (retry.snapshot["error_code"], retry.snapshot["attempts"]) == ("STORE_UNAVAILABLE", 1)
    _, generation = life.begun(bad)
    life.ledger.do(attempts.fail, bad, generation, InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    assert told(life, bad) == ["job.started", "job.failed"]


def test_a_dead_worker_is_a_retry_and_a_stack_that_went_down_is_not(life: Life) -> None:
    unlucky, given_back = life.accepted(), life.accepted()
    claim_id, _ = life.begun(unlucky)
    life.ledger.do(claims.end, claim_id, "lost", worker_died=True)
    assert told(life, unlucky) == ["job.started", "job.retry"]
    claim_id, _ = life.begun(given_back)
    life.ledger.do(claims.end, claim_id, "interrupted")
    life.begun(given_back)
    assert told(life, given_back) == ["job.started", "job.started"]


def test_canceling_and_abandoning_are_told(life: Life) -> None:
    waiting, running, lost = life.accepted(), life.accepted(), life.accepted()
    life.canceled(waiting)
    claim_id, _ = life.begun(running)
    life.ledger.do(claims.cancel_jobs, claim_id, "terminated")
    claim_id, _ = life.begun(lost)
    life.ledger.do(claims.end, claim_id, "lost", worker_died=True, abandon=True)
    assert told(life, waiting) == ["job.canceled"]
    assert told(life, running) == ["job.started", "job.canceled"]
    assert told(life, lost)[-1] == "job.failed"
    assert life.ledger.do(events.of_job, lost)[-1].snapshot["status"] == "ABANDONED"


def test_a_change_that_is_rolled_back_leaves_no_event(life: Life) -> None:
    job_id = life.accepted()
    with life.ledger.engine.connect() as connection:
        connection.execute(text("UPDATE telecine.jobs SET status = 'CANCELED' WHERE job_id = :j"), {"j": job_id})
        assert connection.scalar(text("SELECT count(*) FROM telecine.events")) == 1
        connection.rollback()
    assert told(life, job_id) == []


def test_bulk_updates_write_an_event_for_each_job(life: Life) -> None:
    ids = [life.accepted() for _ in range(50)]
    life.sql("UPDATE telecine.jobs SET status = 'CANCELED', finished_at = now()")
    assert all(told(life, job_id) == ["job.canceled"] for job_id in ids)


def test_a_batch_ends_after_its_last_job(life: Life) -> None:
    batch_id = new_id()
    life.ledger.do(batches.open_batch, batch_id, total=2, correlation_id="corr-7")
    ids = [life.accepted(batch_id=batch_id) for _ in range(2)]
    for job_id in ids:
        life.begun(job_id)
        life.published(job_id)
    found = life.ledger.do(events.after, Cursor(), 100)
    assert [e.event_type for e in found][-2:] == ["job.completed", "batch.completed"]
    assert (found[-1].batch_id, found[-1].correlation_id) == (batch_id, "corr-7")
    assert found[-1].snapshot["jobs"] == {"COMPLETED": 2}


def test_a_reader_with_a_cursor_waits_for_transactions_that_started_earlier(life: Life) -> None:
    first, second = life.accepted(), life.accepted()
    start = life.ledger.do(events.end)
    with life.ledger.engine.connect() as early:
        # It takes its place first and commits last.
        early.execute(text("UPDATE telecine.jobs SET status = 'CANCELED' WHERE job_id = :j"), {"j": first})
        life.canceled(second)
        assert life.ledger.do(events.after, start, 10) == [], "what comes before isn't visible yet"
        early.commit()
    assert [e.job_id for e in life.ledger.do(events.after, start, 10)] == [first, second]


def test_twenty_writers_and_a_reader_that_never_misses_one(life: Life) -> None:
    ids = [life.accepted() for _ in range(120)]
    cursor, seen, done = life.ledger.do(events.end), [], threading.Event()

    def read() -> None:
        nonlocal cursor
        while True:
            last = done.is_set()
            page = life.ledger.do(events.after, cursor, 7)
            seen.extend(page)
            if page:
                cursor = page[-1].cursor
            elif last:
                return

    def write(job_id: str) -> None:
        with life.ledger.engine.begin() as connection:
            statement = "UPDATE telecine.jobs SET status = 'CANCELED' WHERE job_id = :j"
            connection.execute(text(statement), {"j": job_id})
            connection.execute(text("SELECT pg_sleep(random() * 0.03)"))

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, ids))
    done.set()
    reader.join(30)
    assert sorted(e.job_id or "" for e in seen) == sorted(ids), "each once, none missed"
    assert [e.cursor for e in seen] == sorted(e.cursor for e in seen)


def test_pages_can_be_filtered_and_nonsense_is_no_cursor(life: Life) -> None:
    life.completed()
    assert [e.event_type for e in life.ledger.do(events.after, Cursor(), 10, ["job.completed"])] == ["job.completed"]
    assert Cursor.parse(str(Cursor(5, 7))) == Cursor(5, 7)
    for nonsense in ("", "7", "a-b", "1-2-3"):
        with pytest.raises(ConfigurationError, match="no cursor"):
            Cursor.parse(nonsense)


def test_what_a_run_reports_is_written_once_and_fills_in_missing_events(life: Life) -> None:
    job_id = life.accepted()
    claim_id, _ = life.begun(job_id)
    life.published(job_id)
    assert life.ledger.do(events.run_reported, "run-1", "succeeded", "hook", {claim_id}) == []
    assert told(life, job_id) == ["job.started", "job.completed"]
    life.sql("DELETE FROM telecine.events")  # as if an older version had ended it
    for _ in range(2):
        late = life.ledger.do(events.run_reported, "run-1", "failed", "sensor", {claim_id, "run-1"})
    assert late == []
    assert told(life, job_id) == ["job.completed"]
    reports = life.ledger.do(events.reports_of, "run-1")
    assert {(r.word, r.source, r.claim_id) for r in reports} == {
        ("succeeded", "hook", claim_id),
        ("failed", "sensor", claim_id),
    }


def test_old_events_go_with_their_deliveries_and_pending_ones_stay(life: Life) -> None:
    life.endpoint("https://example.com/")
    life.completed()
    life.sql("UPDATE telecine.events SET occurred_at = now() - interval '40 days'")
    assert life.ledger.do(events.prune, 30) == 0, "their deliveries wait"
    life.sql("UPDATE telecine.deliveries SET status = 'DEAD', ended_at = now() - interval '31 days'")
    assert life.ledger.do(events.prune, 30) == 2
    assert life.deliveries() == []


def test_without_endpoints_events_cost_next_to_nothing(life: Life) -> None:
    """Also no notification: 200 jobs of a batch make 400 events and no deliveries."""
    ids = [life.accepted() for _ in range(200)]
    generation = "generation = 1, claim_id = (SELECT min(claim_id) FROM telecine.claims)"
    life.begun(life.accepted())
    life.sql(f"UPDATE telecine.jobs SET status = 'PROCESSING', {generation} WHERE status = 'PENDING'")
    took = life.sql("SELECT extract(epoch FROM clock_timestamp()) AS now")[0].now
    life.sql("UPDATE telecine.jobs SET status = 'CANCELED'")
    took = life.sql("SELECT extract(epoch FROM clock_timestamp()) AS now")[0].now - took
    print(f"200 jobs ended with their events in {took * 1000:.0f} ms")
    assert all(told(life, job_id) == ["job.started", "job.canceled"] for job_id in ids)
    assert life.deliveries() == []
    assert get(life.ledger, ids[0]).status == "CANCELED"
