"""Submission keys: the same request made twice is one job, decided by a primary key, however many ask at once.

Of these kinds: `content:...` recognises the same content and recipe for 24 hours (as long as its job hasn't failed);
`request:...` is the idempotency key its sender chose, which always answers with what it answered first (`batch:...`
for a batch as a whole).
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import ConfigurationError, ErrorCode
from telecine.ledger.clock import seconds
from telecine.ledger.schema import jobs, submission_keys

_KEPT_S = 24 * 3600.0  # requirements.md section 4, "dedup"
_FAILED = ("FAILED", "CANCELED", "ABANDONED")


def content_key(content: str, recipe_hash: str) -> str:
    """The key of the same work on the same bytes."""
    return f"content:{content}:{recipe_hash}"


def request_key(chosen: str) -> str:
    """The key of a sender's own choosing."""
    return f"request:{chosen}"


def take(connection: Connection, key: str, fingerprint: str, job_id: str) -> str | None:
    """Take a key for a job that the same transaction inserts; None when it's ours, else the id of the first job.

    Whoever comes second waits here until the first has committed or rolled back.

    Args:
        fingerprint: what was asked for; a chosen key that comes with another one is refused.

    Raises:
        ConfigurationError: IDEMPOTENCY_CONFLICT.
    """
    until = func.now() + seconds(_KEPT_S)
    values = {"key": key, "fingerprint": fingerprint, "job_id": job_id, "expires_at": until}
    if connection.scalar(
        upsert(submission_keys).values(values).on_conflict_do_nothing().returning(submission_keys.c.key)
    ):
        return None
    row = connection.execute(
        select(
            submission_keys.c.job_id,
            submission_keys.c.fingerprint,
            (submission_keys.c.expires_at < func.now()).label("expired"),
        )
        .where(submission_keys.c.key == key)
        .with_for_update()
    ).first()
    if row is None:  # forgotten by retention between the two statements
        return take(connection, key, fingerprint, job_id)
    # A statement of its own: one that waited for the key's row still sees the jobs of before.
    status = connection.scalar(select(jobs.c.status).where(jobs.c.job_id == row.job_id))
    if row.job_id == job_id:
        return None  # a repeated transaction
    is_chosen = key.startswith("request:")
    if row.expired or status is None or (status in _FAILED and not is_chosen):
        connection.execute(update(submission_keys).where(submission_keys.c.key == key).values(values))
        return None
    if is_chosen and row.fingerprint != fingerprint:
        raise ConfigurationError(
            ErrorCode.IDEMPOTENCY_CONFLICT, f"the key {key.removeprefix('request:')!r} was used for another request"
        )
    return str(row.job_id)


def take_batch(connection: Connection, chosen: str, fingerprint: str, batch_id: str) -> str | None:
    """Take a sender's key for a batch that the same transaction opens; None when it's ours, else the first batch's id.

    Raises:
        ConfigurationError: IDEMPOTENCY_CONFLICT.
    """
    until = func.now() + seconds(_KEPT_S)
    values = {"key": f"batch:{chosen}", "fingerprint": fingerprint, "batch_id": batch_id, "expires_at": until}
    made = upsert(submission_keys).values(values)
    taken = made.on_conflict_do_update(
        index_elements=["key"],
        set_={name: made.excluded[name] for name in ("fingerprint", "batch_id", "expires_at")},
        where=submission_keys.c.expires_at < func.now(),
    )
    if connection.scalar(taken.returning(submission_keys.c.key)):
        return None
    row = connection.execute(
        select(submission_keys.c.batch_id, submission_keys.c.fingerprint).where(submission_keys.c.key == values["key"])
    ).one()
    if row.fingerprint != fingerprint:
        raise ConfigurationError(ErrorCode.IDEMPOTENCY_CONFLICT, f"the key {chosen!r} was used for another batch")
    return None if row.batch_id == batch_id else str(row.batch_id)


def point(connection: Connection, key: str, job_id: str) -> None:
    """Let a key that was just taken answer with another job."""
    connection.execute(update(submission_keys).where(submission_keys.c.key == key).values(job_id=job_id))
