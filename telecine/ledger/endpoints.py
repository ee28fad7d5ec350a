"""Endpoints: who wants to hear of events, their secrets, and switching them on and off.

Belongs here: rows of `endpoints` and `endpoint_secrets`. Doesn't belong here: which URLs are allowed
(telecine/webhooks/guard.py), health and rate while delivering (deliveries.py).

An address given with a job (`webhook_url`) gets a row of its own, so that it has its own breaker; all of those sign
with one secret, the one of the endpoint called `jobs`.
"""

from __future__ import annotations

import base64
import secrets as random_secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ConfigurationError, ErrorCode
from telecine.ledger.clock import seconds
from telecine.ledger.events import TEST_EVENT
from telecine.ledger.outbox_schema import deliveries, endpoint_secrets, endpoints, events

JOBS = "jobs"
"""The endpoint that holds the secret of addresses given with jobs."""

_SECRET_BYTES = 32  # Standard Webhooks: between 24 and 64


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; `healthy` is "ok", "disabled", "paused", "open" (breaker) or "half open"."""

    endpoint_id: str
    kind: str
    url: str | None
    description: str | None
    event_types: list[str] | None
    progress_step: int | None
    recipes: list[str] | None
    prefix: str | None
    rate_per_s: float | None
    enabled: bool
    disabled_reason: str | None
    failures: int
    paused_until: datetime | None
    open_until: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None
    created_at: datetime
    health: str
    pending: int


def new_endpoint_id() -> str:
    """A fresh id."""
    return f"ep_{random_secrets.token_hex(8)}"


def new_secret() -> str:
    """A fresh secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(random_secrets.token_bytes(_SECRET_BYTES)).decode()


def add(
    connection: Connection,
    url: str,
    *,
    endpoint_id: str | None = None,
    secret: str | None = None,
    description: str | None = None,
    event_types: Collection[str] = (),
    progress_step: int | None = None,
    recipes: Collection[str] = (),
    prefix: str | None = None,
    rate_per_s: float | None = None,
) -> tuple[str, str]:
    """Register an endpoint; answers its id and its secret, which is never shown again.

    Args:
        endpoint_id: given by a caller that may repeat the transaction, so that a repetition makes no second endpoint.
    """
    made = endpoint_id or new_endpoint_id()
    done = connection.execute(
        upsert(endpoints)
        .values(
            endpoint_id=made,
            kind="registered",
            url=url,
            description=description,
            event_types=list(event_types) or None,
            progress_step=progress_step,
            recipes=list(recipes) or None,
            prefix=prefix,
            rate_per_s=rate_per_s,
        )
        .on_conflict_do_nothing()
    )
    if done.rowcount == 0:
        return made, live_secrets(connection, [made])[made][0]
    return made, _store_secret(connection, made, secret)


def rotate(connection: Connection, endpoint_id: str, overlap_s: float, secret: str | None = None) -> str:
    """Give an endpoint a new secret; the one before lives on for `overlap_s`. Answers the new one.

    At most two live at once: a second rotation within the overlap ends the oldest.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    if endpoint_id == JOBS:
        _ensure_jobs(connection)
    must_exist(connection, endpoint_id)
    connection.execute(
        delete(endpoint_secrets).where(
            endpoint_secrets.c.endpoint_id == endpoint_id, endpoint_secrets.c.expires_at.is_not(None)
        )
    )
    connection.execute(
        update(endpoint_secrets)
        .where(endpoint_secrets.c.endpoint_id == endpoint_id)
        .values(expires_at=func.clock_timestamp() + seconds(overlap_s))
    )
    return _store_secret(connection, endpoint_id, secret)


_SECRETS = text(
    """
    SELECT e.endpoint_id, e.kind, s.secret FROM telecine.endpoints e LEFT JOIN telecine.endpoint_secrets s
        ON s.endpoint_id = CASE WHEN e.kind = 'job_url' THEN 'jobs' ELSE e.endpoint_id END
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
    WHERE e.endpoint_id = ANY (:of) ORDER BY s.secret_id DESC
    """
)


def live_secrets(connection: Connection, endpoint_ids: Collection[str]) -> dict[str, list[str]]:
    """Each endpoint's secrets that still count, newest first. Never log what this returns."""
    rows = connection.execute(_SECRETS, {"of": list(endpoint_ids)}).all()
    if any(row.kind == "job_url" and row.secret is None for row in rows):
        if _ensure_jobs(connection):
            _store_secret(connection, JOBS, None)
        rows = connection.execute(_SECRETS, {"of": list(endpoint_ids)}).all()
    found: dict[str, list[str]] = {row.endpoint_id: [] for row in rows}
    for row in rows:
        if row.secret is not None:
            found[row.endpoint_id].append(row.secret)
    return found


def listed(connection: Connection, *, job_urls: bool = False, endpoint_id: str | None = None) -> list[Endpoint]:
    """Endpoints with their health, oldest first; without secrets.

    Args:
        job_urls: also the addresses that were given with jobs.
    """
    now = func.clock_timestamp()
    pending = (
        select(func.count())
        .where(deliveries.c.endpoint_id == endpoints.c.endpoint_id, deliveries.c.status == "PENDING")
        .scalar_subquery()
    )
    query = select(endpoints, now.label("now"), pending.label("pending")).order_by(endpoints.c.created_at)
    if endpoint_id is not None:
        query = query.where(endpoints.c.endpoint_id == endpoint_id)
    elif not job_urls:
        query = query.where(endpoints.c.kind != "job_url")
    names = [name for name in Endpoint.__dataclass_fields__ if name != "health"]
    return [
        Endpoint(**{name: row._mapping[name] for name in names}, health=_health(row))
        for row in connection.execute(query)
    ]


