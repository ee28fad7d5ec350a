"""Workers: who works on what right now, as their claims tell it. Reading only.

A worker is the process of one run and holds one claim; a claim that no run has taken up yet has no worker. Doesn't
belong here: giving claims out or taking them back (claims.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Float, func, select

from telecine.ledger.jobs import JobStatus
from telecine.ledger.schema import claims, jobs, media_objects


@dataclass(frozen=True, slots=True)
class Worker:
    """An open claim with what its run does.

    Attributes:
        lane: image, video or audio.
        origin: dispatch, or dagster for a run that a person or a backfill started.
        worker: host:pid; None while the run waits for a slot or loads its code.
        requested_s: seconds since the run was asked for.
        silent_s: seconds since the last beat; None before the first.
        resources: of the worker's machine at its last beat (telecine.machine.Pressure).
        processing, waiting, ended: jobs of the claim.
    """

    claim_id: str
    lane: str
    priority: int
    origin: str
    requests: int
    run_id: str | None
    worker: str | None
    requested_s: float
    started_s: float | None
    silent_s: float | None
    resources: dict[str, Any] | None
    processing: int
    waiting: int
    ended: int


@dataclass(frozen=True, slots=True)
class InHand:
    """A job that a worker processes."""

    claim_id: str
    job_id: str
    source: str
    stage: str | None
    progress: float


def active(connection: Connection) -> list[Worker]:
    """Claims that haven't ended, oldest first."""
    mine = jobs.c.claim_id == claims.c.claim_id
    pending, processing = jobs.c.status == JobStatus.PENDING, jobs.c.status == JobStatus.PROCESSING
    rows = connection.execute(
        select(
            *[claims.c[name] for name in ("claim_id", "lane", "priority", "origin", "requests", "run_id", "worker")],
            _since(claims.c.requested_at),
            _since(claims.c.started_at),
            _since(claims.c.heartbeat_at),
            claims.c.resources,
            func.count().filter(processing),
            func.count().filter(pending),
            func.count(jobs.c.job_id).filter(~pending, ~processing),
        )
        .join_from(claims, jobs, mine, isouter=True)
        .where(claims.c.ended_at.is_(None))
        .group_by(claims.c.claim_id)
        .order_by(claims.c.claim_id)
    )
    return [Worker(*row) for row in rows]


def in_hand(connection: Connection) -> dict[str, list[InHand]]:
    """What is processed right now, by claim, oldest first."""
    source = (media_objects.c.bucket + "/" + media_objects.c.key).label("source")
    rows = connection.execute(
        select(jobs.c.claim_id, jobs.c.job_id, source, jobs.c.stage, jobs.c.progress)
        .join_from(jobs, media_objects, jobs.c.partition == media_objects.c.partition)
        .where(jobs.c.status == JobStatus.PROCESSING, jobs.c.claim_id.is_not(None))
        .order_by(jobs.c.job_id)
    )
    held: dict[str, list[InHand]] = {}
    for row in rows:
        held.setdefault(row.claim_id, []).append(InHand(*row))
    return held


def last_dispatch_s(connection: Connection) -> float | None:
    """Seconds since dispatch asked for a run; None when it never did."""
    # Ids sort by time, so this reads one row of the primary key's index and not every claim there ever was.
    newest = select(_since(claims.c.requested_at)).where(claims.c.origin == "dispatch")
    found = connection.scalar(newest.order_by(claims.c.claim_id.desc()).limit(1))
    return None if found is None else float(found)


def _since(moment: Any) -> Any:
    return func.extract("epoch", func.now() - moment).cast(Float)
