"""Run-status sensors: what Dagster says of runs that no hook speaks for (started, canceled, crashed).

https://docs.dagster.io/guides/automate/run-status-sensors. The backstop of media_assets/hooks.py: a hook needs a living
process. What becomes of a crashed run's jobs is recovery's business; here it is written down, and delivery is woken.
"""

import dagster as dg

from media_assets.hooks import claims_of
from resources import LedgerResource
from telecine.ledger import events

_EVERY_S = 15


def _tell(context: dg.RunStatusSensorContext, ledger: LedgerResource, word: str) -> None:
    run = context.dagster_run
    late = ledger.open().do(events.run_reported, run.run_id, word, "sensor", claims_of(run))
    if late:
        context.log.warning(f"run {run.run_id}: events of {len(late)} job(s) were missing and have been written")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.STARTED,
    name="run_started",
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes down which runs started.",
)
def run_started(context: dg.RunStatusSensorContext, ledger: LedgerResource) -> None:
    """A run's process is at work."""
    _tell(context, ledger, "started")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    name="run_canceled",
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes down which runs a person terminated, and wakes webhook delivery.",
)
def run_canceled(context: dg.RunStatusSensorContext, ledger: LedgerResource) -> None:
    """A person terminated a run."""
    _tell(context, ledger, "canceled")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.FAILURE,
    name="run_failed",
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes down which runs failed or crashed, and wakes webhook delivery.",
)
def run_failed(context: dg.RunStatusSensorContext, ledger: LedgerResource) -> None:
    """A run failed, or its process died."""
    _tell(context, ledger, "failed")


run_sensors = [run_started, run_canceled, run_failed]
