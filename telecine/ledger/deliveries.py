"""Deliveries: who leases what, how it ended, and what an endpoint's answers say about its health.

Belongs here: leases, results and the token bucket, all in SQL, so that several delivering processes agree. Doesn't
belong here: HTTP, and what an answer means (telecine/webhooks); the breaker (endpoint_health.py); replays
(delivery_log.py).

A lease is a mark on the row, not a lock: no transaction is open while an answer is awaited. First attempts of one
subject (a job) go to one endpoint in the order of the events; a retry holds nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from telecine.errors import ConfigurationError, ErrorCode
from telecine.ledger import endpoint_health
from telecine.ledger import endpoints as endpoint_rows
from telecine.ledger import events as event_rows
from telecine.ledger.events import Material
from telecine.ledger.outbox_schema import deliveries, endpoints

STALE_PROGRESS_S = 300.0  # nobody wants to see a bar of five minutes ago
OVERTAKEN_S = 10.0  # once delivery lags this much, only a job's newest event counts


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"  # given up; can be replayed
    DROPPED = "DROPPED"  # progress (or a test) that isn't tried again


@dataclass(frozen=True, slots=True)
class Leased:
    """One attempt to be made, with all it takes."""

    delivery_id: int
    endpoint_id: str
    url: str
    once: bool
    attempts: int
    failures: int
    age_s: float
    secrets: tuple[str, ...]
    material: Material


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt went.

    Attributes:
        status: PENDING when it is to be tried again in `wait_s`.
        used_up: whether it took a step of the retry schedule.
        healthy: what it says of the endpoint: True works, False fails, None neither (an answer to this event only).
        pause_s: the endpoint asked for a pause (429).
        disable: why the endpoint is to be switched off (410).
    """

    delivery_id: int
    endpoint_id: str
    status: DeliveryStatus
    wait_s: float
    used_up: bool
    healthy: bool | None
    answer: int | None
    error: str | None
    response: str | None
    took_s: float
    pause_s: float | None = None
    disable: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Per-endpoint limits (telecine.webhooks.settings)."""

    lease_s: float
    rate_per_s: float
    breaker_failures: int
    breaker_window_s: float
    breaker_open_s: float


# Nobody waits for the disk here: what a crash of the database forgets is delivered once more, with the same id.
_HASTY = text("SET LOCAL synchronous_commit TO off")
_DUE = text(
    """
    SELECT e.endpoint_id, e.url, e.rate_per_s, e.tokens, e.open_until IS NOT NULL AS half_open,
        extract(epoch FROM clock_timestamp() - e.tokens_at)::float AS since_s
    FROM telecine.endpoints e
    WHERE e.enabled AND e.url IS NOT NULL
        AND coalesce(e.paused_until, '-infinity') <= now() AND coalesce(e.open_until, '-infinity') <= now()
        AND (e.open_until IS NULL OR coalesce(e.probe_until, '-infinity') <= now())
        AND EXISTS (SELECT 1 FROM telecine.deliveries d WHERE d.endpoint_id = e.endpoint_id
            AND d.status = 'PENDING' AND d.next_attempt_at <= now() AND d.leased_by IS NULL)
    FOR NO KEY UPDATE OF e SKIP LOCKED
    """
)
_LEASE = text(
    """
    WITH due AS (
        SELECT d.delivery_id FROM unnest(:endpoints, CAST(:rooms AS integer[])) AS w (endpoint_id, room)
        CROSS JOIN LATERAL (
            SELECT x.delivery_id FROM telecine.deliveries x
            WHERE x.endpoint_id = w.endpoint_id AND x.status = 'PENDING' AND x.next_attempt_at <= now()
                AND x.leased_by IS NULL
                AND NOT EXISTS (SELECT 1 FROM telecine.deliveries earlier
                    WHERE earlier.endpoint_id = x.endpoint_id AND earlier.subject = x.subject
                        AND earlier.status = 'PENDING' AND earlier.event_serial < x.event_serial
                        AND (earlier.attempts = 0 OR earlier.leased_by IS NOT NULL))
            ORDER BY x.next_attempt_at, x.delivery_id LIMIT w.room FOR UPDATE SKIP LOCKED
        ) AS d
    )
    UPDATE telecine.deliveries d SET leased_by = :me, lease_until = now() + make_interval(secs => :lease_s),
        first_attempt_at = coalesce(d.first_attempt_at, clock_timestamp())
    WHERE d.delivery_id = ANY (ARRAY(SELECT delivery_id FROM due))
    RETURNING d.delivery_id, d.event_serial, d.endpoint_id, d.once, d.attempts, d.failures,
        extract(epoch FROM clock_timestamp() - d.created_at)::float AS age_s
    """
).bindparams(bindparam("endpoints", type_=ARRAY(TEXT)))
# Progress that is overtaken by a later event of its job, or old, is told to nobody.
_OVERTAKEN = text(
    """
    UPDATE telecine.deliveries d SET status = 'DROPPED', ended_at = now(),
        last_error = 'not sent: a later event of the same job came first, or it was too old'
    WHERE d.once AND d.status = 'PENDING' AND d.leased_by IS NULL
        AND d.next_attempt_at <= now()
        AND (d.created_at < now() - make_interval(secs => :stale_s)
            OR d.created_at < now() - make_interval(secs => :overtaken_s) AND EXISTS (
            SELECT 1 FROM telecine.deliveries later WHERE later.endpoint_id = d.endpoint_id
                AND later.subject = d.subject AND later.event_serial > d.event_serial
                AND later.status = 'PENDING'))
    """
)


def drop_overtaken(connection: Connection) -> int:
    """Drop progress that nobody wants any more; to be called now and then. Returns how many."""
    return connection.execute(_OVERTAKEN, {"stale_s": STALE_PROGRESS_S, "overtaken_s": OVERTAKEN_S}).rowcount


def lease(
    connection: Connection, me: str, limits: Limits, rooms_for: Callable[[Sequence[str]], Mapping[str, int]]
) -> list[Leased]:
    """Take due deliveries: of each endpoint that is well, as many as there is room and its rate allows.

    Args:
        me: who leases; what a silent process had leased becomes free again (`beat`).
        rooms_for: from the ids of endpoints with due deliveries to how many of each may be taken.
    """
    connection.execute(_HASTY)
    due = connection.execute(_DUE).all()
    if not due:
        return []
    names = [row.endpoint_id for row in due]
    rooms = dict(rooms_for(names))
    tokens: dict[str, float] = {}
    for row in due:
        if row.half_open:
            rooms[row.endpoint_id] = min(1, rooms.get(row.endpoint_id, 0))
        rate = row.rate_per_s if row.rate_per_s is not None else limits.rate_per_s
        if rate > 0:
            # A bucket of one second: a burst is never larger than what a second allows.
            burst = max(rate, 1.0)
            full = burst if row.tokens is None else min(burst, row.tokens + max(row.since_s or 0.0, 0.0) * rate)
            tokens[row.endpoint_id] = full
            rooms[row.endpoint_id] = min(int(full), rooms.get(row.endpoint_id, 0))
    rooms = {name: room for name, room in rooms.items() if room > 0}
    if not rooms:
        return []
    rows = connection.execute(
        _LEASE,
        {"endpoints": list(rooms), "rooms": list(rooms.values()), "me": me, "lease_s": limits.lease_s},
    ).all()
    half_open = {row.endpoint_id for row in due if row.half_open}
    _take_tokens(connection, rows, tokens, half_open, limits)
    return _complete(connection, rows, {row.endpoint_id: row.url for row in due})


def lease_one(connection: Connection, delivery_id: int) -> Leased:
    """What it takes to make the attempt of a delivery that the caller has leased already.

    Raises:
        ConfigurationError: INVALID_REQUEST when it is gone.
    """
    row = connection.execute(
        select(deliveries, endpoints.c.url, literal(0.0).label("age_s"))
        .join(endpoints, endpoints.c.endpoint_id == deliveries.c.endpoint_id)
        .where(deliveries.c.delivery_id == delivery_id)
    ).first()
    if row is None:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"there is no delivery {delivery_id}")
    return _complete(connection, [row], {row.endpoint_id: row.url})[0]


def _take_tokens(
    connection: Connection, rows: Sequence[Row[Any]], tokens: dict[str, float], half_open: set[str], limits: Limits
) -> None:
    taken: dict[str, int] = {}
    for row in rows:
        taken[row.endpoint_id] = taken.get(row.endpoint_id, 0) + 1
    changes = [
        {"of": name, "left": tokens[name] - number if name in tokens else None, "probe": name in half_open}
        for name, number in taken.items()
        if name in tokens or name in half_open
    ]
    if changes:
        connection.execute(
            text(
                "UPDATE telecine.endpoints SET tokens = :left, tokens_at = clock_timestamp(), probe_until ="
                " CASE WHEN :probe THEN now() + make_interval(secs => :lease_s) ELSE probe_until END"
                " WHERE endpoint_id = :of"
            ),
            [{**change, "lease_s": limits.lease_s} for change in changes],
        )


def _complete(connection: Connection, rows: Sequence[Row[Any]], urls: Mapping[str, str]) -> list[Leased]:
    if not rows:
        return []
    materials = event_rows.materials(connection, {row.event_serial for row in rows})
    secrets = endpoint_rows.live_secrets(connection, {row.endpoint_id for row in rows})
    return [
        Leased(
            row.delivery_id,
            row.endpoint_id,
            urls[row.endpoint_id],
            row.once,
            row.attempts,
            row.failures,
            row.age_s,
            tuple(secrets[row.endpoint_id]),
            materials[row.event_serial],
        )
        for row in sorted(rows, key=lambda row: row.delivery_id)
    ]


_FINISH = text(
    """
    UPDATE telecine.deliveries d SET status = r.status, leased_by = NULL, lease_until = NULL,
        attempts = d.attempts + 1, failures = d.failures + r.used_up, last_attempt_at = clock_timestamp(),
        next_attempt_at = clock_timestamp() + make_interval(secs => r.wait_s),
        ended_at = CASE WHEN r.status = 'PENDING' THEN NULL ELSE clock_timestamp() END,
        last_status = r.answer, last_error = r.error, response = r.response, took_ms = r.took_ms
    FROM unnest(CAST(:of AS bigint[]), CAST(:status AS text[]), CAST(:used_up AS integer[]),
        CAST(:wait_s AS double precision[]), CAST(:answer AS integer[]), CAST(:error AS text[]),
        CAST(:response AS text[]), CAST(:took_ms AS integer[]))
        AS r (of, status, used_up, wait_s, answer, error, response, took_ms)
    WHERE d.delivery_id = r.of AND d.status = 'PENDING' AND (d.leased_by = :me OR r.status = 'DELIVERED')
    """
)


def finish(connection: Connection, me: str, results: Sequence[Result], limits: Limits) -> None:
    """Write down how attempts went, in the order in which they ended, and what they say of their endpoints."""
    if not results:
        return
    connection.execute(_HASTY)
    connection.execute(
        _FINISH,
        {
            "me": me,
            "of": [r.delivery_id for r in results],
            "status": [r.status.value for r in results],
            "used_up": [int(r.used_up) for r in results],
            "wait_s": [r.wait_s for r in results],
            "answer": [r.answer for r in results],
            "error": [r.error for r in results],
            "response": [r.response for r in results],
            "took_ms": [round(r.took_s * 1000) for r in results],
        },
    )
    # One endpoint after the other in a fixed order, so that two processes never wait for each other.
    for endpoint_id in sorted({r.endpoint_id for r in results}):
        endpoint_health.learn(connection, endpoint_id, [r for r in results if r.endpoint_id == endpoint_id], limits)
