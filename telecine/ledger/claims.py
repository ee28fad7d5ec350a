"""Claims: which jobs one run works on, whether that run is alive, and what happens to its jobs when it isn't.

Life of a claim: requested by dispatch (or opened by a run a person started) -> started by the run's worker, which
beats every 2 s -> ended by the worker, or by recovery when the beat stops or the run never appeared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ErrorCode, SystemFault
from telecine.ledger import generations
from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import Job, JobStatus
from telecine.ledger.schema import attempts, claims, jobs

_LOST = {
    "error_class": SystemFault.kind,
    "error_code": ErrorCode.WORKER_DIED.value,
    "error_message": "its worker stopped without a word",
}
MAX_DEATHS = 3  # requirements.md section 4: a file whose worker died 3 times is poison


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat learnt: whether the claim still stands, and which of its jobs to cancel."""

    alive: bool
    cancel: frozenset[str]


def open_claims(connection: Connection) -> dict[tuple[str, int], int]:
    """Claims that haven't ended, by lane and priority: how full the run queue is."""
    rows = connection.execute(
        select(claims.c.lane, claims.c.priority, func.count())
        .where(claims.c.ended_at.is_(None))
        .group_by(claims.c.lane, claims.c.priority)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def request(
    connection: Connection,
    claim_id: str,
    batch: Sequence[Job],
    *,
    lane: str,
    priority: int,
) -> list[str]:
    """Put waiting jobs under a new claim; returns the ids that were still waiting."""
    connection.execute(
        upsert(claims)
        .values(
            claim_id=claim_id,
            lane=lane,
            priority=priority,
            origin="dispatch",
        )
        .on_conflict_do_nothing()
    )
    rows = connection.execute(
        update(jobs)
        .where(
            jobs.c.job_id.in_([job.job_id for job in batch]),
            jobs.c.status == JobStatus.PENDING,
            or_(jobs.c.claim_id.is_(None), jobs.c.claim_id == claim_id),
        )
        .values(claim_id=claim_id)
        .returning(jobs.c.job_id)
    )
    return [row.job_id for row in rows]


def start(connection: Connection, claim_id: str, *, run_id: str, worker: str) -> bool:
    """Bind a requested claim to the run that works on it; False when it ended or another run has it."""
    done = connection.execute(
        update(claims)
        .where(
            claims.c.claim_id == claim_id,
            claims.c.ended_at.is_(None),
            or_(claims.c.run_id.is_(None), and_(claims.c.run_id == run_id, claims.c.worker == worker)),
        )
        .values(run_id=run_id, worker=worker, started_at=func.now(), heartbeat_at=func.now())
    )
    return done.rowcount == 1


def beat(connection: Connection, claim_id: str, resources: Mapping[str, Any] | None = None) -> Beat:
    """Say that the worker lives, and hear what it should stop.

    Args:
        resources: of the worker's machine, shown by `telecine workers`.
    """
    alive = connection.execute(
        update(claims)
        .where(claims.c.claim_id == claim_id, claims.c.ended_at.is_(None))
        .values(heartbeat_at=func.now(), **({} if resources is None else {"resources": dict(resources)}))
    )
    flagged = connection.scalars(
        select(jobs.c.job_id).where(
            jobs.c.claim_id == claim_id, jobs.c.cancel_requested, jobs.c.status == JobStatus.PROCESSING
        )
    )
    return Beat(alive.rowcount == 1, frozenset(flagged))


def end(
    connection: Connection, claim_id: str, outcome: str, *, worker_died: bool = False, abandon: bool = False
) -> list[str]:
    """End a claim; whatever it hadn't finished is pending again. Returns those job ids.

    With `worker_died`, each job that was being processed counts a death, which is no attempt; the third makes it
    POISON. With `abandon`, nothing was heard for so long that they end as ABANDONED instead.
    """
    ended = connection.execute(
        update(claims)
        .where(claims.c.claim_id == claim_id, claims.c.ended_at.is_(None))
        .values(ended_at=func.now(), outcome=outcome)
    )
    if ended.rowcount == 0:
        return []
    # Locked first, so that an attempt which its worker is beginning right now is either seen below or refused.
    job_rows.lock_open(connection, jobs.c.claim_id == claim_id)
    connection.execute(
        update(attempts)
        .where(attempts.c.claim_id == claim_id, attempts.c.ended_at.is_(None))
        .values(
            outcome="lost" if worker_died else "released",
            ended_at=func.now(),
            stage=select(jobs.c.stage).where(jobs.c.job_id == attempts.c.job_id).scalar_subquery(),
            **(_LOST if worker_died else {}),
        )
    )
    processing = and_(jobs.c.claim_id == claim_id, jobs.c.status == JobStatus.PROCESSING)
    if worker_died:
        connection.execute(update(jobs).where(processing).values(deaths=jobs.c.deaths + 1))
        connection.execute(
            update(jobs)
            .where(processing, jobs.c.deaths >= MAX_DEATHS)
            .values(
                **job_rows.ended(
                    JobStatus.FAILED,
                    "poison",
                    ErrorCode.POISON,
                    f"the worker died {MAX_DEATHS} times while it processed this file",
                )
            )
        )
    connection.execute(
        update(jobs)
        .where(processing, jobs.c.cancel_requested)
        .values(**job_rows.canceled("canceled on request; its worker had stopped already"))
    )
    if abandon:
        connection.execute(
            update(jobs)
            .where(processing)
            .values(
                **job_rows.ended(
                    JobStatus.ABANDONED,
                    SystemFault.kind,
                    ErrorCode.ABANDONED,
                    "nothing was heard of its worker for a day",
                )
            )
        )
    connection.execute(
        update(jobs)
        .where(processing, job_rows.replaced())
        .values(**job_rows.canceled(job_rows.REPLACED, ErrorCode.SOURCE_CHANGED))
    )
    rows = connection.execute(
        update(jobs)
        .where(jobs.c.claim_id == claim_id, jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING]))
        .values(**job_rows.AGAIN)
        .returning(jobs.c.job_id)
    )
    return [row.job_id for row in rows]


