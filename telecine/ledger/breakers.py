"""Circuit breakers: what fails again and again is left alone for a while. State in PostgreSQL, shared by everybody.

requirements.md section 4: object store 3 failures in 30 s, open 60 s, probe after 15 s; database 3 in 45 s, open 45 s.
An open breaker keeps new work from starting; nothing that runs is stopped and nothing fails because of it. The
database's own failures are written down as soon as it answers again: what matters is that it keeps going away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Float, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ErrorCode, TelecineError
from telecine.ledger.schema import breakers

OBJECT_STORE = "object_store"
DATABASE = "database"


@dataclass(frozen=True, slots=True)
class _Rule:
    failures: int
    window_s: float
    open_s: float
    probe_s: float
    apart_s: float = 0.0  # what is nearer to the failure before it is the same one


_RULES = {
    OBJECT_STORE: _Rule(3, 30.0, 60.0, 15.0),
    # Every process writes down an outage of the database: those of one restart count once.
    DATABASE: _Rule(3, 45.0, 45.0, 45.0, apart_s=10.0),
}
_BLAMED = {ErrorCode.STORE_UNAVAILABLE: OBJECT_STORE, ErrorCode.DATABASE_UNAVAILABLE: DATABASE}


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open breaker.

    Attributes:
        left_s: seconds until it closes by itself.
        may_probe: one caller may try now, and say how it went with `mend` or `failed`.
    """

    name: str
    reason: str | None
    left_s: float
    may_probe: bool


def blame(connection: Connection, error: TelecineError) -> None:
    """Count a job's failure against the neighbour that caused it, if one did."""
    name = _BLAMED.get(error.code)
    if name is not None:
        failed(connection, name, error.message)


def failed(connection: Connection, name: str, reason: str) -> None:
    """Count a failure; the third within the window opens the breaker, one while it is open keeps it open."""
    rule = _RULES[name]
    row = _lock(connection, name)
    now = row.now
    if row.failures and now - row.failures[-1] < rule.apart_s:
        return
    recent = [at for at in row.failures if now - at < rule.window_s] + [now]
    values: dict[str, Any] = {"failures": recent[-rule.failures :], "reason": reason[:500]}
    if len(recent) >= rule.failures or (row.opened_at is not None and row.open_s < rule.open_s):
        values["opened_at"] = values["probed_at"] = func.now()
    connection.execute(update(breakers).where(breakers.c.name == name).values(**values))


def mend(connection: Connection, name: str) -> None:
    """It works again: close the breaker."""
    connection.execute(
        update(breakers)
        .where(breakers.c.name == name, or_(breakers.c.opened_at.is_not(None), breakers.c.failures != []))
        .values(failures=[], opened_at=None, probed_at=None, reason=None)
    )


def open_ones(connection: Connection) -> list[Breaker]:
    """Breakers that are open now."""
    since = func.extract("epoch", func.now() - breakers.c.opened_at).label("open_s")
    probed = func.extract("epoch", func.now() - breakers.c.probed_at).label("probed_s")
    found = []
    for row in connection.execute(
        select(breakers.c.name, breakers.c.reason, since, probed).where(breakers.c.opened_at.is_not(None))
    ):
        rule = _RULES[row.name]
        left_s = rule.open_s - float(row.open_s)
        if left_s > 0:
            found.append(Breaker(row.name, row.reason, left_s, float(row.probed_s) >= rule.probe_s))
    return found


def probe(connection: Connection, name: str) -> bool:
    """Take the right to probe: of several that ask at the same time, one gets it."""
    rule = _RULES[name]
    done = connection.execute(
        update(breakers)
        .where(
            breakers.c.name == name,
            breakers.c.opened_at.is_not(None),
            func.extract("epoch", func.now() - breakers.c.probed_at) >= rule.probe_s,
        )
        .values(probed_at=func.now())
    )
    return done.rowcount == 1


def _lock(connection: Connection, name: str) -> Row[Any]:
    connection.execute(upsert(breakers).values(name=name).on_conflict_do_nothing())
    return connection.execute(
        select(
            breakers.c.failures,
            breakers.c.opened_at,
            func.extract("epoch", func.now() - breakers.c.opened_at).label("open_s"),
            func.extract("epoch", func.clock_timestamp()).cast(Float).label("now"),
        )
        .where(breakers.c.name == name)
        .with_for_update()
    ).one()
