"""Jobs: the record, accepting one, finding some, canceling. Each function is one transaction's work, repeatable.

Doesn't belong here: what a worker says about a job (attempts.py), which run works on it (claims.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ErrorCode, NotOurs
from telecine.job_id import new_id
from telecine.ledger.schema import jobs, media_objects
from telecine.limits import JobLimits
from telecine.priority import Lane, estimate_seconds
from telecine.recipe import Recipe


class JobStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    ABANDONED = "ABANDONED"

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.PENDING, JobStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class Job:
    """One job with the place of its source."""

    job_id: str
    partition: str
    bucket: str
    key: str
    etag: str
    identity: str
    size_bytes: int
    kind: str
    recipe: dict[str, Any]
    recipe_hash: str
    recipe_name: str
    origin: str
    correlation_id: str
    batch_id: str | None
    replay_of: str | None
    limits: dict[str, Any]
    metadata: dict[str, Any]
    webhook_url: str | None
    lane: str
    priority: int
    estimate_s: float
    status: JobStatus
    stage: str | None
    stage_progress: float | None
    stage_details: dict[str, Any] | None
    progress: float
    sequence: int
    eta_low_s: float | None
    eta_high_s: float | None
    reported_at: datetime | None
    attempts: int
    deaths: int
    generation: int | None
    claim_id: str | None
    cancel_requested: bool
    outputs: list[dict[str, Any]]
    partial: bool
    error_class: str | None
    error_code: str | None
    error_message: str | None
    error_details: str | None
    not_before: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submitter may say about a job beyond source, recipe and priority.

    Attributes:
        metadata: the submitter's own; kept, shown, sent with events, never read.
        webhook_url: told of this job's events, beside the registered endpoints.
        outputs: statuses inherited from the job that this one replays.
    """

    correlation_id: str | None = None
    batch_id: str | None = None
    replay_of: str | None = None
    limits: JobLimits = field(default_factory=JobLimits)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook_url: str | None = None
    outputs: Sequence[Mapping[str, Any]] = ()


# A job that waits for another attempt; its progress stays, because it never goes back.
AGAIN: dict[str, Any] = {
    "status": JobStatus.PENDING,
    "claim_id": None,
    "generation": None,
    "stage": None,
    "stage_progress": None,
    "stage_details": None,
    "eta_low_s": None,
    "eta_high_s": None,
}
REPLACED = "the object was replaced by a newer upload before this job was done"
_COLUMNS = [jobs.c[name] if name in jobs.c else media_objects.c[name] for name in Job.__dataclass_fields__]
# The record's columns; other modules of the ledger add conditions.
JOBS = select(*_COLUMNS).join_from(jobs, media_objects, jobs.c.partition == media_objects.c.partition)


def from_row(row: Row[Any]) -> Job:
    """A record of `JOBS`."""
    values = {name: row._mapping[name] for name in Job.__dataclass_fields__}
    values["status"] = JobStatus(values["status"])
    return Job(**values)


def submit(
    connection: Connection,
    *,
    partition: str,
    kind: str,
    identity: str,
    etag: str,
    size_bytes: int,
    recipe: Recipe,
    origin: str,
    priority: int,
    lane: Lane = Lane.LIVE,
    job_id: str | None = None,
    terms: Terms | None = None,
) -> str | None:
    """Insert a job; None when this version of a dropped object has one already.

    Args:
        job_id: given by a caller that may repeat the transaction, so that a repetition makes no second job.
    """
    terms = terms or Terms()
    made_id = job_id or new_id()
    row = {
        "job_id": made_id,
        "correlation_id": terms.correlation_id or made_id,
        "batch_id": terms.batch_id,
        "replay_of": terms.replay_of,
        "limits": terms.limits.model_dump(mode="json", exclude_defaults=True),
        "metadata": dict(terms.metadata),
        "webhook_url": terms.webhook_url,
        "outputs": list(terms.outputs),
        "partition": partition,
        "kind": kind,
        "identity": identity,
        "etag": etag,
        "size_bytes": size_bytes,
        "recipe": recipe.model_dump(mode="json", exclude_defaults=True),
        "recipe_name": recipe.name,
        "recipe_hash": recipe.hash,
        "origin": origin,
        "lane": lane.value,
        "priority": priority,
        "estimate_s": estimate_seconds(kind, size_bytes),
    }
    made = connection.scalar(upsert(jobs).values(row).on_conflict_do_nothing().returning(jobs.c.job_id))
    return made if made or job_id is None else job_id


