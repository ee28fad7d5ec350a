"""Recovery: nothing accepted is ever lost, whatever died.

Looks at every claim that hasn't ended: a run that never appeared is requested again, a worker that stopped beating
loses its claim, a finished run that left its claim open is closed. Also brings late manifests in line and sweeps
scratch. There is one recovery, this one: Dagster's run_retries is off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import dagster as dg

from media_assets import tags
from media_assets.jobs import all_jobs
from media_assets.materializations import materializations, source_pointers
from resources import LedgerResource, ObjectStoreResource
from sensors import lookout
from sensors.dispatch import dispatch_again
from telecine.batch_manifest import write_batch_manifest
from telecine.errors import ErrorCode, TelecineError
from telecine.ledger import Ledger, batches, breakers, claims, generations
from telecine.ledger import jobs as job_rows
from telecine.publish import write_manifest
from telecine.scratch import sweep
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.worker import Outcome

_PAUSE_S = 1.0  # between two looks of one tick
SILENT_S = 8.0  # four missed beats
CONFIRM_S = 4.0  # and none for so much longer: a worker and we may have waited for the same database
NO_RUN_S = 20.0  # a requested run appears within a second or two; a crash between tick and launch loses it
LATE_MANIFEST_S = 10.0
_MANIFESTS_S = 5.0  # of a tick, for manifests that are late
ABANDON_S = 24 * 3600.0  # no beat for so long, and no recovery either: somebody has to look at it first
MAX_REQUESTS = 5
RECOVERY_LOCK = 0x7E1EC3
# How long a run may stay in a status before it has bound its claim. Dagster calls a run started before its code is
# loaded; when code server and worker die together, nobody else will ever say that it is gone.
_UNBOUND_S = {
    dg.DagsterRunStatus.NOT_STARTED: 60.0,
    dg.DagsterRunStatus.STARTING: 60.0,
    dg.DagsterRunStatus.STARTED: 45.0,  # the code takes 3 s to load, ten times that on a crowded machine
    dg.DagsterRunStatus.CANCELING: 60.0,
}
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
    lookout.until_found(lambda: _is_anything_amiss(book), _PAUSE_S)
    with book.exclusive(RECOVERY_LOCK) as mine:
        if not mine:
            return dg.SkipReason("another recovery is at work")
        open_claims = book.do(claims.unfinished)
        look = _Look(context, book)
        for claim in open_claims:
            with _alone(context, f"claim {claim.claim_id}"):
                look.after(claim)
        look.confirm()
        announced = _announce(context, book)
        store = object_store.open()
        _probe(context, book, store)
        _forsaken_batches(book)
        if not book.do(breakers.open_ones):
            _late_manifests(context, book, store)
            _batch_manifests(context, book, store)
        # Asked again: a claim that was opened while we were looking has scratch of its own by now.
        swept = sweep(settings().scratch, {claim.claim_id for claim in book.do(claims.unfinished)})
        if swept:
            context.log.info(f"removed scratch of {len(swept)} ended claim(s)")
        if announced:
            context.log.info(f"told Dagster of {announced} file(s) whose run died after it had published them")
    return dg.SensorResult(
        run_requests=look.requests,
        asset_events=look.seen,
        skip_reason=None if look.requests else f"{len(open_claims)} open claims",
    )


def _is_anything_amiss(ledger: Ledger) -> bool:
    """Whether a worker missed a beat or two, or a run is late: all else can wait for the end of the tick."""
    return any(
        (claim.silent_s or 0.0) > SILENT_S / 2 or (claim.run_id is None and claim.waited_s > NO_RUN_S)
        for claim in ledger.do(claims.unfinished)
    )


@contextmanager
def _alone(context: dg.SensorEvaluationContext, what: str) -> Iterator[None]:
    """One of many: what goes wrong with it is said, and the others have their turn."""
    try:
        yield
    except Exception as e:  # noqa: BLE001  whatever it was, it must not keep recovery from everybody else
        context.log.error(f"{what} could not be looked after: {e!r}")


class _Look:
    """One look at the open claims, and what it leads to."""

    def __init__(self, context: dg.SensorEvaluationContext, ledger: Ledger) -> None:
        self.context = context
        self.ledger = ledger
        self.requests: list[dg.RunRequest] = []
        self.seen: list[dg.AssetObservation] = []
        self._silent: list[tuple[Any, dg.DagsterRun]] = []

    def after(self, claim: Any) -> None:
        """Look after one claim."""
        if claim.run_id is None:
            self._after_request(claim)
            return
        run = self.context.instance.get_run_by_id(claim.run_id)
        if run is not None and run.status not in _ENDED:
            if claim.silent_s > SILENT_S:
                self._silent.append((claim, run))
        elif claim.silent_s > SILENT_S / 2:  # a moment for its worker to say the last word
            _take_back(self.context, self.ledger, claim, run)

    def confirm(self) -> None:
        """Take back what is still silent a moment later.

        Whatever kept a living worker from the database (a restart, a frozen machine) kept us from it as well, and its
        next beat may be as near as this look.
        """
        if not self._silent:
            return
        time.sleep(CONFIRM_S)
        now = {claim.claim_id: claim for claim in self.ledger.do(claims.unfinished)}
        for claim, run in self._silent:
            still = now.get(claim.claim_id)
            if still is not None and still.heartbeat_at == claim.heartbeat_at:
                with _alone(self.context, f"claim {claim.claim_id}"):
                    _take_back(self.context, self.ledger, still, run)

    def _after_request(self, claim: Any) -> None:
        """A claim that no run has taken up yet."""
        if claim.waited_s < NO_RUN_S:
            return
        instance, ledger = self.context.instance, self.ledger
        records = instance.get_run_records(dg.RunsFilter(tags={tags.CLAIM: claim.claim_id}), limit=5)
        coming = [record for record in records if record.dagster_run.status not in _ENDED]
        stuck = [record.dagster_run for record in coming if _is_stuck(record)]
        if len(coming) > len(stuck):
            return
        if any(r.dagster_run.status == dg.DagsterRunStatus.CANCELED for r in records):
            ledger.do(claims.cancel_jobs, claim.claim_id, "its run was terminated in the Dagster UI before it started")
            ledger.do(claims.end, claim.claim_id, "canceled")
            return
        if stuck:
            if ledger.do(claims.end_unbound, claim.claim_id, "never started"):
                for run in stuck:
                    instance.report_run_failed(run, "its worker died before it began; its files are processed again")
            return
        jobs = ledger.do(job_rows.of_claim, claim.claim_id)
        number = ledger.do(claims.requested_again, claim.claim_id)
        if not jobs or number > MAX_REQUESTS:
            ledger.do(claims.end_unbound, claim.claim_id, "never started")  # dispatch cuts a new batch from its jobs
            return
        self.context.log.warning(
            f"claim {claim.claim_id}: no run appeared after {claim.waited_s:.0f} s; requested again"
        )
        request, seen = dispatch_again(instance, claim.claim_id, jobs, number, claim.priority)
        self.requests.append(request)
        self.seen += seen


def _is_stuck(record: dg.RunRecord) -> bool:
    patience_s = _UNBOUND_S.get(record.dagster_run.status)
    return patience_s is not None and time.time() - record.update_timestamp.timestamp() > patience_s


def _take_back(context: dg.SensorEvaluationContext, ledger: Ledger, claim: Any, run: dg.DagsterRun | None) -> None:
    """The worker is gone: first fence it (its claim ends), then say so to Dagster."""
    if run is not None and run.status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING):
        ledger.do(claims.cancel_jobs, claim.claim_id, "its run was terminated in the Dagster UI")
    abandon = (claim.silent_s or 0.0) > ABANDON_S
    back = ledger.do(claims.end, claim.claim_id, "lost", worker_died=True, abandon=abandon)
    context.log.warning(
        f"claim {claim.claim_id} of run {claim.run_id} on {claim.worker}: no beat for {claim.silent_s or 0:.0f} s; "
        f"{len(back)} job(s) wait again"
    )
    if run is not None and run.status not in _ENDED:
        context.instance.report_run_failed(
            run, f"its worker {claim.worker} stopped beating; {len(back)} job(s) are processed by another run"
        )


def _announce(context: dg.SensorEvaluationContext, ledger: Ledger) -> int:
    """Materializations that a run couldn't log any more: it had published, then it died. Returns how many files."""
    instance = context.instance
    told = 0
    for claim_id, rows in groupby(ledger.do(generations.unannounced), key=lambda row: row.claim_id):
        with _alone(context, f"what claim {claim_id} published"):
            told += _announce_claim(instance, ledger, claim_id, list(rows))
    return told


