"""Jobs: accepted, begun, moved forward, ended. Each function is one transaction's work and may be repeated.

Every write of an attempt carries its generation; a write with an older one changes nothing and raises FENCED.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ErrorCode, NotOurs, Retry, TelecineError
from telecine.job_id import new_id
from telecine.ledger.schema import attempts, jobs, media_objects
from telecine.priority import Lane, estimate_seconds
from telecine.recipe import Recipe

# (tries, first delay in s, factor, longest delay in s): requirements.md section 4, "retries".
_RETRIES = {Retry.NOW: (5, 1.0, 2.0, 300.0), Retry.LATER: (3, 5.0, 2.5, 900.0)}


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
    origin: str
    lane: str
    priority: int
    estimate_s: float
    status: JobStatus
    stage: str | None
    progress: float
    attempts: int
    deaths: int
    generation: int | None
    claim_id: str | None
    error_code: str | None
    error_message: str | None
    error_details: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_COLUMNS = [jobs.c[name] if name in jobs.c else media_objects.c[name] for name in Job.__dataclass_fields__]
_JOBS = select(*_COLUMNS).join_from(jobs, media_objects, jobs.c.partition == media_objects.c.partition)


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
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
) -> str | None:
    """Insert a job; None when this version of a dropped object has one already.

    Args:
        job_id: given by a caller that may repeat the transaction, so that a repetition makes no second job.
    """
    row = {
        "job_id": job_id or new_id(),
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
    return {row.job_id: _job(row) for row in connection.execute(_JOBS.where(jobs.c.job_id.in_(job_ids)))}


def of_claim(connection: Connection, claim_id: str) -> list[Job]:
    """The unfinished jobs of a claim, oldest first."""
    open_ones = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    query = _JOBS.where(jobs.c.claim_id == claim_id, open_ones).order_by(jobs.c.job_id)
    return [_job(row) for row in connection.execute(query)]


def latest_of_partition(connection: Connection, partition: str) -> Job | None:
    """The newest job of a partition."""
    row = connection.execute(_JOBS.where(jobs.c.partition == partition).order_by(jobs.c.job_id.desc()).limit(1)).first()
    return _job(row) if row else None


def newest(connection: Connection, limit: int, status: JobStatus | None = None) -> list[Job]:
    """The newest jobs, of one status or of all."""
    query = _JOBS.order_by(jobs.c.job_id.desc()).limit(limit)
    if status is not None:
        query = query.where(jobs.c.status == status)
    return [_job(row) for row in connection.execute(query)]


def count_by_status(connection: Connection) -> dict[str, int]:
    """How many jobs there are in each status."""
    rows = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
    return dict(rows.tuples().all())


def begin(connection: Connection, job: Job, *, claim_id: str, run_id: str | None, worker: str) -> int:
    """PENDING -> PROCESSING with the partition's next generation, which fences every earlier attempt.

    Raises:
        NotOurs: FENCED when the job isn't this claim's any more, or another job of the partition is being processed.
    """
    # The media row is locked first by everybody who touches a partition, so two attempts can't interleave.
    connection.execute(select(media_objects.c.generation).where(_place(job.partition)).with_for_update())
    now = connection.execute(
        select(jobs.c.status, jobs.c.claim_id, jobs.c.generation).where(jobs.c.job_id == job.job_id)
    ).one()
    if now.status == JobStatus.PROCESSING and now.claim_id == claim_id:
        return int(now.generation)  # a repeated transaction
    busy = connection.scalar(
        select(jobs.c.job_id).where(jobs.c.partition == job.partition, jobs.c.status == JobStatus.PROCESSING)
    )
    if busy or now.status != JobStatus.PENDING or now.claim_id != claim_id:
        raise NotOurs(ErrorCode.FENCED, f"job {job.job_id} belongs to another run by now")
    generation: int = connection.execute(
        update(media_objects)
        .where(_place(job.partition))
        .values(generation=media_objects.c.generation + 1)
        .returning(media_objects.c.generation)
    ).scalar_one()
    moved = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job.job_id, jobs.c.status == JobStatus.PENDING, jobs.c.claim_id == claim_id)
        .values(
            status=JobStatus.PROCESSING,
            stage="DOWNLOADING",
            generation=generation,
            started_at=func.coalesce(jobs.c.started_at, func.now()),
            error_code=None,
            error_message=None,
            error_details=None,
        )
    )
    if moved.rowcount == 0:  # recovery ended the claim between our look and our write
        raise fenced(job.job_id)
    connection.execute(
        insert(attempts).values(
            job_id=job.job_id, generation=generation, claim_id=claim_id, run_id=run_id, worker=worker
        )
    )
    return generation


def report(connection: Connection, job_id: str, generation: int, stage: str, progress: float) -> None:
    """Write progress (0-100, never backwards).

    Raises:
        NotOurs: FENCED.
    """
    done = connection.execute(
        update(jobs)
        .where(_attempt(job_id, generation))
        .values(stage=stage, progress=func.greatest(jobs.c.progress, progress), sequence=jobs.c.sequence + 1)
    )
    if done.rowcount == 0:
        raise fenced(job_id)


def fail(connection: Connection, job_id: str, generation: int, error: TelecineError) -> JobStatus:
    """End an attempt with an error: back to PENDING with a delay when its class says so, FAILED otherwise.

    Raises:
        NotOurs: FENCED.
    """
    row = connection.execute(select(jobs.c.attempts).where(_attempt(job_id, generation)).with_for_update()).first()
    if row is None:
        raise fenced(job_id)
    tried = row.attempts + 1
    delay_s = _delay(error.retry, tried)
    described = {
        "error_code": error.code.value,
        "error_message": error.message,
        "error_details": (error.details or "")[-8000:] or None,
    }
    if delay_s is None:
        moved: dict[str, Any] = {"status": JobStatus.FAILED, "finished_at": func.now()}
    else:
        moved = {
            "status": JobStatus.PENDING,
            "claim_id": None,
            "generation": None,
            "not_before": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, delay_s),
        }
    connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(attempts=tried, **moved, **described))
    end_attempt(connection, job_id, generation, "failed" if delay_s is None else "retry", **described)
    return JobStatus(moved["status"])


def _delay(retry: Retry, tried: int) -> float | None:
    """Seconds until the next attempt, or None when there is none."""
    if retry not in _RETRIES:
        return None
    tries, first_s, factor, longest_s = _RETRIES[retry]
    if tried >= tries:
        return None
    return float(min(first_s * factor ** (tried - 1), longest_s) * random.uniform(1.0, 1.3))


def reclassify(connection: Connection, job_id: str, generation: int, kind: str) -> None:
    """Put a job back under another kind: its first bytes promised a video, the probe found only sound.

    Raises:
        NotOurs: FENCED.
    """
    done = connection.execute(
        update(jobs)
        .where(_attempt(job_id, generation))
        .values(status=JobStatus.PENDING, kind=kind, claim_id=None, generation=None, stage=None)
        .returning(jobs.c.partition)
    ).first()
    if done is None:
        raise fenced(job_id)
    connection.execute(update(media_objects).where(_place(done.partition)).values(kind=kind))
    end_attempt(connection, job_id, generation, "reclassified")


def request_cancel(connection: Connection, job_id: str, reason: str) -> JobStatus | None:
    """Cancel a waiting job at once, or flag a running one for its worker's next beat; None for an unknown id."""
    row = connection.execute(select(jobs.c.status).where(jobs.c.job_id == job_id).with_for_update()).first()
    if row is None:
        return None
    status = JobStatus(row.status)
    if status is JobStatus.PENDING:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(**_canceled(reason)))
        return JobStatus.CANCELED
    if status is JobStatus.PROCESSING:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(cancel_requested=True))
    return status


