"""The verdict on a job, and the sentences that go with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SILENT_S = 8.0
"""A worker that missed four beats; recovery takes its jobs back (sensors/recovery.py)."""

LOOK_AT_DAEMON = "See whether the daemon runs: `telecine status`, `telecine logs daemon`, `telecine doctor`."


class Verdict(StrEnum):
    """The answer in one word."""

    WAITING = "WAITING"
    STARTING = "STARTING"
    WORKING = "WORKING"
    STUCK = "STUCK"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass
class Diagnosis:
    """A verdict, the sentences behind it, and what to do (nothing, when `advice` is empty)."""

    verdict: Verdict
    because: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"verdict": self.verdict.value, "because": self.because, "advice": self.advice}
