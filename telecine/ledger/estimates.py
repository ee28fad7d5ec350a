"""How long jobs take: learnt from the attempts that completed, and how good the guess turned out to be.

Belongs here: questions to the history. Doesn't belong here: refining an answer while the work runs (telecine/eta), or
the guess for a kind that was never made before (telecine/priority).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from sqlalchemy import Connection, and_, func, select, union_all

from telecine.eta import Estimate
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import Job, JobStatus
from telecine.ledger.schema import attempts, jobs
from telecine.priority import estimate_seconds

_NEWEST = 300  # attempts of a kind that are looked at
_DAYS = 30
_ENOUGH = 5  # attempts that say more than the next wider circle
_COMPARABLE = 4.0  # times larger or smaller
_ACTUAL_S = func.extract("epoch", attempts.c.ended_at - attempts.c.started_at)


@dataclass(frozen=True, slots=True)
class Past:
    """One attempt that completed, the first of its job: a retry may have had less to make."""

    kind: str
    recipe_hash: str
    size_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far estimates were off, as shares of the time that the attempts took."""

    kind: str
    attempts: int
    median: float
    p90: float


def expected(connection: Connection, job: Job) -> Estimate:
    """How long an attempt at a job will take."""
    return expected_for(connection, [job])[job.job_id]


def expected_for(connection: Connection, wanted: Sequence[Job]) -> dict[str, Estimate]:
    """How long an attempt at each of some jobs will take, by job id; one query for all of them."""
    past = _past(connection, sorted({job.kind for job in wanted}))
    return {job.job_id: estimate(past, job.kind, job.recipe_hash, job.size_bytes) for job in wanted}


def estimate(past: Iterable[Past], kind: str, recipe_hash: str, size_bytes: int) -> Estimate:
    """Learn from those most alike: the same recipe and a comparable size, or less where there are too few.

    Seconds are compared with what `estimate_seconds` says of each file, so that a file twice as large isn't expected
    to take as long.
    """
    guess = estimate_seconds(kind, size_bytes)
    same = [p for p in past if p.kind == kind]
    near = [p for p in same if size_bytes / _COMPARABLE <= p.size_bytes <= size_bytes * _COMPARABLE]
    circles = (
        [p for p in near if p.recipe_hash == recipe_hash],
        [p for p in same if p.recipe_hash == recipe_hash],
        near,
        same,
    )
    alike = next((circle for circle in circles if len(circle) >= _ENOUGH), None)
    if alike is None:
        return Estimate.guess(guess)
    ratios = [p.seconds / estimate_seconds(kind, p.size_bytes) for p in alike]
    steps = quantiles(ratios, n=20, method="inclusive")
    return Estimate(steps[4] * guess, steps[9] * guess, steps[17] * guess, len(alike))


def spent_s(connection: Connection, job_id: str, generation: int) -> float:
    """Seconds since an attempt began, by the database's clock: a video's steps share them."""
    age = select(func.extract("epoch", func.clock_timestamp() - attempts.c.started_at)).where(
        attempts.c.job_id == job_id, attempts.c.generation == generation
    )
    return max(0.0, float(connection.scalar(age) or 0.0))


def accuracy(connection: Connection, window_s: float = 86_400.0) -> list[Accuracy]:
    """|actual - estimate| / actual of the attempts that completed within the last seconds, by kind."""
    off = (func.abs(_ACTUAL_S - attempts.c.estimate_s) / func.greatest(_ACTUAL_S, 0.001)).label("off")
    each = (
        select(jobs.c.kind, off)
        .join_from(attempts, jobs, attempts.c.job_id == jobs.c.job_id)
        .where(
            attempts.c.outcome == "completed",
            attempts.c.estimate_s.is_not(None),
            attempts.c.ended_at > func.now() - seconds(window_s),
        )
        .subquery()
    )
    rows = connection.execute(
        select(
            each.c.kind,
            func.count(),
            func.percentile_cont(0.5).within_group(each.c.off),
            func.percentile_cont(0.9).within_group(each.c.off),
        )
        .group_by(each.c.kind)
        .order_by(each.c.kind)
    )
    return [Accuracy(row[0], row[1], round(float(row[2]), 3), round(float(row[3]), 3)) for row in rows]


def _past(connection: Connection, kinds: Sequence[str]) -> list[Past]:
    """The newest attempts of some kinds that completed."""
    if not kinds:
        return []

    def newest(kind: str) -> Any:
        recent = (
            select(jobs.c.job_id, jobs.c.generation, jobs.c.kind, jobs.c.recipe_hash, jobs.c.size_bytes)
            .where(
                jobs.c.kind == kind,
                jobs.c.status == JobStatus.COMPLETED,
                jobs.c.attempts == 1,
                jobs.c.finished_at > func.now() - func.make_interval(0, 0, 0, _DAYS),
            )
            .order_by(jobs.c.finished_at.desc())
            .limit(_NEWEST)
            .subquery()
        )
        return select(recent.c.kind, recent.c.recipe_hash, recent.c.size_bytes, _ACTUAL_S.label("seconds")).join_from(
            recent,
            attempts,
            and_(attempts.c.job_id == recent.c.job_id, attempts.c.generation == recent.c.generation),
        )

    rows = connection.execute(union_all(*[newest(kind) for kind in kinds]))
    return [Past(r.kind, r.recipe_hash, r.size_bytes, max(float(r.seconds), 0.01)) for r in rows if r.seconds]
