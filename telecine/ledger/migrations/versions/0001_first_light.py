"""Media objects, claims, jobs, attempts, generations; legal moves of a job enforced by a trigger."""

from alembic import op

revision = "0001"
down_revision = None

# Frozen: telecine/ledger/schema.py moves on, this migration does not.
_TABLES = """
CREATE TABLE telecine.claims (
    claim_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    origin TEXT NOT NULL,
    requests INTEGER DEFAULT '1' NOT NULL,
    run_id TEXT,
    worker TEXT,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    heartbeat_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    PRIMARY KEY (claim_id)
);
CREATE INDEX claims_open ON telecine.claims (lane) WHERE ended_at IS NULL;
CREATE TABLE telecine.media_objects (
    partition TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    identity TEXT NOT NULL,
    etag TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    kind TEXT,
    format TEXT,
    recipe JSONB,
    reason_code TEXT,
    reason TEXT,
    generation INTEGER DEFAULT '0' NOT NULL,
    published_generation INTEGER,
    deleted_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (partition)
);
CREATE UNIQUE INDEX media_objects_place ON telecine.media_objects (bucket, key);
CREATE TABLE telecine.generations (
    partition TEXT NOT NULL,
    generation INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    manifest JSON NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    manifest_written_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (partition, generation),
    FOREIGN KEY(partition) REFERENCES telecine.media_objects (partition)
);
CREATE INDEX generations_unwritten ON telecine.generations (published_at) WHERE manifest_written_at IS NULL;
CREATE TABLE telecine.jobs (
    job_id TEXT NOT NULL,
    partition TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    etag TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    recipe JSONB NOT NULL,
    recipe_name TEXT NOT NULL,
    recipe_hash TEXT NOT NULL,
    origin TEXT NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    estimate_s FLOAT NOT NULL,
    status TEXT DEFAULT 'PENDING' NOT NULL,
    stage TEXT,
    progress FLOAT DEFAULT '0' NOT NULL,
    sequence INTEGER DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    deaths INTEGER DEFAULT '0' NOT NULL,
    generation INTEGER,
    claim_id TEXT,
    cancel_requested BOOLEAN DEFAULT 'false' NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_details TEXT,
    not_before TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (job_id),
    FOREIGN KEY(partition) REFERENCES telecine.media_objects (partition),
    FOREIGN KEY(claim_id) REFERENCES telecine.claims (claim_id)
);
CREATE INDEX jobs_of_claim ON telecine.jobs (claim_id);
CREATE INDEX jobs_of_partition ON telecine.jobs (partition, job_id);
CREATE UNIQUE INDEX jobs_once_per_drop ON telecine.jobs (partition, identity) WHERE origin = 'bucket';
CREATE UNIQUE INDEX jobs_one_at_a_time ON telecine.jobs (partition) WHERE status = 'PROCESSING';
CREATE INDEX jobs_waiting ON telecine.jobs (priority DESC, job_id) WHERE status = 'PENDING';
CREATE TABLE telecine.attempts (
    job_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    run_id TEXT,
    worker TEXT,
    outcome TEXT,
    error_code TEXT,
    error_message TEXT,
    error_details TEXT,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (job_id, generation),
    FOREIGN KEY(job_id) REFERENCES telecine.jobs (job_id)
);
"""

# Terminal states have no exits: a retry by a person is a new job.
_GUARD = """
CREATE FUNCTION telecine.guard_job_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status AND NOT (
        (OLD.status = 'PENDING' AND NEW.status IN ('PROCESSING', 'FAILED', 'CANCELED', 'ABANDONED'))
        OR (OLD.status = 'PROCESSING' AND NEW.status IN ('PENDING', 'COMPLETED', 'FAILED', 'CANCELED', 'ABANDONED'))
    ) THEN
        RAISE EXCEPTION 'job % may not move from % to %', OLD.job_id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'PROCESSING' AND (NEW.generation IS NULL OR NEW.claim_id IS NULL) THEN
        RAISE EXCEPTION 'job % can not be PROCESSING without a generation and a claim', OLD.job_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_job_moves BEFORE UPDATE ON telecine.jobs
    FOR EACH ROW EXECUTE FUNCTION telecine.guard_job_moves();

CREATE FUNCTION telecine.guard_generations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.generation < OLD.generation
        OR (OLD.published_generation IS NOT NULL AND NEW.published_generation < OLD.published_generation)
        OR NEW.published_generation > NEW.generation THEN
        RAISE EXCEPTION 'generations of % only grow (% -> %, published % -> %)', OLD.partition,
            OLD.generation, NEW.generation, OLD.published_generation, NEW.published_generation
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_generations BEFORE UPDATE ON telecine.media_objects
    FOR EACH ROW EXECUTE FUNCTION telecine.guard_generations();
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(
        "ALTER TABLE telecine.jobs ADD CONSTRAINT jobs_status CHECK "
        "(status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED', 'ABANDONED'))"
    )
    op.execute(_GUARD)
