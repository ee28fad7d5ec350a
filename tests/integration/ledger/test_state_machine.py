"""The ledger's state machine under two connections: whatever they do, in turn or at once, it is what the model says.

Hypothesis chooses the moves; a worker's are mostly those of live attempts, now and then those of one that lost its
claim long ago. A pair of moves overlaps (one waits with its commit) or is sent by two threads at the same moment; then
answers and rows must be those of one order or the other. Every row is compared after every step, so no update is lost
unseen. 20 s here; TELECINE_LONG_TESTS=1 tries many more. Doesn't belong here: what each move means (ledger_model.py).
"""

from __future__ import annotations

import copy
import itertools
import os
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Connection, func, select, text

from telecine.errors import (
    ConfigurationError,
    ErrorCode,
    InputError,
    ResourceError,
    SystemFault,
    TelecineError,
    TransientError,
)
from telecine.job_id import new_id
from telecine.ledger import Ledger, attempts, backlog, batches, claims, dead_letters, generations, media, runs
from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import Terms
from telecine.limits import JobLimits
from telecine.partition import partition_key
from telecine.priority import Lane
from telecine.recipe import load_recipe
from telecine.sniff import Sniffed
from tests.integration.conftest import an_object
from tests.integration.ledger.ledger_model import BURIED, OPEN, Book, Refused
from tests.integration.ledger.test_moves import LEGAL

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

_KEYS = ("a.jpg", "b.jpg", "c.jpg")
_PARTITIONS = tuple(partition_key("incoming", key) for key in _KEYS)
_ERRORS: dict[str, TelecineError] = {
    error.code.value: error
    for error in (
        InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken"),
        ConfigurationError(ErrorCode.NO_OUTPUTS, "nothing to make"),
        TransientError(ErrorCode.STORE_UNAVAILABLE, "the store is away"),
        ResourceError(ErrorCode.OUT_OF_MEMORY, "no room"),
        SystemFault(ErrorCode.SCRATCH_FAILED, "the disk is odd"),
        SystemFault(ErrorCode.ENCODE_FAILED, "the encoder fell over"),
        SystemFault(ErrorCode.INTERNAL, "our own fault"),
    )
}
_CODES = tuple(_ERRORS)
_MADE = {"asset": "image/thumbnails", "name": "small", "status": "COMPLETED"}
_FAILED = {"asset": "image/renditions", "name": "large", "status": "FAILED"}
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
# How long a move may take to get to where another one's locks stop it; a shorter time only means less overlap.
_OVERLAP_S = 0.04


@dataclass(frozen=True)
class Move:
    """A method of `Moves` and of `Book`, with its arguments."""

    name: str
    arguments: tuple[Any, ...]


