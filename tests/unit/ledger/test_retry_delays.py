"""When a failed job is tried again (telecine/retry.py; requirements.md section 4, "retries")."""

from __future__ import annotations

from itertools import pairwise

import pytest

from telecine.errors import (
    ConfigurationError,
    ErrorCode,
    InputError,
    NotOurs,
    ResourceError,
    Retry,
    SystemFault,
    TelecineError,
    TransientError,
)
from telecine.ledger.jobs import JobStatus
from telecine.priority import Priority
from telecine.retry import delay_s

_TRANSIENT = TransientError(ErrorCode.STORE_UNAVAILABLE, "away")


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (_TRANSIENT, [1, 2, 4, 8]),
        (ResourceError(ErrorCode.OUT_OF_MEMORY, "no room"), [5, 12.5]),
        (SystemFault(ErrorCode.ENCODE_FAILED, "ffmpeg fell over"), [3, 6]),
        (SystemFault(ErrorCode.SCRATCH_FAILED, "disk"), [0.5, 0.75]),
    ],
    ids=["network", "resource", "encoder", "file"],
)
def test_delays_grow_with_jitter_until_the_tries_are_used_up(error: TelecineError, delays: list[float]) -> None:
    for tried, expected in enumerate(delays, start=1):
        for _ in range(50):
            delay = delay_s(error, tried, Priority.NORMAL)
            assert delay is not None
            assert expected * 1.1 <= delay <= expected * 1.3, "10 to 30 % of jitter"
    assert delay_s(error, len(delays) + 1, Priority.NORMAL) is None
    assert delay_s(error, 1_000, Priority.NORMAL) is None
    assert all(a < b for a, b in pairwise(delays))


@pytest.mark.parametrize("kind", [InputError, ConfigurationError, NotOurs])
def test_what_would_fail_again_is_never_tried_again(kind: type[TelecineError]) -> None:
    assert delay_s(kind(ErrorCode.CORRUPT_MEDIA, "x"), 1, Priority.NORMAL) is None


def test_the_priority_scales_the_delay() -> None:
    scales = {Priority.URGENT: 0.5, Priority.HIGH: 0.75, Priority.NORMAL: 1.0, Priority.LOW: 1.5}
    for priority, scale in scales.items():
        delay = delay_s(_TRANSIENT, 3, priority)
        assert delay is not None
        assert 4 * scale * 1.1 <= delay <= 4 * scale * 1.3


def test_a_job_may_have_its_own_number_of_attempts() -> None:
    assert delay_s(_TRANSIENT, 1, Priority.NORMAL, max_attempts=1) is None
    assert delay_s(_TRANSIENT, 9, Priority.NORMAL, max_attempts=10) is not None


def test_jitter_keeps_a_crowd_apart() -> None:
    assert len({delay_s(_TRANSIENT, 1, Priority.NORMAL) for _ in range(50)}) > 10


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
