"""Who gets how many of the parallel attempts, so that slow endpoints never starve the others.

An endpoint starts small, is doubled while it answers quickly and goes back to one attempt when it fails or dawdles.
Those that haven't shown that they are quick may use half of all slots together; nobody gets more than three quarters.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

QUICK_S = 1.0
_START = 4


class Slots:
    """The attempts of one process."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._most = max(1, total // 2)  # of endpoints that aren't known to be quick, together
        self._most_alone = max(1, total * 3 // 4)
        self._limits: dict[str, int] = {}
        self._quick: set[str] = set()
        self._slow: set[str] = set()
        self._busy: dict[str, int] = {}

    @property
    def free(self) -> int:
        """Attempts that could begin now."""
        return self.total - sum(list(self._busy.values()))  # a copy: another thread may ask

    def rooms(self, due: Sequence[str]) -> dict[str, int]:
        """How many attempts each of these endpoints may begin now; handed out one at a time, in turn."""
        free = self.free
        unproven = self._most - sum(n for name, n in list(self._busy.items()) if name not in self._quick)
        left = {name: self._limit(name) - self._busy.get(name, 0) for name in due}
        given: dict[str, int] = {}
        # With more endpoints than slots luck is fair, but whoever made us wait the last time comes last.
        turn = sorted(random.sample(list(due), len(due)), key=lambda name: name in self._slow)
        while free > 0 and turn:
            still = []
            for name in turn:
                quick = name in self._quick
                if free <= 0 or left[name] <= 0 or (not quick and unproven <= 0):
                    continue
                given[name] = given.get(name, 0) + 1
                left[name] -= 1
                free -= 1
                unproven -= not quick
                still.append(name)
            turn = still
        return given

    def begun(self, endpoint_id: str) -> None:
        """An attempt began."""
        self._busy[endpoint_id] = self._busy.get(endpoint_id, 0) + 1

    def ended(self, endpoint_id: str, took_s: float, healthy: bool) -> None:
        """An attempt ended."""
        busy = self._busy.pop(endpoint_id) - 1
        if busy:
            self._busy[endpoint_id] = busy
        if healthy and took_s < QUICK_S:
            self._quick.add(endpoint_id)
            self._slow.discard(endpoint_id)
            self._limits[endpoint_id] = min(self._limit(endpoint_id) * 2, self._most_alone)
        else:
            self._quick.discard(endpoint_id)
            self._slow.add(endpoint_id)
            self._limits[endpoint_id] = 1

    def _limit(self, endpoint_id: str) -> int:
        return self._limits.get(endpoint_id, min(_START, self._most))
