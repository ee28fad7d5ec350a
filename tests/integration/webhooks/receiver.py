"""A real HTTP server that misbehaves as told: raw sockets, so that it can do what no decent server would.

Not a test. Each path has a script of behaviours; the last one goes on for ever. A behaviour is given the open socket
and the request, and answers (or doesn't) as it likes.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


Behaviour = Callable[[socket.socket, Received], None]


def reply(status: int, body: bytes = b"ok", **headers: str) -> Behaviour:
    """A decent answer."""

    def behave(connection: socket.socket, _: Received) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


def slow(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """A decent answer, late."""

    def behave(connection: socket.socket, request: Received) -> None:
        time.sleep(seconds)
        (then or reply(200))(connection, request)

    return behave


def hang(seconds: float = 30.0) -> Behaviour:
    """Takes the request and says nothing."""
    return slow(seconds, close_early())


def close_early() -> Behaviour:
    """Takes the request and hangs up."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def half_a_header() -> Behaviour:
    """Hangs up in the middle of its answer."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def drip_header(pause_s: float = 0.1) -> Behaviour:
    """Sends its header a byte at a time, for ever."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(10_000):
            connection.sendall(b"x")
            time.sleep(pause_s)

    return behave


def drip_body(pause_s: float = 0.1, status: int = 200) -> Behaviour:
    """Answers at once, then sends its body a byte at a time, for ever."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(f"HTTP/1.1 {status} OK\r\nContent-Length: 100000\r\n\r\n".encode())
        for _ in range(10_000):
            connection.sendall(b"y")
            time.sleep(pause_s)

    return behave


def huge_body(size: int = 50_000_000, status: int = 200) -> Behaviour:
    """Answers with more than anybody wants to read."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(f"HTTP/1.1 {status} OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 100_000):
            connection.sendall(b"z" * 100_000)

    return behave


def garbage() -> Behaviour:
    """No HTTP at all."""

    def behave(connection: socket.socket, _: Received) -> None:
        connection.sendall(b"\x00\x01 220 smtp.example.com ready\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    return behave


@dataclass
class Receiver:
    """The server; use `receiver()`."""

    port: int
    tls: bool
    script: dict[str, list[Behaviour]] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: Counter[str] = field(default_factory=Counter)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        """What came in at a path."""
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def behaviour(self, request: Received) -> Behaviour:
        """What to do with this request."""
        with self._lock:
            self.requests.append(request)
            steps = self.script.get(request.path, [reply(200)])
            number = self._counts[request.path]
            self._counts[request.path] += 1
            return steps[min(number, len(steps) - 1)]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    receiver: Receiver
    context: ssl.SSLContext | None = None


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.receiver.connections += 1
        connection: Any = self.request
        connection.settimeout(60)
        with contextlib.suppress(OSError, ValueError):  # clients that leave are none of our business
            if self.server.context is not None:
                connection = self.server.context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while line := reader.readline():
                path = line.split()[1].decode()
                headers = {}
                while (field_line := reader.readline().strip()) != b"":
                    name, _, value = field_line.decode().partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = reader.read(size := int(headers.get("content-length", 0)))
                if len(body) < size:
                    return  # the client died in the middle of its request
                request = Received(path, headers, body, time.time())
                self.server.receiver.behaviour(request)(connection, request)


@contextlib.contextmanager
def receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Serve on a free port of this machine until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.context = context
    server.receiver = Receiver(server.server_address[1], context is not None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
