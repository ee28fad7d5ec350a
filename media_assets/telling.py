"""Telling Dagster of a batch while it runs: what was materialized within a second, written together.

A materialization alone costs nine exchanges with the database, beside processes that keep every core busy; an image has
two. Belongs here: when and how a batch's materializations reach the event log. Doesn't belong here: what they say
(materializations.py). What is published but not told yet when a worker dies is told by sensors/recovery.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType

import dagster as dg
import structlog

from media_assets.claim_work import Context, tell
from resources.dagster_storage import together
from telecine.worker import HeldClaim

_TOGETHER_S = 1.0
log = structlog.get_logger(__name__)


class Telling:
    """The materializations of a run's claim; a context manager that writes the last of them on the way out.

    When the claim was lost, nothing is written: a newer generation may be there by now, and recovery tells Dagster.
    """

    def __init__(self, context: Context, held: HeldClaim) -> None:
        self._context, self._held = context, held
        self._waiting: list[dg.AssetMaterialization] = []
        self._since = 0.0

    def __enter__(self) -> Telling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write()
        except Exception as e:
            if error is None:
                raise
            # What ended the block decides how its claim ends (claim_work.py); recovery tells of what wasn't told.
            log.warning("telling.failed", claim_id=self._held.claim_id, reason=repr(e))

    def add(self, events: Iterable[dg.AssetMaterialization]) -> None:
        """Tell of these within a second, if `look` is called often enough."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting += events
        self.look()

    def look(self) -> None:
        """Write what has waited for a second."""
        if self._waiting and time.monotonic() - self._since >= _TOGETHER_S:
            self._write()

    def _write(self) -> None:
        events, self._waiting = self._waiting, []
        if not events or not self._held.stands():
            return
        with together(self._context.instance):
            tell(self._context, events)
