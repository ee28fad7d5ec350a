"""Dead letters: every job that ended badly has one, and a person decides what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from telecine.errors import ConfigurationError, ErrorCode, InputError, NotOurs, SystemFault, TelecineError
from telecine.ledger import Job, JobStatus, Ledger, attempts, claims, dead_letters, generations
from telecine.ledger import jobs as job_rows
from telecine.ledger.dead_letters import Letter
from telecine.ledger.outputs import made
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]
_BAD_FILE = InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken", "libjpeg: premature end")
_FAULT = SystemFault(ErrorCode.ENCODE_FAILED, "the encoder stopped")


@pytest.fixture
def failed(ledger: Ledger, drop: Drop, begun: Begun) -> Callable[..., Job]:
    """A job that ended with an error which is not tried again."""

    def fail(error: TelecineError = _BAD_FILE, key: str = "") -> Job:
        job = drop(key)
        ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET limits = '{\"max_attempts\": 1}'")))
        _, generation = begun(job)
        ledger.do(attempts.fail, job.job_id, generation, error, resources={"memory_percent": 61.0})
        return get(ledger, job.job_id)

    return fail


def letters(ledger: Ledger, **conditions: object) -> list[Letter]:
    return ledger.do(dead_letters.find, **conditions)


def test_a_failed_job_has_a_letter_with_class_code_and_what_to_do(ledger: Ledger, failed: Callable[..., Job]) -> None:
    job = failed()
    [letter] = letters(ledger)
    assert (letter.job.job_id, letter.error_class, letter.error_code) == (job.job_id, "input", "CORRUPT_MEDIA")
    assert letter.suggestion == ErrorCode.CORRUPT_MEDIA.remedy
    [attempt] = ledger.do(attempts.of_job, job.job_id)
    assert (attempt.stage, attempt.worker, attempt.resources) == ("DOWNLOADING", "host:1", {"memory_percent": 61.0})
    assert attempt.error_details == "libjpeg: premature end"


def test_completed_and_canceled_jobs_have_none(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    good, canceled = drop(), drop()
    _, generation = begun(good)
    ledger.do(generations.publish, good.job_id, good.partition, generation, {"outputs": []})
    ledger.do(job_rows.request_cancel, canceled.job_id, "not wanted")
    assert letters(ledger, include_resolved=True) == []


def test_a_file_that_killed_its_worker_three_times_is_poison(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    for _ in range(3):
        claim_id, _ = begun(job)
        ledger.do(claims.end, claim_id, "lost", worker_died=True)
    [letter] = letters(ledger)
    assert (letter.error_class, letter.error_code) == ("poison", "POISON")
    assert [a.outcome for a in ledger.do(attempts.of_job, job.job_id)] == ["lost"] * 3
    assert get(ledger, job.job_id).attempts == 0


def test_a_replay_is_a_new_job_with_the_old_ones_terms(ledger: Ledger, failed: Callable[..., Job]) -> None:
    old = failed()
    new = get(ledger, ledger.do(dead_letters.replay, old.job_id, priority=20))
    assert (new.status, new.origin, new.priority, new.replay_of) == ("PENDING", "retry", 20, old.job_id)
    assert (new.partition, new.identity, new.recipe_hash) == (old.partition, old.identity, old.recipe_hash)
    assert new.correlation_id == old.correlation_id
    assert get(ledger, old.job_id).status == "FAILED"
    [letter] = letters(ledger, include_resolved=True)
    assert (letter.resolution, letter.replayed_as) == ("replayed", new.job_id)
    assert letters(ledger) == []


def test_ten_people_who_replay_a_letter_at_once_make_one_job(ledger: Ledger, failed: Callable[..., Job]) -> None:
    old = failed()
    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(lambda _: ledger.do(dead_letters.replay, old.job_id), range(10)))
    assert len(answers) == 1
    assert ledger.do(job_rows.count_by_status) == {"FAILED": 1, "PENDING": 1}


def test_a_replay_keeps_the_outputs_that_were_published(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    _, generation = begun(job)
    rows = [
        {"asset": "image/renditions", "name": "640", "status": "COMPLETED", "generation": generation},
        {"asset": "image/renditions", "name": "1280", "status": "FAILED", "generation": generation},
    ]
    status = ledger.do(
        generations.publish, job.job_id, job.partition, generation, {"outputs": []}, outputs=rows, failure=_BAD_FILE
    )
    assert status is JobStatus.FAILED
    assert get(ledger, job.job_id).partial
    new = get(ledger, ledger.do(dead_letters.replay, job.job_id))
    assert made(new.outputs) == {("image/renditions", "640")}


def test_a_replay_has_no_deadline_that_would_end_it_at_once(ledger: Ledger, failed: Callable[..., Job]) -> None:
    old = failed()
    past = '{"deadline": "2026-01-01T00:00:00Z", "max_memory_mb": 512}'
    ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET limits = cast(:past as jsonb)"), {"past": past}))
    new = get(ledger, ledger.do(dead_letters.replay, old.job_id))
    assert new.limits == {"max_memory_mb": 512}


def test_what_was_replaced_or_deleted_is_not_replayed(ledger: Ledger, drop: Drop, failed: Callable[..., Job]) -> None:
    replaced, deleted = failed(key="a.jpg"), failed(key="b.jpg")
    drop("a.jpg", 2)
    ledger.do(
        lambda c: c.execute(
            text("UPDATE telecine.media_objects SET deleted_at = now() WHERE partition = :p"), {"p": deleted.partition}
        )
    )
    with pytest.raises(ConfigurationError, match="replaced"):
        ledger.do(dead_letters.replay, replaced.job_id)
    with pytest.raises(ConfigurationError, match="deleted"):
        ledger.do(dead_letters.replay, deleted.job_id)
    assert len(letters(ledger)) == 2


def test_notes_are_kept_in_order_and_a_resolved_letter_stays_closed(ledger: Ledger, failed: Callable[..., Job]) -> None:
    job = failed()
    ledger.do(dead_letters.note, job.job_id, "asked the photographer")
    ledger.do(dead_letters.resolve, job.job_id, "a new file is coming")
    [letter] = letters(ledger, include_resolved=True)
    assert [note["text"] for note in letter.notes] == ["asked the photographer", "a new file is coming"]
    assert letter.resolution == "resolved"
    for refused in (dead_letters.resolve, dead_letters.replay):
        with pytest.raises(ConfigurationError, match="resolved already"):
            ledger.do(refused, job.job_id)


@pytest.mark.parametrize("command", [dead_letters.resolve, dead_letters.replay, dead_letters.retry])
def test_an_unknown_id_is_named(ledger: Ledger, command: Callable[..., object]) -> None:
    with pytest.raises(ConfigurationError, match="no-such-job"):
        ledger.do(command, "no-such-job")


def test_letters_are_found_by_class_and_code(ledger: Ledger, failed: Callable[..., Job]) -> None:
    broken, fault = failed(), failed(_FAULT)
    assert [letter.job.job_id for letter in letters(ledger, error_class="system")] == [fault.job_id]
    assert [letter.job.job_id for letter in letters(ledger, error_code="CORRUPT_MEDIA")] == [broken.job_id]
    assert letters(ledger, error_class="system", error_code="CORRUPT_MEDIA") == []
    assert {(row.error_class, row.number) for row in ledger.do(dead_letters.counts)} == {("input", 1), ("system", 1)}


def test_only_closed_letters_are_purged_and_their_jobs_stay(ledger: Ledger, failed: Callable[..., Job]) -> None:
    closed, still_open = failed(), failed()
    ledger.do(dead_letters.resolve, closed.job_id)
    assert ledger.do(dead_letters.purge, 3_600.0) == 0
    assert ledger.do(dead_letters.purge, -1.0) == 1
    assert [letter.job.job_id for letter in letters(ledger, include_resolved=True)] == [still_open.job_id]
    assert get(ledger, closed.job_id).status == "FAILED"


def test_retry_does_canceled_jobs_again_once_and_refuses_what_is_under_way(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    with pytest.raises(ConfigurationError, match="PENDING"):
        ledger.do(dead_letters.retry, job.job_id)
    _, generation = begun(job)
    ledger.do(attempts.end_canceled, job.job_id, generation, "not wanted")
    new = ledger.do(dead_letters.retry, job.job_id)
    assert ledger.do(dead_letters.retry, job.job_id) == new
    assert get(ledger, new).replay_of == job.job_id
    assert get(ledger, job.job_id).error_class == NotOurs.kind


def test_more_than_ten_alike_within_an_hour_and_letters_older_than_a_day_are_alerts(
    ledger: Ledger, failed: Callable[..., Job]
) -> None:
    for _ in range(11):
        failed()
    [alert] = ledger.do(dead_letters.alerts)
    assert "11" in alert
    assert "CORRUPT_MEDIA" in alert
    ledger.do(lambda c: c.execute(text("UPDATE telecine.dead_letters SET created_at = now() - interval '25 hours'")))
    [old] = ledger.do(dead_letters.alerts)
    assert "more than a day" in old


def test_a_rate_over_two_percent_is_an_alert(ledger: Ledger, drop: Drop, failed: Callable[..., Job]) -> None:
    for _ in range(2):
        failed()
    for _ in range(58):
        ledger.do(job_rows.request_cancel, drop().job_id, "ends like any other")
    [alert] = ledger.do(dead_letters.alerts)
    assert "2 of 60" in alert
