"""Delivering processes: their beat, and what becomes of the leases of one that stopped beating."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.ledger.clock import seconds
from telecine.ledger.outbox_schema import deliverers, deliveries

BEAT_S = 2.0
SILENT_S = 10.0  # five missed beats
PREFIX = "deliver:"
"""Names of processes that beat start with this; others' leases (a test event's) just end with their time."""


def beat(connection: Connection, me: str, in_flight: Collection[int], lease_s: float) -> int:
    """Say that this process lives; free the leases of those that don't. Returns how many became free.

    Args:
        in_flight: what this process works on or has yet to write down. Anything else that is leased in its name was
            leased by a transaction whose answer got lost, or a moment ago.
        lease_s: how long a lease lasts.
    """
    connection.execute(
        upsert(deliverers)
        .values(worker=me, in_flight=len(in_flight))
        .on_conflict_do_update(
            index_elements=[deliverers.c.worker],
            set_={"beat_at": func.clock_timestamp(), "in_flight": len(in_flight)},
        )
    )
    connection.execute(delete(deliverers).where(deliverers.c.beat_at < _ago(10 * SILENT_S)))
    alive = exists().where(deliverers.c.worker == deliveries.c.leased_by, deliverers.c.beat_at > _ago(SILENT_S))
    lost = or_(
        deliveries.c.lease_until < func.now(),
        (deliveries.c.leased_by == me)
        & deliveries.c.delivery_id.not_in(in_flight)
        & (deliveries.c.lease_until < _ago(SILENT_S - lease_s)),
        (deliveries.c.leased_by != me) & ~alive & (deliveries.c.leased_by.like(f"{PREFIX}%")),
    )
    return connection.execute(
        update(deliveries).where(deliveries.c.leased_by.is_not(None), lost).values(leased_by=None, lease_until=None)
    ).rowcount


def leave(connection: Connection, me: str) -> None:
    """Say that this process ends, and free what it still has."""
    connection.execute(delete(deliverers).where(deliverers.c.worker == me))
    connection.execute(update(deliveries).where(deliveries.c.leased_by == me).values(leased_by=None, lease_until=None))


def is_any_alive(connection: Connection) -> bool:
    """Whether some process delivers."""
    return bool(connection.scalar(select(exists().where(deliverers.c.beat_at > _ago(SILENT_S)))))


def is_anything_due(connection: Connection) -> bool:
    """Whether a delivery waits that could be attempted now."""
    due = exists().where(deliveries.c.status == "PENDING", deliveries.c.next_attempt_at <= func.now())
    return bool(connection.scalar(select(due)))


def _ago(age_s: float) -> ColumnElement[Any]:
    return func.now() - seconds(age_s)
