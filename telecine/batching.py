"""Batching: which waiting jobs go into one run. Pure: jobs in, batches out.

Sizes follow architecture.md: a run costs seconds to start, so images share one; nobody waits behind a long batch, so
batches are cut by estimated seconds of work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from telecine.ledger import Job
from telecine.ledger.backlog import Waiting
from telecine.priority import STARVING, Lane, Priority

MAX_FILES = 200
_SECONDS = 60.0  # a run costs about 4 s of a processor to start and end; equals wait in line anyhow
_SECONDS_ARCHIVE = 15.0
_SECONDS_LOW = 5.0  # at most so much work, so that whoever comes next waits no longer than that


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs for one run, all of one kind, lane and priority.

    Attributes:
        lane: the run's lane, "image", "video" or "audio".
        fresh: every partition is new, so the batch can be a contiguous range.
    """

    lane: str
    priority: int
    fresh: bool
    jobs: tuple[Job, ...]


def cut_batches(
    waiting: Sequence[Waiting],
    is_fresh: Callable[[str], bool],
    cores: int,
    limits: Mapping[str, int],
    requested: Mapping[tuple[str, int], int],
) -> list[Batch]:
    """Group jobs, in their order, into as many batches as each lane has room for.

    Args:
        waiting: jobs in the order they should start, at most one per partition.
        is_fresh: whether a partition key is still unknown to Dagster.
        cores: work on images is spread over this many processes.
        limits: runs each lane may have requested or running.
        requested: those it has, by lane and priority. Only its equals and betters take a batch's room, so that
            what is urgent is requested at once, however much else is.

    Of what is starving, one batch of a lane at a time goes before the rest.
    """
    there = Counter(requested)
    fed = {lane for (lane, priority), number in there.items() if priority == STARVING and number}
    batches: list[Batch] = []
    filling: dict[_Group, list[Job]] = {}
    order: dict[str, int] = {}

    def cut(group: _Group) -> None:
        batches.append(Batch(group.kind, group.standing, group.fresh, tuple(filling.pop(group))))
        if group.standing == STARVING:
            fed.add(group.kind)

    for number, item in enumerate(waiting):
        job = item.job
        order[job.job_id] = number
        standing = STARVING if item.starving and job.kind not in fed else item.base
        group = _Group(
            job.kind, job.lane, job.priority, standing, is_fresh(job.partition), number if _alone(job) else 0
        )
        filling.setdefault(group, []).append(job)
        full = sum(j.estimate_s for j in filling[group]) >= _seconds_of_work(job) * cores
        if full or _alone(job) or len(filling[group]) >= MAX_FILES:
            cut(group)
    for group in list(filling):
        cut(group)
    admitted = []
    for batch in sorted(batches, key=lambda batch: (-batch.priority, order[batch.jobs[0].job_id])):
        ahead = sum(n for (lane, priority), n in there.items() if lane == batch.lane and priority >= batch.priority)
        starving = batch.priority == STARVING and there[batch.lane, STARVING]
        if ahead < limits.get(batch.lane, 0) and not starving:
            there[batch.lane, batch.priority] += 1
            admitted.append(batch)
    return admitted


class _Group(NamedTuple):
    """What the jobs of a batch have in common; `alone` keeps those apart that take nobody with them."""

    kind: str
    lane: str
    priority: int
    standing: int
    fresh: bool
    alone: int


def _alone(job: Job) -> bool:
    """A video fills a run, and a suspect (its worker died before) must take nobody with it."""
    return job.kind == "video" or job.deaths > 0


def _seconds_of_work(job: Job) -> float:
    if job.priority <= Priority.LOW:
        return _SECONDS_LOW
    return _SECONDS if job.lane == Lane.LIVE else _SECONDS_ARCHIVE
