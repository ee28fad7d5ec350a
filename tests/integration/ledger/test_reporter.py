"""The progress reporter on a real ledger: how often it writes, and that work never waits for it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, func, update

from telecine.errors import ErrorCode, TransientError
from telecine.eta import Estimate
from telecine.ledger import Job, Ledger, attempts, claims, estimates, generations
from telecine.ledger.schema import attempts as attempt_rows
from telecine.reporter import Reporter
from telecine.stages import IMAGE, VIDEO
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
GUESS = Estimate.guess(10.0)


def rows(ledger: Ledger, job: Job) -> list[Any]:
    return list(ledger.do(attempts.history, job.job_id))


def nobody() -> None:
    pytest.fail("the attempt was fenced")


def test_a_job_that_is_soon_over_writes_no_progress_at_all(
    ledger: Ledger, drop: Callable[..., Job], begun: Begun
) -> None:
    job = drop()
    _, generation = begun(job)
    with Reporter(ledger) as reporter:
        reporter.follow(job, generation, IMAGE, GUESS, fenced=nobody)
        for stage in IMAGE:
            reporter.outputs(job.job_id, stage, 1, 2)
            time.sleep(0.05)
        reporter.leave(job.job_id)
        time.sleep(1.2)
    assert rows(ledger, job) == []


def test_however_much_is_said_one_row_a_second_is_written_and_none_goes_back(
    ledger: Ledger, drop: Callable[..., Job], begun: Begun
) -> None:
    job = drop(kind="video")
    _, generation = begun(job)
    told: list[str] = []
    with Reporter(ledger, told.append) as reporter:
        track = reporter.follow(job, generation, VIDEO, GUESS, fenced=nobody)
        started, slowest = time.monotonic(), 0.0
        for number in itertools.count():
            share = (time.monotonic() - started) / 4
            if share > 1:
                break
            stage = ("ENCODING", "PACKAGING")[number % 2] if share > 0.5 else "ENCODING"
            before = time.monotonic()
            track.report(stage, share, {"operation": "encoding", "done": 3, "total": 5, "fps": None})
            slowest = max(slowest, time.monotonic() - before)
            time.sleep(0.002)
        track.report("STILLS_AND_CLEANUP", 0.0, {})  # the last word comes late, but it comes
        time.sleep(1.5)
    found = rows(ledger, job)
    assert 3 <= len(found) <= 5
    assert all((b.at - a.at).total_seconds() >= 1.0 for a, b in pairwise(found))
    assert [row.progress for row in found] == sorted(row.progress for row in found)
    assert [row.sequence for row in found] == list(range(1, len(found) + 1))
    assert found[0].stage_details == {"operation": "encoding", "done": 3, "total": 5}
    assert found[-1].stage == "STILLS_AND_CLEANUP"
    now = get(ledger, job.job_id)
    assert (now.stage, now.sequence) == ("STILLS_AND_CLEANUP", len(found))
    assert now.eta_low_s is not None
    assert now.eta_high_s is not None
    assert 0 <= now.eta_low_s <= now.eta_high_s
    assert slowest < 0.5, "the work waited for the database"
    assert any("done 3" in line for line in told)


def test_a_stage_in_which_nothing_is_said_is_refreshed(ledger: Ledger, drop: Callable[..., Job], begun: Begun) -> None:
    job = drop(kind="video")
    _, generation = begun(job)
    with Reporter(ledger) as reporter:
        reporter.follow(job, generation, VIDEO, GUESS, fenced=nobody).report("PACKAGING", 0.6, {})
        time.sleep(6.8)
    first, second = rows(ledger, job)
    assert 4.4 <= (second.at - first.at).total_seconds() <= 6
    assert first.progress == second.progress


def test_a_fenced_attempt_hears_of_it_and_an_ended_one_does_not(
    ledger: Ledger, drop: Callable[..., Job], begun: Begun
) -> None:
    taken, made = drop(), drop()
    claim_id, generation = begun(taken)
    _, other = begun(made)
    stop = threading.Event()
    with Reporter(ledger) as reporter:
        reporter.follow(taken, generation, IMAGE, GUESS, fenced=stop.set).report("ENCODING", 0.5, {})
        done = reporter.follow(made, other, IMAGE, GUESS, fenced=nobody)
        done.report("ENCODING", 0.5, {})
        ledger.do(claims.end, claim_id, "lost", worker_died=True)
        done.end()
        ledger.do(generations.publish, made.job_id, made.partition, other, {})
        assert stop.wait(5)
    assert rows(ledger, taken) == rows(ledger, made) == []


def test_neither_a_database_nor_a_log_that_fails_ends_the_reporter(
    ledger: Ledger, drop: Callable[..., Job], begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = drop(kind="video")
    _, generation = begun(job)
    do, away = ledger.do, threading.Event()

    def may_be_away(*args: Any, **kwargs: Any) -> Any:
        if not away.is_set():
            away.set()
            raise TransientError(ErrorCode.DATABASE_UNAVAILABLE, "away")
        return do(*args, **kwargs)

    monkeypatch.setattr(ledger, "do", may_be_away)

    def broken(line: str) -> None:
        raise ValueError(line)

    with Reporter(ledger, broken) as reporter:
        track = reporter.follow(job, generation, VIDEO, GUESS, fenced=nobody)
        track.report("ENCODING", 0.1, {})
        assert away.wait(5)
        track.report("ENCODING", 0.5, {})
        time.sleep(1.6)
    monkeypatch.undo()
    assert [row.stage_progress for row in rows(ledger, job)] == [50.0]


def test_history_is_asked_once_for_a_whole_batch_and_its_answers_are_judged(
    ledger: Ledger, drop: Callable[..., Job], begun: Begun
) -> None:
    for seconds in (4, 5, 6, 7, 8):
        job = drop()
        _, generation = begun(job)
        ledger.do(generations.publish, job.job_id, job.partition, generation, {})
        ledger.do(
            lambda connection, job=job, seconds=seconds: connection.execute(
                update(attempt_rows)
                .where(attempt_rows.c.job_id == job.job_id)
                .values(
                    started_at=attempt_rows.c.ended_at - func.make_interval(0, 0, 0, 0, 0, 0, seconds),
                    estimate_s=seconds * 1.5,
                )
            )
        )
    waiting = [drop() for _ in range(20)] + [drop(kind="video")]
    asked: list[int] = []

    def ask(connection: Any) -> dict[str, Estimate]:
        event.listen(connection, "before_cursor_execute", lambda *_: asked.append(1))
        return estimates.expected_for(connection, waiting)

    found = ledger.do(ask)
    assert len(asked) == 1
    assert {found[job.job_id].samples for job in waiting[:20]} == {5}
    assert found[waiting[0].job_id].likely_s == pytest.approx(6.0, rel=0.01)
    assert found[waiting[20].job_id].samples == 0, "images say nothing of videos"
    (judged,) = ledger.do(estimates.accuracy)
    assert (judged.kind, judged.attempts, judged.median, judged.p90) == ("image", 5, 0.5, 0.5)


def test_the_steps_of_an_attempt_share_its_time(ledger: Ledger, drop: Callable[..., Job], begun: Begun) -> None:
    job = drop(kind="video")
    _, generation = begun(job)
    time.sleep(0.3)
    assert 0.3 <= ledger.do(estimates.spent_s, job.job_id, generation) < 5
