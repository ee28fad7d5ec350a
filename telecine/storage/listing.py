"""A bucket listing that goes on where it stopped, so that a sensor can read a large bucket within a time budget.

New objects are never found by key order (a new key can sort anywhere), so a listing is always a full pass; when a
pass doesn't fit one tick, the next tick continues it. The continuation lives in memory: a restart begins a new pass,
which costs time but can't lose an object.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from telecine.storage.s3 import ObjectInfo, ObjectStore


@dataclass
class RollingListing:
    """One pass after another over a bucket prefix.

    Attributes:
        seen: keys seen so far in this pass; complete when `take` says the pass is finished.
        started: monotonic seconds at which this pass began.
    """

    store: ObjectStore
    bucket: str
    prefix: str = ""
    seen: set[str] = field(default_factory=set)
    started: float = 0.0
    _pass: Iterator[ObjectInfo] | None = None

    def take(self, budget_s: float, limit: int = 1_000) -> tuple[list[ObjectInfo], bool]:
        """The next objects, at most `limit` and about `budget_s` seconds' worth, and whether the pass is finished.

        Raises:
            TelecineError: from the store; the pass then begins anew.
        """
        if self._pass is None:
            self._pass = self.store.list(self.bucket, self.prefix)
            self.seen, self.started = set(), time.monotonic()
        end, page = time.monotonic() + budget_s, []
        try:
            for found in self._pass:
                page.append(found)
                self.seen.add(found.key)
                if len(page) >= limit or time.monotonic() > end:
                    return page, False
        except BaseException:
            self._pass = None
            raise
        self._pass = None
        return page, True
