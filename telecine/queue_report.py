"""The queue's state in sentences: what holds it up, and what would help. Pure: counts in, sentences out.

Belongs here: which of several causes is the one. Doesn't belong here: counting (telecine/ledger/backlog), or one job
(telecine/diagnosis).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telecine.ledger.workers import Worker
from telecine.spans import say_span

_SILENT_S = 8.0  # four missed beats, as recovery counts
_DISPATCH_S = 15.0  # dispatch looks every few seconds
_BACKLOG = 1_000  # requirements.md section 10, "alerts"
_FEW_PER_MINUTE = 10.0
_ERRORS = 0.05
_ENOUGH = 20  # ended jobs that make a rate


@dataclass
class Report:
    """What holds the queue up, and what to do; `bottleneck` is empty when nothing does."""

    bottleneck: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Slots:
    """How the runs of one lane stand: `working` with a worker, `requested` without one yet, of `room`."""

    working: int
    requested: int
    room: int


def slots_by_lane(claims: Sequence[Worker], limits: Mapping[str, int]) -> dict[str, Slots]:
    """Open runs of each lane."""
    working = Counter(claim.lane for claim in claims if claim.worker is not None)
    requested = Counter(claim.lane for claim in claims if claim.worker is None)
    return {lane: Slots(working[lane], requested[lane], room) for lane, room in limits.items()}


def report(
    depth: Sequence[Any],
    pace: Sequence[Any],
    claims: Sequence[Worker],
    *,
    pauses: Sequence[str],
    slots: int,
    window_s: float,
    ready_s: float,
    last_dispatch_s: float | None,
) -> Report:
    """Judge the queue.

    Args:
        depth, pace: rows of telecine.ledger.backlog.
        slots: runs that Dagster works on at once, the urgent one included.
        window_s: the time that `pace` counts.
        ready_s: how long the job that could start for longest waits for a run.
    """
    found = Report()
    say, advise = found.bottleneck.append, found.advice.append
    due = sum(row.waiting - row.delayed for row in depth)
    waiting = sum(row.waiting for row in depth)
    silent = [claim for claim in claims if (claim.silent_s or 0.0) > _SILENT_S]
    working = [claim for claim in claims if claim.worker is not None]
    for claim in silent:
        say(f"worker {claim.worker} was last heard {say_span(claim.silent_s)} ago; recovery takes its jobs back")
    for pause in pauses:
        say(f"no new work begins: {pause}")
    if pauses:
        advise("free what is short, or wait until the neighbour answers; nothing fails because of it")
    elif due and not claims:
        idle = last_dispatch_s is None or last_dispatch_s > _DISPATCH_S
        if idle and ready_s > _DISPATCH_S:
            say(f"{due} job(s) could start, but nothing is dispatched: the dispatcher doesn't seem to run")
            advise("`telecine status`, `telecine logs daemon`, `telecine doctor`")
    elif due and len(working) >= slots - 1:
        lanes = ", ".join(f"{number} {lane}" for lane, number in Counter(claim.lane for claim in working).items())
        say(f"all slots for normal work are in use ({lanes}; one of {slots} is kept for urgent runs)")
        advise("wait; on a machine with cores to spare raise TELECINE_RUN_SLOTS; more urgent work passes: `--priority`")
    delayed = sum(row.delayed for row in depth)
    if waiting and delayed == waiting:
        say(f"all {delayed} waiting job(s) failed before and wait for their next attempt")
    _judge_pace(found, pace, waiting, window_s)
    return found


def _judge_pace(found: Report, pace: Sequence[Any], waiting: int, window_s: float) -> None:
    """The alerts of requirements.md section 10 that are about the queue, and when it will be empty."""
    completed, failed = sum(row.completed for row in pace), sum(row.failed for row in pace)
    minutes = window_s / 60
    if waiting and completed >= _ENOUGH and not found.bottleneck:
        found.advice.append(f"at this pace the queue is empty in {say_span(waiting / (completed / window_s))}")
    if waiting > _BACKLOG:
        found.bottleneck.append(f"the backlog is long: {waiting:,} jobs wait")
    if waiting > completed and completed / minutes < _FEW_PER_MINUTE and waiting >= _ENOUGH:
        found.bottleneck.append(f"only {completed / minutes:.1f} jobs a minute are completed while {waiting:,} wait")
    if completed + failed >= _ENOUGH and failed / (completed + failed) > _ERRORS:
        found.bottleneck.append(f"{failed} of {completed + failed} jobs failed lately")
        found.advice.append("`telecine dead-letters list` shows whether they are alike")
