"""Events: what happened to jobs and batches, in the order in which it became visible.

Belongs here: reading by cursor, what a delivery's body is built from, waking delivery. Doesn't belong here: writing
events (triggers do, see migration 0004), deliveries (deliveries.py), bodies (telecine/webhooks/body.py).

Serial numbers are given out before their transactions commit, so "everything above the last number I saw" misses rows.
A page holds rows of transactions below the oldest one still running (pg_snapshot_xmin, PostgreSQL manual 9.28) and is
ordered by (transaction, serial): no row can appear behind a cursor that was handed out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ConfigurationError, ErrorCode
from telecine.ledger.outbox_schema import events, run_reports
from telecine.ledger.schema import attempts, batches, generations, jobs, media_objects

CHANNEL = "telecine_deliveries"
EVENT_TYPES = (
    "job.started",
    "job.progress",
    "job.completed",
    "job.failed",
    "job.retry",
    "job.canceled",
    "batch.completed",
)
TEST_EVENT = "endpoint.test"
_XMIN = cast(literal_column("pg_snapshot_xmin(pg_current_snapshot())::text"), BigInteger)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place between two events; opaque to clients, who get it as text and give it back."""

    xid: int = 0
    serial: int = 0

    @classmethod
    def parse(cls, given: str) -> Cursor:
        """Read a cursor that was handed out.

        Raises:
            ConfigurationError: INVALID_REQUEST.
        """
        try:
            xid, serial = (int(part) for part in given.split("-"))
        except ValueError:
            raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"{given!r} is no cursor of the event list") from None
        return cls(xid, serial)

    def __str__(self) -> str:
        return f"{self.xid}-{self.serial}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was written.

    Attributes:
        sequence: 1, 2, 3 ... within its job; tells the order whatever the order of arrival.
        snapshot: the state when it happened.
        cursor: everything after this event is "after" this cursor.
    """

    serial: int
    event_id: str
    event_type: str
    job_id: str | None
    batch_id: str | None
    sequence: int
    correlation_id: str
    snapshot: dict[str, Any]
    occurred_at: datetime
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Material:
    """What a delivery's body is built from: the event, and facts of its job or batch that never change.

    Attributes:
        outputs: the job's outputs with their statuses (telecine.ledger.outputs).
        manifest: of the generation that this event published, if any.
    """

    event: Event
    kind: str | None = None
    partition: str | None = None
    bucket: str | None = None
    key: str | None = None
    size_bytes: int | None = None
    recipe_name: str | None = None
    metadata: dict[str, Any] | None = None
    outputs: list[dict[str, Any]] | None = None
    job_batch_id: str | None = None
    priority: int | None = None
    worker: str | None = None
    estimate_s: float | None = None
    error_class: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    manifest: dict[str, Any] | None = None


def after(connection: Connection, cursor: Cursor, limit: int, types: Collection[str] = ()) -> list[Event]:
    """The next events, oldest first; an empty list means "nothing new yet"."""
    query = (
        select(events)
        .where(tuple_(events.c.xid, events.c.serial) > (cursor.xid, cursor.serial), events.c.xid < _XMIN)
        .order_by(events.c.xid, events.c.serial)
        .limit(limit)
    )
    if types:
        query = query.where(events.c.event_type.in_(types))
    return [_event(row) for row in connection.execute(query)]


def end(connection: Connection) -> Cursor:
    """A cursor behind everything that is visible now."""
    xmin: int = connection.execute(select(_XMIN)).scalar_one()
    return Cursor(xmin - 1, 2**62)


def since(connection: Connection, at: datetime) -> Cursor:
    """A cursor before the first event of a time."""
    first = connection.execute(
        select(events.c.xid, events.c.serial)
        .where(events.c.occurred_at >= at)
        .order_by(events.c.xid, events.c.serial)
        .limit(1)
    ).first()
    return Cursor(first.xid, first.serial - 1) if first else end(connection)


def of_job(connection: Connection, job_id: str) -> list[Event]:
    """A job's events in their order."""
    return [
        _event(row) for row in connection.execute(select(events).where(events.c.job_id == job_id).order_by("serial"))
    ]


def serials(
    connection: Connection,
    *,
    event_ids: Collection[str] = (),
    since: datetime | None = None,
    types: Collection[str] = (),
) -> list[int]:
    """The serials of events that are named, or that happened since a time."""
    query: Select[tuple[int]] = select(events.c.serial).order_by(events.c.serial)
    wanted: list[ColumnElement[bool]] = []
    if event_ids:
        wanted.append(events.c.event_id.in_(event_ids))
    if since is not None:
        wanted.append(events.c.occurred_at >= since)
    query = query.where(or_(*wanted) if wanted else events.c.serial.is_(None))
    if types:
        query = query.where(events.c.event_type.in_(types))
    return list(connection.scalars(query))


