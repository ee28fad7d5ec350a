"""From a Dagster run to a claim and back: every way a run can start and stop, in one place.

A run requested by dispatch carries its claim in a tag. A run a person or a backfill started has partition keys; it
opens a claim for them, so that events, recovery and the catalogue are the same whoever started the work.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from media_assets import tags
from telecine.ledger import Ledger, claims, runs
from telecine.ledger.database import is_outage
from telecine.settings import settings
from telecine.worker import HeldClaim, hold_claim, worker_name

Context = dg.AssetExecutionContext | dg.OpExecutionContext


def bind(context: Context, ledger: Ledger, lane: str, assets: Collection[str]) -> tuple[str | None, dict[str, str]]:
    """The claim this run works on, bound to it; and the partitions of this run that it can't work on now, with why.

    Args:
        assets: asset keys of this kind; a run that selected only some of them leaves waiting jobs to others.

    No claim when it was given to another run meanwhile (this one started too late). That is no failure: a run that
    fails turns the partitions of its range FAILED, also those that the other run has made.

    Raises:
        dagster.Failure: the run has neither a claim nor partitions.
    """
    run = context.run
    claim_id = run.tags.get(tags.CLAIM)
    if claim_id and ledger.do(claims.start, claim_id, run_id=run.run_id, worker=worker_name()):
        return claim_id, {}
    keys = list(context.partition_keys) if context.has_partition_key_range or context.has_partition_key else []
    if claim_id and not run.parent_run_id:
        context.log.warning(f"claim {claim_id} was given to another run, which processes its files: nothing to do here")
        return None, {}
    if not keys:
        raise dg.Failure(
            "This run names no partitions: choose the files to materialize (partition keys) in the UI.",
            allow_retries=False,
        )
    whole = {key.to_user_string() for key in context.selected_asset_keys} >= set(assets)
    # Derived from the run, so that a repeated transaction finds the claim it made.
    claim_id = run.run_id
    _, refused = ledger.do(
        runs.open_claim, claim_id, keys, run_id=run.run_id, worker=worker_name(), lane=lane, whole=whole
    )
    return claim_id, refused


@contextmanager
def hold(context: Context, ledger: Ledger, claim_id: str) -> Iterator[HeldClaim]:
    """Beat while the block works; when it is interrupted, cancel (a person terminated the run) or give back.

    Terminating in the UI puts the run into CANCELING before the process is interrupted; a stack that goes down
    interrupts without that, and its jobs must be done later.
    """
    with hold_claim(ledger, claim_id, context.run.run_id) as held:
        try:
            yield held
        except BaseException as e:
            _give_back(context, ledger, claim_id, e)
            shutil.rmtree(settings().scratch / claim_id, ignore_errors=True)
            raise


def _give_back(context: Context, ledger: Ledger, claim_id: str, error: BaseException) -> None:
    """End the claim of a run that is about to end with `error`."""
    if isinstance(error, dg.DagsterExecutionInterruptedError | KeyboardInterrupt):
        run = context.instance.get_run_by_id(context.run.run_id)
        if run is not None and run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED):
            ledger.do(claims.cancel_jobs, claim_id, "its run was terminated in the Dagster UI")
            ledger.do(claims.end, claim_id, "canceled")
        else:
            ledger.do(claims.end, claim_id, "interrupted")
    elif isinstance(error, Exception) and not isinstance(error, dg.Failure):
        # Unless the database was away, what was being worked on may be what brought us down: it counts as a death, so
        # that a file that stops every run ends as POISON instead of going round for ever.
        ledger.do(claims.end, claim_id, "failed", worker_died=not is_outage(error))


def tell(context: Context, events: Iterable[dg.AssetMaterialization]) -> None:
    """Log materializations, each once more when the database was restarted under a kept connection."""
    for event in events:
        try:
            context.log_event(event)
        except Exception as e:
            if not is_outage(e):
                raise
            context.log_event(event)


def fail_if_any(held: HeldClaim, problems: dict[str, str]) -> None:
    """Fail the run, listing every file that wasn't made; the others are materialized already.

    Raises:
        dagster.Failure: never retried by Dagster, because retries belong to the ledger.
    """
    if held.lost.is_set():
        raise dg.Failure(
            f"Claim {held.claim_id} was taken back because this worker had stopped beating; "
            "what it hadn't finished is processed by another run.",
            allow_retries=False,
        )
    if not problems:
        return
    rows = [dg.TableRecord({"partition": key, "reason": reason}) for key, reason in list(problems.items())[:100]]
    first = next(iter(problems.items()))
    raise dg.Failure(
        f"{len(problems)} file(s) were not made; first: {first[0]}: {first[1]}",
        metadata={"failed": dg.MetadataValue.table(rows)},
        allow_retries=False,
    )
