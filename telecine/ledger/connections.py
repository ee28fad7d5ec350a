"""Pools of connections that notice a restarted PostgreSQL without asking before every transaction.

SQLAlchemy's `pool_pre_ping` asks each time a connection is taken, which was a quarter of all statements of a batch. A
connection that worked a moment ago is taken as it is; one that was idle is asked first.
https://docs.sqlalchemy.org/en/20/core/pooling.html#disconnect-handling-pessimistic
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

_TRUSTED_S = 1.0
_USED = "telecine_used"


def ask_the_idle(engine: Engine) -> Engine:
    """Let an engine's pool try connections that nobody used for a second, and replace those that broke."""

    @event.listens_for(engine, "checkin")
    def remember(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(_USED)
        if used is None or time.monotonic() - used < _TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as e:
            raise DisconnectionError from e  # the pool opens another one

    return engine
