"""The delivery log: what was delivered to whom, and delivering it again.

Belongs here: reading deliveries, replays, and removing what belongs to nobody. Doesn't belong here: leases and results
(deliveries.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, text

from telecine.ledger import endpoints as endpoint_rows
from telecine.ledger import events as event_rows
from telecine.ledger.deliveries import DeliveryStatus
from telecine.ledger.outbox_schema import deliveries, endpoints, events


def replay(
    connection: Connection, serials: Collection[int], endpoint_id: str | None = None, *, dead_only: bool = False
) -> int:
    """Deliver events again, with the same ids; answers how many deliveries are due now.

    Args:
        endpoint_id: to this endpoint, as far as its filters let them through, whether it had them before or not;
            without it, to each endpoint that had them.
        dead_only: only what was given up.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown endpoint.
    """
    if endpoint_id is not None:
        endpoint_rows.must_exist(connection, endpoint_id)
    made = connection.execute(
        text(
            """
            WITH wanted AS (
                SELECT s.serial, d.endpoint_id, d.subject FROM unnest(CAST(:serials AS bigint[])) AS s (serial)
                JOIN telecine.deliveries d ON d.event_serial = s.serial
                WHERE NOT d.once AND (CAST(:endpoint AS text) IS NULL OR d.endpoint_id = :endpoint)
                UNION
                SELECT e.serial, p.endpoint_id, coalesce(e.job_id, e.batch_id) FROM telecine.events e
                JOIN telecine.endpoints p ON p.endpoint_id = :endpoint
                LEFT JOIN telecine.jobs j ON j.job_id = e.job_id
                LEFT JOIN telecine.media_objects m ON m.partition = j.partition
                WHERE NOT :dead_only AND e.serial = ANY (CAST(:serials AS bigint[]))
                    AND coalesce(e.job_id, e.batch_id) IS NOT NULL AND e.event_type <> 'job.progress'
                    AND (p.event_types IS NULL OR e.event_type = ANY (p.event_types))
                    AND (p.recipes IS NULL OR j.recipe_name = ANY (p.recipes))
                    AND (p.prefix IS NULL OR starts_with(m.key, p.prefix))
            ), newest AS (
                SELECT DISTINCT ON (w.serial, w.endpoint_id) w.*, d.status, coalesce(d.replay, -1) AS replay
                FROM wanted w LEFT JOIN telecine.deliveries d
                    ON d.event_serial = w.serial AND d.endpoint_id = w.endpoint_id
                ORDER BY w.serial, w.endpoint_id, d.replay DESC
            ), hurried AS (
                UPDATE telecine.deliveries d SET next_attempt_at = now() FROM newest n
                WHERE d.event_serial = n.serial AND d.endpoint_id = n.endpoint_id AND d.replay = n.replay
                    AND n.status = 'PENDING' AND d.status = 'PENDING' AND NOT :dead_only RETURNING 1
            ), again AS (
                INSERT INTO telecine.deliveries (event_serial, endpoint_id, subject, replay)
                SELECT serial, endpoint_id, subject, replay + 1 FROM newest
                WHERE status IS DISTINCT FROM 'PENDING' AND (NOT :dead_only OR status = 'DEAD')
                ORDER BY serial ON CONFLICT DO NOTHING RETURNING 1
            )
            SELECT (SELECT count(*) FROM hurried) + (SELECT count(*) FROM again)
            """
        ),
        {"serials": list(serials), "endpoint": endpoint_id, "dead_only": dead_only},
    ).scalar_one()
    event_rows.wake(connection)
    return int(made)


def listed(
    connection: Connection,
    *,
    limit: int,
    status: DeliveryStatus | None = None,
    endpoint_id: str | None = None,
    event_id: str | None = None,
    job_id: str | None = None,
) -> Sequence[Row[Any]]:
    """Deliveries with `event_id`, `event_type`, `job_id`, `batch_id`, newest first."""
    query = (
        select(deliveries, events.c.event_id, events.c.event_type, events.c.job_id, events.c.batch_id)
        .join(events, events.c.serial == deliveries.c.event_serial)
        .order_by(deliveries.c.delivery_id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(deliveries.c.status == status)
    if endpoint_id is not None:
        query = query.where(deliveries.c.endpoint_id == endpoint_id)
    if event_id is not None:
        query = query.where(events.c.event_id == event_id)
    if job_id is not None:
        query = query.where(events.c.job_id == job_id)
    return connection.execute(query).all()


def get(connection: Connection, delivery_id: int) -> Row[Any] | None:
    """One delivery."""
    return connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).first()


def remove_orphans(connection: Connection) -> int:
    """Deliveries that were made while their endpoint was being removed."""
    known = select(endpoints.c.endpoint_id)
    return connection.execute(delete(deliveries).where(deliveries.c.endpoint_id.not_in(known))).rowcount
