"""Intake: what is new in a bucket becomes a job, or is refused once with a reason.

Belongs here: diffing a listing against the ledger and sniffing what is new. Doesn't belong here: when to look
(sensors/buckets.py), or grouping jobs into runs (telecine/batching).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import Connection

from telecine.config import Rule, is_own_output
from telecine.errors import ErrorCode, InputError, TransientError
from telecine.job_id import new_id
from telecine.ledger import Ledger, media
from telecine.recipe import Recipe
from telecine.settings import Settings
from telecine.sniff import Sniffed, sniff
from telecine.storage import ObjectInfo, ObjectStore, RollingListing

_HEAD_BYTES = 64 * 1024
_READERS = 8
_PAGE = 1_000
_CHUNK = 50  # objects to a transaction


@dataclass
class Scanned:
    """What one look at the buckets found."""

    listed: int = 0
    accepted: list[str] = field(default_factory=list)  # job ids
    refused: list[str] = field(default_factory=list)  # keys
    deleted: list[str] = field(default_factory=list)  # partitions
    finished: bool = True


class Watch:
    """The rules of one bucket, read in one rolling listing; kept between looks by the sensor's process."""

    def __init__(self, store: ObjectStore, settings: Settings, bucket: str, rules: Sequence[Rule]) -> None:
        self.store = store
        self.settings = settings
        self.bucket = bucket
        self.rules = tuple(rules)
        self._recipes: dict[str, Recipe] = {rule.recipe: rule.load_recipe() for rule in rules}
        self._listing = RollingListing(store, bucket, _common_prefix([rule.prefix for rule in rules]))
        self._looking = threading.Lock()

    def look(self, ledger: Ledger, budget_s: float) -> Scanned:
        """Go on with the listing for about `budget_s` seconds; nothing is found while another look is at it.

        That happens when Dagster gave up on a slow tick, whose thread goes on all the same.

        Raises:
            TelecineError: from the store or the database; nothing is lost, the next look sees it again.
        """
        scanned = Scanned(finished=False)
        if not self._looking.acquire(blocking=False):
            return scanned
        try:
            self._look(ledger, time.monotonic() + budget_s, scanned)
        finally:
            self._looking.release()
        return scanned

    def _look(self, ledger: Ledger, end: float, scanned: Scanned) -> None:
        while not scanned.finished and time.monotonic() < end:
            page, scanned.finished = self._listing.take(end - time.monotonic(), _PAGE)
            scanned.listed += len(page)
            self._take_in(ledger, page, scanned, end)
        if scanned.finished:
            took_s = time.monotonic() - self._listing.started
            scanned.deleted = ledger.do(
                media.mark_deleted, self.bucket, self._listing.prefix, self._listing.seen, took_s
            )

    def _take_in(self, ledger: Ledger, page: Sequence[ObjectInfo], scanned: Scanned, end: float) -> None:
        matched = [(info, rule) for info in page if (rule := self._rule(info.key)) is not None]
        known = ledger.do(media.known_versions, self.bucket, [info.key for info, _ in matched])
        fresh = [(info, rule) for info, rule in matched if known.get(info.key) != info.identity]
        with ThreadPoolExecutor(_READERS) as readers:
            for start in range(0, len(fresh), _CHUNK):
                if start and time.monotonic() > end:
                    return  # what is left is as fresh in the next pass
                chunk = fresh[start : start + _CHUNK]
                kinds = list(readers.map(lambda item: self._sniff(item[0]), chunk))
                accepted, refused = ledger.do(self._record, list(zip(chunk, kinds, strict=True)))
                scanned.accepted += accepted
                scanned.refused += refused

    def _record(
        self, connection: Connection, looked_at: Sequence[tuple[tuple[ObjectInfo, Rule], Sniffed | InputError | None]]
    ) -> tuple[list[str], list[str]]:
        """Accept or refuse some objects in one transaction; answers job ids and refused keys."""
        accepted, refused = [], []
        for (info, rule), kind in looked_at:
            if isinstance(kind, Sniffed):
                made = media.accept(
                    connection,
                    info,
                    kind,
                    self._recipes[rule.recipe],
                    priority=rule.priority,
                    lane=rule.lane,
                    origin="bucket",
                    job_id=new_id(),
                )
                if made:
                    accepted.append(made)
            elif kind is not None:
                media.refuse(connection, info, kind)
                refused.append(info.key)
        return accepted, refused

    def _rule(self, key: str) -> Rule | None:
        if self.bucket == self.settings.output_bucket and is_own_output(key):
            return None
        return next((rule for rule in self.rules if rule.matches(key)), None)

    def _sniff(self, info: ObjectInfo) -> Sniffed | InputError | None:
        """The kind of a fresh object; None when it changed or went away while we looked (seen again next time)."""
        try:
            if info.size_bytes == 0:
                return sniff(b"")
            return sniff(self.store.read(info.bucket, info.key, length=_HEAD_BYTES, etag=info.etag))
        except InputError as e:
            return None if e.code in (ErrorCode.SOURCE_MISSING, ErrorCode.SOURCE_CHANGED) else e
        except TransientError:
            return None


def _common_prefix(prefixes: Sequence[str]) -> str:
    shortest, longest = min(prefixes), max(prefixes)
    same = 0
    while same < min(len(shortest), len(longest)) and shortest[same] == longest[same]:
        same += 1
    return shortest[:same]
