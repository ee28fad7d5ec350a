"""Waiting until the parts of the stack answer, each asked in its own language."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from telecine.errors import ErrorCode, SystemFault, TransientError
from telecine.local import engine, object_store, postgres
from telecine.local.credentials import Credentials
from telecine.local.layout import Layout
from telecine.local.supervisor import Supervisor

READY_TIMEOUT_S = 180.0
"""How long a start may take before it counts as failed: a loaded two-core machine needs some 20 s."""


def wait_for_services(
    layout: Layout, supervisor: Supervisor, known: Mapping[str, str], embedded: list[str], say: Callable[[str], None]
) -> None:
    """Until the embedded ones among database and object store take work, with database and buckets made."""
    if "postgres" in embedded:
        _until(supervisor, "postgres", lambda: postgres.create_database(layout))
        say("database ready")
    if "object-store" in embedded:
        keys = Credentials(known["TELECINE_S3_ACCESS_KEY"], known["TELECINE_S3_SECRET_KEY"])
        endpoint, region = known["TELECINE_S3_ENDPOINT"], known["TELECINE_S3_REGION"]
        private, public = known["TELECINE_INPUT_BUCKET"], known["TELECINE_OUTPUT_BUCKET"]
        _until(supervisor, "object-store", lambda: object_store.set_up(endpoint, keys, region, private, public))
        say("object store ready")


def wait_for_code(supervisor: Supervisor, known: Mapping[str, str]) -> None:
    """Until the code server listens: daemon and webserver would start without it, but log a page of errors first."""
    address = known["TELECINE_CODE_SERVER_HOST"], int(known["TELECINE_CODE_SERVER_PORT"])

    def listening() -> None:
        try:
            socket.create_connection(address, timeout=5).close()
        except OSError as e:
            raise TransientError(ErrorCode.STACK_FAILED, f"nothing listens at {address[0]}:{address[1]} yet") from e

    _until(supervisor, "code-server", listening)


def wait_for_engine(supervisor: Supervisor, known: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Until the webserver answers with the definitions loaded."""
    url = known["TELECINE_DAGSTER_URL"]

    def loaded() -> None:
        found = engine.health(url)
        if found is None or not found.loaded:
            reason = (found and found.error) or f"{url} has nothing loaded"
            raise TransientError(ErrorCode.STACK_FAILED, reason)

    _until(supervisor, "webserver", loaded)
    say(f"Dagster ready at {url}")


def wait_until_stopped(supervisor: Supervisor, names: list[str]) -> None:
    """Until none of the parts runs; supervisord kills those that take too long."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            if all(supervisor.states()[name].state in ("STOPPED", "EXITED", "FATAL") for name in names):
                return
        time.sleep(0.05)


def _until(supervisor: Supervisor, part: str, attempt: Callable[[], None]) -> None:
    """Repeat `attempt` until it raises TransientError no more.

    Raises:
        SystemFault: READY_TIMEOUT_S went by; the message holds the last reason.
    """
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            return attempt()
        except TransientError as e:
            if time.monotonic() > deadline:
                state = supervisor.states()[part].state
                raise SystemFault(
                    ErrorCode.STACK_FAILED,
                    f"{part} ({state}) does not answer: {e.message}. See `telecine logs {part}`.",
                    e.message,
                ) from e
            time.sleep(0.1)
