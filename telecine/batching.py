"""Batching: which waiting jobs go into one run. Pure: jobs in, batches out.

Sizes follow architecture.md: a run costs seconds to start, so images share one; nobody waits behind a long batch, so
batches are cut by estimated seconds of work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from telecine.ledger import Job
from telecine.ledger.backlog import Waiting
from telecine.priority import Lane, Priority

MAX_FILES = 200
_SECONDS = 30.0
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

    A suspect (its worker died before) is a batch of its own, so that it takes nobody with it.
    """
    batches: list[Batch] = []
    filling: dict[tuple[str, str, int, bool], list[Waiting]] = {}
    for item in waiting:
        job, fresh = item.job, is_fresh(item.job.partition)
        if job.kind == "video" or job.deaths:
            batches.append(_batch(job.kind, fresh, [item]))
            continue
        place = (job.kind, job.lane, job.priority, fresh)
        group = filling.setdefault(place, [])
        group.append(item)
        limit_s = _seconds_of_work(job) * cores
        if len(group) >= MAX_FILES or _seconds(group) >= limit_s:
            batches.append(_batch(job.kind, fresh, filling.pop(place)))
    batches += [_batch(kind, fresh, group) for (kind, _, _, fresh), group in filling.items()]
    order = {item.job.job_id: number for number, item in enumerate(waiting)}
    batches.sort(key=lambda batch: order[batch.jobs[0].job_id])
    there = Counter(requested)
    admitted = []
    for batch in batches:
        ahead = sum(n for (lane, priority), n in there.items() if lane == batch.lane and priority >= batch.priority)
        if ahead < limits.get(batch.lane, 0):
            there[batch.lane, batch.priority] += 1
            admitted.append(batch)
    return admitted


def _batch(lane: str, fresh: bool, group: Sequence[Waiting]) -> Batch:
    """A batch stands where the one of its jobs stands that waited longest."""
    return Batch(lane, max(item.effective for item in group), fresh, tuple(item.job for item in group))


def _seconds_of_work(job: Job) -> float:
    if job.priority <= Priority.LOW:
        return _SECONDS_LOW
    return _SECONDS if job.lane == Lane.LIVE else _SECONDS_ARCHIVE


def _seconds(group: Iterable[Waiting]) -> float:
    return sum(item.job.estimate_s for item in group)
