"""Delivery and PostgreSQL killed with hundreds of deliveries pending to a flaky receiver: all arrive, none is stuck.

120 deliveries here; TELECINE_LONG_TESTS=1 makes them 1,000. Each round kills the delivering processes (real ones, kill
-9) or the database; ids are counted at the receiver.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from telecine import local
from telecine.errors import TelecineError
from telecine.local import engine
from tests.integration.webhooks import receiver as behave
from tests.integration.webhooks.conftest import Life
from tests.integration.webhooks.receiver import Receiver

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LONG = bool(os.environ.get("TELECINE_LONG_TESTS"))
COUNT = 1_000 if LONG else 120
KILLS = 12 if LONG else 3


@pytest.fixture
def delivering(postgres_url: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two `telecine deliver` processes on this ledger, restarted by the test when it has killed them."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        assert process.wait(timeout=30) in (0, -signal.SIGKILL)


def start(postgres_url: str) -> subprocess.Popen[bytes]:
    """`telecine deliver`, impatient."""
    environment = {
        **os.environ,
        "TELECINE_POSTGRES_URL": postgres_url,
        "TELECINE_WEBHOOK_TIMEOUT_S": "2",
        "TELECINE_WEBHOOK_RETRY_S": ",".join(["0.2"] * 30),
        "TELECINE_WEBHOOK_RATE_PER_S": "0",
        "TELECINE_WEBHOOK_BREAKER_OPEN_S": "1",
    }
    return subprocess.Popen([sys.executable, "-m", "telecine", "deliver"], env=environment, stderr=subprocess.DEVNULL)


def kill_database() -> None:
    """kill -9 of PostgreSQL's postmaster; its supervisor starts it again."""
    (part,) = [part for part in local.status().parts if part.name == "postgres"]
    psutil.Process(part.pid).kill()


def test_every_terminal_event_arrives_with_a_stable_id_whatever_is_killed(
    life: Life, server: Receiver, delivering: list[subprocess.Popen[bytes]], postgres_url: str
) -> None:
    dice = random.Random(5)
    moods = [behave.reply(200)] * 6 + [behave.reply(500), behave.close_early(), behave.slow(0.2), behave.hang(2.5)]
    server.script["/in"] = [dice.choice(moods) for _ in range(20 * COUNT)]
    life.endpoint(server.url("/in"), event_types=["job.completed", "job.canceled"])
    delivering += [start(postgres_url), start(postgres_url)]
    ids = [life.accepted() for _ in range(COUNT)]
    for job_id in itertools.islice(ids, COUNT // 10):
        life.begun(job_id)
        life.published(job_id)
    life.sql("UPDATE telecine.jobs SET status = 'CANCELED', finished_at = now() WHERE status = 'PENDING'")
    expected = {
        row.event_id for row in life.sql("SELECT event_id FROM telecine.events WHERE event_type <> 'job.started'")
    }
    assert len(expected) == COUNT

    for number in range(KILLS):
        threshold = COUNT * (number + 1) // (KILLS + 2)
        deadline = time.monotonic() + 60
        while len(server.requests) < threshold and time.monotonic() < deadline:
            time.sleep(0.02)
        if number % 3 == 1:
            kill_database()
        else:
            for process in delivering[-2:]:
                process.kill()
                process.wait()
            delivering += [start(postgres_url), start(postgres_url)]

    began = time.monotonic()
    left = COUNT
    while left:
        with contextlib.suppress(TelecineError):
            left = life.sql("SELECT count(*) AS n FROM telecine.deliveries WHERE status = 'PENDING'")[0].n
        assert time.monotonic() - began < 240, f"{left} deliveries are stuck: {life.deliveries()[:3]}"
        time.sleep(0.2)
    while (health := engine.health(local.environment()["TELECINE_DAGSTER_URL"])) is None or not health.loaded:
        time.sleep(0.2)  # the webserver, too, had connections to the database that was killed
    statuses = Counter(life.statuses())
    assert statuses == {"DELIVERED": COUNT}, statuses
    arrived = Counter(request.headers["webhook-id"] for request in server.at("/in"))
    assert set(arrived) == expected
    jobs = Counter(json.loads(request.body)["job"]["job_id"] for request in server.at("/in"))
    assert jobs.keys() == set(ids)
    print(
        f"{COUNT} events, {KILLS} kills: {sum(arrived.values())} requests, of which"
        f" {sum(n - 1 for n in arrived.values())} were repetitions;"
        f" quiet {time.monotonic() - began:.1f} s after the last kill"
    )


def test_the_process_ends_in_good_order_when_told_to(
    life: Life, server: Receiver, delivering: list[subprocess.Popen[bytes]], postgres_url: str
) -> None:
    server.script["/in"] = [behave.slow(1.0)]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    process = start(postgres_url)
    delivering.append(process)
    deadline = time.monotonic() + 60
    while not server.requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    assert process.wait(timeout=30) == 0
    assert life.statuses() == ["DELIVERED"], "what was in flight was heard out and written down"
    assert life.sql("SELECT * FROM telecine.deliverers") == []


def test_the_stack_has_a_delivering_process(stack: dict[str, str]) -> None:
    (part,) = [part for part in local.status().parts if part.name == "deliver"]
    assert part.state == "RUNNING"
    log = Path(stack["TELECINE_HOME"]) / "logs" / "deliver.log"
    assert "Traceback" not in log.read_text()
