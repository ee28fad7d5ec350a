"""How busy this machine is: memory, scratch disk and processors, and whether more work should begin.

Belongs here: looking, and the thresholds (requirements.md section 4, "resource awareness"). Doesn't belong here:
pausing (sensors/dispatch.py), or what a job may take (telecine/limits).
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from telecine.settings import Settings


@dataclass(frozen=True, slots=True)
class Pressure:
    """Percentages of what there is.

    Attributes:
        load_percent: one-minute load average per core; above 100 processes wait for a core.
    """

    memory_percent: float
    scratch_percent: float
    load_percent: float

    @classmethod
    def look(cls, scratch: Path) -> Pressure:
        """The machine as it is now; a scratch directory that isn't there yet is looked at through its parent."""
        place = next(p for p in (scratch, *scratch.parents) if p.exists())
        return cls(
            round(psutil.virtual_memory().percent, 1),
            round(psutil.disk_usage(str(place)).percent, 1),
            round(os.getloadavg()[0] / (os.cpu_count() or 1) * 100, 1),
        )

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def stops(self, settings: Settings) -> list[str]:
        """Sentences saying why nothing new should begin; empty when it may."""
        return _above(
            ("memory", self.memory_percent, settings.memory_stop_percent, "TELECINE_MEMORY_STOP_PERCENT"),
            ("the scratch disk", self.scratch_percent, settings.scratch_stop_percent, "TELECINE_SCRATCH_STOP_PERCENT"),
        )

    def warnings(self, settings: Settings) -> list[str]:
        """Sentences about what is getting scarce."""
        return _above(
            ("memory", self.memory_percent, settings.memory_warn_percent, "TELECINE_MEMORY_WARN_PERCENT"),
            ("the scratch disk", self.scratch_percent, settings.scratch_warn_percent, "TELECINE_SCRATCH_WARN_PERCENT"),
        )

    def holds_retries(self, settings: Settings) -> bool:
        """Whether work that failed before should wait for a quieter moment."""
        return self.load_percent > settings.retry_load_percent


def _above(*measured: tuple[str, float, float, str]) -> list[str]:
    return [
        f"{what} is {percent:.0f} % used, the limit is {limit:g} % ({variable})"
        for what, percent, limit, variable in measured
        if percent >= limit
    ]