class Moves:
    """Each move as its callers in the house make it: one transaction's work."""

    @staticmethod
    def accept(
        connection: Connection,
        partition: str,
        identity: str,
        origin: str,
        priority: int,
        batch: str | None = None,
        max_attempts: int | None = None,
        late: bool = False,
    ) -> str | None:
        limits = JobLimits(max_attempts=max_attempts, deadline=_LONG_AGO if late else None)
        return media.accept(
            connection,
            _object(partition, identity),
            Sniffed(kind="image", format="jpeg", mime="image/jpeg"),
            load_recipe("default"),
            priority=priority,
            lane=Lane.LIVE,
            origin=origin,
            job_id=new_id(),
            terms=Terms(batch_id=batch, limits=limits),
        )

    @staticmethod
    def refuse(connection: Connection, partition: str, identity: str) -> None:
        media.refuse(connection, _object(partition, identity), InputError(ErrorCode.EMPTY_FILE, "empty"))

    @staticmethod
    def delete(connection: Connection, partition: str) -> list[str]:
        key = _KEYS[_PARTITIONS.index(partition)]
        return media.mark_deleted(connection, "incoming", key, set(), -60.0)  # as if listed a minute later

    @staticmethod
    def expire(connection: Connection) -> list[str]:
        return sorted(backlog.expire(connection))

    @staticmethod
    def dispatch(connection: Connection, claim: str, limit: int) -> tuple[Any, list[str]]:
        found = [item.job for item in backlog.waiting(connection, limit=limit)]
        if found:
            taken = claims.request(connection, claim, found, lane="image", priority=5)
            assert sorted(taken) == sorted(job.job_id for job in found), "what is locked is still there"
        return connection.scalar(select(func.now())), sorted(job.job_id for job in found)

    @staticmethod
    def start(connection: Connection, claim: str, run: str) -> bool:
        return claims.start(connection, claim, run_id=run, worker=f"host:{run}")

    @staticmethod
    def beat(connection: Connection, claim: str) -> tuple[bool, list[str]]:
        heard = claims.beat(connection, claim)
        return heard.alive, sorted(heard.cancel)

    @staticmethod
    def end_claim(connection: Connection, claim: str, outcome: str, died: bool, abandon: bool) -> list[str]:
        return sorted(claims.end(connection, claim, outcome, worker_died=died, abandon=abandon))

    @staticmethod
    def end_unbound(connection: Connection, claim: str) -> bool:
        return claims.end_unbound(connection, claim, "never started")

    @staticmethod
    def cancel_claim(connection: Connection, claim: str) -> list[str]:
        return sorted(claims.cancel_jobs(connection, claim, "terminated"))

    @staticmethod
    def materialize(connection: Connection, claim: str, partitions: Sequence[str]) -> tuple[list[str], list[str]]:
        taken, refused = runs.open_claim(
            connection, claim, partitions, run_id=claim, worker=f"host:{claim}", lane="image"
        )
        return taken, list(refused)

    @staticmethod
    def begin(connection: Connection, job_id: str, claim: str) -> int:
        job = job_rows.get(connection, [job_id])[job_id]
        return attempts.begin(connection, job, claim_id=claim, run_id="run", worker="host:1")

    @staticmethod
    def report(connection: Connection, job_id: str, generation: int, percent: float) -> None:
        attempts.report(connection, job_id, generation, "ENCODING", percent)

    @staticmethod
    def publish(connection: Connection, job_id: str, generation: int, failure: str | None) -> str:
        job = job_rows.get(connection, [job_id])[job_id]
        outputs = [_MADE] if failure is None else [_MADE, _FAILED]
        error = None if failure is None else _ERRORS[failure]
        status = generations.publish(
            connection, job_id, job.partition, generation, {"of": job_id}, outputs=outputs, failure=error
        )
        return status.value

    @staticmethod
    def fail(connection: Connection, job_id: str, generation: int, code: str) -> str:
        return attempts.fail(connection, job_id, generation, _ERRORS[code]).value

    @staticmethod
    def reclassify(connection: Connection, job_id: str, generation: int, kind: str) -> None:
        attempts.reclassify(connection, job_id, generation, kind)

    @staticmethod
    def end_canceled(connection: Connection, job_id: str, generation: int) -> None:
        attempts.end_canceled(connection, job_id, generation, "canceled on request")

    @staticmethod
    def cancel(connection: Connection, job_id: str) -> str:
        status = job_rows.request_cancel(connection, job_id, "not wanted")
        assert status is not None
        return status.value

    @staticmethod
    def replay(connection: Connection, job_id: str) -> str:
        return dead_letters.replay(connection, job_id)

    @staticmethod
    def resolve(connection: Connection, job_id: str) -> None:
        dead_letters.resolve(connection, job_id)

    @staticmethod
    def retry(connection: Connection, job_id: str) -> str:
        return dead_letters.retry(connection, job_id)

    @staticmethod
    def open_batch(connection: Connection, batch: str, total: int, fail_fast: bool) -> None:
        batches.open_batch(connection, batch, total=total, fail_fast=fail_fast)

    @staticmethod
    def close_batch(connection: Connection, batch: str) -> None:
        batches.close(connection, batch)

    @staticmethod
    def cancel_batch(connection: Connection, batch: str) -> tuple[int, int]:
        return batches.cancel(connection, batch, "not wanted")


def _object(partition: str, identity: str) -> Any:
    version = next(n for n in range(1, 10) if _identity(partition, n) == identity)
    return an_object(_KEYS[_PARTITIONS.index(partition)], version)


def _identity(partition: str, version: int) -> str:
    return an_object(_KEYS[_PARTITIONS.index(partition)], version).identity