def end_canceled(connection: Connection, job_id: str, generation: int, reason: str) -> None:
    """PROCESSING -> CANCELED by the worker that holds the attempt.

    Raises:
        NotOurs: FENCED.
    """
    done = connection.execute(update(jobs).where(_attempt(job_id, generation)).values(**_canceled(reason)))
    if done.rowcount == 0:
        raise fenced(job_id)
    end_attempt(connection, job_id, generation, "canceled")


def supersede(connection: Connection, partition: str, identity: str) -> int:
    """Cancel waiting jobs for older versions of an object that was just replaced; returns how many."""
    done = connection.execute(
        update(jobs)
        .where(
            jobs.c.partition == partition,
            jobs.c.status == JobStatus.PENDING,
            jobs.c.identity != identity,
        )
        .values(**_canceled("the object was replaced by a newer upload before this job ran", ErrorCode.SOURCE_CHANGED))
    )
    return done.rowcount


def _canceled(reason: str, code: ErrorCode = ErrorCode.CANCELED) -> dict[str, Any]:
    return {
        "status": JobStatus.CANCELED,
        "finished_at": func.now(),
        "error_code": code.value,
        "error_message": reason,
    }


def end_attempt(connection: Connection, job_id: str, generation: int, outcome: str, **described: str | None) -> None:
    """Close an attempt's history row."""
    connection.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.generation == generation)
        .values(outcome=outcome, ended_at=func.now(), **described)
    )


def attempts_of(connection: Connection, job_id: str) -> Sequence[Row[Any]]:
    """The attempts of a job, oldest first."""
    return connection.execute(select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.generation)).all()


def fenced(job_id: str) -> NotOurs:
    """The error of a write whose generation is not the newest."""
    return NotOurs(ErrorCode.FENCED, f"job {job_id} was taken over by a newer attempt, or ended")


def _attempt(job_id: str, generation: int) -> Any:
    return and_(jobs.c.job_id == job_id, jobs.c.generation == generation, jobs.c.status == JobStatus.PROCESSING)


def _place(partition: str) -> Any:
    return media_objects.c.partition == partition
