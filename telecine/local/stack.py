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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode
from telecine.local import engine, leftovers, object_store, postgres
from telecine.local.credentials import credentials, secret, write_private
from telecine.local.layout import Layout, forget, make_home, recorded, settle
from telecine.local.parts import Part, Stage, services
from telecine.local.parts import engine as engine_parts
from telecine.local.ports import choose, remove_grpc_sockets
from telecine.local.readiness import wait_for_code, wait_for_engine, wait_for_services, wait_until_stopped
from telecine.local.supervision import render
from telecine.local.supervisor import PartState, Supervisor
from telecine.local.variables import external, variables
from telecine.settings import home

_NEVER_STARTED = "There is no stack in {home} yet: run `telecine up` (or `make up`)."

# Of the caller's environment, what would change how the parts run but isn't meant for them.
_NOT_INHERITED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "DAGSTER_HOME"})

_DAGSTER = {
    # Events that Dagster has at hand together go to the database together (resources/dagster_storage.py).
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    "DAGSTER_RUN_STATUS_SENSOR_PROCESS_LIMIT": "100",
    # Threads of the code server and of its proxy. Sensors look for seconds at a time (sensors/lookout.py); with
    # Dagster's default, cores + 4, a launch would have to wait for one of them to end.
    "DAGSTER_CODE_SERVER_MAX_WORKERS": "32",
    "DAGSTER_GRPC_MAX_WORKERS": "32",
}


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
    gateway_url: str | None


def up(say: Callable[[str], None] = lambda _: None, *, wait: bool = True) -> dict[str, str]:
    """Start whatever isn't running and answer `environment()`.

    Args:
        say: is told each step in a few words.
        wait: until Dagster's webserver answers with the definitions loaded.

    Raises:
        ConfigurationError: something needed is missing or in the way.
        SystemFault: a part does not start; the message names it.
    """
    with _locked(home()):
        layout = settle(home())
        supervisor = Supervisor(layout)
        if not supervisor.running():
            _launch(layout, supervisor, say)
        environment_ = _environment(layout)
        states = supervisor.states()
        stages = {name: stage for stage in Stage for name in _names(layout, stage)}
        if any(states[name].state != "RUNNING" for name in stages):
            asleep = [name for name, state in states.items() if state.state not in ("RUNNING", "STARTING", "BACKOFF")]
            supervisor.start(n for n in asleep if stages[n] is not Stage.ENGINE)
            wait_for_services(layout, supervisor, environment_, _names(layout, Stage.SERVICE), say)
            _migrate(layout, environment_, say)
            wait_for_code(supervisor, environment_)
            supervisor.start(n for n in asleep if stages[n] is Stage.ENGINE)
        if wait:
            wait_for_engine(supervisor, environment_, say)
    return environment_


def down(say: Callable[[str], None] = lambda _: None) -> bool:
    """Stop everything, also what a crash left behind. Returns whether anything was running."""
    layout = recorded(home())
    if layout is None:
        return False
    with _locked(layout.home):
        return _stop(layout, say)


def clean() -> bool:
    """Stop the stack and forget its data, also where it lies outside the home. Returns whether there was any."""
    layout = recorded(home())
    if layout is None:
        return False
    with _locked(layout.home):
        _stop(layout, lambda _: None)
        forget(layout)
    return True


def status() -> Status:
    """What runs now; never starts or waits for anything."""
    layout = recorded(home())
    if layout is None or not layout.environment_file.exists():
        return Status(home(), running=False, parts=(), external=(), dagster_url=None, s3_url=None, gateway_url=None)
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
        gateway_url=known.get("TELECINE_GATEWAY_URL"),  # a stack that an older version started has none
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
def _locked(directory: Path) -> Iterator[None]:
    """Hold the stack's lock; the kernel drops it with its holder, so a crash leaves nothing to clear."""
    while True:
        make_home(directory)
        path = directory / "lock"
        with path.open("w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == os.fstat(f.fileno()).st_ino:
                yield
                return
        # `clean` removed the home, and the lock with it, while we waited.


def _environment(layout: Layout) -> dict[str, str]:
    found: dict[str, str] = json.loads(layout.environment_file.read_text())
    return found


def _names(layout: Layout, stage: Stage) -> list[str]:
    found: dict[str, list[str]] = json.loads((layout.home / "parts.json").read_text())
    return found.get(stage.name, [])  # a stack that another version started may not know the stage


def _launch(layout: Layout, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Prepare everything for a stopped stack and start its supervisor (no part yet)."""
    if leftovers.end(layout):
        say("ended what a crash left behind")
    root = engine.project_root()
    ports = choose(layout.home / "ports.json")
    weed = postgres_bin = keys = url = None
    if external("TELECINE_S3_ENDPOINT") is None:
        weed = object_store.binary()
        keys = credentials(layout.home / "credentials.json")
        object_store.prepare(layout, keys)
    if external("TELECINE_POSTGRES_URL") is None:
        say("preparing the database")
        postgres_bin = postgres.prepare(layout)
        url = postgres.url(layout)
    engine.prepare(layout, root)
    known = variables(layout, root, ports, keys=keys, postgres_url=url, secret=secret(layout.home / "secret"))
    write_private(layout.environment_file, json.dumps(known, indent=2))
    parts: list[Part] = [
        *services(layout, ports, weed=weed, postgres_bin=postgres_bin),
        *engine_parts(layout, root, ports, engine.module()),
    ]
    stages = {stage.name: [p.name for p in parts if p.stage is stage] for stage in Stage}
    write_private(layout.home / "parts.json", json.dumps(stages))
    write_private(supervisor.configuration, render(layout, parts, as_root=os.geteuid() == 0))
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    more = {leftovers.MARK: str(layout.home), "PYTHONUNBUFFERED": "1", **_DAGSTER}
    supervisor.launch(inherited | known | more)


def _migrate(layout: Layout, known: Mapping[str, str], say: Callable[[str], None]) -> None:
    from telecine.ledger.migrate import upgrade

    upgrade(known["TELECINE_POSTGRES_URL"])
    engine.migrate(layout, {**os.environ, **known})
    say("schemas up to date")


def _stop(layout: Layout, say: Callable[[str], None]) -> bool:
    """Stop every part, then the supervisor, then what is left. Returns whether anything was running."""
    supervisor = Supervisor(layout)
    running = supervisor.running()
    if running:
        for stage in reversed(Stage):
            names = _names(layout, stage)
            supervisor.stop(names)
            wait_until_stopped(supervisor, names)
            say(f"stopped {', '.join(names)}")
        supervisor.shutdown()
        deadline = time.monotonic() + 30
        while supervisor.running() and time.monotonic() < deadline:
            time.sleep(0.05)
    ended = leftovers.end(layout) > 0
    remove_grpc_sockets(layout.home / "ports.json")
    return ended or running