def enable(connection: Connection, endpoint_id: str) -> None:
    """Deliver again; what waited is due at once, and what is known of its health is forgotten.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    must_exist(connection, endpoint_id)
    connection.execute(
        update(endpoints)
        .where(endpoints.c.endpoint_id == endpoint_id)
        .values(
            enabled=True,
            disabled_reason=None,
            failures=0,
            failing_since=None,
            open_until=None,
            probe_until=None,
            paused_until=None,
        )
    )
    connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == "PENDING")
        .values(next_attempt_at=func.now())
    )


def disable(connection: Connection, endpoint_id: str, reason: str) -> None:
    """Deliver nothing more; what waits stays, new events aren't for it (replay them after enabling).

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    if endpoint_id == JOBS:
        _ensure_jobs(connection)
    must_exist(connection, endpoint_id)
    connection.execute(
        update(endpoints).where(endpoints.c.endpoint_id == endpoint_id).values(enabled=False, disabled_reason=reason)
    )


def remove(connection: Connection, endpoint_id: str) -> None:
    """Forget an endpoint with its secrets and deliveries; events stay.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    must_exist(connection, endpoint_id)
    connection.execute(delete(endpoints).where(endpoints.c.endpoint_id == endpoint_id))
    connection.execute(delete(deliveries).where(deliveries.c.endpoint_id == endpoint_id))


def test_event(connection: Connection, endpoint_id: str, leased_by: str, lease_s: float) -> int:
    """Write a test event for one endpoint, leased by the caller; answers the delivery's id.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id or one without an address.
    """
    must_exist(connection, endpoint_id)
    if endpoint_id == JOBS:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"endpoint {JOBS} has no address of its own to test")
    event_id = f"evt_{random_secrets.token_hex(16)}"
    serial: int = connection.execute(
        insert(events)
        .values(event_id=event_id, event_type=TEST_EVENT, sequence=1, correlation_id=event_id, snapshot={})
        .returning(events.c.serial)
    ).scalar_one()
    made: int = connection.execute(
        insert(deliveries)
        .values(
            event_serial=serial,
            endpoint_id=endpoint_id,
            subject=event_id,
            once=True,
            leased_by=leased_by,
            lease_until=func.now() + seconds(lease_s),
        )
        .returning(deliveries.c.delivery_id)
    ).scalar_one()
    return made


def counts(connection: Connection) -> Row[Any]:
    """`endpoints`, `disabled`, `failing` (breaker open), `pending`, `dead` (of the last day), `deliverers`."""
    return connection.execute(
        text(
            "SELECT (SELECT count(*) FROM telecine.endpoints WHERE kind <> 'jobs') AS endpoints,"
            " (SELECT count(*) FROM telecine.endpoints WHERE kind <> 'jobs' AND NOT enabled) AS disabled,"
            " (SELECT count(*) FROM telecine.endpoints WHERE open_until IS NOT NULL) AS failing,"
            " (SELECT count(*) FROM telecine.deliveries WHERE status = 'PENDING') AS pending,"
            " (SELECT count(*) FROM telecine.deliveries WHERE status = 'DEAD'"
            "   AND ended_at > now() - interval '1 day') AS dead,"
            " (SELECT count(*) FROM telecine.deliverers WHERE beat_at > now() - interval '10 s') AS deliverers"
        )
    ).one()


def _store_secret(connection: Connection, endpoint_id: str, secret: str | None) -> str:
    made = secret or new_secret()
    connection.execute(insert(endpoint_secrets).values(endpoint_id=endpoint_id, secret=made))
    return made


def _ensure_jobs(connection: Connection) -> bool:
    """Make the endpoint `jobs`; whether it has no secret yet."""
    connection.execute(upsert(endpoints).values(endpoint_id=JOBS, kind="jobs").on_conflict_do_nothing())
    # Locked, so that two processes that sign for the first time agree on one secret.
    connection.execute(select(endpoints.c.endpoint_id).where(endpoints.c.endpoint_id == JOBS).with_for_update())
    return not connection.scalar(
        select(func.count()).select_from(endpoint_secrets).where(endpoint_secrets.c.endpoint_id == JOBS)
    )


def must_exist(connection: Connection, endpoint_id: str) -> None:
    """Refuse an unknown id.

    Raises:
        ConfigurationError: INVALID_REQUEST.
    """
    if connection.scalar(select(endpoints.c.endpoint_id).where(endpoints.c.endpoint_id == endpoint_id)) is None:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"there is no endpoint {endpoint_id}")


def _health(row: Row[Any]) -> str:
    if not row.enabled:
        return "disabled"
    if row.open_until is not None:
        return "open" if row.open_until > row.now else "half open"
    if row.paused_until is not None and row.paused_until > row.now:
        return "paused"
    return "failing" if row.failures else "ok"


def job_urls_unused(connection: Connection, older_than_days: float) -> Sequence[str]:
    """Remove addresses given with jobs that nothing was delivered to for so long; answers their ids."""
    rows = connection.execute(
        text(
            "DELETE FROM telecine.endpoints e WHERE e.kind = 'job_url' AND e.enabled"
            " AND e.created_at < now() - make_interval(secs => :age)"
            " AND NOT EXISTS (SELECT 1 FROM telecine.deliveries d WHERE d.endpoint_id = e.endpoint_id)"
            " RETURNING e.endpoint_id"
        ),
        {"age": older_than_days * 86_400},
    )
    return [row.endpoint_id for row in rows]