@dataclass(frozen=True)
class Wish:
    """What Hypothesis draws; which move it is depends on what there is.

    Attributes:
        pick, detail: choose among what the move could be about.
        late: mean also what is over: ended claims, lost attempts, ended jobs.
    """

    name: str
    pick: int
    detail: int
    late: bool

    def on(self, book: Book) -> Move | None:
        """The move; None when there is nothing it could be about."""
        arguments: tuple[Any, ...] | None = getattr(self, f"_{_KIND[self.name]}")(book)
        return None if arguments is None else Move(self.name, arguments)

    def _choice(self, live: Sequence[Any], every: Sequence[Any]) -> Any:
        found = every if self.late else live
        return found[self.pick % len(found)] if found else None

    def _drop(self, book: Book) -> tuple[Any, ...]:
        places = tuple(book.media) if book.is_narrow else _PARTITIONS
        partition = places[self.pick % len(places)]
        identity = _identity(partition, 1 + self.detail % 3)
        if self.name == "refuse":
            return partition, identity
        priority = (5, 5, 1, 20)[self.detail % 4]
        if not self.detail % 2:
            return partition, identity, "bucket", priority
        handed = [b for b in book.groups if sum(j.batch == b for j in book.jobs.values()) < book.groups[b].total]
        batch = handed[self.detail % len(handed)] if handed and not self.late and not book.is_narrow else None
        max_attempts = (None, 1, 2)[self.detail % 3]
        return partition, identity, "submit", priority, batch, max_attempts, self.detail % 10 == 9

    def _object(self, book: Book) -> tuple[Any, ...] | None:
        return (sorted(book.media)[self.pick % len(book.media)],) if book.media else None

    def _nothing(self, book: Book) -> tuple[Any, ...]:
        return ()

    def _free(self, book: Book) -> tuple[Any, ...]:
        return new_id(), 1 + self.detail % 5

    def _claim(self, book: Book) -> tuple[Any, ...] | None:
        claim = self._choice([c for c, known in book.claims.items() if known.outcome is None], list(book.claims))
        if claim is None:
            return None
        more: dict[str, tuple[Any, ...]] = {
            "start": (("run-1", "run-2")[self.detail % 2],),
            "end_claim": (
                ("lost", True, False),
                ("lost", True, False),
                ("interrupted", False, False),
                ("finished", False, False),
                ("lost", True, True),
            )[self.detail % 5],
        }
        return claim, *more.get(self.name, ())

    def _run(self, book: Book) -> tuple[Any, ...]:
        if book.is_narrow:
            return new_id(), tuple(book.media)
        return new_id(), tuple(p for n, p in enumerate(_PARTITIONS) if (1 + self.pick % 7) >> n & 1)

    def _waiting(self, book: Book) -> tuple[Any, ...] | None:
        every = [(j.job_id, c) for j, c in itertools.product(book.jobs.values(), book.claims)]
        live = [(j.job_id, j.claim) for j in book.jobs.values() if j.status == "PENDING" and j.claim]
        chosen: tuple[Any, ...] | None = self._choice(live, every)
        return chosen

    def _attempt(self, book: Book) -> tuple[Any, ...] | None:
        live = [key for key, outcome in book.attempts.items() if outcome is None]
        chosen = self._choice(live, list(book.attempts))
        if chosen is None:
            return None
        more: dict[str, tuple[Any, ...]] = {
            "report": (float(self.detail % 100),),
            "publish": ((None, None, *_CODES)[self.detail % (len(_CODES) + 2)],),
            "fail": (_CODES[self.detail % len(_CODES)],),
            "reclassify": (("audio", "image")[self.detail % 2],),
        }
        return *chosen, *more.get(self.name, ())

    def _job(self, book: Book) -> tuple[Any, ...] | None:
        is_about_open = self.name == "cancel"
        live = [j.job_id for j in book.jobs.values() if (j.status in OPEN) == is_about_open]
        chosen = self._choice(live, list(book.jobs))
        return None if chosen is None else (chosen,)

    def _announced(self, book: Book) -> tuple[Any, ...]:
        return new_id(), 1 + self.pick % 3, bool(self.detail % 2)

    def _group(self, book: Book) -> tuple[Any, ...] | None:
        chosen = self._choice([b for b, known in book.groups.items() if known.status == "OPEN"], list(book.groups))
        return None if chosen is None else (chosen,)


