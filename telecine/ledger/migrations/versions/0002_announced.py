"""Generations remember whether Dagster's event log has their materializations."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE telecine.generations ADD COLUMN announced_at TIMESTAMP WITH TIME ZONE")
    op.execute("UPDATE telecine.generations SET announced_at = published_at")
    op.execute("CREATE INDEX generations_unannounced ON telecine.generations (published_at) WHERE announced_at IS NULL")
