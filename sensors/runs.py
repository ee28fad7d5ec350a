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


def _sensor(status: dg.DagsterRunStatus, word: str, description: str) -> dg.SensorDefinition:
    """One sensor a status: Dagster knows no sensor for several."""

    @dg.run_status_sensor(
        run_status=status,
        name=f"run_{word}",
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
    def told(context: dg.RunStatusSensorContext, ledger: LedgerResource) -> None:
        _tell(context, ledger, word)

    return told


run_started = _sensor(dg.DagsterRunStatus.STARTED, "started", "Writes down which runs started.")
run_canceled = _sensor(
    dg.DagsterRunStatus.CANCELED, "canceled", "Writes down which runs a person terminated, and wakes webhook delivery."
)
run_failed = _sensor(
    dg.DagsterRunStatus.FAILURE, "failed", "Writes down which runs failed or crashed, and wakes webhook delivery."
)
run_sensors = [run_started, run_canceled, run_failed]