# Each move, what it is about, and how often it is chosen.
_WEIGHTS = {
    "accept": ("drop", 5),
    "refuse": ("drop", 1),
    "delete": ("object", 1),
    "expire": ("nothing", 1),
    "dispatch": ("free", 3),
    "start": ("claim", 2),
    "beat": ("claim", 1),
    "end_claim": ("claim", 4),
    "end_unbound": ("claim", 1),
    "cancel_claim": ("claim", 1),
    "materialize": ("run", 2),
    "begin": ("waiting", 6),
    "report": ("attempt", 3),
    "publish": ("attempt", 5),
    "fail": ("attempt", 5),
    "reclassify": ("attempt", 1),
    "end_canceled": ("attempt", 1),
    "cancel": ("job", 3),
    "replay": ("job", 2),
    "resolve": ("job", 1),
    "retry": ("job", 2),
    "open_batch": ("announced", 2),
    "close_batch": ("group", 1),
    "cancel_batch": ("group", 1),
}
_KIND = {name: kind for name, (kind, _) in _WEIGHTS.items()}
_NAMES = [name for name, (_, weight) in _WEIGHTS.items() for _ in range(weight)]
# Moves that have something to fight over when they are about the same job, and the status it has then.
_RIVALS = [
    *(("PENDING", "begin", other) for other in ("end_claim", "cancel_claim", "cancel_batch", "cancel", "materialize")),
    *(("PENDING", other, "begin") for other in ("end_claim", "cancel", "materialize", "begin", "accept")),
    *(("PENDING", "cancel", other) for other in ("materialize", "dispatch", "end_unbound", "accept")),
    *(("PROCESSING", "publish", other) for other in ("end_claim", "cancel", "cancel_claim", "accept", "publish")),
    *(("PROCESSING", "fail", other) for other in ("end_claim", "cancel", "cancel_batch", "materialize")),
    *(("PROCESSING", other, "fail") for other in ("end_claim", "cancel", "cancel_batch", "reclassify", "report")),
    *(("CANCELED", "retry", other) for other in ("retry", "accept", "materialize")),
    *(("FAILED", "replay", other) for other in ("replay", "accept", "refuse", "resolve", "retry")),
]
_WAYS = (
    ["rivals"] * 5 + ["one"] * 3 + ["overlap"] * 4 + ["at once"] * 2 + ["worker"] * 2 + ["death", "rolled back", "time"]
)


def _wish(seed: int) -> Wish:
    rng = random.Random(seed)
    return Wish(rng.choice(_NAMES), rng.randrange(60), rng.randrange(60), rng.random() < 0.2)


# By a seed, because Hypothesis itself prefers the first and the smallest, and leaves some out of an example altogether.
_SEEDS = st.integers(0, 2**32 - 1)
_WISHES = _SEEDS.map(_wish)


