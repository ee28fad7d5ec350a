"""Diagnosis: from each situation the sentences that a person needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from telecine.diagnosis import Diagnosis, Verdict, diagnose
from telecine.errors import ErrorCode
from telecine.ledger.dead_letters import Letter
from telecine.ledger.jobs import Job, JobStatus
from telecine.ledger.situation import Situation
from telecine.ledger.workers import Worker

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LIMITS = {"image": 2, "video": 2, "audio": 2}


def a_job(**values: Any) -> Job:
    unset = dict.fromkeys(Job.__dataclass_fields__)
    known = {
        "job_id": "job-1",
        "kind": "image",
        "status": JobStatus.PENDING,
        "lane": "live",
        "priority": 5,
        "progress": 0.0,
        "attempts": 0,
        "deaths": 0,
        "outputs": [],
        "limits": {},
        "partial": False,
        "cancel_requested": False,
        "created_at": NOW,
        "not_before": NOW,
        "bucket": "incoming",
        "key": "a.jpg",
    }
    return Job(**(unset | known | values))


def a_worker(**values: Any) -> Worker:
    known = Worker("claim-1", "image", 5, "dispatch", 1, "run-1", "host:7", 9.0, 8.0, 1.0, None, 1, 4, 2)
    return replace(known, **values)


def an_attempt(**values: Any) -> Any:
    known = {
        "error_code": "ENCODE_FAILED",
        "error_message": "the encoder stopped",
        "stage": "ENCODING",
        "worker": "host:7",
        "outcome": "retry",
        "ended_at": NOW,
    }
    return SimpleNamespace(**(known | values))


WAITING = Situation(a_job(), [], None, 5.0, 4.0, -4.0, 4.0, None, None, 0, 0.0, None, None, 0, [], [], 1.0, None)
WORKING = replace(
    WAITING,
    job=a_job(status=JobStatus.PROCESSING, stage="ENCODING", progress=43.0, eta_low_s=20.0, eta_high_s=31.0),
    claim=a_worker(),
    open_claims=[a_worker()],
    quiet_s=1.0,
)


def ended(error_class: str, code: ErrorCode, **values: Any) -> Situation:
    status = values.pop("status", JobStatus.FAILED)
    job = a_job(
        status=status,
        error_class=error_class,
        error_code=code.value,
        error_message="it broke",
        attempts=1,
        finished_at=NOW + timedelta(seconds=9),
        **values,
    )
    letter = Letter(job, error_class, code.value, [], None, None, NOW, None)
    return replace(WAITING, job=job, letter=letter, attempts=[an_attempt(error_code=code.value, outcome="failed")])


def look(facts: Situation, pauses: list[str] | None = None, *, slots: int = 4, held: bool = False) -> Diagnosis:
    return diagnose(facts, pauses=pauses or [], limits=LIMITS, slots=slots, retries_held=held)


def said(found: Diagnosis) -> str:
    return " ".join(found.because)


def advised(found: Diagnosis) -> str:
    return " ".join(found.advice)


def test_a_job_that_is_next_needs_nothing() -> None:
    found = look(WAITING)
    assert found.verdict is Verdict.WAITING
    assert "within seconds" in said(found)
    assert found.advice == []


def test_those_before_it_are_counted_with_their_work() -> None:
    found = look(replace(WAITING, ahead=312, ahead_s=95.0))
    assert "312 jobs of its kind (image) stand before it, about 1 min 35 s of work" in said(found)


def test_a_pause_is_the_reason_whatever_else_is() -> None:
    found = look(replace(WAITING, ahead=3), ["memory is 93 % used, the limit is 90 %"])
    assert "memory is 93 % used" in said(found)
    assert "before it" not in said(found)
    assert "telecine queue" in advised(found)


def test_a_retry_says_when_and_why() -> None:
    job = a_job(attempts=2)
    facts = replace(WAITING, job=job, due_in_s=12.0, attempts=[an_attempt(), an_attempt()])
    found = look(facts, ["memory is full"])
    assert "tried again in 12 s" in said(found)
    assert "tried twice" in said(found)
    assert "ENCODE_FAILED in stage encoding on host:7: the encoder stopped." in said(found)


def test_another_job_of_the_same_file_is_named() -> None:
    assert "job-0" in said(look(replace(WAITING, busy_with="job-0")))


def test_a_full_lane_names_who_holds_it() -> None:
    claims = [a_worker(), a_worker(worker=None, run_id=None, priority=10, requested_s=30.0)]
    found = look(replace(WAITING, ready_s=90.0, open_claims=claims))
    assert found.verdict is Verdict.WAITING
    assert "lane (image) is full" in said(found)
    assert "worker host:7, run run-1" in said(found)
    assert "asked for 30 s ago" in said(found)


def test_claims_of_another_lane_or_lesser_priority_take_no_room() -> None:
    claims = [a_worker(lane="video"), a_worker(priority=1), a_worker()]
    assert "full" not in said(look(replace(WAITING, open_claims=claims)))


@pytest.mark.parametrize("last", [None, 100.0])
def test_room_and_no_dispatch_means_that_the_daemon_is_away(last: float | None) -> None:
    assert look(replace(WAITING, waited_s=100.0, last_dispatch_s=last)).verdict is Verdict.WAITING  # just given back
    found = look(replace(WAITING, ready_s=100.0, last_dispatch_s=last))
    assert found.verdict is Verdict.STUCK
    assert "dispatcher doesn't seem to run" in said(found)
    assert "telecine logs daemon" in advised(found)


def test_a_busy_machine_holds_retries_and_that_is_no_fault() -> None:
    facts = replace(WAITING, job=a_job(attempts=1), ready_s=60.0, last_dispatch_s=60.0)
    assert look(facts, held=True).verdict is Verdict.WAITING


def test_waiting_that_lifted_it_and_the_archive_lane_are_told() -> None:
    assert "counts as 9" in said(look(replace(WAITING, effective=9.4)))
    assert "behind all live work" in said(look(replace(WAITING, job=a_job(lane="archive"))))


def test_a_run_that_waits_for_a_slot_says_so() -> None:
    own = a_worker(worker=None, run_id=None, requested_s=20.0)
    others = [a_worker(claim_id=f"c{n}") for n in range(3)]
    found = look(replace(WAITING, claim=own, open_claims=[own, *others]))
    assert found.verdict is Verdict.STARTING
    assert "3 of 4 slots" in said(found)


def test_a_run_that_never_appears_is_stuck() -> None:
    own = a_worker(worker=None, run_id=None, requested_s=90.0, requests=3)
    found = look(replace(WAITING, claim=own, open_claims=[own]))
    assert found.verdict is Verdict.STUCK
    assert "3 times" in said(found)
    assert "telecine status" in advised(found)


def test_in_a_batch_it_is_told_how_many_come_before_it() -> None:
    found = look(replace(WAITING, claim=a_worker(), open_claims=[a_worker()], before_in_claim=3))
    assert "2 done, 3 jobs of it come before this one" in said(found)


def test_work_that_goes_on_says_stage_and_time_left() -> None:
    found = look(WORKING)
    assert (found.verdict, found.advice) == (Verdict.WORKING, [])
    assert "encoding, 43 %, 20 s to 31 s left" in said(found)


@pytest.mark.parametrize(("silent", "what"), [(12.0, "Recovery takes"), (200.0, "Recovery should have")])
def test_a_silent_worker_is_stuck_and_after_a_while_recovery_is_too(silent: float, what: str) -> None:
    found = look(replace(WORKING, claim=a_worker(silent_s=silent)))
    assert found.verdict is Verdict.STUCK
    assert what in said(found)
    assert ("telecine logs daemon" in advised(found)) == (silent > 30)


def test_no_progress_under_a_living_worker_is_stuck() -> None:
    found = look(replace(WORKING, quiet_s=300.0))
    assert found.verdict is Verdict.STUCK
    assert "no progress for 5 min" in said(found)
    assert "telecine jobs cancel job-1" in advised(found)


def test_deaths_and_a_deadline_are_told_while_it_is_under_way() -> None:
    found = look(replace(WORKING, job=replace(WORKING.job, deaths=2), deadline_in_s=75.0))
    assert "worker died twice" in said(found)
    assert "wanted within 1 min 15 s" in said(found)


@pytest.mark.parametrize(
    ("error_class", "code", "helps"),
    [
        ("input", ErrorCode.CORRUPT_MEDIA, False),
        ("configuration", ErrorCode.INVALID_RECIPE, False),
        ("transient", ErrorCode.STORE_UNAVAILABLE, True),
        ("resource", ErrorCode.DISK_FULL, True),
        ("system", ErrorCode.ENCODE_FAILED, True),
        ("poison", ErrorCode.POISON, False),
        ("input", ErrorCode.DEADLINE_PASSED, True),
    ],
)
def test_a_failure_says_cause_remedy_and_whether_replaying_helps(
    error_class: str, code: ErrorCode, helps: bool
) -> None:
    found = look(ended(error_class, code))
    assert found.verdict is Verdict.FAILED
    assert code.value in said(found)
    assert code.cause in said(found)
    assert code.remedy in found.advice
    assert ("telecine jobs retry job-1" in advised(found)) == helps


def test_a_code_of_an_older_version_is_explained_all_the_same() -> None:
    facts = ended("system", ErrorCode.INTERNAL)
    assert look(replace(facts, job=replace(facts.job, error_code="GONE_CODE"))).verdict is Verdict.FAILED


def test_partial_outputs_are_counted() -> None:
    outputs = [{"status": "COMPLETED"}, {"status": "COMPLETED"}, {"status": "FAILED"}]
    assert "2 of 3 outputs" in said(look(ended("system", ErrorCode.ENCODE_FAILED, outputs=outputs, partial=True)))


def test_what_was_replayed_leads_to_its_replay() -> None:
    facts = ended("system", ErrorCode.ENCODE_FAILED)
    assert facts.letter is not None
    letter = replace(facts.letter, resolution="replayed", replayed_as="job-2", resolved_at=NOW)
    found = look(replace(facts, letter=letter, newer="job-2"))
    assert found.advice == ["Look at the replay: `telecine jobs diagnose job-2`."]
    assert "newer" not in said(found)


def test_canceled_and_replaced_are_told_apart() -> None:
    canceled = ended("not_ours", ErrorCode.CANCELED, status=JobStatus.CANCELED)
    assert "telecine jobs retry job-1" in advised(look(canceled))
    replaced = ended("not_ours", ErrorCode.SOURCE_CHANGED, status=JobStatus.CANCELED)
    found = look(replace(replaced, newer="job-9"))
    assert "job-9" in said(found)
    assert found.advice == []


def test_what_is_done_is_done() -> None:
    job = a_job(status=JobStatus.COMPLETED, outputs=[{"status": "COMPLETED"}], finished_at=NOW + timedelta(seconds=3))
    found = look(replace(WAITING, job=job))
    assert found.verdict is Verdict.DONE
    assert "1 output, 3 s after it was accepted" in said(found)
