"""Being woken by the database (LISTEN), so that nobody has to look ten times a second.

A thread, as psycopg2 waits with select(). When the connection breaks it is made again; whatever was missed meanwhile,
or behind a pooler that doesn't pass notifications on, is found by the deliverer's own look once a second.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Any

import psycopg2
import structlog
from sqlalchemy.exc import DBAPIError

from telecine.ledger import Ledger
from telecine.ledger.events import CHANNEL

_LOOK_S = 1.0
log = structlog.get_logger(__name__)


class Listener(threading.Thread):
    """Calls `woken` (from its own thread) whenever there may be something to deliver."""

    def __init__(self, ledger: Ledger, woken: Callable[[], None]) -> None:
        super().__init__(name="listener", daemon=True)
        self._ledger = ledger
        self._woken = woken
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """End within a second."""
        self._stop_asked.set()

    def run(self) -> None:
        """Listen until told to stop."""
        while not self._stop_asked.is_set():
            try:
                self._listen()
            except (psycopg2.Error, DBAPIError, OSError, ValueError) as e:  # ValueError: its socket is closed
                log.info("listener.connection_lost", reason=str(e).strip())
            self._stop_asked.wait(_LOOK_S)

    def _listen(self) -> None:
        pooled = self._ledger.engine.raw_connection()
        pooled.detach()  # it is kept for as long as it lives
        connection: Any = pooled.dbapi_connection  # psycopg2's own
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._woken()
            while not self._stop_asked.is_set():
                ready, _, _ = select.select([connection], [], [], _LOOK_S)
                if ready:
                    connection.poll()
                    if connection.notifies:
                        connection.notifies.clear()
                        self._woken()
        finally:
            connection.close()
