"""Runs that a person or a backfill started: the claim that such a run opens for itself.

So that events, recovery and the catalogue are the same whoever started the work. Doesn't belong here: claims that
dispatch requests, and what becomes of a claim afterwards (claims.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import JobStatus
from telecine.ledger.schema import claims, jobs, media_objects
from telecine.recipe import parse_recipe


def open_claim(
    connection: Connection,
    claim_id: str,
    partitions: Collection[str],
    *,
    run_id: str,
    worker: str,
    lane: str,
    whole: bool = True,
) -> tuple[list[str], dict[str, str]]:
    """A claim for a run that a person or a backfill started on some partitions.

    Takes over each partition's waiting job, or opens one with origin `dagster` from what the ledger knows of the
    object. A run that makes only some of the assets (not `whole`) always opens one: what waits asks for all.

    Returns the job ids, and for each partition that can't be worked on now a sentence why.
    """
    connection.execute(
        upsert(claims)
        .values(
            claim_id=claim_id,
            lane=lane,
            priority=5,
            origin="dagster",
            run_id=run_id,
            worker=worker,
            started_at=func.now(),
            heartbeat_at=func.now(),
        )
        .on_conflict_do_nothing()
    )
    taken: list[str] = []
    refused: dict[str, str] = {}
    rows = connection.execute(
        select(media_objects)
        .where(media_objects.c.partition.in_(partitions))
        .order_by(media_objects.c.partition)
        .with_for_update()
    )
    known = {row.partition: row for row in rows}
    unfinished = connection.execute(
        select(jobs.c.job_id, jobs.c.partition, jobs.c.status, jobs.c.claim_id)
        .where(jobs.c.partition.in_(partitions), jobs.c.status.in_([JobStatus.PENDING, JobStatus.PROCESSING]))
        .order_by(jobs.c.job_id)
        .with_for_update()
    ).all()
    pending = [r for r in reversed(unfinished) if r.status == JobStatus.PENDING]
    waiting_job = {r.partition: r.job_id for r in pending if whole or r.claim_id == claim_id}
    mine = {r.partition for r in unfinished if r.claim_id == claim_id}
    running = {r.partition for r in unfinished if r.status == JobStatus.PROCESSING} - mine
    for partition in partitions:
        row = known.get(partition)
        if row is None:
            refused[partition] = "no object with this partition key was ever seen in a watched bucket"
        elif row.kind is None:
            refused[partition] = f"the object was refused: {row.reason}"
        elif row.deleted_at is not None:
            refused[partition] = f"{row.bucket}/{row.key} was deleted from the bucket"
        elif partition in running:
            refused[partition] = "another run is processing it right now; materialize it again when that run has ended"
        else:
            taken.append(waiting_job.get(partition) or _open_job(connection, row))
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id.in_(taken), jobs.c.status == JobStatus.PENDING)
        .values(claim_id=claim_id, cancel_requested=False)
    )
    return taken, refused


def _open_job(connection: Connection, row: Row[Any]) -> str:
    job_id = job_rows.submit(
        connection,
        partition=row.partition,
        kind=row.kind,
        identity=row.identity,
        etag=row.etag,
        size_bytes=row.size_bytes,
        recipe=parse_recipe(row.recipe, row.partition),
        origin="dagster",
        priority=5,
    )
    assert job_id is not None  # only drops are unique
    return job_id
