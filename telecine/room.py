"""Room for new work: how many runs each lane may have, and what keeps anything from beginning. Pure.

Belongs here: what dispatch decides by and `telecine queue` shows. Doesn't belong here: claiming (sensors/dispatch.py),
looking at the machine (telecine/machine), or counting failures (telecine/ledger/breakers).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from telecine.ledger.breakers import Breaker
from telecine.machine import Pressure
from telecine.settings import Settings


def run_slots() -> int:
    """Runs that Dagster works on at once: TELECINE_RUN_SLOTS."""
    return int(os.environ.get("TELECINE_RUN_SLOTS", "4"))


def queue_limits() -> dict[str, int]:
    """Runs of one priority or better that each lane may have requested or running: together about twice the slots."""
    slots = run_slots()
    return {"image": slots, "video": max(2, slots - 1), "audio": max(2, slots // 2)}


def pauses(pressure: Pressure, settings: Settings, open_breakers: Iterable[Breaker]) -> list[str]:
    """Why no new work may begin now: a full machine, or a neighbour that keeps failing. Nothing fails because of it."""
    return pressure.stops(settings) + blocked(open_breakers)


def blocked(open_breakers: Iterable[Breaker]) -> list[str]:
    """A sentence for each open breaker."""
    return [
        f"{breaker.name} keeps failing ({breaker.reason}); tried again in {breaker.left_s:.0f} s at the latest"
        for breaker in open_breakers
    ]
