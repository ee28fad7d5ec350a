"""Retention: how long the ledger remembers what is over (requirements.md section 4, "retention").

Outputs, manifests and what is current stay; only the record of the work goes. Nothing unfinished is ever touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, tuple_

from telecine.ledger.clock import seconds
from telecine.ledger.schema import attempts, batches, claims, dead_letters, jobs, progress_history, submission_keys

_PROGRESS_AT_ONCE = 50_000
_AT_ONCE = 5_000  # rows of jobs to a transaction, so that nobody waits for a lock


@dataclass(frozen=True, slots=True)
class Retention:
    """Days; from `telecine.settings`."""

    jobs_days: float = 90.0
    progress_days: float = 30.0


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went. `more`: call again."""

    jobs: int
    progress: int
    more: bool


def purge(connection: Connection, keep: Retention) -> Purged:
    """Delete what is older than it is kept, a few thousand jobs at a time."""
    aged = (
        select(progress_history.c.job_id, progress_history.c.sequence)
        .where(progress_history.c.at < _ago(keep.progress_days))
        .limit(_PROGRESS_AT_ONCE)
    )
    progress = connection.execute(
        delete(progress_history).where(tuple_(progress_history.c.job_id, progress_history.c.sequence).in_(aged))
    ).rowcount
    connection.execute(delete(submission_keys).where(submission_keys.c.expires_at < func.now()))
    # A letter is kept until a person decides, and an open batch counts its children.
    undecided = exists().where(dead_letters.c.job_id == jobs.c.job_id, dead_letters.c.resolved_at.is_(None))
    counted = exists().where(batches.c.batch_id == jobs.c.batch_id, batches.c.finished_at.is_(None))
    old = connection.scalars(
        select(jobs.c.job_id).where(jobs.c.finished_at < _ago(keep.jobs_days), ~undecided, ~counted).limit(_AT_ONCE)
    ).all()
    connection.execute(delete(attempts).where(attempts.c.job_id.in_(old)))
    connection.execute(delete(jobs).where(jobs.c.job_id.in_(old)))
    unused = ~select(jobs.c.job_id).where(jobs.c.claim_id == claims.c.claim_id).exists()
    connection.execute(delete(claims).where(claims.c.ended_at < _ago(keep.jobs_days), unused))
    childless = ~select(jobs.c.job_id).where(jobs.c.batch_id == batches.c.batch_id).exists()
    connection.execute(delete(batches).where(batches.c.finished_at < _ago(keep.jobs_days), childless))
    return Purged(len(old), progress, more=len(old) == _AT_ONCE or progress == _PROGRESS_AT_ONCE)


def _ago(days: float) -> ColumnElement[Any]:
    return func.now() - seconds(days * 86_400)
