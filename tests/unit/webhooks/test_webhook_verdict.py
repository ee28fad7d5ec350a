"""What an answer means for the delivery and for its endpoint."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telecine.ledger.deliveries import DeliveryStatus, Leased, Result
from telecine.ledger.events import Cursor, Event, Material
from telecine.webhooks.settings import RETRY_S
from telecine.webhooks.verdict import JITTER, Answer, judge, retry_after_s

_EVENT = Event(1, "evt_1", "job.completed", "job", None, 1, "c", {}, datetime.now(UTC), Cursor(1, 1))


def leased(failures: int = 0, *, once: bool = False, age_s: float = 1.0) -> Leased:
    return Leased(1, "ep_1", "https://example.com/", once, failures, failures, age_s, ("whsec_",), Material(_EVENT))


def after(status: int | None, failures: int = 0, *, once: bool = False, **more: float) -> Result:
    age_s = more.pop("age_s", 1.0)
    return judge(leased(failures, once=once, age_s=age_s), Answer(status, "e", None, 0.1, **more), RETRY_S)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    result = after(status)
    assert (result.status, result.healthy) == (DeliveryStatus.DELIVERED, True)


@pytest.mark.parametrize("status", [None, 408, 500, 502, 503, 504, 301, 307])
def test_silence_server_errors_and_redirects_are_tried_again_and_count_against_the_endpoint(status: int | None) -> None:
    result = after(status)
    assert (result.status, result.healthy, result.used_up) == (DeliveryStatus.PENDING, False, True)


def test_the_schedule_is_1_2_4_8_16_minutes_then_longer_with_jitter_and_ends() -> None:
    assert [s / 60 for s in RETRY_S[:5]] == [1, 2, 4, 8, 16]
    assert [s / 3600 for s in RETRY_S[5:8]] == [0.5, 2, 5]
    for failures, pause_s in enumerate(RETRY_S):
        waits = [after(500, failures).wait_s for _ in range(20)]
        assert all(pause_s * JITTER[0] <= wait <= pause_s * JITTER[1] for wait in waits)
        assert len(set(waits)) > 1, "no two at the same moment"
    assert after(500, len(RETRY_S)).status is DeliveryStatus.DEAD


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refused_event_is_given_up_and_says_nothing_of_the_endpoints_health(status: int) -> None:
    result = after(status)
    assert (result.status, result.healthy) == (DeliveryStatus.DEAD, None)


def test_429_waits_as_long_as_it_says_and_takes_no_step_of_the_schedule() -> None:
    result = after(429, 3, retry_after_s=90.0)
    assert (result.status, result.healthy, result.used_up) == (DeliveryStatus.PENDING, None, False)
    assert 90 <= result.wait_s <= 90 * JITTER[1]
    assert result.pause_s == 90
    assert after(429).pause_s == 60, "without Retry-After"
    assert after(429, age_s=8 * 86_400.0).status is DeliveryStatus.DEAD, "but not for ever"


def test_503_with_retry_after_waits_at_least_that_long() -> None:
    assert after(503, 0, retry_after_s=600.0).wait_s == 600


def test_410_switches_the_endpoint_off() -> None:
    result = after(410)
    assert result.status is DeliveryStatus.DEAD
    assert result.disable is not None


@pytest.mark.parametrize("status", [None, 500, 429, 404])
def test_progress_is_never_tried_again(status: int | None) -> None:
    assert after(status, once=True).status is DeliveryStatus.DROPPED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 22 Nov 2026 10:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("99999999999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nonsense_is_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 11, 22, 10, 0, tzinfo=UTC)) == seconds
