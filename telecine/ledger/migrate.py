"""Bring the ledger's schema up to date; safe to call at every start, also from several processes at once."""

from __future__ import annotations

from importlib import resources

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from telecine.ledger.schema import SCHEMA

_LOCK = 0x7E1EC1  # advisory lock that only migrations take


def upgrade(postgres_url: str) -> None:
    """Create or migrate schema `telecine`.

    Raises:
        sqlalchemy.exc.OperationalError: the database can't be reached.
    """
    config = Config()
    config.set_main_option("script_location", str(resources.files("telecine.ledger") / "migrations"))
    engine = create_engine(postgres_url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            try:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def current_revision(postgres_url: str) -> str | None:
    """The applied migration, or None on a database without a ledger."""
    engine = create_engine(postgres_url)
    try:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.alembic_version"}) is None:
                return None
            revision: str | None = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))
            return revision
    finally:
        engine.dispose()
