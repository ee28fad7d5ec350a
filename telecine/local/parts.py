"""The supervised programs of the stack as data. To add one, add a `Part` to `parts()`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from telecine.local import launcher, object_store, postgres
from telecine.local.layout import Layout, postgres_user
from telecine.local.ports import HOST


class Stage(IntEnum):
    """When a part starts and stops: stages stop in reverse order, the parts of one stage together.

    Services and code start together, as definitions load without either; the engine waits for the services' schemas.
    """

    SERVICE = 1  # what others store things in
    CODE = 2  # the code server, and the runs below it
    ENGINE = 3  # Dagster's daemon and webserver, webhook delivery, the gateway


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised program.

    Attributes:
        argv: command line, from the launcher on.
        directory: working directory, below the home or one without special characters.
        stop_signal: what asks it to stop in good order.
        stop_group: whether that signal also goes to its children (runs, in the code server's case).
        stop_wait_s: seconds until it is killed.
        environment: variables on top of the stack's.
    """

    name: str
    stage: Stage
    argv: tuple[str, ...]
    directory: Path
    stop_signal: str = "TERM"
    stop_group: bool = True
    stop_wait_s: int = 20
    environment: tuple[tuple[str, str], ...] = ()


def services(layout: Layout, ports: Mapping[str, int], *, weed: Path | None, postgres_bin: Path | None) -> list[Part]:
    """The object store and the database; None leaves one out, as somebody else runs it."""
    found: list[Part] = []
    if weed is not None:
        found.append(
            Part(
                name="object-store",
                stage=Stage.SERVICE,
                argv=(*launcher.command_line(), *object_store.argv(weed, layout, ports)),
                environment=(("GOMEMLIMIT", object_store.MEMORY_LIMIT),),
                directory=layout.objects,
            )
        )
    if postgres_bin is not None:
        owner = postgres_user(layout)
        who = [] if owner is None else ["--uid", str(owner)]
        pid_file = layout.postgres_data / "postmaster.pid"
        options = [*who, "--death-signal", "SIGINT", "--pid-file", str(pid_file)]
        found.append(
            Part(
                name="postgres",
                stage=Stage.SERVICE,
                argv=(*launcher.command_line(*options), *postgres.argv(layout, postgres_bin)),
                directory=Path("/"),  # its user can't enter the home
                stop_signal="INT",  # fast shutdown; TERM would wait for every client to leave
                stop_group=False,  # the postmaster tells its children itself
            )
        )
    return found


def engine(layout: Layout, root: Path, ports: Mapping[str, int], module: str) -> list[Part]:
    """Dagster's three programs, the one that delivers webhooks, and the gateway.

    Args:
        root: directory with workspace.yaml.
        module: Python module with the definitions.
    """
    python = sys.executable
    serve = ("-h", HOST, "-p", str(ports["code_server"]), "-m", module, "--location-name", "telecine", "-d", str(root))
    workspace = ("-w", str(root / "workspace.yaml"))
    ui = ("-h", HOST, "-p", str(ports["webserver"]))
    commands = {
        ("code-server", Stage.CODE): (python, "-m", "dagster", "code-server", "start", *serve),
        ("daemon", Stage.ENGINE): (python, "-m", "dagster._daemon", "run", *workspace),
        ("webserver", Stage.ENGINE): (python, "-m", "dagster_webserver", *ui, *workspace),
        ("deliver", Stage.ENGINE): (python, "-m", "telecine", "deliver"),
        ("gateway", Stage.ENGINE): (python, "-m", "telecine.gateway", "--host", HOST, "--port", str(ports["gateway"])),
    }
    environments = {"code-server": (("TELECINE_WARM_RUNS", "yes"),)}  # resources/run_processes.py
    return [
        Part(
            name,
            stage,
            (*launcher.command_line(), *command),
            directory=layout.dagster_home,
            environment=environments.get(name, ()),
        )
        for (name, stage), command in commands.items()
    ]


def run_slots() -> int:
    """How many runs may work at once: TELECINE_RUN_SLOTS, else one a core and two more.

    Video never takes the last two, and the very last is for urgent runs.

    With as many video slots as cores, the next short clip starts while the last one is packaged and uploaded.
    """
    return int(os.environ.get("TELECINE_RUN_SLOTS") or len(os.sched_getaffinity(0)) + 2)
