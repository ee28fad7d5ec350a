"""Generations: the compare-and-set that makes a set of outputs the partition's current one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import TelecineError
from telecine.ledger import attempts, breakers
from telecine.ledger.clock import seconds
from telecine.ledger.jobs import JobStatus
from telecine.ledger.schema import attempts as attempt_rows
from telecine.ledger.schema import claims, generations, jobs, media_objects


def publish(
    connection: Connection,
    job_id: str,
    partition: str,
    generation: int,
    manifest: Mapping[str, Any],
    *,
    outputs: Sequence[Mapping[str, Any]] = (),
    failure: TelecineError | None = None,
    resources: Mapping[str, Any] | None = None,
) -> JobStatus:
    """Make a generation current and end its attempt, in one transaction: COMPLETED, or as `failure` decides.

    Args:
        outputs: each output's status (telecine.ledger.outputs).
        failure: why some outputs are missing; the others are published all the same.

    Raises:
        NotOurs: FENCED when a newer generation was claimed, or the job isn't this attempt's any more.
    """
    newest = connection.scalar(
        select(media_objects.c.generation).where(media_objects.c.partition == partition).with_for_update()
    )
    job = connection.execute(
        select(jobs.c.status, jobs.c.generation).where(jobs.c.job_id == job_id).with_for_update()
    ).one()
    repeated = select(generations.c.job_id).where(
        generations.c.partition == partition, generations.c.generation == generation
    )
    if connection.scalar(repeated) == job_id:
        return JobStatus(job.status)
    if newest != generation or job.status != JobStatus.PROCESSING or job.generation != generation:
        raise attempts.fenced(job_id)
    connection.execute(
        update(media_objects)
        .where(media_objects.c.partition == partition)
        .values(published_generation=generation, changed_at=func.now())
    )
    connection.execute(
        upsert(generations).values(partition=partition, generation=generation, job_id=job_id, manifest=dict(manifest))
    )
    if failure is not None:
        return attempts.fail(connection, job_id, generation, failure, outputs=outputs, resources=resources)
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id)
        .values(
            status=JobStatus.COMPLETED,
            stage=None,
            stage_progress=None,
            stage_details=None,
            eta_low_s=None,
            eta_high_s=None,
            progress=100.0,
            outputs=[dict(output) for output in outputs],
            attempts=jobs.c.attempts + 1,
            finished_at=func.now(),
        )
    )
    attempts.end(connection, job_id, generation, "completed")
    # After the job's own row, as when a failure is blamed on it: two that wait for each other crosswise wait for ever.
    breakers.mend(connection, breakers.OBJECT_STORE)
    return JobStatus.COMPLETED


def current(connection: Connection, partition: str) -> tuple[int, dict[str, Any]] | None:
    """The published generation and its manifest, or None."""
    row = connection.execute(
        select(generations.c.generation, generations.c.manifest)
        .join_from(media_objects, generations, media_objects.c.partition == generations.c.partition)
        .where(
            media_objects.c.partition == partition,
            generations.c.generation == media_objects.c.published_generation,
        )
    ).first()
    return (row.generation, row.manifest) if row else None


def recent(connection: Connection, kinds: Iterable[str], limit: int) -> Sequence[Row[Any]]:
    """Partitions of these kinds of media with their current manifest and `published_at`, newest first."""
    return connection.execute(
        select(generations.c.partition, generations.c.manifest, generations.c.published_at)
        .join_from(media_objects, generations, media_objects.c.partition == generations.c.partition)
        .where(
            generations.c.generation == media_objects.c.published_generation,
            media_objects.c.kind.in_(list(kinds)),
            media_objects.c.deleted_at.is_(None),
        )
        .order_by(generations.c.published_at.desc())
        .limit(limit)
    ).all()


def outputs_at(connection: Connection, partition: str, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Manifest entries of outputs, each from the generation that its own row names.

    Args:
        rows: of `jobs.outputs`; those that aren't COMPLETED are left out.
    """
    wanted = {(r["generation"], r["asset"], r["name"]) for r in rows if r["status"] == JobStatus.COMPLETED}
    if not wanted:
        return []
    found = connection.execute(
        select(generations.c.generation, generations.c.manifest).where(
            generations.c.partition == partition, generations.c.generation.in_({number for number, _, _ in wanted})
        )
    )
    return [o for row in found for o in row.manifest["outputs"] if (row.generation, o["asset"], o["name"]) in wanted]


def before(
    connection: Connection, partition: str, rows: Iterable[Mapping[str, Any]]
) -> tuple[tuple[int, dict[str, Any]] | None, list[dict[str, Any]]]:
    """What an attempt builds on: `current`, and `outputs_at`."""
    return current(connection, partition), outputs_at(connection, partition, rows)


def mark_announced(connection: Connection, claim_id: str) -> None:
    """Remember that Dagster's event log has the materializations of all that a claim published."""
    connection.execute(
        update(generations)
        .where(
            generations.c.announced_at.is_(None),
            attempt_rows.c.job_id == generations.c.job_id,
            attempt_rows.c.generation == generations.c.generation,
            attempt_rows.c.claim_id == claim_id,
        )
        .values(announced_at=func.now())
    )


def unannounced(connection: Connection) -> Sequence[Row[Any]]:
    """`job_id`, `generation`, `manifest`, `claim_id` of what was published by claims that ended before telling Dagster.

    Ordered by claim.
    """
    return connection.execute(
        select(generations.c.job_id, generations.c.generation, generations.c.manifest, attempt_rows.c.claim_id)
        .join_from(
            generations,
            attempt_rows,
            and_(attempt_rows.c.job_id == generations.c.job_id, attempt_rows.c.generation == generations.c.generation),
        )
        .join(claims, claims.c.claim_id == attempt_rows.c.claim_id)
        .where(generations.c.announced_at.is_(None), claims.c.ended_at.is_not(None))
        .order_by(attempt_rows.c.claim_id, generations.c.published_at)
    ).all()


def of_job(connection: Connection, job_id: str) -> dict[str, Any] | None:
    """The manifest a job published, or None."""
    manifest: dict[str, Any] | None = connection.scalar(
        select(generations.c.manifest).where(generations.c.job_id == job_id).order_by(generations.c.generation.desc())
    )
    return manifest


def mark_written(connection: Connection, partition: str, generation: int) -> bool:
    """Remember that manifest.json names this generation, or a newer one; False when a newer one is current."""
    newest = connection.scalar(
        select(media_objects.c.published_generation).where(media_objects.c.partition == partition)
    )
    if newest is not None and newest != generation:
        return False
    connection.execute(
        update(generations)
        .where(
            generations.c.partition == partition,
            generations.c.generation <= generation,
            generations.c.manifest_written_at.is_(None),
        )
        .values(manifest_written_at=func.now())
    )
    return True


def unwritten(connection: Connection, older_than_s: float) -> list[str]:
    """Partitions whose manifest.json may be older than the ledger: a crash came between the two."""
    return list(
        connection.scalars(
            select(generations.c.partition)
            .where(
                generations.c.manifest_written_at.is_(None),
                generations.c.published_at < func.now() - seconds(older_than_s),
            )
            .distinct()
        )
    )
