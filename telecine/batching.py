"""Batching: which waiting jobs go into one run. Pure: jobs in, batches out.

Sizes follow architecture.md: a run costs seconds to start, so images share one; nobody waits behind a long batch, so
batches are cut by estimated seconds of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from telecine.ledger import Job
from telecine.priority import Priority

MAX_FILES = 200
_SECONDS = {Priority.LOW: 5.0}  # LOW: at most 5 s of work, so that whoever comes next waits no longer than that
_SECONDS_DEFAULT = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs for one run, all of one kind and priority.

    Attributes:
        lane: the run's lane, "image", "video" or "audio".
        fresh: every partition is new, so the batch can be a contiguous range.
    """

    lane: str
    priority: int
    fresh: bool
    jobs: tuple[Job, ...]


def cut_batches(
    waiting: Sequence[Job], is_fresh: Callable[[str], bool], cores: int, room: Mapping[str, int]
) -> list[Batch]:
    """Group jobs, in their order, into as many batches as each lane has room for.

    Args:
        waiting: jobs in the order they should start, at most one per partition.
        is_fresh: whether a partition key is still unknown to Dagster.
        cores: work on images is spread over this many processes.
        room: runs each lane may still have requested.

    A suspect (its worker died before) is a batch of its own, so that it takes nobody with it.
    """
    batches: list[Batch] = []
    filling: dict[tuple[str, int, bool], list[Job]] = {}
    for job in waiting:
        fresh = is_fresh(job.partition)
        if job.kind == "video" or job.deaths:
            batches.append(Batch(job.kind, job.priority, fresh, (job,)))
            continue
        group = filling.setdefault((job.kind, job.priority, fresh), [])
        group.append(job)
        limit_s = _SECONDS.get(Priority(job.priority), _SECONDS_DEFAULT) * cores
        if len(group) >= MAX_FILES or _seconds(group) >= limit_s:
            batches.append(Batch(job.kind, job.priority, fresh, tuple(filling.pop((job.kind, job.priority, fresh)))))
    batches += [Batch(*place, tuple(group)) for place, group in filling.items()]
    order = {job.job_id: number for number, job in enumerate(waiting)}
    batches.sort(key=lambda batch: order[batch.jobs[0].job_id])
    left = dict(room)
    admitted = []
    for batch in batches:
        if left.get(batch.lane, 0) > 0:
            left[batch.lane] -= 1
            admitted.append(batch)
    return admitted


def _seconds(jobs: Iterable[Job]) -> float:
    return sum(job.estimate_s for job in jobs)