def get(connection: Connection, job_ids: Collection[str]) -> dict[str, Job]:
    """Jobs by id."""
    return {row.job_id: from_row(row) for row in connection.execute(JOBS.where(jobs.c.job_id.in_(job_ids)))}


def of_claim(connection: Connection, claim_id: str) -> list[Job]:
    """The unfinished jobs of a claim, oldest first."""
    open_ones = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    query = JOBS.where(jobs.c.claim_id == claim_id, open_ones).order_by(jobs.c.job_id)
    return [from_row(row) for row in connection.execute(query)]


def latest_of_partition(connection: Connection, partition: str) -> Job | None:
    """The newest job of a partition."""
    row = connection.execute(JOBS.where(jobs.c.partition == partition).order_by(jobs.c.job_id.desc()).limit(1)).first()
    return from_row(row) if row else None


def newest(connection: Connection, limit: int, status: JobStatus | None = None) -> list[Job]:
    """The newest jobs, of one status or of all."""
    query = JOBS.order_by(jobs.c.job_id.desc()).limit(limit)
    if status is not None:
        query = query.where(jobs.c.status == status)
    return [from_row(row) for row in connection.execute(query)]


def find(
    connection: Connection,
    *,
    status: JobStatus | None = None,
    kind: str | None = None,
    batch_id: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs that match everything given, newest first.

    Args:
        since: accepted at this time or later.
    """
    query = JOBS.order_by(jobs.c.job_id.desc()).limit(limit)
    if status is not None:
        query = query.where(jobs.c.status == status)
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if batch_id is not None:
        query = query.where(jobs.c.batch_id == batch_id)
    if since is not None:
        query = query.where(jobs.c.created_at >= since)
    return [from_row(row) for row in connection.execute(query)]


def count_by_status(connection: Connection) -> dict[str, int]:
    """How many jobs there are in each status."""
    rows = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
    return dict(rows.tuples().all())


def request_cancel(connection: Connection, job_id: str, reason: str) -> JobStatus | None:
    """Cancel a waiting job at once, or flag a running one for its worker's next beat; None for an unknown id."""
    row = connection.execute(select(jobs.c.status).where(jobs.c.job_id == job_id).with_for_update()).first()
    if row is None:
        return None
    status = JobStatus(row.status)
    if status is JobStatus.PENDING:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(**canceled(reason)))
        return JobStatus.CANCELED
    if status is JobStatus.PROCESSING:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(cancel_requested=True))
    return status


def lock_open(connection: Connection, which: ColumnElement[bool]) -> None:
    """Hold the unfinished jobs that match until the transaction ends, so that none moves between two statements."""
    open_ones = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    connection.execute(select(jobs.c.job_id).where(which, open_ones).order_by(jobs.c.job_id).with_for_update())


def replaced() -> ColumnElement[bool]:
    """Whether a job's object holds other bytes by now: another attempt would only find that out."""
    now = select(media_objects.c.etag).where(media_objects.c.partition == jobs.c.partition).scalar_subquery()
    return now != jobs.c.etag


def supersede(connection: Connection, partition: str, identity: str) -> int:
    """Cancel waiting jobs for older versions of an object that was just replaced; returns how many."""
    done = connection.execute(
        update(jobs)
        .where(
            jobs.c.partition == partition,
            jobs.c.status == JobStatus.PENDING,
            jobs.c.identity != identity,
        )
        .values(**canceled(REPLACED, ErrorCode.SOURCE_CHANGED))
    )
    return done.rowcount


def ended(status: JobStatus, error_class: str, code: ErrorCode, reason: str) -> dict[str, Any]:
    """Columns of a job that ended without success and without its worker's word."""
    return {
        "status": status,
        "finished_at": func.now(),
        "error_class": error_class,
        "error_code": code.value,
        "error_message": reason,
    }


def canceled(reason: str, code: ErrorCode = ErrorCode.CANCELED) -> dict[str, Any]:
    """Columns of a job that somebody canceled."""
    return ended(JobStatus.CANCELED, NotOurs.kind, code, reason)


def reprioritize(connection: Connection, job_id: str, priority: int) -> JobStatus | None:
    """Give a job another priority: it counts until the job is given to a run. Its status, None for an unknown id."""
    row = connection.execute(select(jobs.c.status).where(jobs.c.job_id == job_id).with_for_update()).first()
    if row is None:
        return None
    if row.status == JobStatus.PENDING:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(priority=priority))
    return JobStatus(row.status)
