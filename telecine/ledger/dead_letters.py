"""Dead letters: failed jobs that nobody will try again by themselves, kept until a person decides.

A trigger (bury_job, migration 0003) writes them in the transaction that ends the job. The history is the job's own:
its attempts, with stage, worker and the machine's state. Belongs here: finding, noting, resolving, replaying, purging.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from telecine.errors import ConfigurationError, ErrorCode
from telecine.job_id import new_id
from telecine.ledger import jobs as job_rows
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import Job, JobStatus, Terms
from telecine.ledger.schema import dead_letters, jobs, media_objects
from telecine.limits import JobLimits
from telecine.priority import Lane
from telecine.recipe import parse_recipe

# requirements.md section 4, "alerts"
_ALERT_RATE, _ALERT_ALIKE, _ALERT_AGE_S = 0.02, 10, 86_400.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter with its job."""

    job: Job
    error_class: str
    error_code: str
    notes: list[dict[str, str]]
    resolution: str | None
    replayed_as: str | None
    created_at: datetime
    resolved_at: datetime | None

    @property
    def suggestion(self) -> str:
        """What to do about it."""
        known = self.error_code in ErrorCode.__members__
        return ErrorCode[self.error_code].remedy if known else ErrorCode.INTERNAL.remedy


def find(
    connection: Connection,
    *,
    job_ids: Collection[str] | None = None,
    error_class: str | None = None,
    error_code: str | None = None,
    include_resolved: bool = False,
    limit: int = 1_000,
) -> list[Letter]:
    """Letters that match everything given, newest first."""
    query = select(dead_letters).order_by(dead_letters.c.created_at.desc()).limit(limit)
    if job_ids is not None:
        query = query.where(dead_letters.c.job_id.in_(job_ids))
    if error_class is not None:
        query = query.where(dead_letters.c.error_class == error_class)
    if error_code is not None:
        query = query.where(dead_letters.c.error_code == error_code)
    if not include_resolved:
        query = query.where(dead_letters.c.resolved_at.is_(None))
    rows = connection.execute(query).all()
    known = job_rows.get(connection, [row.job_id for row in rows])
    return [Letter(known[row.job_id], *row[1:]) for row in rows]


def note(connection: Connection, job_id: str, text: str) -> None:
    """Add a note.

    Raises:
        ConfigurationError: INVALID_REQUEST when there is no such letter.
    """
    row = _lock(connection, job_id)
    notes = [*row.notes, {"at": datetime.now(UTC).isoformat(timespec="seconds"), "text": text}]
    connection.execute(update(dead_letters).where(dead_letters.c.job_id == job_id).values(notes=notes))


def resolve(connection: Connection, job_id: str, text: str | None = None) -> None:
    """Close a letter: somebody took care of it in another way.

    Raises:
        ConfigurationError: INVALID_REQUEST when there is no such letter, or it is closed already.
    """
    _open(connection, job_id)
    if text:
        note(connection, job_id, text)
    connection.execute(
        update(dead_letters)
        .where(dead_letters.c.job_id == job_id)
        .values(resolution="resolved", resolved_at=func.now())
    )


def replay(connection: Connection, job_id: str, *, priority: int | None = None) -> str:
    """Open a new job with the same source, recipe and terms, and close the letter; returns the new job's id.

    What the old one published is kept: only missing outputs are made. Repeating a replay answers the same id.

    Raises:
        ConfigurationError: INVALID_REQUEST when there is no such letter, it was resolved, or the source is gone.
    """
    row = _lock(connection, job_id)
    if row.replayed_as is not None:
        return str(row.replayed_as)
    _open(connection, job_id)
    new = again(connection, job_rows.get(connection, [job_id])[job_id], priority=priority)
    connection.execute(
        update(dead_letters)
        .where(dead_letters.c.job_id == job_id)
        .values(resolution="replayed", replayed_as=new, resolved_at=func.now())
    )
    return new


