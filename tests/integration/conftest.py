"""The ledger in a database of its own on the test stack's real PostgreSQL, so that no sensor touches its rows."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, attempts, backlog, claims, media
from telecine.ledger import jobs as job_rows
from telecine.ledger.migrate import upgrade
from telecine.priority import Lane
from telecine.recipe import load_recipe
from telecine.sniff import Sniffed
from telecine.storage import ObjectInfo

_numbers = itertools.count()


def _database(url: str, name: str, command: str) -> str:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"{command} DATABASE {name}" + (" WITH (FORCE)" if command == "DROP" else ""))
    connection.close()
    return url.replace("/telecine?", f"/{name}?")


@contextmanager
def _empty_database(stack: dict[str, str]) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex[:8]}"
    yield _database(stack["TELECINE_POSTGRES_URL"], name, "CREATE")
    _database(stack["TELECINE_POSTGRES_URL"], name, "DROP")


@pytest.fixture
def empty_database(stack: dict[str, str]) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    with _empty_database(stack) as url:
        yield url


@pytest.fixture
def other_empty_database(stack: dict[str, str]) -> Iterator[str]:
    """Another one."""
    with _empty_database(stack) as url:
        yield url


@pytest.fixture(scope="session")
def _ledger_url(_running_stack: tuple[Path, dict[str, str]]) -> Iterator[str]:
    url, name = _running_stack[1]["TELECINE_POSTGRES_URL"], f"ledger_{uuid.uuid4().hex[:8]}"
    made = _database(url, name, "CREATE")
    upgrade(made)
    yield made
    _database(url, name, "DROP")


@pytest.fixture
def postgres_url(stack: dict[str, str], _ledger_url: str) -> str:
    """A database with an empty ledger in it."""
    connection = psycopg2.connect(_ledger_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE telecine.media_objects, telecine.claims, telecine.jobs, telecine.batches,"
            " telecine.submission_keys, telecine.breakers, telecine.events, telecine.endpoints, telecine.deliverers,"
            " telecine.run_reports CASCADE"
        )
    connection.close()
    return _ledger_url


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[Ledger]:
    """A migrated, empty ledger."""
    book = Ledger(postgres_url)
    yield book
    book.close()


def an_object(key: str = "", version: int = 1) -> ObjectInfo:
    """A version of an object as a listing shows it."""
    key = key or f"photo-{next(_numbers)}.jpg"
    return ObjectInfo(
        "incoming", key, f"etag{version}", 1000 + version, datetime(2026, 1, 1, 0, 0, version, tzinfo=UTC)
    )


def accept(
    ledger: Ledger, info: ObjectInfo, kind: str = "image", origin: str = "bucket", priority: int = 5
) -> str | None:
    """Accept an object as intake does."""
    sniffed = Sniffed(kind=kind, format="jpeg", mime="image/jpeg")  # type: ignore[arg-type]
    return ledger.do(
        media.accept,
        info,
        sniffed,
        load_recipe("default"),
        priority=priority,
        lane=Lane.LIVE,
        origin=origin,
        job_id=new_id(),
    )


def waiting(ledger: Ledger, limit: int = 2_000) -> list[Job]:
    """Jobs that could start now, in the order they should."""
    return [item.job for item in ledger.do(backlog.waiting, limit=limit)]


def get(ledger: Ledger, job_id: str) -> Job:
    """A job as it is now."""
    return ledger.do(job_rows.get, [job_id])[job_id]


@pytest.fixture
def drop(ledger: Ledger) -> Callable[..., Job]:
    """Accept a new object, or a new version of one; answers its job."""

    def dropped(key: str = "", version: int = 1, kind: str = "image", priority: int = 5) -> Job:
        job_id = accept(ledger, an_object(key, version), kind, priority=priority)
        assert job_id is not None
        return get(ledger, job_id)

    return dropped


@pytest.fixture
def claimed(ledger: Ledger) -> Callable[..., str]:
    """Put jobs under a claim that a run has taken up; answers its id."""

    def claim(*jobs: Job, run: str = "run-1", worker: str = "host:1") -> str:
        claim_id = new_id()
        taken = ledger.do(claims.request, claim_id, jobs, lane="image", priority=5)
        assert sorted(taken) == sorted(job.job_id for job in jobs)
        assert ledger.do(claims.start, claim_id, run_id=run, worker=worker)
        return claim_id

    return claim


@pytest.fixture
def begun(ledger: Ledger, claimed: Callable[..., str]) -> Callable[..., tuple[str, int]]:
    """Start an attempt at a job; answers its claim and generation."""

    def begin(job: Job) -> tuple[str, int]:
        claim_id = claimed(job)
        generation = ledger.do(attempts.begin, job, claim_id=claim_id, run_id="run-1", worker="host:1")
        return claim_id, generation

    return begin
