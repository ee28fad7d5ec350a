"""Whoever starts a run, its end is told: a drop, the command line, the "Materialize" button.

A backfill, which takes the daemon longest, is looked at where there is one: test_started_by_people.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from telecine.ledger import endpoints
from tests.e2e.house import House, eventually
from tests.e2e.test_started_by_people import IMAGE_ASSETS, materialize, wait_for_run
from tests.integration.webhooks.receiver import Receiver, receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def told(house: House) -> Iterator[tuple[Receiver, str]]:
    """A receiver that hears how jobs of this house end, and its secret."""
    with receiver() as server:
        endpoint_id, secret = house.ledger.do(
            endpoints.add, server.url("/in"), event_types=["job.started", "job.completed"]
        )
        yield server, secret
        house.ledger.do(endpoints.remove, endpoint_id)


def jobs_told(server: Receiver, secret: str, event_type: str) -> dict[str, float]:
    """job -> seconds between what happened and its arrival; every request verified."""
    found = {}
    for request in server.at("/in"):
        event = Webhook(secret).verify(request.body, request.headers)
        if event["event_type"] == event_type:
            happened = json.loads(request.body)["occurred_at"]
            found[event["job"]["job_id"]] = request.at - _epoch(happened)
    return found


def _epoch(stamp: str) -> float:
    from datetime import UTC, datetime

    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()


def test_runs_from_a_drop_the_command_line_and_the_button(
    house: House, photos: list[Path], told: tuple[Receiver, str], tmp_path: Path
) -> None:
    server, secret = told
    alone = tmp_path / "alone.jpg"
    alone.write_bytes(photos[-1].read_bytes() + house.prefix.encode())  # no content that was there before
    command = [sys.executable, "-m", "telecine", "process", str(alone), "--json"]
    by_hand = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    (partition,) = house.drop(photos[-2:-1])
    dropped = {job.job_id for job in house.wait_until_over(1)}
    document = json.loads(by_hand.communicate(timeout=300)[0])
    from_command_line = {entry["job_id"] for entry in document["files"]}

    assert wait_for_run(house, materialize(house, IMAGE_ASSETS, **{"dagster/partition": partition})) == "SUCCESS"
    everything = {job.job_id for job in house.wait_until_over(2)} | from_command_line
    assert len(everything) == 3
    assert everything > dropped

    eventually(lambda: house.hooked(everything) == everything, "the hooks of all three runs", 60)
    eventually(lambda: jobs_told(server, secret, "job.completed").keys() >= everything, "all to be told", 60)
    assert jobs_told(server, secret, "job.started").keys() >= everything
    waits = sorted(jobs_told(server, secret, "job.completed").values())
    print(f"told {waits[-1]:.2f} s after it happened at the latest")
    eventually(
        lambda: house.rows(
            "SELECT 1 FROM telecine.run_reports JOIN telecine.attempts USING (run_id)"
            " WHERE job_id = ANY(:jobs) AND word = 'started' AND source = 'sensor'",
            jobs=list(everything),
        ),
        "a run-status sensor",
        90,
    )