def again(connection: Connection, job: Job, *, priority: int | None = None) -> str:
    """A new job like one that ended without success; returns its id.

    Raises:
        ConfigurationError: INVALID_REQUEST when the object was deleted or replaced since.
    """
    # Locked: a newer version that is being accepted comes before the new job, or cancels it.
    media = connection.execute(
        select(media_objects).where(media_objects.c.partition == job.partition).with_for_update()
    ).one()
    if media.deleted_at is not None:
        raise _refused(f"{job.bucket}/{job.key} was deleted from its bucket; upload it again instead")
    if media.etag != job.etag:
        raise _refused(f"{job.bucket}/{job.key} was replaced since; the newer version has a job of its own")
    made = job_rows.submit(
        connection,
        partition=job.partition,
        kind=job.kind,
        identity=job.identity,
        etag=job.etag,
        size_bytes=job.size_bytes,
        recipe=parse_recipe(job.recipe, f"of job {job.job_id}"),
        origin="retry",
        priority=job.priority if priority is None else priority,
        lane=Lane(job.lane),
        job_id=new_id(),
        terms=Terms(
            correlation_id=job.correlation_id,
            replay_of=job.job_id,
            # A deadline that has passed would end the new job before it began.
            limits=JobLimits.model_validate({**job.limits, "deadline": None}),
            metadata=job.metadata,
            webhook_url=job.webhook_url,
            outputs=job.outputs,
        ),
    )
    assert made is not None  # only drops are unique
    return made


def purge(connection: Connection, older_than_s: float) -> int:
    """Forget closed letters older than this; the jobs stay. Returns how many."""
    return connection.execute(
        delete(dead_letters).where(
            dead_letters.c.resolved_at.is_not(None),
            dead_letters.c.resolved_at < func.now() - seconds(older_than_s),
        )
    ).rowcount


def alerts(connection: Connection) -> list[str]:
    """Sentences about what needs a person now (requirements.md section 4, "alerts")."""
    hour = func.now() - seconds(3_600)
    ended = connection.scalar(select(func.count()).where(jobs.c.finished_at > hour)) or 0
    buried = connection.scalar(select(func.count()).where(dead_letters.c.created_at > hour)) or 0
    said = []
    if ended >= 50 and buried / ended > _ALERT_RATE:
        said.append(f"{buried} of {ended} jobs that ended within the hour failed ({buried / ended:.0%})")
    alike = select(dead_letters.c.error_code, func.count().label("number")).where(
        dead_letters.c.created_at > hour, dead_letters.c.resolved_at.is_(None)
    )
    for row in connection.execute(alike.group_by(dead_letters.c.error_code)):
        if row.number > _ALERT_ALIKE:
            said.append(f"{row.number} jobs failed with {row.error_code} within the hour")
    old = func.now() - seconds(_ALERT_AGE_S)
    waiting = select(func.count()).where(dead_letters.c.created_at < old, dead_letters.c.resolved_at.is_(None))
    if number := connection.scalar(waiting):
        said.append(f"{number} dead letter(s) wait for a decision since more than a day")
    return said


def counts(connection: Connection) -> Sequence[Row[Any]]:
    """`error_class`, `error_code`, `number` of open letters, most frequent first."""
    number = func.count().label("number")
    return connection.execute(
        select(dead_letters.c.error_class, dead_letters.c.error_code, number)
        .where(dead_letters.c.resolved_at.is_(None))
        .group_by(dead_letters.c.error_class, dead_letters.c.error_code)
        .order_by(number.desc())
    ).all()


def retry(connection: Connection, job_id: str, *, priority: int | None = None) -> str:
    """Do a failed or canceled job again, whether it has a letter or not; returns the new job's id.

    Raises:
        ConfigurationError: INVALID_REQUEST when it is unknown, still under way or completed.
    """
    connection.execute(select(jobs.c.job_id).where(jobs.c.job_id == job_id).with_for_update())  # of two, one is first
    job = job_rows.get(connection, [job_id]).get(job_id)
    if job is None:
        raise _refused(f"there is no job {job_id}")
    if job.status in (JobStatus.FAILED, JobStatus.ABANDONED) and find(connection, job_ids=[job_id]):
        return replay(connection, job_id, priority=priority)
    if job.status not in (JobStatus.FAILED, JobStatus.ABANDONED, JobStatus.CANCELED):
        raise _refused(f"job {job_id} is {job.status}; only failed or canceled jobs can be done again")
    under_way = connection.scalar(
        select(jobs.c.job_id).where(
            jobs.c.replay_of == job_id, jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING])
        )
    )
    return under_way or again(connection, job, priority=priority)


def _lock(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(dead_letters).where(dead_letters.c.job_id == job_id).with_for_update()).first()
    if row is None:
        raise _refused(f"there is no dead letter of job {job_id}")
    return row


def _open(connection: Connection, job_id: str) -> None:
    row = _lock(connection, job_id)
    if row.resolved_at is not None:
        raise _refused(f"the dead letter of job {job_id} was {row.resolution} already")


def _refused(message: str) -> ConfigurationError:
    return ConfigurationError(ErrorCode.INVALID_REQUEST, message)