def known(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Which of these ids there are."""
    return set(connection.scalars(select(events.c.event_id).where(events.c.event_id.in_(event_ids))))


# Built once: putting it together costs as much as running it.
_attempt = cast(events.c.snapshot["generation"].astext, jobs.c.generation.type)
_published = events.c.event_type.in_(("job.completed", "job.failed"))
_MATERIALS = (
    select(
        events,
        jobs.c.kind,
        jobs.c.partition,
        media_objects.c.bucket,
        media_objects.c.key,
        jobs.c.size_bytes,
        jobs.c.recipe_name,
        func.coalesce(jobs.c.metadata, batches.c.metadata).label("metadata"),
        jobs.c.outputs,
        jobs.c.batch_id.label("job_batch_id"),
        jobs.c.priority,
        attempts.c.worker,
        func.coalesce(attempts.c.estimate_s, jobs.c.estimate_s).label("estimate_s"),
        attempts.c.error_class,
        attempts.c.error_code,
        attempts.c.error_message,
        generations.c.manifest,
    )
    .select_from(events)
    .outerjoin(jobs, jobs.c.job_id == events.c.job_id)
    .outerjoin(media_objects, media_objects.c.partition == jobs.c.partition)
    .outerjoin(attempts, and_(attempts.c.job_id == events.c.job_id, attempts.c.generation == _attempt))
    .outerjoin(
        generations,
        and_(
            _published,
            generations.c.partition == jobs.c.partition,
            generations.c.generation == _attempt,
            generations.c.job_id == jobs.c.job_id,
        ),
    )
    .outerjoin(batches, batches.c.batch_id == events.c.batch_id)
    .where(events.c.serial.in_(bindparam("of", expanding=True)))
)


def materials(connection: Connection, of: Collection[int]) -> dict[int, Material]:
    """What the bodies of these events (serials) are built from."""
    names = [name for name in Material.__dataclass_fields__ if name != "event"]
    return {
        row.serial: Material(_event(row), **{name: row._mapping[name] for name in names})
        for row in connection.execute(_MATERIALS, {"of": list(of)})
    }


def wake(connection: Connection) -> None:
    """Wake whoever delivers, once this transaction commits."""
    connection.execute(text(f"NOTIFY {CHANNEL}"))


def run_reported(
    connection: Connection, run_id: str, word: str, source: str, claim_ids: Collection[str] = ()
) -> list[str]:
    """Write down what Dagster said of a run, see to it that ended jobs of its claim have their event, wake delivery.

    The events are written where jobs change, so there is next to never one missing; returns the jobs of those that
    were. Harmless to repeat.

    Args:
        word: started, succeeded, failed or canceled.
        source: hook or sensor.
        claim_ids: the claims that the run may have worked on.
    """
    ended = jobs.c.status.not_in(("PENDING", "PROCESSING"))
    mine = select(jobs.c.job_id, jobs.c.claim_id).where(jobs.c.claim_id.in_(claim_ids), ended)
    rows = connection.execute(mine).all() if claim_ids else []
    late = [
        row.job_id for row in rows if connection.scalar(text("SELECT telecine.catch_up_job(:job)"), {"job": row.job_id})
    ]
    connection.execute(
        upsert(run_reports)
        .values(
            run_id=run_id, word=word, source=source, claim_id=rows[0].claim_id if rows else next(iter(claim_ids), None)
        )
        .on_conflict_do_nothing()
    )
    wake(connection)
    return late


def prune(connection: Connection, older_than_days: float) -> int:
    """Remove old events whose deliveries have all ended (and those deliveries); returns how many."""
    done = connection.execute(
        text(
            "DELETE FROM telecine.events e WHERE e.serial IN ("
            " SELECT serial FROM telecine.events x WHERE x.occurred_at < now() - make_interval(secs => :age)"
            "  AND NOT EXISTS (SELECT 1 FROM telecine.deliveries d WHERE d.event_serial = x.serial AND ("
            "   d.status = 'PENDING' OR d.ended_at > now() - make_interval(secs => :age)))"
            " ORDER BY x.occurred_at LIMIT 5000)"
        ),
        {"age": older_than_days * 86_400},
    )
    connection.execute(
        text("DELETE FROM telecine.run_reports WHERE at < now() - make_interval(secs => :age)"),
        {"age": older_than_days * 86_400},
    )
    return done.rowcount


def _event(row: Row[Any]) -> Event:
    return Event(
        row.serial,
        row.event_id,
        row.event_type,
        row.job_id,
        row.batch_id,
        row.sequence,
        row.correlation_id,
        row.snapshot,
        row.occurred_at,
        Cursor(row.xid, row.serial),
    )


def reports_of(connection: Connection, run_id: str) -> Sequence[Row[Any]]:
    """What was reported of a run."""
    return connection.execute(select(run_reports).where(run_reports.c.run_id == run_id)).all()
