"""Retry schedules: how often and how soon each class of failure is tried again (requirements.md section 4, retries).

Pure. Belongs here: the table and the delay. Doesn't belong here: what class a failure has (telecine/errors), or the
moment itself, which the ledger writes as `not_before`; nobody ever sleeps for a retry.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from telecine.errors import ErrorCode, Retry, TelecineError
from telecine.priority import Priority

_JITTER = (1.1, 1.3)
_SCALE = {Priority.URGENT: 0.5, Priority.HIGH: 0.75, Priority.NORMAL: 1.0, Priority.LOW: 1.5}
_FILE_IO_CODES = frozenset({ErrorCode.SCRATCH_FAILED})
_ENCODER_CODES = frozenset({ErrorCode.ENCODE_FAILED, ErrorCode.VERIFY_FAILED})


@dataclass(frozen=True, slots=True)
class _Table:
    """One row: attempts in all, and delays in seconds that grow by a factor up to a longest."""

    tries: int
    first_s: float
    factor: float
    longest_s: float


class Schedule(Enum):
    """The rows of the table."""

    NETWORK = _Table(5, 1.0, 2.0, 300.0)
    RESOURCE = _Table(3, 5.0, 2.5, 900.0)
    EXTERNAL_API = _Table(7, 2.0, 2.0, 600.0)
    FILE_IO = _Table(3, 0.5, 1.5, 60.0)
    ENCODER = _Table(3, 3.0, 2.0, 180.0)


def schedule_of(error: TelecineError) -> Schedule | None:
    """The row for a failure; None when it is never tried again."""
    if error.retry in (Retry.NEVER, Retry.NOT_OURS):
        return None
    if error.code in _FILE_IO_CODES:
        return Schedule.FILE_IO
    if error.code in _ENCODER_CODES:
        return Schedule.ENCODER
    return Schedule.NETWORK if error.retry is Retry.NOW else Schedule.RESOURCE


def delay_s(error: TelecineError, tried: int, priority: int, max_attempts: int | None = None) -> float | None:
    """Seconds until the next attempt, or None when there is none.

    Args:
        tried: attempts made so far, this one included.
        max_attempts: of the job's limits; counts instead of the table's.
    """
    schedule = schedule_of(error)
    if schedule is None or tried >= (max_attempts or schedule.value.tries):
        return None
    row = schedule.value
    nearest = min(Priority, key=lambda p: abs(p.value - priority))
    return float(
        min(row.first_s * row.factor ** (tried - 1), row.longest_s) * _SCALE[nearest] * random.uniform(*_JITTER)
    )
