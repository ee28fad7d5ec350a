"""History by kind: how long the newest jobs took is asked at the beginning of every claim."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE INDEX jobs_made ON telecine.jobs (kind, finished_at DESC) WHERE status = 'COMPLETED'")