def _announce_claim(instance: dg.DagsterInstance, ledger: Ledger, claim_id: str, published: list[Any]) -> int:
    told = 0
    jobs = ledger.do(job_rows.get, [row.job_id for row in published])
    for row in published:
        outcome = Outcome.published(jobs[row.job_id], row.generation, row.manifest)
        pointers = source_pointers(instance, outcome.job.kind, [outcome.job.partition])
        untold = [e for e in materializations(outcome, outcome.made, pointers, settings()) if not _known(instance, e)]
        for event in untold:
            instance.report_runless_asset_event(event)
        told += bool(untold)
    ledger.do(generations.mark_announced, claim_id)
    return told


def _known(instance: dg.DagsterInstance, event: dg.AssetMaterialization) -> bool:
    """Whether Dagster knows of this generation, or of a newer one."""
    newest = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=event.asset_key, asset_partitions=[str(event.partition)]), limit=1
    ).records
    known = newest[0].asset_materialization.metadata.get("generation") if newest else None
    return known is not None and known.value >= event.metadata["generation"].value


def _late_manifests(context: dg.SensorEvaluationContext, ledger: Ledger, store: ObjectStore) -> None:
    end = time.monotonic() + _MANIFESTS_S
    for partition in ledger.do(generations.unwritten, LATE_MANIFEST_S):
        if time.monotonic() > end:
            return  # the rest in the next tick
        try:
            write_manifest(ledger, store, settings().output_bucket, partition)
            context.log.info(f"{partition}: manifest.json brought in line with the ledger")
        except TelecineError as e:
            context.log.warning(f"{partition}: {e}")
            if e.code is ErrorCode.STORE_UNAVAILABLE:
                return


