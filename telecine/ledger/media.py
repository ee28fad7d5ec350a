"""Media objects: what was seen in the buckets, accepted as a job or refused with a reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from telecine.errors import InputError
from telecine.ledger import jobs as job_rows
from telecine.ledger.clock import seconds
from telecine.ledger.schema import media_objects
from telecine.partition import partition_key
from telecine.priority import Lane
from telecine.recipe import Recipe
from telecine.sniff import Sniffed
from telecine.storage.s3 import ObjectInfo


def known_versions(connection: Connection, bucket: str, keys: Collection[str]) -> dict[str, str]:
    """Identity of the newest version seen of each key that isn't marked deleted."""
    rows = connection.execute(
        select(media_objects.c.key, media_objects.c.identity).where(
            media_objects.c.bucket == bucket, media_objects.c.key.in_(keys), media_objects.c.deleted_at.is_(None)
        )
    )
    return dict(rows.tuples().all())


def accept(
    connection: Connection,
    info: ObjectInfo,
    sniffed: Sniffed,
    recipe: Recipe,
    *,
    priority: int,
    lane: Lane,
    origin: str,
    job_id: str,
    terms: job_rows.Terms | None = None,
) -> str | None:
    """Record a version of an object and its job in one transaction; None when this drop has its job already."""
    partition = _record(
        connection,
        info,
        kind=sniffed.kind,
        format=sniffed.format,
        recipe=recipe.model_dump(mode="json", exclude_defaults=True),
        reason_code=None,
        reason=None,
    )
    if origin == "bucket":
        job_rows.supersede(connection, partition, info.identity)
    return job_rows.submit(
        connection,
        partition=partition,
        kind=sniffed.kind,
        identity=info.identity,
        etag=info.etag,
        size_bytes=info.size_bytes,
        recipe=recipe,
        origin=origin,
        priority=priority,
        lane=lane,
        job_id=None if origin == "bucket" else job_id,
        terms=terms,
    )


def refuse(connection: Connection, info: ObjectInfo, error: InputError) -> None:
    """Record, once, why an object is not worked on; a later version of it is looked at again."""
    partition = _record(connection, info, kind=None, format=None, reason_code=error.code.value, reason=error.message)
    job_rows.supersede(connection, partition, info.identity)


def _record(connection: Connection, info: ObjectInfo, **columns: Any) -> str:
    partition = partition_key(info.bucket, info.key)
    version = {"identity": info.identity, "etag": info.etag, "size_bytes": info.size_bytes, **columns}
    connection.execute(
        upsert(media_objects)
        .values(partition=partition, bucket=info.bucket, key=info.key, **version)
        .on_conflict_do_update(
            index_elements=["partition"], set_={**version, "deleted_at": None, "changed_at": func.now()}
        )
    )
    return partition


def mark_deleted(
    connection: Connection, bucket: str, prefix: str, seen: Collection[str], listing_s: float
) -> list[str]:
    """Mark what a complete listing no longer showed; outputs stay. Returns the partitions.

    Args:
        listing_s: how long the listing took, in seconds: an object accepted meanwhile may not be in it.
    """
    rows = connection.execute(
        select(media_objects.c.partition, media_objects.c.key).where(
            media_objects.c.bucket == bucket,
            media_objects.c.key.startswith(prefix, autoescape=True),
            media_objects.c.deleted_at.is_(None),
            media_objects.c.changed_at < func.now() - seconds(listing_s + 5),
        )
    )
    gone = [partition for partition, key in rows if key not in seen]
    for start in range(0, len(gone), 1_000):
        connection.execute(
            update(media_objects)
            .where(media_objects.c.partition.in_(gone[start : start + 1_000]))
            .values(deleted_at=func.now())
        )
    return gone


def by_partition(connection: Connection, partitions: Collection[str]) -> dict[str, Row[Any]]:
    """Rows of `media_objects` by partition key."""
    rows = connection.execute(select(media_objects).where(media_objects.c.partition.in_(partitions)))
    return {row.partition: row for row in rows}


def refused(connection: Connection, limit: int = 1_000) -> Sequence[Row[Any]]:
    """Objects that were not accepted, newest first."""
    return connection.execute(
        select(media_objects)
        .where(media_objects.c.kind.is_(None))
        .order_by(media_objects.c.changed_at.desc())
        .limit(limit)
    ).all()
