"""Alembic's entry: migrations run online on a connection handed over by telecine.ledger.migrate."""

from alembic import context
from sqlalchemy import text

from telecine.ledger.schema import SCHEMA, metadata

connection = context.config.attributes["connection"]
connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="alembic_version",
    version_table_schema=SCHEMA,  # Dagster keeps its own version table in the public schema
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
