"""What answers say of an endpoint: the circuit breaker, a pause it asked for, and switching it off.

All in SQL, so that several delivering processes agree. Doesn't belong here: what a single answer means
(telecine/webhooks/verdict.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, or_, text, update

from telecine.ledger.clock import seconds
from telecine.ledger.outbox_schema import endpoints

if TYPE_CHECKING:
    from telecine.ledger.deliveries import Limits, Result

_FAILED = text(
    """
    UPDATE telecine.endpoints SET
        failures = CASE WHEN counting THEN failures ELSE 0 END + :number,
        failing_since = CASE WHEN counting THEN failing_since ELSE now() END,
        open_until = CASE WHEN open_until IS NOT NULL
            OR CASE WHEN counting THEN failures ELSE 0 END + :number >= :most
            THEN now() + make_interval(secs => :open_s) END,
        probe_until = NULL, last_failure_at = now(), last_error = :error
    FROM (SELECT endpoint_id AS of, coalesce(failing_since > now() - make_interval(secs => :window_s), false)
        AS counting FROM telecine.endpoints) AS was
    WHERE endpoint_id = :of AND was.of = endpoint_id
    """
)


# A healthy endpoint's row is written once a second, not with every answer.
_worth_saying = or_(
    endpoints.c.failures > 0,
    endpoints.c.open_until.is_not(None),
    endpoints.c.probe_until.is_not(None),
    endpoints.c.last_success_at.is_(None),
    endpoints.c.last_success_at < func.now() - seconds(1.0),
)


def learn(connection: Connection, endpoint_id: str, results: Sequence[Result], limits: Limits) -> None:
    """Breaker (failures in a row within the window open it; one success closes it), pause, 410."""
    mine = endpoints.c.endpoint_id == endpoint_id
    health = [r.healthy for r in results if r.healthy is not None]
    if True in health:
        connection.execute(
            update(endpoints)
            .where(mine, _worth_saying)
            .values(failures=0, failing_since=None, open_until=None, probe_until=None, last_success_at=func.now())
        )
    failed = health[len(health) - health[::-1].index(True) :] if True in health else health
    if failed:
        last = next(r for r in reversed(results) if r.healthy is False)
        connection.execute(
            _FAILED,
            {
                "of": endpoint_id,
                "number": len(failed),
                "most": limits.breaker_failures,
                "window_s": limits.breaker_window_s,
                "open_s": limits.breaker_open_s,
                "error": last.error,
            },
        )
    elif not health:
        # An answer that says nothing of its health still ends a probe.
        connection.execute(update(endpoints).where(mine, endpoints.c.probe_until.is_not(None)).values(probe_until=None))
    pauses = [r.pause_s for r in results if r.pause_s is not None]
    if pauses:
        until = func.now() + seconds(max(pauses))
        connection.execute(
            update(endpoints).where(mine).values(paused_until=func.greatest(endpoints.c.paused_until, until))
        )
    for r in results:
        if r.disable is not None:
            connection.execute(update(endpoints).where(mine).values(enabled=False, disabled_reason=r.disable))
