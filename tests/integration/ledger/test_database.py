"""The ledger's connection and schema: broken connections, locks, migrations."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from telecine.errors import ErrorCode, TransientError
from telecine.ledger import Ledger, database
from telecine.ledger.database import is_outage
from telecine.ledger.migrate import current_revision, upgrade
from telecine.ledger.schema import metadata
from tests.integration.conftest import accept, an_object

pytestmark = pytest.mark.integration


def terminate_others(postgres_url: str) -> int:
    """Cut every other connection to this database, as a restart would."""
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        row = cursor.fetchone()
    connection.close()
    assert row is not None
    return int(row[0])


def test_migrations_may_run_again_and_several_at_once(empty_database: str) -> None:
    assert current_revision(empty_database) is None
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: upgrade(empty_database), range(4)))
    revision = current_revision(empty_database)
    assert revision is not None
    upgrade(empty_database)
    assert current_revision(empty_database) == revision


def test_the_migrated_schema_is_the_one_the_code_knows(ledger: Ledger) -> None:
    def columns(connection: Connection) -> set[tuple[str, str]]:
        rows = connection.execute(
            text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'telecine'")
        )
        return {(row[0], row[1]) for row in rows if row[0] != "alembic_version"}

    known = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns}
    assert ledger.do(columns) == known


def test_idle_connections_that_were_cut_are_replaced_without_anybody_noticing(
    ledger: Ledger, postgres_url: str
) -> None:
    assert accept(ledger, an_object())
    assert terminate_others(postgres_url) >= 1
    assert accept(ledger, an_object())


def test_a_transaction_cut_in_the_middle_is_repeated_whole(ledger: Ledger, postgres_url: str) -> None:
    calls = []

    def work(connection: Connection) -> int:
        calls.append(1)
        connection.execute(
            text("INSERT INTO telecine.claims (claim_id, lane, priority, origin) VALUES ('x', 'i', 1, 'd')")
        )
        if len(calls) < 3:
            terminate_others(postgres_url)
        return int(connection.scalar(text("SELECT count(*) FROM telecine.claims")) or 0)

    assert ledger.do(work) == 1, "the cut ones left nothing"
    assert len(calls) == 3


def test_threads_that_work_while_connections_are_cut_lose_nothing(ledger: Ledger, postgres_url: str) -> None:
    objects = [an_object() for _ in range(60)]
    stop = threading.Event()

    def saw() -> None:
        while not stop.wait(0.15):
            terminate_others(postgres_url)

    sawing = threading.Thread(target=saw)
    sawing.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda info: accept(ledger, info), objects))
    finally:
        stop.set()
        sawing.join()
    assert ledger.do(lambda c: c.scalar(text("SELECT count(*) FROM telecine.jobs"))) == len(objects)


def test_deadlocked_transactions_are_repeated(ledger: Ledger) -> None:
    for name in ("a", "b"):
        ledger.do(
            lambda c, name=name: c.execute(
                text("INSERT INTO telecine.claims (claim_id, lane, priority, origin) VALUES (:n, 'i', 0, 'd')"),
                {"n": name},
            )
        )
    meet = threading.Barrier(2, timeout=60)

    def cross(order: tuple[str, str]) -> int:
        calls = []

        def work(connection: Connection) -> int:
            calls.append(1)
            for number, name in enumerate(order):
                connection.execute(
                    text("UPDATE telecine.claims SET priority = priority + 1 WHERE claim_id = :n"), {"n": name}
                )
                if number == 0 and len(calls) == 1:
                    meet.wait()
            return len(calls)

        return ledger.do(work)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, [("a", "b"), ("b", "a")])) == [1, 2]
    assert ledger.do(lambda c: c.scalar(text("SELECT sum(priority) FROM telecine.claims"))) == 4


def test_our_own_mistakes_are_not_repeated(ledger: Ledger) -> None:
    calls = []

    def work(connection: Connection, statement: str) -> None:
        calls.append(1)
        connection.execute(text(statement))

    with pytest.raises(ProgrammingError):
        ledger.do(work, "SELECT * FROM telecine.no_such_table")
    with pytest.raises(IntegrityError):
        ledger.do(work, "INSERT INTO telecine.claims (claim_id) VALUES (NULL)")
    assert len(calls) == 2


def test_a_database_that_stays_away_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_RETRY_S", 0.5)
    nowhere = Ledger("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(TransientError) as caught:
        nowhere.do(lambda c: c.execute(select(1)))
    assert caught.value.code is ErrorCode.DATABASE_UNAVAILABLE
    assert is_outage(caught.value)
    assert not is_outage(ValueError("something else"))


def test_an_exclusive_block_has_one_holder_and_ends_with_its_connection(ledger: Ledger, postgres_url: str) -> None:
    other = Ledger(postgres_url)
    with ledger.exclusive(4711) as mine:
        assert mine
        with other.exclusive(4711) as theirs:
            assert not theirs
        with other.exclusive(4712) as another:
            assert another
        terminate_others(postgres_url)
        with other.exclusive(4711) as theirs:
            assert theirs, "whoever lost the connection lost the lock"
    # and leaving the block after that was no error
    with ledger.exclusive(4711) as mine:
        assert mine
    other.close()


def test_who_freezes_in_the_middle_of_a_transaction_locks_nobody_out(ledger: Ledger, postgres_url: str) -> None:
    accept(ledger, an_object())
    locked, woken, tries = threading.Event(), threading.Event(), []

    def freezing(connection: Connection) -> int:
        tries.append(connection.execute(text("SELECT count(*) FROM telecine.jobs WHERE priority > -1")).scalar_one())
        connection.execute(text("SELECT * FROM telecine.jobs FOR UPDATE"))
        locked.set()
        if len(tries) == 1:
            assert woken.wait(60)
        return int(connection.execute(text("SELECT count(*) FROM telecine.jobs")).scalar_one())

    other = Ledger(postgres_url)
    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(ledger.do, freezing)
        try:
            assert locked.wait(30)
            other.do(lambda connection: connection.execute(text("SELECT * FROM telecine.jobs FOR UPDATE")).all())
        finally:
            woken.set()
            other.close()
        assert frozen.result() == 1, "what was interrupted is done again"
    assert len(tries) == 2
