"""Tables of the ledger (schema `telecine`); migrations/ creates them and the trigger that enforces legal moves.

All times are the database's own (`now()`), so that no worker's clock matters.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

SCHEMA = "telecine"
metadata = MetaData(schema=SCHEMA)


def _time(name: str, *, now: bool = False) -> Column[object]:
    default = {"server_default": func.now(), "nullable": False} if now else {}
    return Column(name, TIMESTAMP(timezone=True), **default)  # type: ignore[arg-type]


# One row per object key ever seen below a rule. `kind` is null for objects that were refused (reason_*).
media_objects = Table(
    "media_objects",
    metadata,
    Column("partition", Text, primary_key=True),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("identity", Text, nullable=False),  # of the newest version seen: storage.ObjectInfo.identity
    Column("etag", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("kind", Text),
    Column("format", Text),
    Column("recipe", JSONB),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("generation", Integer, nullable=False, server_default="0"),  # the newest one claimed
    Column("published_generation", Integer),
    _time("deleted_at"),
    _time("first_seen_at", now=True),
    _time("changed_at", now=True),
)
Index("media_objects_place", media_objects.c.bucket, media_objects.c.key, unique=True)

# A claim is the work one run does: a batch of jobs, requested by dispatch or opened by a run a person started.
claims = Table(
    "claims",
    metadata,
    Column("claim_id", Text, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("origin", Text, nullable=False),  # dispatch | dagster
    Column("requests", Integer, nullable=False, server_default="1"),
    Column("run_id", Text),
    Column("worker", Text),
    _time("requested_at", now=True),
    _time("started_at"),
    _time("heartbeat_at"),
    _time("ended_at"),
    Column("outcome", Text),
)
Index("claims_open", claims.c.lane, postgresql_where=text("ended_at IS NULL"))

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),  # UUIDv7: sorts by time
    Column("partition", Text, ForeignKey(media_objects.c.partition), nullable=False),
    Column("kind", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("recipe", JSONB, nullable=False),
    Column("recipe_name", Text, nullable=False),
    Column("recipe_hash", Text, nullable=False),
    Column("origin", Text, nullable=False),  # bucket | process | dagster
    Column("lane", Text, nullable=False),  # live | archive
    Column("priority", Integer, nullable=False),
    Column("estimate_s", Float, nullable=False),
    Column("status", Text, nullable=False, server_default="PENDING"),
    Column("stage", Text),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("generation", Integer),
    Column("claim_id", Text, ForeignKey(claims.c.claim_id)),
    Column("cancel_requested", Boolean, nullable=False, server_default="false"),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_details", Text),
    _time("not_before", now=True),
    _time("created_at", now=True),
    _time("started_at"),
    _time("finished_at"),
)
Index("jobs_waiting", jobs.c.priority.desc(), jobs.c.job_id, postgresql_where=text("status = 'PENDING'"))
Index("jobs_of_claim", jobs.c.claim_id)
Index("jobs_of_partition", jobs.c.partition, jobs.c.job_id)
# A version of a dropped object is accepted once, however often it is listed and by however many sensors.
Index(
    "jobs_once_per_drop",
    jobs.c.partition,
    jobs.c.identity,
    unique=True,
    postgresql_where=text("origin = 'bucket'"),
)
# One job per partition is processed at a time.
Index("jobs_one_at_a_time", jobs.c.partition, unique=True, postgresql_where=text("status = 'PROCESSING'"))

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.job_id), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("claim_id", Text, nullable=False),
    Column("run_id", Text),
    Column("worker", Text),
    Column("outcome", Text),  # completed | failed | retry | lost | canceled | released
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_details", Text),
    _time("started_at", now=True),
    _time("ended_at"),
)

generations = Table(
    "generations",
    metadata,
    Column("partition", Text, ForeignKey(media_objects.c.partition), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("manifest", JSON, nullable=False),
    _time("published_at", now=True),
    _time("manifest_written_at"),
    _time("announced_at"),  # when all its materializations were in Dagster's event log
)
Index("generations_unannounced", generations.c.published_at, postgresql_where=text("announced_at IS NULL"))
Index(
    "generations_unwritten",
    generations.c.published_at,
    postgresql_where=text("manifest_written_at IS NULL"),
)
