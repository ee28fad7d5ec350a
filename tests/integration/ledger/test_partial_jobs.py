"""One output that can't be made stops no other: what is good is published, and another attempt makes the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from telecine.artifact import OutputFailure
from telecine.errors import ErrorCode, InputError, SystemFault, TelecineError
from telecine.ledger import Job, Ledger, attempts, dead_letters, generations, outputs
from tests.integration.conftest import get, waiting

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]

_GOOD: list[dict[str, Any]] = [{"asset": "image/renditions", "name": "1920"}]
_HOPELESS = InputError(ErrorCode.LIMIT_EXCEEDED, "too large for lossless WebP")
_PASSING = SystemFault(ErrorCode.VERIFY_FAILED, "the file doesn't decode")


def publish(ledger: Ledger, job: Job, generation: int, error: TelecineError | None, made: list[dict[str, Any]]) -> None:
    failures = [OutputFailure("image/renditions", "640", error)] if error else []
    ledger.do(
        generations.publish,
        job.job_id,
        job.partition,
        generation,
        {"generation": generation},
        outputs=outputs.after_attempt(job.outputs, made, failures, generation),
        failure=error,
        resources={"memory_percent": 12.0},
    )


def test_what_can_never_be_made_leaves_a_failed_job_with_its_good_outputs(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    _, generation = begun(job)
    for _ in range(2):  # a commit whose answer was lost is repeated
        publish(ledger, job, generation, _HOPELESS, _GOOD)
    now = get(ledger, job.job_id)
    assert (now.status, now.partial, now.error_class, now.error_code) == ("FAILED", True, "input", "LIMIT_EXCEEDED")
    assert {o["name"]: (o["status"], o["error_code"]) for o in now.outputs} == {
        "1920": ("COMPLETED", None),
        "640": ("FAILED", "LIMIT_EXCEEDED"),
    }
    assert ledger.do(generations.current, job.partition) == (generation, {"generation": generation})
    (attempt,) = ledger.do(attempts.of_job, job.job_id)
    assert (attempt.outcome, attempt.error_class, attempt.resources) == ("partial", "input", {"memory_percent": 12.0})
    assert [letter.job.job_id for letter in ledger.do(dead_letters.find)] == [job.job_id]


def test_another_attempt_makes_only_the_rest_and_completes_the_job(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    _, generation = begun(job)
    publish(ledger, job, generation, _PASSING, _GOOD)
    again = get(ledger, job.job_id)
    assert (again.status, again.partial, again.attempts) == ("PENDING", False, 1)
    assert outputs.made(again.outputs) == {("image/renditions", "1920")}
    assert waiting(ledger) == [], "not before its delay is over"
    ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET not_before = now()")))
    _, second = begun(again)
    publish(ledger, again, second, None, [{"asset": "image/renditions", "name": "640"}])
    done = get(ledger, job.job_id)
    assert (done.status, done.partial, done.attempts) == ("COMPLETED", False, 2)
    assert {(o["name"], o["status"], o["generation"]) for o in done.outputs} == {
        ("1920", "COMPLETED", generation),
        ("640", "COMPLETED", second),
    }
    assert ledger.do(dead_letters.find) == []


def test_a_job_that_fails_whole_after_a_partial_attempt_is_still_partial(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    _, generation = begun(job)
    publish(ledger, job, generation, _PASSING, _GOOD)
    ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET not_before = now()")))
    _, second = begun(get(ledger, job.job_id))
    ledger.do(attempts.fail, job.job_id, second, InputError(ErrorCode.SOURCE_MISSING, "deleted"))
    now = get(ledger, job.job_id)
    assert (now.status, now.partial) == ("FAILED", True)
    replayed = get(ledger, ledger.do(dead_letters.replay, job.job_id))
    assert (replayed.status, replayed.replay_of, replayed.origin) == ("PENDING", job.job_id, "retry")
    assert outputs.made(replayed.outputs) == {("image/renditions", "1920")}, "a replay makes only the rest, too"
    assert replayed.correlation_id == job.correlation_id


def test_what_an_earlier_attempt_made_is_taken_from_its_own_generation(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    _, generation = begun(job)
    manifest = {"outputs": [{**_GOOD[0], "key": "g1/1920"}]}
    rows = outputs.after_attempt([], _GOOD, [OutputFailure("image/renditions", "640", _PASSING)], generation)
    ledger.do(generations.publish, job.job_id, job.partition, generation, manifest, outputs=rows, failure=_PASSING)
    other = {"outputs": [{**_GOOD[0], "key": "g9/1920"}]}  # another recipe's, published in between
    ledger.do(
        lambda c: c.execute(
            text(
                "INSERT INTO telecine.generations (partition, generation, job_id, manifest)"
                " VALUES (:p, 9, 'other', CAST(:m AS json))"
            ),
            {"p": job.partition, "m": json.dumps(other)},
        )
    )
    kept = ledger.do(generations.outputs_at, job.partition, get(ledger, job.job_id).outputs)
    assert [output["key"] for output in kept] == ["g1/1920"]
