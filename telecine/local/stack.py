"""Start, stop, inspect and forget the embedded stack.

`up` is safe at any time and any number of times at once: a file lock lets one caller work, and what it finds running
it leaves running. After a crash of anything, `up` is also the repair.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode, SystemFault, TransientError
from telecine.local import engine, leftovers, object_store, postgres
from telecine.local.credentials import Credentials, credentials, write_private
from telecine.local.layout import Layout, forget, recorded, settle
from telecine.local.parts import Part, Stage, run_slots, services
from telecine.local.parts import engine as engine_parts
from telecine.local.ports import HOST, choose, remove_grpc_sockets
from telecine.local.supervision import render
from telecine.local.supervisor import PartState, Supervisor
from telecine.settings import home

READY_TIMEOUT_S = 180.0
"""How long a start may take before it counts as failed: a loaded two-core machine needs some 20 s."""

_NEVER_STARTED = "There is no stack in {home} yet: run `telecine up` (or `make up`)."

# Of the caller's environment, what would change how the parts run but isn't meant for them.
_NOT_INHERITED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "TELECINE_STACK", "DAGSTER_HOME"})


@dataclass(frozen=True, slots=True)
class Status:
    """The stack as it is now.

    Attributes:
        running: whether its supervisor answers.
        parts: every part's state; empty when not running.
        external: services that the environment names elsewhere: "object-store", "postgres".
    """

    home: Path
    running: bool
    parts: tuple[PartState, ...]
    external: tuple[str, ...]
    dagster_url: str | None
    s3_url: str | None


def up(say: Callable[[str], None] = lambda _: None, *, wait: bool = True) -> dict[str, str]:
    """Start whatever isn't running and answer `environment()`.

    Args:
        say: is told each step in a few words.
        wait: until Dagster's webserver answers with the definitions loaded.

    Raises:
        ConfigurationError: something needed is missing or in the way.
        SystemFault: a part does not start; the message names it.
    """
    layout = settle(home())
    with _locked(layout):
        supervisor = Supervisor(layout)
        if not supervisor.running():
            _launch(layout, supervisor, say)
        environment_ = _environment(layout)
        states = supervisor.states()
        stages = {name: stage for stage in Stage for name in _names(layout, stage)}
        if any(states[name].state != "RUNNING" for name in stages):
            asleep = [name for name, state in states.items() if state.state not in ("RUNNING", "STARTING", "BACKOFF")]
            supervisor.start(n for n in asleep if stages[n] is Stage.SERVICE)
            _wait_for_services(layout, supervisor, environment_, say)
            _migrate(layout, environment_, say)
            supervisor.start(n for n in asleep if stages[n] is Stage.ENGINE)
        if wait:
            _wait_for_engine(supervisor, environment_, say)
    return environment_


def down(say: Callable[[str], None] = lambda _: None) -> bool:
    """Stop everything, also what a crash left behind. Returns whether anything was running."""
    layout = recorded(home())
    if layout is None:
        return False
    with _locked(layout):
        supervisor = Supervisor(layout)
        running = supervisor.running()
        if running:
            for stage in reversed(Stage):
                _stop(supervisor, _names(layout, stage), say)
            supervisor.shutdown()
            deadline = time.monotonic() + 30
            while supervisor.running() and time.monotonic() < deadline:
                time.sleep(0.05)
        ended = leftovers.end(layout) > 0
        remove_grpc_sockets(layout.home / "ports.json")
        return ended or running


def clean() -> bool:
    """Stop the stack and forget its data, also where it lies outside the home. Returns whether there was any."""
    layout = recorded(home())
    if layout is None:
        return False
    down()
    forget(layout)
    return True


def status() -> Status:
    """What runs now; never starts or waits for anything."""
    layout = recorded(home())
    if layout is None or not layout.environment_file.exists():
        return Status(home(), running=False, parts=(), external=(), dagster_url=None, s3_url=None)
    supervisor = Supervisor(layout)
    running = supervisor.running()
    known = _environment(layout)
    embedded = _names(layout, Stage.SERVICE)
    return Status(
        home=layout.home,
        running=running,
        parts=tuple(supervisor.states().values()) if running else (),
        external=tuple(name for name in ("object-store", "postgres") if name not in embedded),
        dagster_url=known["TELECINE_DAGSTER_URL"],
        s3_url=known["TELECINE_S3_ENDPOINT"],
    )


def environment() -> dict[str, str]:
    """Variables for a client of the stack: services, keys, directories. It may be running or not.

    Raises:
        ConfigurationError: it was never started.
    """
    layout = recorded(home())
    if layout is None or not layout.environment_file.exists():
        raise ConfigurationError(ErrorCode.STACK_FAILED, _NEVER_STARTED.format(home=home()))
    return _environment(layout)


def log_files() -> dict[str, Path]:
    """Part -> its log file, for the parts that have written any.

    Raises:
        ConfigurationError: the stack was never started.
    """
    layout = recorded(home())
    if layout is None:
        raise ConfigurationError(ErrorCode.STACK_FAILED, _NEVER_STARTED.format(home=home()))
    return {path.stem: path for path in sorted(layout.logs.glob("*.log"))}


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    # The kernel drops the lock with its holder, so a crash leaves nothing to clear.
    with (layout.home / "lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _environment(layout: Layout) -> dict[str, str]:
    found: dict[str, str] = json.loads(layout.environment_file.read_text())
    return found


def _names(layout: Layout, stage: Stage) -> list[str]:
    found: dict[str, list[str]] = json.loads((layout.home / "parts.json").read_text())
    return found[stage.name]


def _external(name: str) -> str | None:
    """A service's variable as the user set it; what `environment()` of an embedded stack exported doesn't count."""
    return None if os.environ.get("TELECINE_STACK") else os.environ.get(name) or None


def _launch(layout: Layout, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Prepare everything for a stopped stack and start its supervisor (no part yet)."""
    if leftovers.end(layout):
        say("ended what a crash left behind")
    root = engine.project_root()
    ports = choose(layout.home / "ports.json")
    s3_endpoint, postgres_url = _external("TELECINE_S3_ENDPOINT"), _external("TELECINE_POSTGRES_URL")
    weed = postgres_bin = None
    keys = None
    if s3_endpoint is None:
        weed = object_store.binary()
        keys = credentials(layout.home / "credentials.json")
        object_store.prepare(layout, keys)
    if postgres_url is None:
        say("preparing the database")
        postgres_bin = postgres.prepare(layout)
    engine.prepare(layout, root)
    known = _compose(layout, root, ports, keys, postgres_url or postgres.url(layout))
    write_private(layout.environment_file, json.dumps(known, indent=2))
    parts: list[Part] = [
        *services(layout, ports, weed=weed, postgres_bin=postgres_bin),
        *engine_parts(layout, root, ports, engine.module()),
    ]
    stages = {stage.name: [p.name for p in parts if p.stage is stage] for stage in Stage}
    write_private(layout.home / "parts.json", json.dumps(stages))
    write_private(supervisor.configuration, render(layout, parts, as_root=os.geteuid() == 0))
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    more = {leftovers.MARK: str(layout.home), "PYTHONUNBUFFERED": "1", "DAGSTER_RUN_STATUS_SENSOR_PROCESS_LIMIT": "100"}
    supervisor.launch(inherited | known | more)


