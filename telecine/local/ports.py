"""Which TCP ports the embedded services use: the usual ones when free, others when not, remembered either way."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode
from telecine.local.credentials import write_private

HOST = "127.0.0.1"

DEFAULTS: Mapping[str, int] = {
    "webserver": 3000,  # dagster-webserver's own default
    "gateway": 8080,
    "code_server": 4000,
    "s3": 8333,  # this and the following: `weed mini -h`
    "master": 9333,
    "volume": 9340,
    "filer": 8888,
    "admin": 23646,
}
"""Service -> the port people expect it at."""

WITH_GRPC = frozenset({"s3", "master", "volume", "filer", "admin"})
"""Services of SeaweedFS, which also takes the port 10,000 above each of these."""

_GRPC_OFFSET = 10_000
_CLOSING_S = 3.0
# Below Linux's ephemeral range (32768-60999), also with the offset, so that no outgoing connection sits on them.
_CHOICE = range(11_000, 22_000)


def taken(port: int) -> bool:
    """Whether something listens on the port of this machine already."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return True
    return False


def _needed(service: str, port: int) -> tuple[int, ...]:
    return (port, port + _GRPC_OFFSET) if service in WITH_GRPC else (port,)


def _foreign_socket(service: str, port: int) -> bool:
    """Whether another user's leftover socket file is in the way: SeaweedFS also listens on
    /tmp/seaweedfs-<service>-grpc-<port>.sock and can't replace a file it doesn't own."""
    if service not in WITH_GRPC:
        return False
    leftover = grpc_socket(service, port)
    return leftover.exists() and os.geteuid() not in (0, leftover.stat().st_uid)


def grpc_socket(service: str, port: int) -> Path:
    """Where SeaweedFS puts its gRPC socket for a service; the directory is fixed in its code."""
    return Path(f"/tmp/seaweedfs-{service}-grpc-{port + _GRPC_OFFSET}.sock")


def remove_grpc_sockets(path: Path) -> None:
    """Remove the socket files that a stopped SeaweedFS left at the ports remembered in `path`."""
    remembered: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    for service in WITH_GRPC.intersection(remembered):
        leftover = grpc_socket(service, remembered[service])
        if leftover.is_socket() and leftover.stat().st_uid == os.geteuid() and not taken(remembered[service]):
            leftover.unlink()


def _usable(service: str, port: int, used: set[int]) -> bool:
    needed = _needed(service, port)
    return not used.intersection(needed) and not any(map(taken, needed)) and not _foreign_socket(service, port)


def _wait_until_closed(service: str, port: int) -> None:
    """A part that was killed a moment ago may still be closing its socket: all its threads must have ended first."""
    deadline = time.monotonic() + _CLOSING_S
    while any(map(taken, _needed(service, port))) and time.monotonic() < deadline:
        time.sleep(0.05)


def _candidates(service: str, remembered: int | None) -> Iterator[int]:
    if remembered is not None:
        _wait_until_closed(service, remembered)
        yield remembered
    if os.environ.get("TELECINE_PORTS") != "free":
        yield DEFAULTS[service]
    while True:
        yield random.choice(_CHOICE)


def choose(path: Path) -> dict[str, int]:
    """A free port for every service; call it only while the stack is down.

    In order: TELECINE_<SERVICE>_PORT, the port remembered in `path`, the default (unless TELECINE_PORTS=free), any
    free one. The choice is remembered in `path`.

    Raises:
        ConfigurationError: TELECINE_<SERVICE>_PORT names a port that is taken.
    """
    remembered: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    used: set[int] = set()
    chosen: dict[str, int] = {}
    for service in DEFAULTS:
        wish = f"TELECINE_{service.upper()}_PORT"
        if asked := os.environ.get(wish):
            if asked == str(remembered.get(service)):
                _wait_until_closed(service, remembered[service])
            if not asked.isdecimal() or not _usable(service, int(asked), used):
                raise ConfigurationError(
                    ErrorCode.STACK_FAILED,
                    f"{wish}={asked} can't be used: the port is taken or not a port; choose another or unset it.",
                )
            chosen[service] = int(asked)
        else:
            chosen[service] = next(
                p for p in _candidates(service, remembered.get(service)) if _usable(service, p, used)
            )
        used.update(_needed(service, chosen[service]))
    write_private(path, json.dumps(chosen))
    return chosen
