"""Media objects, claims, jobs, attempts, generations; legal moves of a job enforced by a trigger."""

from alembic import op

from telecine.ledger.schema import metadata

revision = "0001"
down_revision = None

# A person's FAILED job may go back to PENDING only through a new attempt, so the terminal states have no exits.
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
    metadata.create_all(op.get_bind())
    op.execute(
        "ALTER TABLE telecine.jobs ADD CONSTRAINT jobs_status CHECK "
        "(status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED', 'ABANDONED'))"
    )
    op.execute(_GUARD)
