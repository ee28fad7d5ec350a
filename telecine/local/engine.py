"""Dagster's part of the embedded stack: its home, its schema, and whether it answers.

Dagster is only ever started as a program or asked over HTTP; nothing here imports it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import telecine
from telecine.errors import ConfigurationError, ErrorCode, SystemFault
from telecine.local.layout import Layout

_LOCATIONS = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"""


@dataclass(frozen=True, slots=True)
class Health:
    """What the webserver says.

    Attributes:
        loaded: the code server answered it and its definitions are there.
        error: message of a definition that fails to load, or None.
        daemons: required daemon -> whether it beats; right after a start they haven't yet.
    """

    loaded: bool
    error: str | None
    daemons: Mapping[str, bool]


def project_root() -> Path:
    """Directory with dagster.yaml and workspace.yaml: the checkout telecine is installed from, or the working one.

    Raises:
        ConfigurationError: neither holds them.
    """
    for candidate in (Path(telecine.__file__).resolve().parents[1], Path.cwd()):
        if (candidate / "dagster.yaml").exists() and (candidate / "workspace.yaml").exists():
            return candidate
    raise ConfigurationError(
        ErrorCode.STACK_FAILED, "dagster.yaml and workspace.yaml are not here; run telecine in its checkout."
    )


def module() -> str:
    """Python module with the definitions; TELECINE_DAGSTER_MODULE names another one."""
    return os.environ.get("TELECINE_DAGSTER_MODULE") or "media_assets.definitions"


def prepare(layout: Layout, root: Path) -> None:
    """Put the project's dagster.yaml into DAGSTER_HOME, where Dagster looks for it."""
    shutil.copyfile(root / "dagster.yaml", layout.dagster_home / "dagster.yaml")


def migrate(layout: Layout, environment: Mapping[str, str]) -> None:
    """Create or update Dagster's tables, once per installed version: three programs starting on an empty database
    would race to create them, and a newer Dagster refuses an older schema.

    Raises:
        SystemFault: `dagster instance migrate` failed.
    """
    installed = importlib.metadata.version("dagster") + " " + importlib.metadata.version("dagster-postgres")
    stamp = layout.dagster_home / "migrated"
    wanted = f"{installed} {environment['TELECINE_POSTGRES_URL']}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "instance", "migrate"],
        env=dict(environment),
        cwd=layout.dagster_home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = done.stderr[-4000:]
        raise SystemFault(ErrorCode.STACK_FAILED, "Dagster could not prepare its tables in the database.", tail)
    stamp.write_text(wanted)
    stamp.chmod(0o600)


def health(url: str, timeout_s: float = 5.0) -> Health | None:
    """Ask the webserver; None while it doesn't answer."""
    body = json.dumps({"query": _LOCATIONS}).encode()
    request = urllib.request.Request(  # http on this machine
        f"{url}/graphql", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            data = json.load(answer)["data"]
    except (OSError, urllib.error.URLError, ValueError):
        return None
    entries = data["workspaceOrError"].get("locationEntries", [])
    errors = [e["locationOrLoadError"].get("message") for e in entries if e["locationOrLoadError"]]
    loaded = bool(entries) and all(
        (e["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation" for e in entries
    )
    daemons = {
        d["daemonType"]: bool(d["healthy"])
        for d in data["instance"]["daemonHealth"]["allDaemonStatuses"]
        if d["required"]
    }
    return Health(loaded, next((e for e in errors if e), None), daemons)
