"""The watchdog that delivers when nobody else does, hooks, and the run-status sensors behind them."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from media_assets import tags
from media_assets.hooks import hooks
from resources import LedgerResource, ObjectStoreResource
from sensors.runs import run_canceled, run_failed, run_started
from sensors.webhooks import webhook_sensor
from telecine.ledger import deliverers, events
from tests.integration.webhooks.conftest import Life
from tests.integration.webhooks.receiver import Receiver

pytestmark = pytest.mark.integration


@pytest.fixture
def resource(postgres_url: str) -> LedgerResource:
    return LedgerResource(postgres_url=postgres_url)


def tick(resource: LedgerResource) -> str:
    """One evaluation of the watchdog; answers what it said."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance)
        said = webhook_sensor(context, ledger=resource, object_store=ObjectStoreResource())
    assert isinstance(said, dg.SkipReason)
    return str(said.skip_message)


def test_the_watchdog_delivers_only_while_no_process_does(
    life: Life, server: Receiver, resource: LedgerResource
) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    assert tick(resource) == "nothing is due"
    life.completed()
    life.ledger.do(deliverers.beat, "deliver:other:1", [], 60.0)
    assert tick(resource) == "a process delivers"
    assert server.requests == []
    life.sql("UPDATE telecine.deliverers SET beat_at = now() - interval '20 s'")
    assert tick(resource).endswith("delivered 1 here")
    assert len(server.requests) == 1


@dg.op
def good() -> None:
    """Ends well."""


@dg.op
def bad() -> None:
    """Doesn't."""
    raise dg.Failure("as planned", allow_retries=False)


@pytest.mark.parametrize(("op", "word"), [(good, "succeeded"), (bad, "failed")])
def test_a_hook_writes_down_how_a_step_ended_and_supplies_what_is_missing(
    life: Life, server: Receiver, resource: LedgerResource, op: Any, word: str
) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    job_id = life.accepted()
    claim_id, _ = life.begun(job_id)
    life.published(job_id)
    life.sql("DELETE FROM telecine.events")  # as an older Telecine would have left it

    @dg.job(hooks=hooks, resource_defs={"ledger": resource})
    def work() -> None:
        op()

    with dg.DagsterInstance.ephemeral() as instance:
        done = work.execute_in_process(instance=instance, tags={tags.CLAIM: claim_id}, raise_on_error=False)
    (report,) = life.ledger.do(events.reports_of, done.run_id)
    assert (report.word, report.source, report.claim_id) == (word, "hook", claim_id)
    life.deliver()
    assert [json.loads(r.body)["job"]["job_id"] for r in server.at("/in")] == [job_id]


@pytest.mark.parametrize(
    ("sensor", "word"), [(run_started, "started"), (run_canceled, "canceled"), (run_failed, "failed")]
)
def test_run_status_sensors_write_down_what_no_hook_can(
    life: Life, resource: LedgerResource, sensor: Any, word: str
) -> None:
    @dg.job
    def work() -> None:
        good()

    with dg.DagsterInstance.ephemeral() as instance:
        done = work.execute_in_process(instance=instance)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_instance=instance,
            dagster_run=done.dagster_run,
            dagster_event=done.get_run_success_event(),
        )
        sensor(context, ledger=resource)
    (report,) = life.ledger.do(events.reports_of, done.run_id)
    assert (report.word, report.source) == (word, "sensor")
