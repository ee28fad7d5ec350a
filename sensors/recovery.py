"""Recovery: nothing accepted is ever lost, whatever died.

Looks at every claim that hasn't ended: a run that never appeared is requested again, a worker that stopped beating
loses its claim, a finished run that left its claim open is closed. Also brings late manifests in line and sweeps
scratch. There is one recovery, this one: Dagster's run_retries is off.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from media_assets import tags
from media_assets.jobs import all_jobs
from resources import LedgerResource, ObjectStoreResource
from sensors.dispatch import run_request
from telecine.errors import TelecineError
from telecine.ledger import Ledger, claims, generations
from telecine.ledger import jobs as job_rows
from telecine.publish import write_manifest
from telecine.scratch import sweep
from telecine.settings import settings
from telecine.storage import ObjectStore

SILENT_S = 12.0  # six missed beats; with a look every 5 s a dead worker's jobs wait again within 20 s
NO_RUN_S = 20.0  # a requested run appears within a second or two; a crash between tick and launch loses it
LATE_MANIFEST_S = 10.0
MAX_REQUESTS = 5
RECOVERY_LOCK = 0x7E1EC3
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dg.sensor(
    name="recovery",
    jobs=all_jobs,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Finds claims whose run died or never appeared, and puts their jobs back.",
)
def recovery_sensor(context: dg.SensorEvaluationContext, ledger: LedgerResource, object_store: ObjectStoreResource):
    """One look at every open claim."""
    book = ledger.open()
    with book.exclusive(RECOVERY_LOCK) as mine:
        if not mine:
            return dg.SkipReason("another recovery is at work")
        open_claims = book.do(claims.unfinished)
        requests = [request for claim in open_claims if (request := _look_after(context, book, claim)) is not None]
        _late_manifests(context, book, object_store.open())
        swept = sweep(settings().scratch, {claim.claim_id for claim in open_claims})
        if swept:
            context.log.info(f"removed scratch of {len(swept)} ended claim(s)")
    return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason(f"{len(open_claims)} open claims")


def _look_after(context: dg.SensorEvaluationContext, ledger: Ledger, claim: Any) -> dg.RunRequest | None:
    instance = context.instance
    if claim.run_id is not None:
        run = instance.get_run_by_id(claim.run_id)
        ended = run is None or run.status in _ENDED
        if claim.silent_s is not None and claim.silent_s < (4.0 if ended else SILENT_S):
            return None
        _take_back(context, ledger, claim, run)
        return None
    runs = instance.get_runs(dg.RunsFilter(tags={tags.CLAIM: claim.claim_id}), limit=5)
    waiting = [run for run in runs if run.status not in _ENDED]
    if waiting or claim.waited_s < NO_RUN_S:
        return None
    if any(run.status == dg.DagsterRunStatus.CANCELED for run in runs):
        ledger.do(claims.cancel_jobs, claim.claim_id, "its run was terminated in the Dagster UI before it started")
        ledger.do(claims.end, claim.claim_id, "canceled")
        return None
    jobs = ledger.do(job_rows.of_claim, claim.claim_id)
    number = ledger.do(claims.requested_again, claim.claim_id)
    if not jobs or number > MAX_REQUESTS:
        ledger.do(claims.end, claim.claim_id, "never started")  # dispatch cuts a new batch from its jobs
        return None
    context.log.warning(f"claim {claim.claim_id}: no run appeared after {claim.waited_s:.0f} s; requested again")
    return run_request(claim.claim_id, jobs, contiguous=False, request=number)


def _take_back(context: dg.SensorEvaluationContext, ledger: Ledger, claim: Any, run: dg.DagsterRun | None) -> None:
    """The worker is gone: first fence it (its claim ends), then say so to Dagster."""
    if run is not None and run.status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING):
        ledger.do(claims.cancel_jobs, claim.claim_id, "its run was terminated in the Dagster UI")
    back = ledger.do(claims.end, claim.claim_id, "lost", worker_died=True)
    context.log.warning(
        f"claim {claim.claim_id} of run {claim.run_id} on {claim.worker}: no beat for {claim.silent_s or 0:.0f} s; "
        f"{len(back)} job(s) wait again"
    )
    if run is not None and run.status not in _ENDED:
        context.instance.report_run_failed(
            run, f"its worker {claim.worker} stopped beating; {len(back)} job(s) are processed by another run"
        )


def _late_manifests(context: dg.SensorEvaluationContext, ledger: Ledger, store: ObjectStore) -> None:
    for partition in ledger.do(generations.unwritten, LATE_MANIFEST_S):
        try:
            write_manifest(ledger, store, settings().output_bucket, partition)
            context.log.info(f"{partition}: manifest.json brought in line with the ledger")
        except TelecineError as e:
            context.log.warning(f"{partition}: {e}")
