"""Talking to this stack's supervisord: start it, ask it, stop it (http://supervisord.org/api.html).

It is found by its Unix socket and the identifier it answers with, never by a process number in a file.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telecine.errors import ErrorCode, SystemFault
from telecine.local.layout import Layout
from telecine.local.supervision import identifier

_TIMEOUT_S = 30.0
_ALREADY_STARTED = 60  # supervisor.xmlrpc.Faults
_NOT_RUNNING = 70


@dataclass(frozen=True, slots=True)
class PartState:
    """What supervisord says of a part.

    Attributes:
        state: RUNNING, STARTING, BACKOFF, STOPPED, STOPPING, EXITED or FATAL.
        pid: process number, None when it isn't running.
        uptime_s: seconds since it was (re)started, None when it isn't running.
    """

    name: str
    state: str
    pid: int | None
    uptime_s: int | None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)


class Supervisor:
    """The supervisord of one layout, running or not."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def configuration(self) -> Path:
        """Its configuration file."""
        return self._layout.home / "supervisord.conf"

    def running(self) -> bool:
        """Whether it answers, and is ours."""
        try:
            return bool(self._rpc().getIdentification() == identifier(self._layout))
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def launch(self, environment: Mapping[str, str]) -> None:
        """Start it in the background with this environment, and wait until it answers.

        Raises:
            SystemFault: it doesn't.
        """
        self._layout.supervisor_socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)]
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd=self._layout.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        deadline = time.monotonic() + _TIMEOUT_S
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.running():
                return
            time.sleep(0.02)
        tail = (done.stderr or done.stdout).strip()
        raise SystemFault(ErrorCode.STACK_FAILED, f"supervisord did not start: {tail or 'no answer'}", tail)

    def states(self) -> dict[str, PartState]:
        """Every part's state by name."""
        return {info["name"]: _state(info) for info in self._rpc().getAllProcessInfo()}

    def start(self, names: Iterable[str]) -> None:
        """Start parts that aren't running; returns at once."""
        proxy = self._rpc()
        for name in names:
            try:
                proxy.startProcess(name, False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != _ALREADY_STARTED:
                    raise SystemFault(
                        ErrorCode.STACK_FAILED, f"{name} can't be started: {fault.faultString}", fault.faultString
                    ) from fault

    def stop(self, names: Iterable[str]) -> None:
        """Ask parts to stop; returns at once."""
        proxy = self._rpc()
        for name in names:
            try:
                proxy.stopProcess(name, False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != _NOT_RUNNING:
                    raise

    def shutdown(self) -> None:
        """Ask it to stop all parts, then itself; returns at once."""
        self._rpc().shutdown()

    def _rpc(self) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self._layout.supervisor_socket))
        return proxy.supervisor


def _state(info: Mapping[str, Any]) -> PartState:
    running = info["statename"] == "RUNNING"
    return PartState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"] or None,
        uptime_s=max(0, info["now"] - info["start"]) if running else None,
    )
