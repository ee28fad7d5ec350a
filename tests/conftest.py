"""Fixtures that several rooms share: the embedded stack, started once for a whole test run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from telecine import local
from telecine.errors import TelecineError
from telecine.settings import settings

_HOMES = "tctest-"
_STACK = {
    "TELECINE_PORTS": "free",
    # Webhook receivers of tests are on this machine.
    "TELECINE_WEBHOOK_ALLOW_HTTP": "true",
    "TELECINE_WEBHOOK_ALLOW_PRIVATE": "true",
    # The load that retries would wait out for half a minute is the test run itself.
    "TELECINE_RETRY_LOAD_PERCENT": "100000",
    # Tests kill processes, not the machine: what is written survives without waiting for the disk.
    "TELECINE_POSTGRES_FSYNC": "off",
}


@contextmanager
def environment_of(home: Path, **more: str) -> Iterator[None]:
    """The process's environment pointed at a stack below `home`, without anything of the developer's own."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n.startswith(("TELECINE_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update({"TELECINE_HOME": str(home), **_STACK, **more})
    settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def _forget_killed_runs() -> None:
    """A test run that was killed leaves its stack running; its home names the process that it belonged to."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_HOMES}*"):
        owner = int(directory.name.split("-")[1])
        if directory.stat().st_uid == os.geteuid() and not psutil.pid_exists(owner):
            try:
                with environment_of(directory / "home"):
                    local.clean()
            except (OSError, TelecineError) as e:  # another test run may be at it; this one has a place of its own
                print(f"{directory}, left by a killed test run, could not be removed: {e}")
                continue
            shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty place for a stack of a test's own; the test sets it up, the fixture removes it."""
    directory = Path(tempfile.mkdtemp(prefix=f"{_HOMES}{os.getpid()}-"))
    directory.chmod(0o755)
    with environment_of(directory / "home"):
        yield directory / "home"
        local.clean()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def _running_stack() -> Iterator[tuple[Path, dict[str, str]]]:
    _forget_killed_runs()
    directory = Path(tempfile.mkdtemp(prefix=f"{_HOMES}{os.getpid()}-"))
    directory.chmod(0o755)
    home = directory / "home"
    with environment_of(home):
        known = local.up()
    yield home, known
    with environment_of(home):
        local.clean()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def stack(_running_stack: tuple[Path, dict[str, str]]) -> Iterator[dict[str, str]]:
    """The test run's own embedded stack: its variables, which are also in the process's environment meanwhile."""
    home, known = _running_stack
    with environment_of(home, **known):
        yield known