class LedgerMachine(RuleBasedStateMachine):
    """Two connections to one ledger, and what is in it."""

    def __init__(self, postgres_url: str) -> None:
        super().__init__()
        self.ledgers = (Ledger(postgres_url), Ledger(postgres_url))
        self.threads = ThreadPoolExecutor(2)
        self.book = Book()

    @initialize(wishes=st.lists(_SEEDS, min_size=4, max_size=4))
    def begin_with_a_few_files(self, wishes: list[int]) -> None:
        tables = "media_objects, claims, jobs, batches, submission_keys, breakers"
        self.ledgers[0].do(lambda c: c.execute(text(f"TRUNCATE {', '.join(_tables(tables))} CASCADE")))
        self._alone(Move("open_batch", (new_id(), 3, bool(wishes[0] % 2))), 0)
        for seed in wishes:
            self._alone(replace(_wish(seed), name="accept").on(self.book), 0)

    def teardown(self) -> None:
        self.threads.shutdown()
        for ledger in self.ledgers:
            ledger.close()

    @rule(how=_SEEDS.map(lambda seed: random.Random(seed).choice(_WAYS)), first=_WISHES, second=_WISHES)
    def step(self, how: str, first: Wish, second: Wish) -> None:
        """One rule for all, in the proportions of `_WAYS`."""
        if how == "one":
            self._alone(first.on(self.book), second.pick % 2)
        elif how == "worker":
            self._take_up(first.pick)
        elif how == "rivals":
            self._let_meet(first, second)
        elif how == "death":
            self._take_up(first.pick)
            for claim in [c for c, known in self.book.claims.items() if known.run and known.outcome is None]:
                self._alone(Move("end_claim", (claim, "lost", True, False)), 0)
        elif how == "time":
            self.ledgers[0].do(lambda c: c.execute(text("UPDATE telecine.jobs SET not_before = now()")))
            self._learn([self.book])
        else:
            one, other = first.on(self.book), second.on(self.book)
            if one is None or other is None or not _may_meet(one, other):
                return
            if how == "at once":
                self._at_once(one, other)
            else:
                self._overlap(one, other, is_kept=how == "overlap")

    def _take_up(self, pick: int) -> None:
        """Dispatch, start and begin in one step: otherwise few examples get as far as an attempt."""
        self._alone(Wish("dispatch", pick, pick, False).on(self.book), 0)
        for claim, known in list(self.book.claims.items()):
            mine = [job.job_id for job in self.book.jobs.values() if job.claim == claim and job.status == "PENDING"]
            if known.run is None and known.outcome is None and mine:
                self._alone(Move("start", (claim, "run-1")), 1)
                for job_id in sorted(mine):
                    self._alone(Move("begin", (job_id, claim)), 1)

    def _let_meet(self, first: Wish, second: Wish) -> None:
        """Two moves about the same job, overlapping."""
        status, one_name, other_name = _RIVALS[(first.pick * 60 + first.detail) % len(_RIVALS)]
        found = sorted(job_id for job_id, job in self.book.jobs.items() if job.status == status)
        if not found:
            return
        job_id = found[second.pick % len(found)]
        if status == "PENDING" and self.book.jobs[job_id].claim is None and one_name != "cancel":
            self._alone(Move("dispatch", (new_id(), 5)), 0)
        around = self.book.around(job_id)
        one, other = (
            replace(wish, name=name, late=False).on(around) for wish, name in ((first, one_name), (second, other_name))
        )
        if one is not None and other is not None:
            self._overlap(one, other, is_kept=True)

    def _overlap(self, one: Move, other: Move, *, is_kept: bool) -> None:
        """The first has done its work when the second comes, and commits, or rolls back, while that one waits."""
        with self.ledgers[0].engine.connect() as connection, connection.begin() as transaction:
            answer = _answer(lambda: _work(one)(connection, *one.arguments))
            is_kept = is_kept and not isinstance(answer, Refused)
            coming = self.threads.submit(self._do, other, 1)
            wait([coming], timeout=_OVERLAP_S)
            if is_kept:
                transaction.commit()
            else:
                transaction.rollback()
        answers = [(one, answer), (other, coming.result())]
        self._both(answers if is_kept else answers[1:], answers)

    def _at_once(self, one: Move, other: Move) -> None:
        gate = threading.Barrier(2)

        def go(move: Move, who: int) -> Any:
            gate.wait(10)
            return self._do(move, who)

        coming = [self.threads.submit(go, move, who) for who, move in enumerate((one, other))]
        answers = [(move, answer.result()) for move, answer in zip((one, other), coming, strict=True)]
        self._both(answers, answers)

    # -- doing and comparing

    def _do(self, move: Move, who: int) -> Any:
        return _answer(lambda: self.ledgers[who].do(_work(move), *move.arguments))

    def _alone(self, move: Move | None, who: int) -> None:
        if move is None:
            return
        expected = copy.deepcopy(self.book)
        answer = self._do(move, who)
        right = _expected(expected, move, answer)
        assert _same(answer, right), f"{move}: answered {answer!r}, should have {right!r}"
        self._learn([expected])

    def _both(self, effective: list[tuple[Move, Any]], tried: list[tuple[Move, Any]]) -> None:
        """Answers and rows are those of one order or the other."""
        possible = []
        for order in itertools.permutations(effective):
            expected = copy.deepcopy(self.book)
            expected.is_shared = True
            if all(_same(answer, _expected(expected, move, answer)) for move, answer in order):
                possible.append(expected)
        assert possible, f"no order of the two explains these answers: {tried}"
        self._learn(possible, f" after {tried}")

    def _learn(self, possible: list[Book], after: str = "") -> None:
        """What the database says is one of the expected books; check what holds for every book, and go on from it."""
        found = self.ledgers[0].do(Book.read)
        assert found in possible, f"the rows are otherwise{after}: {[_difference(found, b) for b in possible]}"
        _check(found)
        _check_step(self.book, found)
        self.book = found


def _tables(names: str) -> list[str]:
    return [f"telecine.{name.strip()}" for name in names.split(",")]


def _work(move: Move) -> Callable[..., Any]:
    work: Callable[..., Any] = getattr(Moves, move.name)
    return work


def _answer(work: Callable[[], Any]) -> Any:
    """What a move answers, or how it was refused."""
    try:
        return work()
    except Refused as e:
        return e
    except TelecineError as e:
        return Refused(e.code.value)


