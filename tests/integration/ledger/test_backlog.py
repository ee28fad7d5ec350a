"""The backlog: who comes next, who has waited long enough, and that a long queue is as quick as a short one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from telecine.errors import ErrorCode, TransientError
from telecine.ledger import Job, Ledger, attempts, backlog, claims
from telecine.ledger import jobs as job_rows
from telecine.priority import STARVING, Patience
from tests.integration.conftest import get, waiting

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]
_PATIENCE = Patience(starvation_s=600.0, archive_s=21_600.0)


def sql(ledger: Ledger, statement: str, **values: object) -> None:
    ledger.do(lambda c: c.execute(text(statement), values))


def let_wait(ledger: Ledger, job: Job, seconds: float) -> None:
    moved = "UPDATE telecine.jobs SET created_at = now() - make_interval(secs => :s) WHERE job_id = :id"
    sql(ledger, moved, s=seconds, id=job.job_id)


def order(ledger: Ledger) -> list[str]:
    return [item.job.job_id for item in ledger.do(backlog.waiting, _PATIENCE)]


def test_more_urgent_work_comes_first_and_equals_in_the_order_they_came(ledger: Ledger, drop: Drop) -> None:
    low, first, second, urgent = drop(priority=1), drop(), drop(), drop(priority=20)
    assert order(ledger) == [job.job_id for job in (urgent, first, second, low)]


def test_what_waited_too_long_comes_before_high_work_and_behind_urgent(ledger: Ledger, drop: Drop) -> None:
    low, urgent, normal, high = drop(priority=1), drop(priority=20), drop(), drop(priority=10)
    let_wait(ledger, low, 590)
    assert order(ledger) == [job.job_id for job in (urgent, high, normal, low)]
    let_wait(ledger, low, 601)
    assert order(ledger) == [job.job_id for job in (urgent, low, high, normal)]
    let_wait(ledger, low, 30 * 86_400)
    assert order(ledger)[0] == urgent.job_id


def test_no_kind_hides_another_one(ledger: Ledger, drop: Drop) -> None:
    for _ in range(5):
        drop(kind="video", priority=10)
    image = drop()
    found = ledger.do(backlog.waiting, _PATIENCE, limit=3)
    assert [item.job.kind for item in found] == ["video"] * 3 + ["image"]
    assert found[-1].job.job_id == image.job_id


def test_a_requested_batch_that_starves_rises_one_of_a_lane_at_a_time(
    ledger: Ledger, drop: Drop, claimed: Callable[..., str]
) -> None:
    first, second = drop(priority=1), drop(priority=1)
    for job, claim in ((first, "c1"), (second, "c2")):
        ledger.do(claims.request, claim, [job], lane="image", priority=1)
        let_wait(ledger, job, 601)
    assert ledger.do(backlog.lift, _PATIENCE) == [("c1", STARVING)]
    assert ledger.do(backlog.lift, _PATIENCE) == [], "one at a time"
    ledger.do(claims.end, "c1", "finished")
    assert ledger.do(backlog.lift, _PATIENCE) == [("c2", STARVING)]


def test_low_work_starts_within_the_bound_while_normal_work_keeps_coming(ledger: Ledger, drop: Drop) -> None:
    low = drop(priority=1)
    for minute in range(12):
        let_wait(ledger, low, 60 * minute)
        normal = drop()  # one more each minute, and one is taken each minute
        first = order(ledger)[0]
        if first == low.job_id:
            break
        sql(ledger, "UPDATE telecine.jobs SET status = 'CANCELED' WHERE job_id = :id", id=normal.job_id)
    assert order(ledger)[0] == low.job_id
    assert 60 * minute <= _PATIENCE.starvation_s


def test_archive_work_stays_behind_live_work_until_it_waited_long_enough(ledger: Ledger, drop: Drop) -> None:
    archive, live = drop(priority=10), drop(priority=1)
    sql(ledger, "UPDATE telecine.jobs SET lane = 'archive' WHERE job_id = :id", id=archive.job_id)
    let_wait(ledger, archive, 3_600)
    assert order(ledger) == [live.job_id, archive.job_id]
    let_wait(ledger, archive, _PATIENCE.archive_s + 1)
    assert order(ledger) == [archive.job_id, live.job_id]


def test_of_one_file_one_job_waits_at_a_time_and_none_while_it_is_processed(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    old = drop("a.jpg", 1)
    begun(old)
    new = drop("a.jpg", 2)
    assert order(ledger) == []
    assert get(ledger, new.job_id).status == "PENDING"


def test_a_retry_waits_for_its_moment_and_a_busy_machine_holds_it_a_little_longer(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    error = TransientError(ErrorCode.STORE_UNAVAILABLE, "the store hiccuped")
    ledger.do(attempts.fail, job.job_id, begun(job)[1], error)
    assert order(ledger) == []
    sql(ledger, "UPDATE telecine.jobs SET not_before = now()")
    assert ledger.do(backlog.waiting, _PATIENCE, hold_retries=True) == []
    assert order(ledger) == [job.job_id]
    sql(ledger, "UPDATE telecine.jobs SET not_before = now() - interval '31 s'")
    assert len(ledger.do(backlog.waiting, _PATIENCE, hold_retries=True)) == 1


def test_a_deadline_that_passes_while_a_job_waits_ends_it_with_a_letter(ledger: Ledger, drop: Drop) -> None:
    late, early, without = drop(), drop(), drop()
    limited = "UPDATE telecine.jobs SET limits = jsonb_build_object('deadline', cast(:at as text)) WHERE job_id = :id"
    sql(ledger, limited, at="2026-01-01T00:00:00Z", id=late.job_id)
    sql(ledger, limited, at="2126-01-01T00:00:00+01:00", id=early.job_id)
    assert ledger.do(backlog.expire) == [late.job_id]
    assert get(ledger, late.job_id).error_code == "DEADLINE_PASSED"
    assert set(order(ledger)) == {early.job_id, without.job_id}


def test_a_running_job_outlives_its_deadline_until_its_worker_ends_it(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    begun(job)
    sql(ledger, 'UPDATE telecine.jobs SET limits = \'{"deadline": "2026-01-01T00:00:00Z"}\'')
    assert ledger.do(backlog.expire) == []


def test_the_depth_counts_what_waits_runs_and_is_delayed(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    begun(drop())
    delayed, _, _ = drop(), drop(), drop(priority=1, kind="video")
    let_wait(ledger, delayed, 90)
    sql(ledger, "UPDATE telecine.jobs SET not_before = now() + interval '1 h' WHERE job_id = :id", id=delayed.job_id)
    images, videos = sorted(ledger.do(backlog.depth), key=lambda row: row.kind)
    assert (images.waiting, images.running, images.delayed) == (2, 1, 1)
    assert images.oldest_s == pytest.approx(90, abs=30)
    assert (videos.waiting, videos.running, videos.priority) == (1, 0, 1)


def fill(ledger: Ledger, number: int) -> None:
    """Rows as intake makes them, by one statement: many priorities, some retries, some under claims."""
    sql(
        ledger,
        "INSERT INTO telecine.media_objects (partition, bucket, key, identity, etag, size_bytes, kind)"
        " SELECT 'p' || n, 'incoming', 'k' || n, 'i' || n, 'e' || n, 1000, 'image' FROM generate_series(1, :n) n",
        n=number,
    )
    sql(
        ledger,
        "INSERT INTO telecine.jobs (job_id, partition, kind, identity, etag, size_bytes, recipe, recipe_name,"
        " recipe_hash, origin, correlation_id, lane, priority, estimate_s, created_at, attempts)"
        " SELECT 'job-' || lpad(n::text, 8, '0'), 'p' || n, 'image', 'i' || n, 'e' || n, 1000, '{}', 'default', 'h',"
        " 'bucket', 'c' || n, CASE WHEN n % 10 = 0 THEN 'archive' ELSE 'live' END, (ARRAY[1, 5, 5, 10, 20])[n % 5 + 1],"
        " 0.2, now() - make_interval(secs => n % 900), CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END"
        " FROM generate_series(1, :n) n",
        n=number,
    )
    sql(ledger, "ANALYZE telecine.jobs")


def seconds(ledger: Ledger, work: Callable[..., object], *arguments: object) -> float:
    took = []
    for _ in range(5):
        began = time.monotonic()
        ledger.do(work, *arguments)
        took.append(time.monotonic() - began)
    return min(took)  # the machine may be busy with something else


def test_ten_thousand_waiting_jobs_are_looked_through_as_quickly_as_two_thousand(ledger: Ledger) -> None:
    fill(ledger, 2_000)
    before = seconds(ledger, backlog.waiting, _PATIENCE)
    sql(ledger, "TRUNCATE telecine.media_objects CASCADE")
    fill(ledger, 10_000)
    after = seconds(ledger, backlog.waiting, _PATIENCE)
    others = {
        "depth": seconds(ledger, backlog.depth),
        "ahead_of": seconds(ledger, backlog.ahead_of, "job-00005000", _PATIENCE),
        "newest": seconds(ledger, job_rows.newest, 50),
        "expire": seconds(ledger, backlog.expire),
    }
    shown = ", ".join(f"{name} {1000 * took:.0f} ms" for name, took in others.items())
    print(f"\nwaiting: {1000 * before:.0f} ms of 2,000 jobs, {1000 * after:.0f} ms of 10,000; {shown}")
    assert len(waiting(ledger)) == 2_000
    # Both hand out 2,000 jobs; five times as many to sort may not cost five times as much.
    assert after < 3 * before