def _probe(context: dg.SensorEvaluationContext, ledger: Ledger, store: ObjectStore) -> None:
    """Try the object store once in a while as long as its breaker is open."""
    for breaker in ledger.do(breakers.open_ones):
        if breaker.name != breakers.OBJECT_STORE or not ledger.do(breakers.probe, breaker.name):
            continue
        try:
            store.stat(settings().output_bucket, "telecine-probe")
        except TelecineError as e:
            ledger.do(breakers.failed, breaker.name, e.message)
            context.log.warning(f"the object store still fails: {e}")
        else:
            ledger.do(breakers.mend, breaker.name)
            context.log.info("the object store answers again")


def _batch_manifests(context: dg.SensorEvaluationContext, ledger: Ledger, store: ObjectStore) -> None:
    end = time.monotonic() + _MANIFESTS_S
    for batch_id in ledger.do(batches.unwritten):
        if time.monotonic() > end:
            return
        try:
            write_batch_manifest(ledger, store, settings().output_bucket, batch_id)
        except TelecineError as e:
            context.log.warning(f"batch {batch_id}: {e}")
            if e.code is ErrorCode.STORE_UNAVAILABLE:
                return


def _forsaken_batches(ledger: Ledger) -> None:
    for batch_id in ledger.do(batches.forsaken):
        if not ledger.do(batches.discard, batch_id):
            ledger.do(batches.close, batch_id)