def _expected(book: Book, move: Move, answer: Any) -> Any:
    """What the model answers, which learns new ids from the ledger's answer."""
    return _answer(lambda: getattr(book, move.name)(answer, *move.arguments))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Refused) or isinstance(other, Refused):
        return isinstance(one, Refused) and isinstance(other, Refused) and one.args == other.args
    return bool(one == other)


def _may_meet(one: Move, other: Move) -> bool:
    """Two dispatchers keep out of each other's way by a lock, and whoever hands a batch over closes it himself."""
    names = {one.name, other.name}
    return not (one.name == other.name == "dispatch" or names >= {"accept", "close_batch"} or _last_child(one, other))


def _last_child(one: Move, other: Move) -> bool:
    """Both would hand over what may be the last child of a batch: its owner does one after the other."""
    return one.name == other.name == "accept" and one.arguments[4:5] == other.arguments[4:5] != (None,)


def _difference(found: Book, expected: Book) -> dict[str, Any]:
    """What stands in one book and not in the other."""
    said = {}
    for part in (f.name for f in fields(Book) if f.compare):
        here, there = getattr(found, part), getattr(expected, part)
        for key in here.keys() | there.keys():
            if here.get(key) != there.get(key):
                said[f"{part} {key}"] = {"is": here.get(key), "should be": there.get(key)}
    return said


def _check(book: Book) -> None:
    """What holds at every moment, whatever the model says."""
    for partition, known in book.media.items():
        running = [j for j in book.jobs.values() if j.partition == partition and j.status == "PROCESSING"]
        assert len(running) <= 1, f"two jobs of {partition} are processed"
        published = [generation for place, generation in book.published if place == partition]
        assert known.published == max(published, default=None), "what is published is the newest"
        assert known.generation >= (known.published or 0)
    at_work = {(j.job_id, j.generation) for j in book.jobs.values() if j.status == "PROCESSING"}
    assert at_work == {key for key, outcome in book.attempts.items() if outcome is None}
    assert set(book.letters) == {j.job_id for j in book.jobs.values() if j.status in BURIED}
    for job in book.jobs.values():
        assert not (job.status == "PENDING" and job.cancel), "a wish to cancel was forgotten"
        if job.status in OPEN and job.claim is not None:
            assert book.claims[job.claim].outcome is None, "held by a claim that has ended"
        won = [key for key, outcome in book.attempts.items() if key[0] == job.job_id and outcome == "completed"]
        assert len(won) == (job.status == "COMPLETED"), "completed once, or not at all"
    for batch, group in book.groups.items():
        statuses = [j.status for j in book.jobs.values() if j.batch == batch]
        is_over = len(statuses) >= group.total and not any(status in OPEN for status in statuses)
        assert (group.status != "OPEN") == is_over or not statuses, (group, statuses)


def _check_step(before: Book, after: Book) -> None:
    """What holds between two moments: legal moves, nothing goes back, nothing that ended changes."""
    for job_id, old in before.jobs.items():
        new = after.jobs[job_id]
        if old.status not in OPEN:
            assert new == old, "an ended job changed"
        # Two moves lie between two looks at most.
        legal = LEGAL.get(old.status, set()) | {s for m in LEGAL.get(old.status, ()) for s in LEGAL.get(m, ())}
        assert new.status in legal | {old.status}
        assert new.progress >= old.progress
        assert new.attempts >= old.attempts
        assert new.deaths >= old.deaths
    for partition, was in before.media.items():
        assert after.media[partition].generation >= was.generation
        assert (after.media[partition].published or 0) >= (was.published or 0)
    for key, outcome in before.attempts.items():
        assert outcome is None or after.attempts[key] == outcome, "the end of an attempt was rewritten"
    assert before.published.items() <= after.published.items(), "what is published is never taken back"


def test_two_connections_never_make_an_illegal_move_and_lose_no_update(postgres_url: str) -> None:
    is_long = bool(os.environ.get("TELECINE_LONG_TESTS"))
    profile = settings(
        max_examples=300 if is_long else 14,
        stateful_step_count=60 if is_long else 40,
        deadline=None,
        derandomize=not is_long,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=is_long,
    )
    run_state_machine_as_test(lambda: LedgerMachine(postgres_url), settings=profile)  # type: ignore[no-untyped-call]
