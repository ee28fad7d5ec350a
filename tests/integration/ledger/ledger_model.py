"""What the ledger should say after each move, told without SQL: the model that test_state_machine.py compares with.

Not a test. A `Book` is either read from the database or led forward by the methods below, which are named like the
moves and answer what the ledger should. Two books are equal when everything is but times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

OPEN = ("PENDING", "PROCESSING")
BURIED = ("FAILED", "ABANDONED")
# requirements.md section 4, "retries": attempts in all, by the code that a failure of the class has here.
TRIES = {
    "CORRUPT_MEDIA": 1,
    "NO_OUTPUTS": 1,
    "STORE_UNAVAILABLE": 5,
    "OUT_OF_MEMORY": 3,
    "SCRATCH_FAILED": 3,
    "ENCODE_FAILED": 3,
    "INTERNAL": 3,
}
DEATHS = 3


class Refused(Exception):
    """The ledger should say no, with this code."""


@dataclass
class Media:
    identity: str
    kind: str | None
    deleted: bool = False
    generation: int = 0
    published: int | None = None


@dataclass
class Work:
    """A job."""

    job_id: str
    partition: str
    identity: str
    kind: str | None
    origin: str
    priority: int = 5
    status: str = "PENDING"
    claim: str | None = None
    generation: int | None = None
    attempts: int = 0
    deaths: int = 0
    cancel: bool = False
    progress: float = 0.0
    batch: str | None = None
    replay_of: str | None = None
    made: bool = False  # some output is published
    partial: bool = False
    code: str | None = None
    max_attempts: int | None = None
    late: bool = False  # its deadline has passed
    created_at: datetime | None = field(default=None, compare=False)
    not_before: datetime | None = field(default=None, compare=False)


@dataclass
class Claim:
    run: str | None = None
    outcome: str | None = None  # once ended


@dataclass
class Group:
    """A batch."""

    mode: str
    total: int
    status: str = "OPEN"


@dataclass
class Letter:
    code: str
    resolution: str | None = None
    replayed_as: str | None = None


@dataclass
class Book:
    media: dict[str, Media] = field(default_factory=dict)
    jobs: dict[str, Work] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    attempts: dict[tuple[str, int], str | None] = field(default_factory=dict)
    published: dict[tuple[str, int], str] = field(default_factory=dict)
    # Dispatch passes over rows that somebody else has locked: beside another transaction it may take less.
    is_shared: bool = field(default=False, compare=False)
    is_narrow: bool = field(default=False, compare=False)  # holds one job and what belongs to it

    def around(self, job_id: str) -> Book:
        """One job and what belongs to it, for moves that are to meet."""
        job = self.jobs[job_id]
        return Book(
            media={job.partition: self.media[job.partition]},
            jobs={job_id: job},
            claims={c: known for c, known in self.claims.items() if c == job.claim},
            groups={b: known for b, known in self.groups.items() if b == job.batch},
            letters={i: letter for i, letter in self.letters.items() if i == job_id},
            attempts={key: outcome for key, outcome in self.attempts.items() if key[0] == job_id},
            is_narrow=True,
        )

    @classmethod
    def read(cls, connection: Connection) -> Book:
        """What the database says."""

        def rows(columns: str, table: str) -> Iterable[Any]:
            return connection.execute(text(f"SELECT {columns} FROM telecine.{table}"))

        made = "jsonb_path_exists(outputs, '$[*] ? (@.status == \"COMPLETED\")')"
        work = (
            "job_id, partition, identity, kind, origin, priority, status, claim_id, generation, attempts, deaths,"
            f" cancel_requested, progress, batch_id, replay_of, {made}, partial, error_code,"
            " (limits->>'max_attempts')::int, (limits->>'deadline')::timestamptz < now(), created_at, not_before"
        )
        return cls(
            media={
                row[0]: Media(*row[1:])
                for row in rows(
                    "partition, identity, kind, deleted_at IS NOT NULL, generation, published_generation",
                    "media_objects",
                )
            },
            jobs={row[0]: Work(*row[:19], bool(row[19]), *row[20:]) for row in rows(work, "jobs")},
            claims={row[0]: Claim(*row[1:]) for row in rows("claim_id, run_id, outcome", "claims")},
            groups={row[0]: Group(*row[1:]) for row in rows("batch_id, mode, total, status", "batches")},
            letters={
                row[0]: Letter(*row[1:]) for row in rows("job_id, error_code, resolution, replayed_as", "dead_letters")
            },
            attempts={(row[0], row[1]): row[2] for row in rows("job_id, generation, outcome", "attempts")},
            published={(row[0], row[1]): row[2] for row in rows("partition, generation, job_id", "generations")},
        )

    # -- accepting

    def accept(
        self,
        answer: Any,
        partition: str,
        identity: str,
        origin: str,
        priority: int,
        batch: str | None = None,
        max_attempts: int | None = None,
        late: bool = False,
    ) -> Any:
        known = self.media.setdefault(partition, Media(identity, "image"))
        known.identity, known.kind, known.deleted = identity, "image", False
        if origin == "bucket":
            self._supersede(partition, identity)
            if any((j.partition, j.identity, j.origin) == (partition, identity, origin) for j in self.jobs.values()):
                return None
        return self._open(
            answer,
            partition=partition,
            identity=identity,
            kind="image",
            origin=origin,
            priority=priority,
            batch=batch,
            max_attempts=max_attempts,
            late=late,
        )

    def refuse(self, answer: Any, partition: str, identity: str) -> None:
        known = self.media.setdefault(partition, Media(identity, None))
        known.identity, known.kind, known.deleted = identity, None, False
        self._supersede(partition, identity)

    def delete(self, answer: Any, partition: str) -> list[str]:
        if self.media[partition].deleted:
            return []
        self.media[partition].deleted = True
        return [partition]

    def expire(self, answer: Any) -> list[str]:
        gone = [job for job in self.jobs.values() if job.status == "PENDING" and job.late]
        self._end(gone, "FAILED", "DEADLINE_PASSED")
        return sorted(job.job_id for job in gone)

    def _supersede(self, partition: str, identity: str) -> None:
        old = [j for j in self._of(partition) if j.status == "PENDING" and j.identity != identity]
        self._end(old, "CANCELED", "SOURCE_CHANGED")

    def _is_replaced(self, job: Work) -> bool:
        return self.media[job.partition].identity != job.identity

    def _open(self, answer: Any, **fields: Any) -> Any:
        """A new job under the id that the ledger gave it."""
        if not isinstance(answer, str) or answer in self.jobs:
            return "the id of a new job"
        self.jobs[answer] = Work(answer, **fields)
        return answer

    # -- claims

    def dispatch(self, answer: Any, claim: str, limit: int) -> Any:
        if not isinstance(answer, tuple):
            return "the moment and the jobs taken"
        now, taken = answer

        def is_busy(job: Work) -> bool:
            others = [o for o in self._of(job.partition) if o is not job]
            return any(o.status == "PROCESSING" or (o.status == "PENDING" and o.claim) for o in others)

        free = [j for j in self.jobs.values() if j.status == "PENDING" and j.claim is None and _is_due(j, now)]
        if self.is_shared:
            if not set(taken) <= {job.job_id for job in free}:
                return "some of the free jobs"
            expected = list(taken)
        else:
            ready = sorted(
                (job for job in free if not is_busy(job)), key=lambda j: (-j.priority, j.created_at, j.job_id)
            )
            first: dict[str, str] = {}
            for job in ready[:limit]:
                first.setdefault(job.partition, job.job_id)
            expected = sorted(first.values())
        if expected:
            self.claims[claim] = Claim()
        for job_id in expected:
            self.jobs[job_id].claim = claim
        return now, expected

    def start(self, answer: Any, claim: str, run: str) -> bool:
        known = self.claims[claim]
        if known.outcome is not None or known.run not in (None, run):
            return False
        known.run = run
        return True

    def beat(self, answer: Any, claim: str) -> Any:
        flagged = [j.job_id for j in self._under(claim) if j.cancel and j.status == "PROCESSING"]
        return self.claims[claim].outcome is None, sorted(flagged)

    def end_claim(self, answer: Any, claim: str, outcome: str, died: bool, abandon: bool) -> list[str]:
        if self.claims[claim].outcome is not None:
            return []
        self.claims[claim].outcome = outcome
        for job in self._under(claim):
            if job.status == "PROCESSING":
                self._close(job, "lost" if died else "released")
                job.deaths += died
        processing = [j for j in self._under(claim) if j.status == "PROCESSING"]
        self._end([j for j in processing if died and j.deaths >= DEATHS], "FAILED", "POISON")
        self._end([j for j in processing if j.status == "PROCESSING" and j.cancel], "CANCELED", "CANCELED")
        if abandon:
            self._end([j for j in processing if j.status == "PROCESSING"], "ABANDONED", "ABANDONED")
        replaced = [j for j in processing if j.status == "PROCESSING" and self._is_replaced(j)]
        self._end(replaced, "CANCELED", "SOURCE_CHANGED")
        back = [j for j in self._under(claim) if j.status in OPEN]
        for job in back:
            job.status, job.claim, job.generation = "PENDING", None, None
        return sorted(job.job_id for job in back)

    def end_unbound(self, answer: Any, claim: str) -> bool:
        if self.claims[claim].run is not None or self.claims[claim].outcome is not None:
            return False
        self.end_claim(None, claim, "never started", False, False)
        return True

    def cancel_claim(self, answer: Any, claim: str) -> list[str]:
        ended = [j for j in self._under(claim) if j.status in OPEN]
        for job in ended:
            if job.status == "PROCESSING":
                self._close(job, "canceled")
        self._end(ended, "CANCELED", "CANCELED")
        return sorted(job.job_id for job in ended)

    def materialize(self, answer: Any, claim: str, partitions: Collection[str]) -> Any:
        """A run that a person started."""
        if not isinstance(answer, tuple):
            return "taken and refused"
        self.claims[claim] = Claim(run=claim)
        new = [job_id for job_id in answer[0] if job_id not in self.jobs]
        taken, refused = [], []
        for partition in partitions:
            known = self.media.get(partition)
            is_running = any(j.status == "PROCESSING" for j in self._of(partition))
            if known is None or known.kind is None or known.deleted or is_running:
                refused.append(partition)
            else:
                waits = min((j.job_id for j in self._of(partition) if j.status == "PENDING"), default=None)
                taken.append(waits or self._materialized(new, partition, known))
                if taken[-1] in self.jobs:
                    self.jobs[taken[-1]].claim, self.jobs[taken[-1]].cancel = claim, False
        return taken, refused

    def _materialized(self, new: list[str], partition: str, known: Media) -> str:
        answer = new.pop(0) if new else None
        return str(self._open(answer, partition=partition, identity=known.identity, kind=known.kind, origin="dagster"))

    # -- attempts

    def begin(self, answer: Any, job_id: str, claim: str) -> int:
        job = self.jobs[job_id]
        if job.status == "PROCESSING" and job.claim == claim:
            assert job.generation is not None
            return job.generation
        if job.status != "PENDING" or job.claim != claim:
            raise Refused("FENCED")
        if any(other.status == "PROCESSING" for other in self._of(job.partition)):
            raise Refused("FENCED")
        self.media[job.partition].generation += 1
        job.status, job.generation, job.code = "PROCESSING", self.media[job.partition].generation, None
        self.attempts[job_id, job.generation] = None
        return job.generation

    def report(self, answer: Any, job_id: str, generation: int, percent: float) -> None:
        job = self._attempt(job_id, generation)
        job.progress = max(job.progress, percent)

    def publish(self, answer: Any, job_id: str, generation: int, failure: str | None) -> str:
        job = self.jobs[job_id]
        if self.published.get((job.partition, generation)) == job_id:
            return job.status
        self._attempt(job_id, generation)
        if self.media[job.partition].generation != generation:
            raise Refused("FENCED")
        self.media[job.partition].published = generation
        self.published[job.partition, generation] = job_id
        job.made = True
        if failure is not None:
            return self._fail(job, failure, "partial")
        job.attempts, job.progress = job.attempts + 1, 100.0
        self._close(job, "completed")
        self._end([job], "COMPLETED", None)
        return job.status

    def fail(self, answer: Any, job_id: str, generation: int, code: str) -> str:
        return self._fail(self._attempt(job_id, generation), code, None)

    def _fail(self, job: Work, code: str, outcome: str | None) -> str:
        job.attempts += 1
        if job.attempts >= (TRIES[code] if TRIES[code] == 1 else job.max_attempts or TRIES[code]):
            self._close(job, outcome or "failed")
            job.partial = job.made
            self._end([job], "FAILED", code)
        elif job.cancel:
            self._close(job, outcome or "canceled")
            self._end([job], "CANCELED", "CANCELED")
        elif self._is_replaced(job):
            self._close(job, outcome or "canceled")
            self._end([job], "CANCELED", "SOURCE_CHANGED")
        else:
            self._close(job, outcome or "retry")
            job.status, job.claim, job.generation, job.code = "PENDING", None, None, code
        return job.status

    def reclassify(self, answer: Any, job_id: str, generation: int, kind: str) -> None:
        job = self._attempt(job_id, generation)
        self._close(job, "reclassified")
        job.kind = kind
        if self._is_replaced(job):
            self._end([job], "CANCELED", "SOURCE_CHANGED")
            return
        self.media[job.partition].kind = kind
        if job.cancel:
            self._end([job], "CANCELED", "CANCELED")
        else:
            job.status, job.claim, job.generation = "PENDING", None, None

    def end_canceled(self, answer: Any, job_id: str, generation: int) -> None:
        job = self._attempt(job_id, generation)
        self._close(job, "canceled")
        self._end([job], "CANCELED", "CANCELED")

    def cancel(self, answer: Any, job_id: str) -> str:
        job = self.jobs[job_id]
        if job.status == "PENDING":
            self._end([job], "CANCELED", "CANCELED")
        elif job.status == "PROCESSING":
            job.cancel = True
        return job.status

    def _attempt(self, job_id: str, generation: int) -> Work:
        job = self.jobs[job_id]
        if job.status != "PROCESSING" or job.generation != generation:
            raise Refused("FENCED")
        return job

    # -- dead letters

    def replay(self, answer: Any, job_id: str) -> Any:
        letter = self.letters.get(job_id)
        if letter is not None and letter.replayed_as is not None:
            return letter.replayed_as
        if letter is None or letter.resolution is not None:
            raise Refused("INVALID_REQUEST")
        new = self._again(answer, self.jobs[job_id])
        letter.resolution, letter.replayed_as = "replayed", new
        return new

    def resolve(self, answer: Any, job_id: str) -> None:
        letter = self.letters.get(job_id)
        if letter is None or letter.resolution is not None:
            raise Refused("INVALID_REQUEST")
        letter.resolution = "resolved"

    def retry(self, answer: Any, job_id: str) -> Any:
        job = self.jobs[job_id]
        if job.status in BURIED and self.letters[job_id].resolution is None:
            return self.replay(answer, job_id)
        if job.status not in (*BURIED, "CANCELED"):
            raise Refused("INVALID_REQUEST")
        under_way = [j.job_id for j in self.jobs.values() if j.replay_of == job_id and j.status in OPEN]
        if under_way:
            return answer if answer in under_way else under_way[0]
        return self._again(answer, job)

    def _again(self, answer: Any, job: Work) -> Any:
        known = self.media[job.partition]
        if known.deleted or known.identity != job.identity:
            raise Refused("INVALID_REQUEST")
        return self._open(
            answer,
            partition=job.partition,
            identity=job.identity,
            kind=job.kind,
            origin="retry",
            priority=job.priority,
            replay_of=job.job_id,
            max_attempts=job.max_attempts,
            made=job.made,
        )

    # -- batches

    def open_batch(self, answer: Any, batch: str, total: int, fail_fast: bool) -> None:
        self.groups[batch] = Group("fail_fast" if fail_fast else "continue", total)

    def close_batch(self, answer: Any, batch: str) -> None:
        group = self.groups[batch]
        if group.status == "OPEN":
            group.total = len(self._children(batch))
        self._settle(batch)

    def cancel_batch(self, answer: Any, batch: str) -> tuple[int, int]:
        running = [j for j in self._children(batch) if j.status == "PROCESSING"]
        waiting = [j for j in self._children(batch) if j.status == "PENDING"]
        for job in running:
            job.cancel = True
        self._end(waiting, "CANCELED", "CANCELED")
        return len(waiting), len(running)

    def _children(self, batch: str) -> list[Work]:
        return [job for job in self.jobs.values() if job.batch == batch]

    def _settle(self, batch: str) -> None:
        group, children = self.groups[batch], self._children(batch)
        if group.status != "OPEN":
            return
        if group.mode == "fail_fast" and any(j.status in BURIED for j in children):
            for job in children:
                job.cancel = job.cancel or job.status == "PROCESSING"
            self._end([j for j in children if j.status == "PENDING"], "CANCELED", "CANCELED")
            if group.status != "OPEN":
                return
        if any(j.status in OPEN for j in children) or len(children) < group.total:
            return
        statuses = [j.status for j in children]
        if all(status == "COMPLETED" for status in statuses):
            group.status = "COMPLETED"
        elif "COMPLETED" in statuses or any(j.partial for j in children):
            group.status = "PARTIAL"
        elif all(status == "CANCELED" for status in statuses):
            group.status = "CANCELED"
        else:
            group.status = "FAILED"

    # -- what moves have in common

    def _of(self, partition: str) -> list[Work]:
        return [job for job in self.jobs.values() if job.partition == partition]

    def _under(self, claim: str) -> list[Work]:
        return [job for job in self.jobs.values() if job.claim == claim]

    def _close(self, job: Work, outcome: str) -> None:
        assert job.generation is not None
        self.attempts[job.job_id, job.generation] = outcome

    def _end(self, ended: Collection[Work], status: str, code: str | None) -> None:
        for job in ended:
            job.status, job.code = status, code
            if status in BURIED:
                assert code is not None
                self.letters[job.job_id] = Letter(code)
        for batch in sorted({job.batch for job in ended if job.batch is not None}):
            self._settle(batch)


def _is_due(job: Work, now: datetime) -> bool:
    # A job that the same pair of moves made hasn't been read yet: it is due from its first moment.
    return job.not_before is None or job.not_before <= now
