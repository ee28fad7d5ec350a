"""Tables of the outbox: events, who wants them, and what was delivered (migration 0004 creates them).

Belongs here: columns. Event rows, and the deliveries of each, are written by triggers (migration 0004), in the
transaction of the state change itself. Secrets have a table of their own, so that nothing that lists endpoints can
print one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Identity, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from telecine.ledger.schema import metadata


def _time(name: str, *, now: bool = False) -> Column[object]:
    default = {"server_default": func.clock_timestamp(), "nullable": False} if now else {}
    return Column(name, TIMESTAMP(timezone=True), **default)  # type: ignore[arg-type]


# What happened. `xid` is the transaction that wrote the row: readers page by (xid, serial), see events.py.
events = Table(
    "events",
    metadata,
    Column("serial", BigInteger, Identity(), primary_key=True),
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Column("event_id", Text, nullable=False, unique=True),
    Column("event_type", Text, nullable=False),
    Column("job_id", Text),
    Column("batch_id", Text),  # of batch events only
    Column("sequence", Integer, nullable=False),  # 1, 2, 3 ... within a job
    Column("correlation_id", Text, nullable=False),
    Column("snapshot", JSONB, nullable=False),  # the state as it was; what never changes is read when it is sent
    _time("occurred_at", now=True),
)
Index("events_cursor", events.c.xid, events.c.serial)
Index("events_of_job", events.c.job_id, events.c.sequence, unique=True, postgresql_where=text("job_id IS NOT NULL"))
Index("events_of_batch", events.c.batch_id, postgresql_where=text("batch_id IS NOT NULL"))
Index("events_by_time", events.c.occurred_at)

# Who wants to hear of events, what is known of its health, and its token bucket.
endpoints = Table(
    "endpoints",
    metadata,
    Column("endpoint_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # registered | job_url (given with a job) | jobs (holds the secret of those)
    Column("url", Text),
    Column("description", Text),
    Column("event_types", ARRAY(Text)),  # null: all
    Column("progress_step", Integer),  # percent; null: 25 for images, 20 for video and audio
    Column("recipes", ARRAY(Text)),
    Column("prefix", Text),  # of object keys
    Column("rate_per_s", Float),  # null: TELECINE_WEBHOOK_RATE_PER_S
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("disabled_reason", Text),
    Column("tokens", Float),
    _time("tokens_at"),
    _time("paused_until"),  # 429 with Retry-After
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row, since failing_since
    _time("failing_since"),
    _time("open_until"),  # circuit breaker; in the past: half open
    _time("probe_until"),
    _time("last_success_at"),
    _time("last_failure_at"),
    Column("last_error", Text),
    _time("created_at", now=True),
)
Index("endpoints_by_url", func.md5(endpoints.c.url))

endpoint_secrets = Table(
    "endpoint_secrets",
    metadata,
    Column("secret_id", BigInteger, Identity(), primary_key=True),
    Column("endpoint_id", Text, ForeignKey(endpoints.c.endpoint_id, ondelete="CASCADE"), nullable=False),
    Column("secret", Text, nullable=False),
    _time("created_at", now=True),
    _time("expires_at"),
)
Index("endpoint_secrets_of", endpoint_secrets.c.endpoint_id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", BigInteger, Identity(), primary_key=True),
    Column("event_serial", BigInteger, ForeignKey(events.c.serial, ondelete="CASCADE"), nullable=False),
    # No foreign key: an endpoint that is removed at this moment must not fail the job whose event this is.
    Column("endpoint_id", Text, nullable=False),
    Column("subject", Text, nullable=False),  # job, batch or event id: first attempts of one subject keep their order
    Column("once", Boolean, nullable=False, server_default="false"),  # progress: one attempt, then dropped
    Column("replay", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False, server_default="PENDING"),  # PENDING | DELIVERED | DEAD | DROPPED
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),  # steps of the retry schedule that are used up
    _time("next_attempt_at", now=True),
    Column("leased_by", Text),
    _time("lease_until"),
    _time("first_attempt_at"),
    _time("last_attempt_at"),
    _time("ended_at"),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("response", Text),  # at most 1 kB
    Column("took_ms", Integer),
    _time("created_at", now=True),
)
Index("deliveries_once", deliveries.c.event_serial, deliveries.c.endpoint_id, deliveries.c.replay, unique=True)
_PENDING = text("status = 'PENDING'")
Index(
    "deliveries_due",
    deliveries.c.endpoint_id,
    deliveries.c.next_attempt_at,
    deliveries.c.delivery_id,
    postgresql_where=_PENDING,
)
Index(
    "deliveries_in_order",
    deliveries.c.endpoint_id,
    deliveries.c.subject,
    deliveries.c.event_serial,
    postgresql_where=_PENDING,
)
Index("deliveries_leased", deliveries.c.leased_by, postgresql_where=text("leased_by IS NOT NULL"))
Index("deliveries_of_endpoint", deliveries.c.endpoint_id, deliveries.c.delivery_id)
Index("deliveries_ended", deliveries.c.ended_at)

# Processes that deliver, each with a beat.
deliverers = Table(
    "deliverers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("in_flight", Integer, nullable=False, server_default="0"),
    _time("started_at", now=True),
    _time("beat_at", now=True),
)

# What Dagster said of runs: asset hooks (one row for a run and word), and the run-status sensors behind them.
run_reports = Table(
    "run_reports",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("word", Text, primary_key=True),  # started | succeeded | failed | canceled
    Column("source", Text, primary_key=True),  # hook | sensor
    Column("claim_id", Text),
    _time("at", now=True),
)
Index("run_reports_at", run_reports.c.at)
