"""Who is given a viewer's token by the player page, and how often anybody may ask for keys.

The page gives one to viewers on this machine: to whoever connects from a loopback address, by one of the gateway's own
names (headers.allowed_hosts), and not through a proxy. Everybody else gets theirs from the application that knows its
users (docs/streaming.md).
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter

from fastapi import Request

_WINDOW_S = 60.0
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, with nothing in between that says otherwise."""
    try:
        loopback = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return loopback and not any(name in request.headers for name in _PROXIED)


class Rate:
    """How many requests a client may make in a minute; counted in this process."""

    def __init__(self, most: int = 300) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()
        self._window = 0.0
        self._lock = threading.Lock()

    def wait_s(self, client: str) -> int:
        """0 when the client may go on, else the seconds after which it may."""
        now = time.monotonic()
        with self._lock:
            if now >= self._window + _WINDOW_S:
                self._counts.clear()  # which also keeps strangers from filling the memory
                self._window = now
            self._counts[client] += 1
            over = self._counts[client] > self._most
        return int(self._window + _WINDOW_S - now) + 1 if over else 0
