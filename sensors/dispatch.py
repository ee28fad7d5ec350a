"""Dispatch: waiting jobs become run requests, in order of priority, as many as the queue should hold.

The backlog stays in the ledger and Dagster's run queue stays short, because the queue is read and sorted whole every
few seconds (facts.md). Called by the bucket sensor in the same tick, and by a sensor of its own for jobs that come
through other doors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import structlog

from media_assets import tags
from media_assets.jobs import all_jobs, batch_by_kind
from media_assets.jobs import by_kind as job_by_kind
from media_assets.partitions import by_kind as partitions_by_kind
from media_assets.sources import observation
from resources import LedgerResource
from resources.dagster_storage import together
from sensors import lookout
from telecine.batching import Batch, cut_batches
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, backlog, breakers, claims
from telecine.machine import Pressure
from telecine.room import pauses, queue_limits
from telecine.settings import settings

log = structlog.get_logger(__name__)
_PAUSE_S = 0.25  # between two looks for waiting jobs
_QUEUED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED]
DISPATCH_LOCK = 0x7E1EC2  # advisory lock: one dispatcher at a time keeps partition ranges contiguous


def dispatch(instance: dg.DagsterInstance, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    """Claim what there is room for; add new partition keys batch by batch; request one run per batch."""
    with ledger.exclusive(DISPATCH_LOCK) as mine:
        if not mine:
            return dg.SkipReason("another dispatcher is at work")
        expired = ledger.do(backlog.expire)
        if expired:
            log.warning("dispatch.deadline_passed", jobs=expired)
        _lift(instance, ledger)
        pressure = Pressure.look(settings().scratch)
        if paused := pauses(pressure, settings(), ledger.do(breakers.open_ones)):
            return dg.SkipReason("no new work begins: " + "; ".join(paused))
        batches = ledger.do(_claim, instance, pressure.holds_retries(settings()))
        if not batches:
            return dg.SkipReason("nothing to dispatch")
        ranges = _add_partitions(instance, [batch for _, batch in batches])
        requests = [
            run_request(claim_id, batch.jobs, ranges[n], priority=batch.priority)
            for n, (claim_id, batch) in enumerate(batches)
        ]
    # Not by the result, whose events Dagster's daemon writes one by one.
    with together(instance):
        for event in (event for _, batch in batches for event in _seen(batch.jobs)):
            instance.report_runless_asset_event(event)
    return dg.SensorResult(run_requests=requests)


def _lift(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Runs that wait in Dagster's queue rise with the waiting of their jobs; the queue reads the tag at every look."""
    for claim_id, priority in ledger.do(backlog.lift, settings().patience):
        queued = dg.RunsFilter(tags={tags.CLAIM: claim_id}, statuses=_QUEUED)
        for run in instance.get_runs(queued, limit=1):
            instance.add_run_tags(run.run_id, {tags.PRIORITY: str(priority)})


def dispatch_again(
    instance: dg.DagsterInstance, claim_id: str, jobs: Sequence[Job], request: int, priority: int
) -> tuple[dg.RunRequest, list[dg.AssetObservation]]:
    """The request for a claim whose run never appeared; the tick that made the claim may have got no further."""
    instance.add_dynamic_partitions(partitions_by_kind[jobs[0].kind].name, [job.partition for job in jobs])
    return run_request(claim_id, jobs, contiguous=False, request=request, priority=priority), _seen(jobs)


def _seen(jobs: Sequence[Job]) -> list[dg.AssetObservation]:
    return [observation(job.kind, job.partition, job.bucket, job.key, job.etag, job.size_bytes) for job in jobs]


def _claim(connection: Any, instance: dg.DagsterInstance, hold_retries: bool) -> list[tuple[str, Batch]]:
    """Cut batches and put them under claims, in one transaction."""
    found = backlog.waiting(connection, settings().patience, hold_retries=hold_retries)
    waiting = [item for item in found if item.job.kind in job_by_kind]
    if not waiting:
        return []
    existing: set[str] = set()
    for kind, definition in partitions_by_kind.items():
        keys = [item.job.partition for item in waiting if item.job.kind == kind]
        for start in range(0, len(keys), 1_000):
            existing |= instance.get_existing_dynamic_partitions(definition.name, keys[start : start + 1_000])
    requested = claims.open_claims(connection)
    batches = cut_batches(waiting, lambda key: key not in existing, settings().cpu_threads, queue_limits(), requested)
    claimed = []
    for batch in batches:
        claim_id = new_id()
        claims.request(connection, claim_id, batch.jobs, lane=batch.lane, priority=batch.priority)
        claimed.append((claim_id, batch))
    return claimed


def _add_partitions(instance: dg.DagsterInstance, batches: Sequence[Batch]) -> list[bool]:
    """Make every key known to Dagster; says for each batch whether it is a contiguous range of nothing but its keys."""
    for batch in batches:
        keys = [job.partition for job in batch.jobs]
        instance.add_dynamic_partitions(partitions_by_kind[batch.lane].name, keys)
    contiguous = []
    order: dict[str, list[str]] = {}
    for batch in batches:
        keys = [job.partition for job in batch.jobs]
        if not batch.fresh or len(keys) == 1:
            contiguous.append(len(keys) == 1)
            continue
        name = partitions_by_kind[batch.lane].name
        everything = order.setdefault(name, list(instance.get_dynamic_partitions(name)))
        first = everything.index(keys[0])
        contiguous.append(everything[first : first + len(keys)] == keys)
    return contiguous


def run_request(
    claim_id: str, jobs: Sequence[Job], contiguous: bool, request: int = 1, priority: int | None = None
) -> dg.RunRequest:
    """The run for a claim: a partition or a range where it is one, the claim's tag alone otherwise."""
    first, last = jobs[0], jobs[-1]
    priority = first.priority if priority is None else priority
    run_tags = {
        tags.CLAIM: claim_id,
        tags.LANE: first.kind,
        tags.PRIORITY: str(priority),
        tags.URGENT: tags.urgency(priority),
    }
    if len(jobs) == 1:
        run_tags |= {
            tags.JOB: first.job_id,
            tags.CORRELATION: first.correlation_id,
            tags.ATTEMPT: str(first.attempts + 1),
            tags.SOURCE: f"{first.bucket}/{first.key}"[:250],
        }
    elif contiguous:
        run_tags |= {tags.RANGE_START: first.partition, tags.RANGE_END: last.partition}
    if first.batch_id and all(job.batch_id == first.batch_id for job in jobs):
        run_tags[tags.BATCH] = first.batch_id
    is_batch = len(jobs) > 1 and not contiguous
    return dg.RunRequest(
        run_key=f"{claim_id}:{request}",
        job_name=(batch_by_kind if is_batch else job_by_kind)[first.kind].name,
        partition_key=first.partition if len(jobs) == 1 else None,
        tags=run_tags,
    )


@dg.sensor(
    name="dispatch",
    jobs=all_jobs,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests runs for waiting jobs, by priority.",
)
def dispatch_sensor(context: dg.SensorEvaluationContext, ledger: LedgerResource):
    """Jobs that came through other doors than a bucket."""
    book = ledger.open()
    lookout.until_found(lambda: book.do(backlog.is_anything_due), _PAUSE_S)
    return dispatch(context.instance, book)
