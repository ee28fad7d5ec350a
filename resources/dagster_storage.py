"""Dagster's storage in PostgreSQL, with connections that stay open and events that are written together.

dagster-postgres opens a connection for every statement, some seven for each event, and writes the events of a batch one
by one: half of all that a batch of photos cost on top of its photos (bench/images.py). Here the instances of a process
share one pool, and two kinds of events go to the database in one piece: those that plan a run's materializations (two
for every image of a batch), and what a batch tells of its files (`together`).

Belongs here: how events reach the database. Doesn't belong here: which events there are (media_assets), the ledger's
own connections (telecine/ledger). Configured in dagster.yaml (`storage: custom`); see Dagster's "Dagster instance".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import local
from typing import Any

from dagster import DagsterEventType, DagsterInstance, EventLogEntry
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from telecine.ledger.connections import ask_the_idle
from telecine.ledger.database import is_outage

_KEPT = {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}
_POOL = {"pool_size": 4, "max_overflow": 40, "pool_recycle": 600}
# What Dagster asks of its schema again and again, by reading the catalogue; what is there stays there.
_OF_THE_SCHEMA = (
    "has_table",
    "has_secondary_index",
    "has_secondary_index_table",
    "has_built_index",
    "has_instigators_table",
    "has_run_stats_index_cols",
    "has_bulk_actions_selector_cols",
    "has_backfill_id_column",
    "has_bulk_action_job_name_column",
    "has_backfill_tags_table",
    "has_asset_key_col",
)


class EventLog(PostgresEventLogStorage):
    """Dagster's event log, which can write events together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept = local()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Materializations and observations of this thread's block are written when it ends, those of an asset at once.

        They are written also when the block raises: what was made is true whatever came after it.
        """
        self._kept.events = []
        try:
            yield
        finally:
            events: list[EventLogEntry] = self._kept.events
            del self._kept.events
            self._store_together(events)

    def store_event(self, event: EventLogEntry) -> None:
        """See EventLogStorage; keeps an asset's event for the end of a `together` block."""
        kept = getattr(self._kept, "events", None)
        if kept is not None and event.dagster_event_type in _KEPT:
            kept.append(event)
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """See EventLogStorage; planned materializations are written at once too."""
        planned = [e for e in events if e.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
        if len(planned) < 2:
            super().store_event_batch(events)
            return
        statement = self.prepare_insert_event_batch(planned)
        with self.index_transaction() as connection:
            numbers = connection.execute(statement.returning(statement.table.c.id)).scalars().all()
            # An asset remembers the last event that names it.
            newest = {e.get_dagster_event().asset_key: (e, n) for e, n in zip(planned, numbers, strict=True)}
            for event, number in newest.values():
                self._store_asset_event(connection, event, number)
        if others := [e for e in events if e.dagster_event_type != DagsterEventType.ASSET_MATERIALIZATION_PLANNED]:
            super().store_event_batch(others)

    def _store_together(self, events: Sequence[EventLogEntry]) -> None:
        # dagster-postgres wants the events of a batch to be of one kind and one asset.
        alike: dict[Any, list[EventLogEntry]] = {}
        for event in events:
            alike.setdefault((event.dagster_event_type, event.get_dagster_event().asset_key), []).append(event)
        for batch in alike.values():
            try:
                super().store_event_batch(batch)
            except DBAPIError as e:
                if not is_outage(e):
                    raise
                super().store_event_batch(batch)  # the database was restarted under a kept connection


def together(instance: DagsterInstance) -> AbstractContextManager[None]:
    """`EventLog.together` of an instance; on another storage, each event is written as it comes."""
    log = instance.event_log_storage
    return log.together() if isinstance(log, EventLog) else nullcontext()


class Storage(DagsterPostgresStorage):
    """Dagster's storage: runs, schedules and our event log on the process's pool of connections."""

    def __init__(self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: Any = None) -> None:
        # One instance after the other is made in a process, and each would look whether the tables are there.
        create = should_autocreate_tables and postgres_url not in _prepared
        super().__init__(postgres_url, create, inst_data)
        self._event_log_storage = EventLog(postgres_url, should_autocreate_tables=False)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = _engine(postgres_url, os.getpid())
            for question in _OF_THE_SCHEMA:
                if ask := getattr(storage, question, None):
                    setattr(storage, question, _remembered(postgres_url, type(storage), ask))
        _prepared.add(postgres_url)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Storage:
        """Called by Dagster with the validated configuration."""
        return cls(config_value["postgres_url"], config_value.get("should_autocreate_tables", True), inst_data)


_prepared: set[str] = set()
_there: set[tuple[Any, ...]] = set()


def _remembered(postgres_url: str, storage: type, ask: Callable[..., bool]) -> Callable[..., bool]:
    """A question of a schema, not asked again in this process once the answer was yes."""

    def asked(*what: str) -> bool:
        key = (postgres_url, storage, ask.__name__, what)
        if key not in _there and ask(*what):
            _there.add(key)
        return key in _there

    return asked


@cache
def _engine(postgres_url: str, _pid: int) -> Engine:
    """This process's pool; connections must not be shared with processes that it forks."""
    return ask_the_idle(create_engine(postgres_url, isolation_level="AUTOCOMMIT", **_POOL))
