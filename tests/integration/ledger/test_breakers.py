"""Breakers: what keeps failing is left alone for a while, by everybody, and tried by one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from telecine.errors import ErrorCode, InputError, TransientError
from telecine.ledger import Job, Ledger, attempts, breakers, generations
from telecine.ledger.breakers import DATABASE, OBJECT_STORE

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]
_STORE_AWAY = TransientError(ErrorCode.STORE_UNAVAILABLE, "connection refused")


def fail(ledger: Ledger, times: int, name: str = OBJECT_STORE) -> None:
    for _ in range(times):
        ledger.do(breakers.failed, name, "connection refused")


def is_open(ledger: Ledger, name: str = OBJECT_STORE) -> bool:
    return name in {breaker.name for breaker in ledger.do(breakers.open_ones)}


def pass_time(ledger: Ledger, seconds: float) -> None:
    """Everything a breaker remembers is so much older."""
    ledger.do(
        lambda c: c.execute(
            text(
                "UPDATE telecine.breakers SET opened_at = opened_at - make_interval(secs => :s),"
                " probed_at = probed_at - make_interval(secs => :s), failures = (SELECT"
                " coalesce(jsonb_agg(f::float - :s), '[]') FROM jsonb_array_elements_text(failures) f)"
            ),
            {"s": seconds},
        )
    )


def test_the_third_failure_opens_and_time_closes(ledger: Ledger) -> None:
    fail(ledger, 2)
    assert not is_open(ledger)
    fail(ledger, 1)
    [breaker] = ledger.do(breakers.open_ones)
    assert (breaker.name, breaker.reason) == (OBJECT_STORE, "connection refused")
    assert breaker.left_s == pytest.approx(60, abs=5)
    pass_time(ledger, 61)
    assert not is_open(ledger)


def test_an_outage_of_the_database_counts_once_however_many_write_it_down(ledger: Ledger) -> None:
    fail(ledger, 9, DATABASE)
    assert not is_open(ledger, DATABASE)
    for _ in range(2):
        pass_time(ledger, 11)
        fail(ledger, 9, DATABASE)
    assert is_open(ledger, DATABASE)
    pass_time(ledger, 46)
    assert not is_open(ledger, DATABASE)


def test_failures_far_apart_do_not_open(ledger: Ledger) -> None:
    for _ in range(5):
        fail(ledger, 1)
        pass_time(ledger, 16)
    assert not is_open(ledger)


def test_a_failure_while_it_is_open_keeps_it_open(ledger: Ledger) -> None:
    fail(ledger, 3)
    pass_time(ledger, 50)
    fail(ledger, 1)
    pass_time(ledger, 50)
    assert is_open(ledger)


def test_success_closes_at_once_and_forgets(ledger: Ledger) -> None:
    fail(ledger, 3)
    ledger.do(breakers.mend, OBJECT_STORE)
    assert not is_open(ledger)
    fail(ledger, 2)
    assert not is_open(ledger)


def test_of_many_that_want_to_probe_one_may_and_not_before_its_time(ledger: Ledger) -> None:
    fail(ledger, 3)
    assert not ledger.do(breakers.probe, OBJECT_STORE)
    pass_time(ledger, 16)
    assert [breaker.may_probe for breaker in ledger.do(breakers.open_ones)] == [True]
    with ThreadPoolExecutor(10) as pool:
        rights = list(pool.map(lambda _: ledger.do(breakers.probe, OBJECT_STORE), range(10)))
    assert sum(rights) == 1


def test_failures_that_come_at_once_are_all_counted(ledger: Ledger) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: fail(ledger, 1), range(3)))
    assert is_open(ledger)


def test_jobs_that_failed_for_the_store_open_its_breaker_and_a_published_one_closes_it(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    for _ in range(3):
        job = drop()
        ledger.do(attempts.fail, job.job_id, begun(job)[1], _STORE_AWAY)
    assert is_open(ledger)
    good = drop()
    ledger.do(generations.publish, good.job_id, good.partition, begun(good)[1], {"outputs": []})
    assert not is_open(ledger)


def test_bad_files_open_nothing(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    for _ in range(4):
        job = drop()
        ledger.do(attempts.fail, job.job_id, begun(job)[1], InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    assert ledger.do(breakers.open_ones) == []