def end_unbound(connection: Connection, claim_id: str, outcome: str) -> bool:
    """End a claim that no run has taken up; False when one just did. Its jobs wait again."""
    unbound = connection.scalar(
        select(claims.c.claim_id)
        .where(claims.c.claim_id == claim_id, claims.c.run_id.is_(None), claims.c.ended_at.is_(None))
        .with_for_update()
    )
    if unbound is not None:
        end(connection, claim_id, outcome)
    return unbound is not None


def finish(connection: Connection, claim_id: str) -> None:
    """End a claim whose run said everything it had to say to Dagster."""
    generations.mark_announced(connection, claim_id)
    end(connection, claim_id, "finished")


def cancel_jobs(connection: Connection, claim_id: str, reason: str) -> list[str]:
    """Cancel every unfinished job of a claim (its run was terminated by a person); returns the job ids."""
    rows = connection.execute(
        update(jobs)
        .where(jobs.c.claim_id == claim_id, jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING]))
        .values(**job_rows.canceled(reason))
        .returning(jobs.c.job_id)
    )
    ids = [row.job_id for row in rows]
    connection.execute(
        update(attempts)
        .where(attempts.c.claim_id == claim_id, attempts.c.ended_at.is_(None))
        .values(outcome="canceled", ended_at=func.now())
    )
    return ids


def unfinished(connection: Connection) -> Sequence[Row[Any]]:
    """Open claims with `silent_s` (seconds since the last beat, None before the first) and `waited_s`."""
    since = func.extract("epoch", func.now() - claims.c.heartbeat_at).label("silent_s")
    waited = func.extract("epoch", func.now() - claims.c.requested_at).label("waited_s")
    return connection.execute(select(claims, since, waited).where(claims.c.ended_at.is_(None))).all()


def requested_again(connection: Connection, claim_id: str) -> int:
    """Count another request for a claim whose run never appeared; returns how many there were."""
    number: int = connection.execute(
        update(claims)
        .where(claims.c.claim_id == claim_id)
        .values(requests=claims.c.requests + 1, requested_at=func.now())
        .returning(claims.c.requests)
    ).scalar_one()
    return number
