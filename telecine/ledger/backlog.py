"""The backlog: what waits, in which order, for how long, and how fast it goes.

Nothing starves: what has waited for `Patience.starvation_s` (archive work: `Patience.archive_s`) is starving and comes
right behind URGENT work. Of each kind one starving batch is let through at a time (telecine/batching), so that a long
backlog of LOW or archive work never stands before what is more urgent. Archive work goes behind all live work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import Float

from telecine.errors import ErrorCode, InputError
from telecine.ledger import jobs as job_rows
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import Job, JobStatus
from telecine.ledger.schema import claims, jobs
from telecine.priority import STARVING, Lane, Patience, Priority

_BEHIND = int(Priority.URGENT)  # how far behind live work the archive stands
_RETRY_PATIENCE_S = 30.0  # how long a busy machine may hold a retry that is due


DEFAULT = Patience()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting job and where it stands.

    Attributes:
        base: its priority, below all live work when it is for the archive.
        starving: it has waited for too long.
    """

    job: Job
    base: int
    starving: bool = False


def _waited_s() -> ColumnElement[Any]:
    return func.extract("epoch", func.now() - jobs.c.created_at).cast(Float)


def _base() -> ColumnElement[Any]:
    return jobs.c.priority - case((jobs.c.lane != Lane.LIVE, _BEHIND), else_=0)


def _starving(patience: Patience) -> ColumnElement[bool]:
    return or_(
        and_(jobs.c.lane == Lane.LIVE, jobs.c.priority < Priority.HIGH, _waited_s() >= patience.starvation_s),
        and_(jobs.c.lane != Lane.LIVE, _waited_s() >= patience.archive_s),
    )


def effective_priority(patience: Patience) -> ColumnElement[Any]:
    """Where a job stands by now, as an SQL expression: its base, or STARVING."""
    return case((_starving(patience), STARVING), else_=_base())


def waiting(
    connection: Connection, patience: Patience = DEFAULT, *, hold_retries: bool = False, limit: int = 2_000
) -> list[Waiting]:
    """Jobs that could start now, in the order they should: at most one per partition, none whose partition is busy.

    Args:
        hold_retries: the machine is busy: what failed before waits a little longer.
        limit: of each kind, so that no kind hides another one.
    """
    other = jobs.alias("other")
    busy = exists().where(
        other.c.partition == jobs.c.partition,
        other.c.job_id != jobs.c.job_id,
        or_(
            other.c.status == JobStatus.PROCESSING,
            and_(other.c.status == JobStatus.PENDING, other.c.claim_id.is_not(None)),
        ),
    )
    held = case((jobs.c.attempts > 0, _RETRY_PATIENCE_S if hold_retries else 0.0), else_=0.0)
    due = jobs.c.not_before + seconds(held)
    unclaimed = and_(jobs.c.status == JobStatus.PENDING, jobs.c.claim_id.is_(None))
    standing = effective_priority(patience)
    picked: dict[str, tuple[int, Waiting]] = {}
    for kind in connection.scalars(select(jobs.c.kind).where(unclaimed).distinct()).all():
        rows = connection.execute(
            job_rows.JOBS.add_columns(
                standing.label("standing"), _base().label("base"), _starving(patience).label("starving")
            )
            .where(unclaimed, jobs.c.kind == kind, due <= func.now(), ~busy)
            .order_by(standing.desc(), jobs.c.job_id)
            .limit(limit)
            .with_for_update(of=jobs, skip_locked=True)
        )
        for row in rows:
            item = Waiting(job_rows.from_row(row), int(row.base), bool(row.starving))
            picked.setdefault(row.partition, (int(row.standing), item))
    return [item for _, item in sorted(picked.values(), key=lambda found: (-found[0], found[1].job.job_id))]


def is_anything_due(connection: Connection) -> bool:
    """Whether a job waits that no run was requested for: cheap enough to ask several times a second."""
    due = and_(jobs.c.status == JobStatus.PENDING, jobs.c.claim_id.is_(None), jobs.c.not_before <= func.now())
    return bool(connection.scalar(select(exists().where(due))))


