"""Attempts: what a worker says about a job it holds, from begin to end. Each function is one transaction's work.

Every write carries the attempt's generation; a write with an older one changes nothing and raises FENCED. Belongs
here: moves by the worker. Doesn't belong here: accepting and canceling (jobs.py), publishing (generations.py), workers
that died (claims.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from telecine.errors import ErrorCode, NotOurs, TelecineError
from telecine.ledger import breakers
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import AGAIN, REPLACED, Job, JobStatus, canceled, replaced
from telecine.ledger.schema import attempts, jobs, media_objects, progress_history
from telecine.limits import JobLimits
from telecine.retry import delay_s

_DETAILS_CHARS = 8_000  # of a technical tail


def begin(
    connection: Connection,
    job: Job,
    *,
    claim_id: str,
    run_id: str | None,
    worker: str,
    estimate_s: float | None = None,
) -> int:
    """PENDING -> PROCESSING with the partition's next generation, which fences every earlier attempt.

    Raises:
        NotOurs: FENCED when the job isn't this claim's any more, or another job of the partition is being processed.
    """
    # The media row is locked first by everybody who touches a partition, so two attempts can't interleave.
    place = media_objects.c.partition == job.partition
    connection.execute(select(media_objects.c.generation).where(place).with_for_update())
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
        .where(place)
        .values(generation=media_objects.c.generation + 1)
        .returning(media_objects.c.generation)
    ).scalar_one()
    moved = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job.job_id, jobs.c.status == JobStatus.PENDING, jobs.c.claim_id == claim_id)
        .values(
            status=JobStatus.PROCESSING,
            stage="DOWNLOADING",
            stage_progress=None,
            stage_details=None,
            eta_low_s=None,
            eta_high_s=None,
            reported_at=None,
            generation=generation,
            started_at=func.coalesce(jobs.c.started_at, func.now()),
            error_class=None,
            error_code=None,
            error_message=None,
            error_details=None,
        )
    )
    if moved.rowcount == 0:  # recovery ended the claim between our look and our write
        raise fenced(job.job_id)
    connection.execute(
        insert(attempts).values(
            job_id=job.job_id,
            generation=generation,
            claim_id=claim_id,
            run_id=run_id,
            worker=worker,
            estimate_s=estimate_s,
        )
    )
    return generation


def report(
    connection: Connection,
    job_id: str,
    generation: int,
    stage: str,
    progress: float,
    *,
    stage_progress: float | None = None,
    details: Mapping[str, Any] | None = None,
    eta_s: tuple[float, float] | None = None,
) -> None:
    """Write progress (0-100, never backwards) with the next sequence number.

    Args:
        stage_progress: 0-100 within the stage.
        eta_s: seconds left, at least and at most.

    Raises:
        NotOurs: FENCED.
    """
    low, high = eta_s or (None, None)
    row = connection.execute(
        update(jobs)
        .where(_attempt(job_id, generation))
        .values(
            stage=stage,
            progress=func.greatest(jobs.c.progress, progress),
            stage_progress=stage_progress,
            stage_details=dict(details) if details else None,
            eta_low_s=low,
            eta_high_s=high,
            reported_at=func.now(),
            sequence=jobs.c.sequence + 1,
        )
        .returning(jobs.c.sequence, jobs.c.progress)
    ).first()
    if row is None:
        raise fenced(job_id)
    connection.execute(
        insert(progress_history).values(
            job_id=job_id,
            sequence=row.sequence,
            generation=generation,
            stage=stage,
            progress=row.progress,
            stage_progress=stage_progress,
            stage_details=dict(details) if details else None,
        )
    )


def fail(
    connection: Connection,
    job_id: str,
    generation: int,
    error: TelecineError,
    *,
    outputs: Sequence[Mapping[str, Any]] | None = None,
    resources: Mapping[str, Any] | None = None,
) -> JobStatus:
    """End an attempt with an error: back to PENDING with a delay when its class says so, FAILED otherwise.

    What would be tried again but was to be canceled ends as CANCELED.

    Args:
        outputs: each output's status, when this attempt published some (telecine.ledger.outputs).
        resources: of the machine at this moment (telecine.machine.Pressure).

    Raises:
        NotOurs: FENCED.
    """
    row = connection.execute(
        select(
            jobs.c.attempts,
            jobs.c.priority,
            jobs.c.limits,
            jobs.c.stage,
            jobs.c.outputs,
            jobs.c.cancel_requested,
            replaced().label("replaced"),
        )
        .where(_attempt(job_id, generation))
        .with_for_update()
    ).first()
    if row is None:
        raise fenced(job_id)
    known = list(row.outputs) if outputs is None else [dict(output) for output in outputs]
    tried = row.attempts + 1
    delay = delay_s(error, tried, row.priority, JobLimits.model_validate(row.limits).max_attempts)
    described = {
        "error_class": error.kind,
        "error_code": error.code.value,
        "error_message": _printable(error.message),
        "error_details": _printable(error.details or "")[-_DETAILS_CHARS:] or None,
    }
    if delay is None:
        partial = any(output["status"] == JobStatus.COMPLETED for output in known)
        moved: dict[str, Any] = {"status": JobStatus.FAILED, "finished_at": func.now(), "partial": partial}
    elif row.cancel_requested:  # before its worker heard of it: nobody wants another attempt
        moved = canceled("canceled on request")
    elif row.replaced:
        moved = canceled(REPLACED, ErrorCode.SOURCE_CHANGED)
    else:
        moved = {
            **AGAIN,
            "not_before": func.now() + seconds(delay),
        }
    connection.execute(
        update(jobs).where(jobs.c.job_id == job_id).values(attempts=tried, outputs=known, **{**described, **moved})
    )
    how = {JobStatus.FAILED: "failed", JobStatus.CANCELED: "canceled"}.get(moved["status"], "retry")
    outcome = "partial" if outputs is not None else how
    end(connection, job_id, generation, outcome, stage=row.stage, resources=resources, **described)
    breakers.blame(connection, error)
    return JobStatus(moved["status"])


def reclassify(connection: Connection, job_id: str, generation: int, kind: str) -> None:
    """Put a job back under another kind: its first bytes promised a video, the probe found only sound.

    Raises:
        NotOurs: FENCED.
    """
    row = connection.execute(
        select(jobs.c.partition, jobs.c.cancel_requested, replaced().label("replaced"))
        .where(_attempt(job_id, generation))
        .with_for_update()
    ).first()
    if row is None:
        raise fenced(job_id)
    moved = canceled("canceled on request") if row.cancel_requested else AGAIN
    if row.replaced:
        moved = canceled(REPLACED, ErrorCode.SOURCE_CHANGED)
    connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(kind=kind, **moved))
    if not row.replaced:  # a newer version has a kind of its own
        connection.execute(update(media_objects).where(media_objects.c.partition == row.partition).values(kind=kind))
    end(connection, job_id, generation, "reclassified")


def end_canceled(connection: Connection, job_id: str, generation: int, reason: str) -> None:
    """PROCESSING -> CANCELED by the worker that holds the attempt.

    Raises:
        NotOurs: FENCED.
    """
    done = connection.execute(update(jobs).where(_attempt(job_id, generation)).values(**canceled(reason)))
    if done.rowcount == 0:
        raise fenced(job_id)
    end(connection, job_id, generation, "canceled")


def end(connection: Connection, job_id: str, generation: int, outcome: str, **described: Any) -> None:
    """Close an attempt's history row."""
    connection.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.generation == generation)
        .values(outcome=outcome, ended_at=func.now(), **described)
    )


def of_job(connection: Connection, job_id: str) -> Sequence[Row[Any]]:
    """The attempts of a job, oldest first."""
    return connection.execute(select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.generation)).all()


def history(connection: Connection, job_id: str) -> Sequence[Row[Any]]:
    """What progress was written, oldest first."""
    return connection.execute(
        select(progress_history).where(progress_history.c.job_id == job_id).order_by(progress_history.c.sequence)
    ).all()


def _printable(text: str) -> str:
    """Without what PostgreSQL can't keep in a text."""
    return text.replace("\0", "")


def fenced(job_id: str) -> NotOurs:
    """The error of a write whose generation is not the newest."""
    return NotOurs(ErrorCode.FENCED, f"job {job_id} was taken over by a newer attempt, or ended")


def _attempt(job_id: str, generation: int) -> Any:
    return and_(jobs.c.job_id == job_id, jobs.c.generation == generation, jobs.c.status == JobStatus.PROCESSING)