def _compose(
    layout: Layout, root: Path, ports: Mapping[str, int], keys: Credentials | None, postgres_url: str
) -> dict[str, str]:
    """The stack's variables. Keys of an external store come from the caller's own environment."""
    own = dict(os.environ)
    if keys is not None:
        own["TELECINE_S3_ENDPOINT"] = f"http://{HOST}:{ports['s3']}"
        own["TELECINE_S3_ACCESS_KEY"], own["TELECINE_S3_SECRET_KEY"] = keys.access_key, keys.secret_key
    missing = [n for n in ("TELECINE_S3_ACCESS_KEY", "TELECINE_S3_SECRET_KEY") if not own.get(n)]
    if missing:
        raise ConfigurationError(
            ErrorCode.STACK_FAILED, f"TELECINE_S3_ENDPOINT is set but {' and '.join(missing)} isn't."
        )
    passed = ("TELECINE_S3_ENDPOINT", "TELECINE_S3_ACCESS_KEY", "TELECINE_S3_SECRET_KEY", "TELECINE_PUBLIC_URL")
    return {
        **{name: own[name] for name in passed if own.get(name)},
        "TELECINE_STACK": str(layout.home),
        "TELECINE_HOME": str(layout.home),
        "TELECINE_S3_REGION": own.get("TELECINE_S3_REGION") or "us-east-1",
        "TELECINE_INPUT_BUCKET": own.get("TELECINE_INPUT_BUCKET") or "media-incoming",
        "TELECINE_OUTPUT_BUCKET": own.get("TELECINE_OUTPUT_BUCKET") or "media-outputs",
        "TELECINE_POSTGRES_URL": postgres_url,
        "TELECINE_DAGSTER_URL": f"http://{HOST}:{ports['webserver']}",
        "TELECINE_CODE_SERVER_HOST": HOST,
        "TELECINE_CODE_SERVER_PORT": str(ports["code_server"]),
        "TELECINE_RUN_SLOTS": str(run_slots()),
        "TELECINE_SCRATCH": str(Path(own.get("TELECINE_SCRATCH") or layout.scratch).absolute()),
        "TELECINE_CONFIG": str(Path(own.get("TELECINE_CONFIG") or root / "telecine.toml").absolute()),
        "DAGSTER_HOME": str(layout.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


def _wait_for_services(
    layout: Layout, supervisor: Supervisor, known: Mapping[str, str], say: Callable[[str], None]
) -> None:
    embedded = _names(layout, Stage.SERVICE)
    if "postgres" in embedded:
        _until(supervisor, "postgres", lambda: postgres.create_database(layout))
        say("database ready")
    if "object-store" in embedded:
        keys = Credentials(known["TELECINE_S3_ACCESS_KEY"], known["TELECINE_S3_SECRET_KEY"])
        endpoint, region = known["TELECINE_S3_ENDPOINT"], known["TELECINE_S3_REGION"]
        private, public = known["TELECINE_INPUT_BUCKET"], known["TELECINE_OUTPUT_BUCKET"]
        _until(supervisor, "object-store", lambda: object_store.set_up(endpoint, keys, region, private, public))
        say("object store ready")


def _migrate(layout: Layout, known: Mapping[str, str], say: Callable[[str], None]) -> None:
    from telecine.ledger.migrate import upgrade

    upgrade(known["TELECINE_POSTGRES_URL"])
    engine.migrate(layout, {**os.environ, **known})
    say("schemas up to date")


def _wait_for_engine(supervisor: Supervisor, known: Mapping[str, str], say: Callable[[str], None]) -> None:
    url = known["TELECINE_DAGSTER_URL"]

    def loaded() -> None:
        found = engine.health(url)
        if found is None or not found.loaded:
            reason = (found and found.error) or f"{url} has nothing loaded"
            raise TransientError(ErrorCode.STACK_FAILED, reason)

    _until(supervisor, "webserver", loaded)
    say(f"Dagster ready at {url}")


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


def _stop(supervisor: Supervisor, names: list[str], say: Callable[[str], None]) -> None:
    supervisor.stop(names)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            if all(supervisor.states()[name].state in ("STOPPED", "EXITED", "FATAL") for name in names):
                break
        time.sleep(0.05)
    say(f"stopped {', '.join(names)}")