def lift(connection: Connection, patience: Patience = DEFAULT) -> list[tuple[str, int]]:
    """Let starving claims that no run has taken up yet come next, one of each lane at a time.

    A batch that was requested early would otherwise stand behind everything requested later with more urgency.

    Returns:
        Claim and new priority, of those that rose.
    """
    fed = set(
        connection.scalars(select(claims.c.lane).where(claims.c.ended_at.is_(None), claims.c.priority == STARVING))
    )
    hungry = connection.execute(
        select(claims.c.claim_id, claims.c.lane)
        .join_from(claims, jobs, jobs.c.claim_id == claims.c.claim_id)
        .where(
            claims.c.ended_at.is_(None),
            claims.c.run_id.is_(None),
            claims.c.priority < STARVING,
            jobs.c.status == JobStatus.PENDING,
            _starving(patience),
        )
        .order_by(claims.c.claim_id)
        .distinct()
    )
    risen = []
    for row in hungry.all():
        if row.lane not in fed:
            fed.add(row.lane)
            connection.execute(update(claims).where(claims.c.claim_id == row.claim_id).values(priority=STARVING))
            risen.append((row.claim_id, STARVING))
    return risen


def expire(connection: Connection) -> list[str]:
    """End waiting jobs whose deadline passed; returns their ids."""
    deadline = jobs.c.limits["deadline"].astext
    rows = connection.execute(
        update(jobs)
        .where(
            jobs.c.status == JobStatus.PENDING,
            deadline.is_not(None),
            deadline.cast(TIMESTAMP(timezone=True)) < func.now(),
        )
        .values(
            **job_rows.ended(
                JobStatus.FAILED, InputError.kind, ErrorCode.DEADLINE_PASSED, "its deadline passed while it waited"
            )
        )
        .returning(jobs.c.job_id)
    )
    return [row.job_id for row in rows]


def depth(connection: Connection) -> Sequence[Row[Any]]:
    """`lane`, `kind`, `priority`, `waiting`, `running`, `delayed`, `oldest_s` of everything unfinished."""
    is_pending = jobs.c.status == JobStatus.PENDING
    return connection.execute(
        select(
            jobs.c.lane,
            jobs.c.kind,
            jobs.c.priority,
            func.count().filter(is_pending).label("waiting"),
            func.count().filter(jobs.c.status == JobStatus.PROCESSING).label("running"),
            func.count().filter(is_pending, jobs.c.not_before > func.now()).label("delayed"),
            func.max(_waited_s()).filter(is_pending).label("oldest_s"),
        )
        .where(jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING]))
        .group_by(jobs.c.lane, jobs.c.kind, jobs.c.priority)
        .order_by(jobs.c.lane.desc(), jobs.c.priority.desc(), jobs.c.kind)
    ).all()


def pace(connection: Connection, window_s: float) -> Sequence[Row[Any]]:
    """`kind`, `completed`, `failed`, `wait_s` and `work_s` (medians) of what ended within the window, by kind."""
    wait = func.extract("epoch", jobs.c.started_at - jobs.c.created_at)
    work = func.extract("epoch", jobs.c.finished_at - jobs.c.started_at)
    return connection.execute(
        select(
            jobs.c.kind,
            func.count().filter(jobs.c.status == JobStatus.COMPLETED).label("completed"),
            func.count().filter(jobs.c.status.in_([JobStatus.FAILED, JobStatus.ABANDONED])).label("failed"),
            func.percentile_cont(0.5).within_group(wait).label("wait_s"),
            func.percentile_cont(0.5).within_group(work).label("work_s"),
        )
        .where(jobs.c.finished_at > func.now() - seconds(window_s))
        .group_by(jobs.c.kind)
        .order_by(jobs.c.kind)
    ).all()


def ahead_of(connection: Connection, job_id: str, patience: Patience = DEFAULT) -> int | None:
    """How many waiting jobs will start before this one; None when it doesn't wait."""
    effective = effective_priority(patience)
    line = (
        select(jobs.c.job_id, func.row_number().over(order_by=(effective.desc(), jobs.c.job_id)).label("place"))
        .where(jobs.c.status == JobStatus.PENDING, jobs.c.claim_id.is_(None))
        .subquery()
    )
    place = connection.scalar(select(line.c.place).where(line.c.job_id == job_id))
    return None if place is None else int(place) - 1
