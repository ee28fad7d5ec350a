"""The launcher, with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from telecine.local import launcher


def test_it_becomes_the_program_and_passes_its_exit_code_on() -> None:
    done = subprocess.run([*launcher.command_line(), "/bin/sh", "-c", "echo out; exit 7"], capture_output=True)
    assert (done.returncode, done.stdout) == (7, b"out\n")


def test_the_program_can_be_interrupted_also_below_nohup() -> None:
    become = [*launcher.command_line(), "/bin/sh", "-c", "kill -TERM $$; echo survived"]
    ignoring = "import os, signal\nfor n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\n"
    done = subprocess.run([sys.executable, "-c", f"{ignoring}os.execv({become[0]!r}, {become!r})"], capture_output=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, b"")


def test_the_program_dies_with_its_parent() -> None:
    command = [*launcher.command_line("--death-signal", "SIGTERM"), "/bin/sleep", "600"]
    code = f"import subprocess, time; p = subprocess.Popen({command!r}); print(p.pid, flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    patience = time.monotonic() + 20
    while child.name() != "sleep" and time.monotonic() < patience:
        time.sleep(0.01)
    assert child.name() == "sleep"
    parent.kill()
    parent.wait()
    while time.monotonic() < patience:
        if not child.is_running() or child.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.01)
    child.kill()
    raise AssertionError("the program outlived its parent")


def _pid_file(data: Path, pid: int) -> Path:
    data.mkdir()
    path = data / "postmaster.pid"
    path.write_text(f"{pid}\n{data}\n")
    return path


def _launch(pid_file: Path) -> None:
    command = [*launcher.command_line("--pid-file", str(pid_file)), "/bin/sleep", "0"]
    subprocess.run(command, check=True)


def test_a_pid_file_of_another_program_is_removed(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        path = _pid_file(tmp_path / "data", stranger.pid)
        _launch(path)
        assert not path.exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_of_a_process_that_is_gone_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    path = _pid_file(tmp_path / "data", gone.pid)
    _launch(path)
    assert not path.exists()


def test_a_pid_file_of_the_living_server_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = subprocess.Popen(["/bin/sleep", "600", str(data)], executable="/bin/sh", stderr=subprocess.DEVNULL)
    server.kill()
    server.wait()
    # A program of the same name that has the data directory among its arguments.
    code = "import time; time.sleep(600)"
    server = subprocess.Popen(["/bin/sleep", "-c", code, str(data)], executable=sys.executable)
    try:
        path = _pid_file(data, server.pid)
        _launch(path)
        assert path.exists()
    finally:
        server.kill()
        server.wait()
