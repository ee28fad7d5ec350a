"""What an answer means: delivered, again later, never again, switch the endpoint off. Pure.

requirements.md section 5: 2xx is success; 408, 5xx and network errors are tried again by the schedule with jitter; 429
says when; 410 switches off; any other 4xx gives this event up. A redirect is never followed; it is tried again, as it
may be a passing one. Progress and tests are never tried again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from telecine.ledger.deliveries import DeliveryStatus, Leased, Result

JITTER = (1.0, 1.25)  # never earlier than the schedule says
_LONGEST_PAUSE_S = 86_400.0  # of what a Retry-After may ask for
_GIVE_UP_S = 7 * 86_400.0  # an endpoint that says 429 for a week
_DEFAULT_PAUSE_S = 60.0  # 429 without Retry-After
_AGAIN = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt.

    Attributes:
        status: HTTP status, None when there was no answer.
        error: one line for a person; None on success.
        body: the first kilobyte of the answer.
    """

    status: int | None
    error: str | None
    body: str | None
    took_s: float
    retry_after_s: float | None = None


def judge(leased: Leased, answer: Answer, schedule: Sequence[float]) -> Result:
    """Turn an answer into what the ledger writes down."""
    status = answer.status
    if status is not None and 200 <= status < 300:
        return _result(leased, answer, DeliveryStatus.DELIVERED, healthy=True)
    if status == 410:
        return _result(leased, answer, DeliveryStatus.DEAD, disable="it answered 410 Gone")
    if status == 429:
        pause_s = answer.retry_after_s if answer.retry_after_s is not None else _DEFAULT_PAUSE_S
        pause_s = min(max(pause_s, 1.0), _LONGEST_PAUSE_S)
        if leased.once:
            return _result(leased, answer, DeliveryStatus.DROPPED, pause_s=pause_s)
        if leased.age_s > _GIVE_UP_S:
            return _result(leased, answer, DeliveryStatus.DEAD, pause_s=pause_s)
        # It isn't down, it is busy: that takes no step of the schedule.
        return _result(
            leased, answer, DeliveryStatus.PENDING, wait_s=pause_s * random.uniform(*JITTER), pause_s=pause_s
        )
    passing = status is None or status >= 500 or status < 400 or status in _AGAIN
    healthy = False if passing else None
    if leased.once:
        return _result(leased, answer, DeliveryStatus.DROPPED, healthy=healthy)
    if not passing or leased.failures >= len(schedule):
        return _result(leased, answer, DeliveryStatus.DEAD, healthy=healthy, used_up=True)
    wait_s = schedule[leased.failures] * random.uniform(*JITTER)
    if status == 503 and answer.retry_after_s is not None:
        wait_s = max(wait_s, min(answer.retry_after_s, _LONGEST_PAUSE_S))
    return _result(leased, answer, DeliveryStatus.PENDING, wait_s=wait_s, healthy=healthy, used_up=True)


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header (RFC 9110, 10.2.3: seconds or a date) as seconds from now; None when there is none."""
    if not value:
        return None
    if value.strip().isdigit():
        return min(float(value.strip()[:9]), _LONGEST_PAUSE_S)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - (now or datetime.now(UTC))).total_seconds(), 0.0), _LONGEST_PAUSE_S)


def _result(
    leased: Leased,
    answer: Answer,
    status: DeliveryStatus,
    *,
    wait_s: float = 0.0,
    healthy: bool | None = None,
    used_up: bool = False,
    pause_s: float | None = None,
    disable: str | None = None,
) -> Result:
    return Result(
        leased.delivery_id,
        leased.endpoint_id,
        status,
        wait_s,
        used_up,
        healthy,
        answer.status,
        answer.error,
        answer.body,
        answer.took_s,
        pause_s,
        disable,
    )
