"""Batches: many jobs handed over as one, followed as one. The trigger settle_batch (migration 0003) ends them.

Progress is an average over the children, those that ended counting whole, so it never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, exists, func, insert, select, text, update

from telecine.ledger import jobs as job_rows
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import Job, JobStatus, canceled
from telecine.ledger.schema import batches, jobs, submission_keys

_FORSAKEN_S = 600.0  # an upload between two children may take that long


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with its children counted.

    Attributes:
        mode: continue, or fail_fast: the first failure cancels what hasn't ended.
        status: OPEN; then COMPLETED (all), PARTIAL (some output exists), FAILED or CANCELED.
        total: children announced; more than `counts` adds up to while they are still being handed over.
        counts: children by status.
        progress: 0-100.
    """

    batch_id: str
    name: str | None
    mode: str
    status: str
    total: int
    progress: float
    counts: dict[str, int]
    metadata: dict[str, Any]
    correlation_id: str
    created_at: datetime
    finished_at: datetime | None


def open_batch(
    connection: Connection,
    batch_id: str,
    *,
    total: int,
    name: str | None = None,
    fail_fast: bool = False,
    correlation_id: str | None = None,
    webhook_url: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Announce a batch of `total` children; harmless to repeat."""
    if connection.scalar(select(batches.c.batch_id).where(batches.c.batch_id == batch_id)) is None:
        connection.execute(
            insert(batches).values(
                batch_id=batch_id,
                name=name,
                mode="fail_fast" if fail_fast else "continue",
                total=total,
                correlation_id=correlation_id or batch_id,
                webhook_url=webhook_url,
                metadata=dict(metadata or {}),
            )
        )


def close(connection: Connection, batch_id: str) -> None:
    """All children that will ever come are there: `total` is their number, and the batch ends if they all have."""
    there = select(func.count()).where(jobs.c.batch_id == batch_id).scalar_subquery()
    this = batches.c.batch_id == batch_id
    connection.execute(
        # One that had ended and got another child since, because its request was completed later.
        update(batches)
        .where(this, batches.c.finished_at.is_not(None), batches.c.total < there)
        .values(finished_at=None, status="OPEN", manifest_written_at=None)
    )
    connection.execute(update(batches).where(this, batches.c.finished_at.is_(None)).values(total=there))
    connection.execute(text("SELECT telecine.settle_batch(:batch)"), {"batch": batch_id})


def forsaken(connection: Connection) -> list[str]:
    """Open batches whose children have all ended and that nobody added to for a while: their submitter is gone."""
    is_open = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    working = exists().where(jobs.c.batch_id == batches.c.batch_id, is_open)
    quiet = func.now() - seconds(_FORSAKEN_S)
    fresh = exists().where(jobs.c.batch_id == batches.c.batch_id, jobs.c.created_at > quiet)
    found = select(batches.c.batch_id).where(
        batches.c.finished_at.is_(None), batches.c.created_at < quiet, ~working, ~fresh
    )
    return list(connection.scalars(found.limit(100)))


def discard(connection: Connection, batch_id: str) -> bool:
    """Forget a batch that never got a job, and its sender's key; False when it has one, or has ended."""
    empty = ~exists().where(jobs.c.batch_id == batches.c.batch_id)
    gone = connection.execute(
        delete(batches).where(batches.c.batch_id == batch_id, batches.c.finished_at.is_(None), empty)
    )
    if gone.rowcount:
        connection.execute(delete(submission_keys).where(submission_keys.c.batch_id == batch_id))
    return gone.rowcount == 1


def get(connection: Connection, batch_id: str) -> Batch | None:
    """One batch."""
    found = _batches(connection, [batch_id])
    return found[0] if found else None


def newest(connection: Connection, limit: int) -> list[Batch]:
    """The newest batches."""
    ids = connection.scalars(select(batches.c.batch_id).order_by(batches.c.batch_id.desc()).limit(limit)).all()
    return _batches(connection, ids)


def children(connection: Connection, batch_id: str) -> list[Job]:
    """A batch's jobs, oldest first."""
    query = job_rows.JOBS.where(jobs.c.batch_id == batch_id).order_by(jobs.c.job_id)
    return [job_rows.from_row(row) for row in connection.execute(query)]


def cancel(connection: Connection, batch_id: str, reason: str) -> tuple[int, int]:
    """Cancel what hasn't ended; returns how many waited and how many are being stopped."""
    of_batch = jobs.c.batch_id == batch_id
    job_rows.lock_open(connection, of_batch)  # none begins, and none goes back to waiting, between the two updates
    running = connection.execute(
        update(jobs).where(of_batch, jobs.c.status == JobStatus.PROCESSING).values(cancel_requested=True)
    ).rowcount
    waiting = connection.execute(
        update(jobs).where(of_batch, jobs.c.status == JobStatus.PENDING).values(**canceled(reason))
    ).rowcount
    return waiting, running


def unwritten(connection: Connection) -> list[str]:
    """Ended batches whose manifest isn't in the store yet."""
    return list(
        connection.scalars(
            select(batches.c.batch_id).where(
                batches.c.finished_at.is_not(None), batches.c.manifest_written_at.is_(None)
            )
        )
    )


def mark_written(connection: Connection, batch_id: str) -> None:
    """Remember that the batch's manifest is in the store."""
    connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(manifest_written_at=func.now()))


def _batches(connection: Connection, ids: Any) -> list[Batch]:
    rows = connection.execute(
        select(batches).where(batches.c.batch_id.in_(ids)).order_by(batches.c.batch_id.desc())
    ).all()
    open_ones = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    counted = connection.execute(
        select(
            jobs.c.batch_id,
            jobs.c.status,
            func.count().label("number"),
            func.sum(case((open_ones, jobs.c.progress), else_=100.0)).label("percent"),
        )
        .where(jobs.c.batch_id.in_(ids))
        .group_by(jobs.c.batch_id, jobs.c.status)
    ).all()
    found = []
    for row in rows:
        mine = [c for c in counted if c.batch_id == row.batch_id]
        total = max(row.total, sum(c.number for c in mine), 1)
        found.append(
            Batch(
                row.batch_id,
                row.name,
                row.mode,
                row.status,
                row.total,
                100.0 if row.finished_at else round(sum(c.percent for c in mine) / total, 1),
                {c.status: c.number for c in mine},
                row.metadata,
                row.correlation_id,
                row.created_at,
                row.finished_at,
            )
        )
    return found
