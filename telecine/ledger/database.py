"""The connection to the ledger: short transactions that survive a restarted PostgreSQL.

Belongs here: engine, transactions, retries on a lost connection. Doesn't belong here: what the statements say
(media.py, jobs.py, claims.py, generations.py).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from telecine.errors import ErrorCode, TransientError
from telecine.ledger import breakers
from telecine.ledger.connections import ask_the_idle
from telecine.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

# Serialization failure, deadlock, lock not available (lock_timeout), canceled (statement_timeout), left idle within a
# transaction: somebody was in the way, and the same statement may succeed a moment later.
_IN_THE_WAY = {"40001", "40P01", "55P03", "57014", "25P03"}
# Milliseconds. A worker that is frozen in the middle of a transaction keeps its rows locked, and nobody could give its
# claims back: PostgreSQL ends such a session. Between two statements of a transaction of ours lies no work.
_OPTIONS = "-c statement_timeout=60000 -c lock_timeout=15000 -c idle_in_transaction_session_timeout=10000"
_FIRST_PAUSE_S = 0.05
_RETRY_S = 20.0  # a killed PostgreSQL is back within a few seconds
log = structlog.get_logger(__name__)


class Ledger:
    """A pool of connections; one per process, shared by its threads."""

    def __init__(self, postgres_url: str) -> None:
        self.engine = ask_the_idle(
            create_engine(
                postgres_url,
                pool_size=4,
                max_overflow=8,
                connect_args={"connect_timeout": 5, "options": _OPTIONS},
            )
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Ledger:
        """The ledger the environment names."""
        return cls(settings.postgres_url.get_secret_value())

    def do(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, ...)` in one transaction, again when the connection broke.

        `work` must be idempotent: a commit whose answer was lost is repeated.

        Raises:
            TransientError: DATABASE_UNAVAILABLE when PostgreSQL stays away for 20 s.
        """
        give_up = time.monotonic() + _RETRY_S
        pause, was_away = _FIRST_PAUSE_S, False
        while True:
            try:
                with self.engine.begin() as connection:
                    done = work(connection, *args, **kwargs)
                if was_away:
                    self._remember_outage()
                return done
            except (OperationalError, InterfaceError, DBAPIError) as e:
                if not _passing(e):
                    raise
                was_away = was_away or getattr(e.orig, "pgcode", None) not in _IN_THE_WAY
                if time.monotonic() > give_up:
                    raise TransientError(
                        ErrorCode.DATABASE_UNAVAILABLE, "the ledger's database does not answer", str(e.orig)
                    ) from e
            time.sleep(pause * random.uniform(0.7, 1.3))
            pause = min(pause * 2, 2.0)

    def _remember_outage(self) -> None:
        """Count an outage that is over, so that no new work starts while the database keeps going away."""
        try:
            with self.engine.begin() as connection:
                breakers.failed(connection, breakers.DATABASE, "the database went away and came back")
        except DBAPIError as e:
            log.warning("breaker.not_written", reason=str(e.orig))

    @contextmanager
    def exclusive(self, lock: int) -> Iterator[bool]:
        """Hold an advisory lock for the block; yields False at once when somebody else holds it.

        The lock belongs to a connection, so it is free again the moment its holder dies.
        """
        connection, got = self._try_lock(lock)
        try:
            yield got
        finally:
            if got:
                _unlock(connection, lock)
            connection.close()

    def _try_lock(self, lock: int) -> tuple[Connection, bool]:
        """Whether the lock is ours now, and the connection that holds it; on a new one when the first was cut."""
        for again in (True, False):
            connection = self.engine.connect()
            try:
                got: bool = connection.execute(select(func.pg_try_advisory_lock(lock))).scalar_one()
                connection.commit()
            except DBAPIError as e:
                connection.close()
                if not (again and e.connection_invalidated):
                    raise
            else:
                return connection, got
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _unlock(connection: Connection, lock: int) -> None:
    try:
        connection.execute(select(func.pg_advisory_unlock(lock)))
        connection.commit()
    except DBAPIError as e:
        # What the block did is done and must not be lost over this; a broken connection holds no lock either.
        log.warning("lock.connection_lost", lock=lock, reason=str(e.orig))
        connection.invalidate()


def is_outage(error: BaseException) -> bool:
    """Whether an error, or what caused it, is a database that went away: nobody's file is to blame for that."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TransientError) or (isinstance(cause, DBAPIError) and _passing(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _passing(e: DBAPIError) -> bool:
    """Whether the same statement may succeed on a new connection."""
    if e.connection_invalidated or getattr(e.orig, "pgcode", None) in _IN_THE_WAY:
        return True
    # Refused, starting up (57P03) or shut down (57P01-02): psycopg2 gives connection failures no code at all.
    return isinstance(e, OperationalError) and (getattr(e.orig, "pgcode", None) or "57P")[:3] in ("57P", "08", "080")
