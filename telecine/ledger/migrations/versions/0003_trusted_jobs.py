"""Batches, dead letters, submission keys, breakers, progress history; jobs know their outputs, limits and class."""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = """
CREATE TABLE telecine.batches (
    batch_id TEXT PRIMARY KEY,
    name TEXT,
    mode TEXT NOT NULL CHECK (mode IN ('continue', 'fail_fast')),
    status TEXT DEFAULT 'OPEN' NOT NULL CHECK (status IN ('OPEN', 'COMPLETED', 'PARTIAL', 'FAILED', 'CANCELED')),
    total INTEGER NOT NULL,
    correlation_id TEXT NOT NULL,
    webhook_url TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    manifest_written_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX batches_unwritten ON telecine.batches (finished_at)
    WHERE finished_at IS NOT NULL AND manifest_written_at IS NULL;

ALTER TABLE telecine.claims ADD COLUMN resources JSONB;

ALTER TABLE telecine.jobs
    ADD COLUMN correlation_id TEXT,
    ADD COLUMN batch_id TEXT REFERENCES telecine.batches (batch_id),
    ADD COLUMN replay_of TEXT,
    ADD COLUMN limits JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN metadata JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN webhook_url TEXT,
    ADD COLUMN stage_progress DOUBLE PRECISION,
    ADD COLUMN stage_details JSONB,
    ADD COLUMN eta_low_s DOUBLE PRECISION,
    ADD COLUMN eta_high_s DOUBLE PRECISION,
    ADD COLUMN reported_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN outputs JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN partial BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN error_class TEXT;
UPDATE telecine.jobs SET correlation_id = job_id;
ALTER TABLE telecine.jobs ALTER COLUMN correlation_id SET NOT NULL;
CREATE INDEX jobs_of_batch ON telecine.jobs (batch_id) WHERE batch_id IS NOT NULL;

ALTER TABLE telecine.attempts
    ADD COLUMN stage TEXT,
    ADD COLUMN error_class TEXT,
    ADD COLUMN resources JSONB,
    ADD COLUMN estimate_s DOUBLE PRECISION;
CREATE INDEX attempts_ended ON telecine.attempts (ended_at DESC) WHERE outcome = 'completed';

CREATE TABLE telecine.progress_history (
    job_id TEXT NOT NULL REFERENCES telecine.jobs (job_id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    stage TEXT NOT NULL,
    progress DOUBLE PRECISION NOT NULL,
    stage_progress DOUBLE PRECISION,
    stage_details JSONB,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (job_id, sequence)
);

CREATE TABLE telecine.dead_letters (
    job_id TEXT PRIMARY KEY REFERENCES telecine.jobs (job_id) ON DELETE CASCADE,
    error_class TEXT NOT NULL,
    error_code TEXT NOT NULL,
    notes JSONB DEFAULT '[]' NOT NULL,
    resolution TEXT CHECK (resolution IN ('replayed', 'resolved')),
    replayed_as TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX dead_letters_open ON telecine.dead_letters (created_at) WHERE resolved_at IS NULL;

CREATE TABLE telecine.submission_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    job_id TEXT,
    batch_id TEXT,
    expires_at TIMESTAMP WITH TIME ZONE
);

CREATE TABLE telecine.breakers (
    name TEXT PRIMARY KEY,
    failures JSONB DEFAULT '[]' NOT NULL,
    reason TEXT,
    opened_at TIMESTAMP WITH TIME ZONE,
    probed_at TIMESTAMP WITH TIME ZONE
);
"""

# A trigger, so that no way of ending a job can forget its batch. The batch's row is locked before its children are
# counted: of two last children that end together, the second sees the first.
_BATCHES = """
CREATE FUNCTION telecine.settle_batch(which TEXT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    batch telecine.batches;
    children RECORD;
BEGIN
    SELECT * INTO batch FROM telecine.batches WHERE batch_id = which FOR UPDATE;
    IF batch.finished_at IS NOT NULL THEN
        RETURN;
    END IF;
    IF batch.mode = 'fail_fast' AND EXISTS (
        SELECT 1 FROM telecine.jobs WHERE batch_id = which AND status IN ('FAILED', 'ABANDONED')
    ) THEN
        UPDATE telecine.jobs SET status = 'CANCELED', finished_at = now(), error_class = 'not_ours',
            error_code = 'CANCELED',
            error_message = 'another file of its batch failed, and the batch stops at the first failure'
        WHERE batch_id = which AND status = 'PENDING';
        UPDATE telecine.jobs SET cancel_requested = true
        WHERE batch_id = which AND status = 'PROCESSING' AND NOT cancel_requested;
    END IF;
    SELECT count(*) AS every,
        count(*) FILTER (WHERE status IN ('PENDING', 'PROCESSING')) AS open,
        count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
        count(*) FILTER (WHERE status = 'COMPLETED' OR partial) AS useful,
        count(*) FILTER (WHERE status = 'CANCELED') AS canceled
    INTO children FROM telecine.jobs WHERE batch_id = which;
    IF children.open = 0 AND children.every >= batch.total THEN
        UPDATE telecine.batches SET finished_at = now(), status = CASE
            WHEN children.completed = children.every THEN 'COMPLETED'
            WHEN children.useful > 0 THEN 'PARTIAL'
            WHEN children.canceled = children.every THEN 'CANCELED'
            ELSE 'FAILED' END
        WHERE batch_id = which AND finished_at IS NULL;
    END IF;
END $$;

CREATE FUNCTION telecine.job_of_batch_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM telecine.settle_batch(NEW.batch_id);
    RETURN NULL;
END $$;
CREATE TRIGGER job_of_batch_ended AFTER UPDATE OF status ON telecine.jobs FOR EACH ROW
    WHEN (NEW.batch_id IS NOT NULL AND NEW.status IS DISTINCT FROM OLD.status
        AND NEW.status NOT IN ('PENDING', 'PROCESSING'))
    EXECUTE FUNCTION telecine.job_of_batch_ended();
"""

_LETTERS = """
CREATE FUNCTION telecine.bury_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO telecine.dead_letters (job_id, error_class, error_code)
    VALUES (NEW.job_id, coalesce(NEW.error_class, 'system'), coalesce(NEW.error_code, 'INTERNAL'))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER bury_job AFTER UPDATE OF status ON telecine.jobs FOR EACH ROW
    WHEN (NEW.status IS DISTINCT FROM OLD.status AND NEW.status IN ('FAILED', 'ABANDONED'))
    EXECUTE FUNCTION telecine.bury_job();
INSERT INTO telecine.dead_letters (job_id, error_class, error_code, created_at)
    SELECT job_id, 'system', coalesce(error_code, 'INTERNAL'), coalesce(finished_at, now())
    FROM telecine.jobs WHERE status IN ('FAILED', 'ABANDONED');
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_BATCHES)
    op.execute(_LETTERS)
