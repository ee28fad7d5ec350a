"""Batches are settled once a statement, not once a row; progress is found by its age.

The place of an object is no unique index any more: its partition is made from it, and two sessions that accept the same
object at once could fail at the index that their upsert doesn't name.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

# A fail-fast batch, or one that is canceled, ends thousands of children in one statement: counting them anew for each
# took the square of that. In order of their ids, so that two statements never wait for each other crosswise.
_TRIGGER = """
DROP TRIGGER job_of_batch_ended ON telecine.jobs;
DROP FUNCTION telecine.job_of_batch_ended();
CREATE FUNCTION telecine.jobs_of_batches_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    which TEXT;
BEGIN
    FOR which IN
        SELECT DISTINCT after.batch_id FROM after JOIN before USING (job_id)
        WHERE after.batch_id IS NOT NULL AND after.status IS DISTINCT FROM before.status
            AND after.status NOT IN ('PENDING', 'PROCESSING')
        ORDER BY 1
    LOOP
        PERFORM telecine.settle_batch(which);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_of_batches_ended AFTER UPDATE ON telecine.jobs
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION telecine.jobs_of_batches_ended();
DROP INDEX telecine.media_objects_place;
CREATE INDEX media_objects_place ON telecine.media_objects (bucket, key);
CREATE INDEX progress_history_by_age ON telecine.progress_history (at);
"""


def upgrade() -> None:
    op.execute(_TRIGGER)
