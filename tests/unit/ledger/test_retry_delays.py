"""When a failed job is tried again (telecine/ledger/jobs.py; requirements.md section 4, "retries")."""

from __future__ import annotations

from itertools import pairwise

import pytest

from telecine.errors import ErrorCode, InputError, ResourceError, Retry, SystemFault, TransientError
from telecine.ledger.jobs import JobStatus, _delay


@pytest.mark.parametrize(
    ("retry", "delays"), [(Retry.NOW, [1, 2, 4, 8]), (Retry.LATER, [5, 12.5])], ids=["transient", "resource"]
)
def test_delays_grow_with_jitter_until_the_tries_are_used_up(retry: Retry, delays: list[float]) -> None:
    for tried, expected in enumerate(delays, start=1):
        for _ in range(50):
            delay = _delay(retry, tried)
            assert delay is not None
            assert expected <= delay <= expected * 1.3
    assert _delay(retry, len(delays) + 1) is None
    assert _delay(retry, 1_000) is None
    assert all(a < b for a, b in pairwise(delays))


@pytest.mark.parametrize("retry", [Retry.NEVER, Retry.NOT_OURS])
def test_what_would_fail_again_is_never_tried_again(retry: Retry) -> None:
    assert _delay(retry, 1) is None


def test_jitter_keeps_a_crowd_apart() -> None:
    assert len({_delay(Retry.NOW, 1) for _ in range(50)}) > 10


def test_each_error_class_says_what_to_do() -> None:
    code = ErrorCode.INTERNAL
    assert [cls(code, "x").retry for cls in (InputError, TransientError, ResourceError, SystemFault)] == [
        Retry.NEVER,
        Retry.NOW,
        Retry.LATER,
        Retry.LATER,
    ]


def test_which_statuses_are_the_end() -> None:
    assert {s for s in JobStatus if not s.is_final} == {JobStatus.PENDING, JobStatus.PROCESSING}
