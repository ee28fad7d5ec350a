"""The embedded stack's configuration as Dagster and outside services see it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from dagster import DagsterInstance

from telecine import local

pytestmark = pytest.mark.integration


def test_dagster_reads_its_instance_as_we_mean_it(stack: dict[str, str]) -> None:
    with DagsterInstance.get() as instance:
        queue = instance.run_coordinator.get_run_queue_config()
        assert queue is not None
        slots = int(stack["TELECINE_RUN_SLOTS"])
        assert slots >= 3
        assert queue.max_concurrent_runs == slots
        assert [limit["limit"] for limit in queue.tag_concurrency_limits] == [slots - 2, slots - 1], (
            "video leaves two, what is not urgent one"
        )
        assert not instance.run_retries_enabled
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        assert Path(instance.root_directory).is_relative_to(stack["TELECINE_HOME"])


def test_the_instance_is_read_without_deprecation_warnings(stack: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-m", "dagster", "instance", "info"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "event_log_storage: EventLog" in done.stdout
    ours = [line for line in done.stderr.splitlines() if "dagster.yaml" in line or "BetaWarning" in line]
    assert ours == []


def test_dagsters_tables_and_the_ledgers_are_apart(stack: dict[str, str]) -> None:
    connection = psycopg2.connect(stack["TELECINE_POSTGRES_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version' ORDER BY 1")
        assert cursor.fetchall() == [("public",), ("telecine",)]
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'runs'")
        assert cursor.fetchall() == [("public",)]
    connection.close()


def test_services_named_in_the_environment_are_used_and_not_started(stack: dict[str, str], home: Path) -> None:
    connection = psycopg2.connect(stack["TELECINE_POSTGRES_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE elsewhere")
    url = stack["TELECINE_POSTGRES_URL"].replace("/telecine?", "/elsewhere?")
    for name in ("TELECINE_S3_ENDPOINT", "TELECINE_S3_ACCESS_KEY", "TELECINE_S3_SECRET_KEY"):
        os.environ[name] = stack[name]
    os.environ["TELECINE_POSTGRES_URL"] = url
    os.environ["TELECINE_INPUT_BUCKET"] = "elsewhere"
    known = local.up(wait=False)
    try:
        assert known["TELECINE_POSTGRES_URL"] == url
        assert known["TELECINE_S3_ENDPOINT"] == stack["TELECINE_S3_ENDPOINT"]
        status = local.status()
        assert set(status.external) == {"object-store", "postgres"}
        assert {part.name for part in status.parts} == {"code-server", "daemon", "webserver", "deliver", "gateway"}
    finally:
        local.clean()
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE elsewhere WITH (FORCE)")
        connection.close()
