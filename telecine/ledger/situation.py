"""A job's situation: everything the ledger knows that explains why it waits, works or failed. Reading only.

Doesn't belong here: what to make of it (telecine/diagnosis.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Float, Text, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import TIMESTAMP

from telecine.ledger import attempts as attempt_rows
from telecine.ledger import backlog, breakers, dead_letters, workers
from telecine.ledger import jobs as job_rows
from telecine.ledger.breakers import Breaker
from telecine.ledger.dead_letters import Letter
from telecine.ledger.jobs import Job, JobStatus
from telecine.ledger.schema import attempts, jobs
from telecine.ledger.workers import Worker
from telecine.priority import Patience

_TIME = TIMESTAMP(timezone=True)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known about one job at one moment; seconds count from the database's now.

    Attributes:
        attempts: rows of its attempts, oldest first.
        effective: its priority with what its waiting added; None when it doesn't wait.
        waited_s: since it was accepted.
        due_in_s: until it may start (a retry's delay); 0 or less when it may.
        ready_s: since it could start: accepted, due, and given back by the attempt before.
        quiet_s: since it last reported progress, or its attempt began; None when it isn't processed.
        deadline_in_s: until its deadline; None without one.
        ahead: jobs of its kind that will start before it.
        ahead_s: seconds of work on one core that they are.
        busy_with: another job of the same file that is being processed or about to be.
        claim: the open claim it is under.
        before_in_claim: jobs of that claim that are older than it and haven't ended.
        open_claims: every open claim.
        last_dispatch_s: since dispatch asked for any run.
        newer: the newest job of the same file, when this isn't it.
    """

    job: Job
    attempts: Sequence[Any]
    letter: Letter | None
    effective: float | None
    waited_s: float
    due_in_s: float
    ready_s: float
    quiet_s: float | None
    deadline_in_s: float | None
    ahead: int
    ahead_s: float
    busy_with: str | None
    claim: Worker | None
    before_in_claim: int
    open_claims: Sequence[Worker]
    breakers: Sequence[Breaker]
    last_dispatch_s: float | None
    newer: str | None


def of_job(connection: Connection, job_id: str, patience: Patience) -> Situation | None:
    """The situation of a job; None for an unknown id."""
    job = job_rows.get(connection, [job_id]).get(job_id)
    if job is None:
        return None
    tried = attempt_rows.of_job(connection, job_id)
    letters = dead_letters.find(connection, job_ids=[job_id], include_resolved=True)
    times = connection.execute(_times(job, tried)).one()
    open_claims = workers.active(connection)
    effective, ahead, ahead_s = _place(connection, job, patience)
    newest = job_rows.latest_of_partition(connection, job.partition)
    return Situation(
        job=job,
        attempts=tried,
        letter=letters[0] if letters else None,
        effective=effective,
        waited_s=times.waited_s,
        due_in_s=times.due_in_s,
        ready_s=times.ready_s,
        quiet_s=times.quiet_s,
        deadline_in_s=times.deadline_in_s,
        ahead=ahead,
        ahead_s=ahead_s,
        busy_with=_busy_with(connection, job),
        claim=next((claim for claim in open_claims if claim.claim_id == job.claim_id), None),
        before_in_claim=_before_in_claim(connection, job),
        open_claims=open_claims,
        breakers=breakers.open_ones(connection),
        last_dispatch_s=workers.last_dispatch_s(connection),
        newer=newest.job_id if newest is not None and newest.job_id != job_id else None,
    )


def longest_ready_s(connection: Connection) -> float:
    """Seconds that the job which could start for longest waits for a run; 0 when none does."""
    given_back = select(func.max(attempts.c.ended_at)).where(attempts.c.job_id == jobs.c.job_id).scalar_subquery()
    ready = func.greatest(jobs.c.created_at, jobs.c.not_before, given_back)
    waiting = and_(jobs.c.status == JobStatus.PENDING, jobs.c.claim_id.is_(None), jobs.c.not_before <= func.now())
    longest = connection.scalar(select(_seconds(func.now() - func.min(ready))).where(waiting))
    return max(0.0, float(longest or 0.0))


def _times(job: Job, tried: Sequence[Any]) -> Any:
    """By the database's clock, like everything else in the ledger."""
    heard = job.reported_at or (tried[-1].started_at if tried else None)
    processed = job.status is JobStatus.PROCESSING
    given_back = [attempt.ended_at for attempt in tried if attempt.ended_at is not None]
    ready = max([job.created_at, job.not_before, *given_back])
    return select(
        _seconds(func.now() - literal(job.created_at)).label("waited_s"),
        _seconds(literal(job.not_before) - func.now()).label("due_in_s"),
        _seconds(func.now() - literal(ready)).label("ready_s"),
        _seconds(func.now() - literal(heard if processed else None, _TIME)).label("quiet_s"),
        _seconds(cast(literal(job.limits.get("deadline"), Text), _TIME) - func.now()).label("deadline_in_s"),
    )


def _seconds(span: Any) -> Any:
    return func.extract("epoch", span).cast(Float)


def _place(connection: Connection, job: Job, patience: Patience) -> tuple[float | None, int, float]:
    """Effective priority, and how many jobs of its kind stand before it with how many seconds of work."""
    if job.status is not JobStatus.PENDING:
        return None, 0, 0.0
    effective = backlog.effective_priority(patience)
    mine = float(connection.scalar(select(effective).where(jobs.c.job_id == job.job_id)) or 0.0)
    if job.claim_id is not None:
        return mine, 0, 0.0
    before = connection.execute(
        select(func.count(), func.coalesce(func.sum(jobs.c.estimate_s), 0.0)).where(
            jobs.c.status == JobStatus.PENDING,
            jobs.c.claim_id.is_(None),
            jobs.c.kind == job.kind,
            jobs.c.not_before <= func.now(),
            jobs.c.job_id != job.job_id,
            or_(effective > mine, and_(effective == mine, jobs.c.job_id < job.job_id)),
        )
    ).one()
    return mine, int(before[0]), float(before[1])


def _busy_with(connection: Connection, job: Job) -> str | None:
    other: str | None = connection.scalar(
        select(jobs.c.job_id)
        .where(
            jobs.c.partition == job.partition,
            jobs.c.job_id != job.job_id,
            or_(
                jobs.c.status == JobStatus.PROCESSING,
                and_(jobs.c.status == JobStatus.PENDING, jobs.c.claim_id.is_not(None)),
            ),
        )
        .limit(1)
    )
    return other


def _before_in_claim(connection: Connection, job: Job) -> int:
    if job.status is not JobStatus.PENDING or job.claim_id is None:
        return 0
    open_ones = jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
    before = select(func.count()).where(jobs.c.claim_id == job.claim_id, open_ones, jobs.c.job_id < job.job_id)
    return connection.scalar(before) or 0
