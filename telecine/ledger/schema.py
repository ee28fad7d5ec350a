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
# Not unique: the partition is made from both, and two unique indexes would race in an upsert that names one of them.
Index("media_objects_place", media_objects.c.bucket, media_objects.c.key)

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
    Column("resources", JSONB),  # of the worker's machine, at its last beat: telecine.machine.Pressure
)
Index("claims_open", claims.c.lane, postgresql_where=text("ended_at IS NULL"))

# Many jobs handed over as one. Its progress and end are written by the trigger settle_batch.
batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("name", Text),
    Column("mode", Text, nullable=False),  # continue | fail_fast
    Column("status", Text, nullable=False, server_default="OPEN"),  # OPEN | COMPLETED | PARTIAL | FAILED | CANCELED
    Column("total", Integer, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("webhook_url", Text),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    _time("created_at", now=True),
    _time("finished_at"),
    _time("manifest_written_at"),
)
Index(
    "batches_unwritten",
    batches.c.finished_at,
    postgresql_where=text("finished_at IS NOT NULL AND manifest_written_at IS NULL"),
)

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
    Column("origin", Text, nullable=False),  # bucket | process | submit | retry | dagster
    Column("correlation_id", Text, nullable=False),  # one id through logs, run tags and events
    Column("batch_id", Text, ForeignKey(batches.c.batch_id)),
    Column("replay_of", Text),  # the job this one makes good
    Column("limits", JSONB, nullable=False, server_default="{}"),  # telecine.limits.JobLimits
    Column("metadata", JSONB, nullable=False, server_default="{}"),  # the submitter's own
    Column("webhook_url", Text),
    Column("lane", Text, nullable=False),  # live | archive
    Column("priority", Integer, nullable=False),
    Column("estimate_s", Float, nullable=False),
    Column("status", Text, nullable=False, server_default="PENDING"),
    Column("stage", Text),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("stage_progress", Float),  # 0-100 within the stage
    Column("stage_details", JSONB),
    Column("eta_low_s", Float),  # seconds left, when progress was last written
    Column("eta_high_s", Float),
    _time("reported_at"),
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("generation", Integer),
    Column("claim_id", Text, ForeignKey(claims.c.claim_id)),
    Column("cancel_requested", Boolean, nullable=False, server_default="false"),
    # Each output's own status: telecine.ledger.attempts.OutputStatus. Filled when an attempt ends.
    Column("outputs", JSONB, nullable=False, server_default="[]"),
    Column("partial", Boolean, nullable=False, server_default="false"),  # FAILED, but some outputs are published
    Column("error_class", Text),  # input | configuration | transient | resource | system | poison | not_ours
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
Index("jobs_of_batch", jobs.c.batch_id, postgresql_where=text("batch_id IS NOT NULL"))
Index("jobs_of_partition", jobs.c.partition, jobs.c.job_id)
Index("jobs_made", jobs.c.kind, jobs.c.finished_at.desc(), postgresql_where=text("status = 'COMPLETED'"))  # estimates
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
    # completed | partial | failed | retry | lost | canceled | interrupted | reclassified
    Column("outcome", Text),
    Column("stage", Text),  # in which it ended
    Column("error_class", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_details", Text),
    Column("resources", JSONB),  # of the machine when it failed: telecine.machine.Pressure
    Column("estimate_s", Float),  # how long it was thought to take, when it began
    _time("started_at", now=True),
    _time("ended_at"),
)
Index("attempts_ended", attempts.c.ended_at.desc(), postgresql_where=text("outcome = 'completed'"))

# What progress was written, for people who ask later; purged by retention.
progress_history = Table(
    "progress_history",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.job_id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("stage_progress", Float),
    Column("stage_details", JSONB),
    _time("at", now=True),
)
Index("progress_history_by_age", progress_history.c.at)

# Jobs that nobody will try again by themselves; written by the trigger bury_job in the transaction that ends them.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.job_id, ondelete="CASCADE"), primary_key=True),
    Column("error_class", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("notes", JSONB, nullable=False, server_default="[]"),  # [{"at", "text"}]
    Column("resolution", Text),  # replayed | resolved
    Column("replayed_as", Text),
    _time("created_at", now=True),
    _time("resolved_at"),
)
Index("dead_letters_open", dead_letters.c.created_at, postgresql_where=text("resolved_at IS NULL"))

# What an explicit submission is recognised by: its content and recipe for 24 hours, or the key its sender chose.
submission_keys = Table(
    "submission_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("job_id", Text),
    Column("batch_id", Text),
    _time("expires_at"),
)

breakers = Table(
    "breakers",
    metadata,
    Column("name", Text, primary_key=True),  # object_store | database
    Column("failures", JSONB, nullable=False, server_default="[]"),  # epoch seconds, those within the window
    Column("reason", Text),
    _time("opened_at"),
    _time("probed_at"),
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
