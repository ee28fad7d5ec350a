"""Stage weights: one percentage out of many stages (requirements.md sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping

VIDEO = {"ANALYSIS": 5, "AUDIO": 15, "ENCODING": 65, "PACKAGING": 10, "STILLS_AND_CLEANUP": 5}
AUDIO = {"ANALYSIS": 5, "AUDIO": 90, "STILLS_AND_CLEANUP": 5}


class Stages:
    """Turns (stage, fraction) into one percentage that never goes back."""

    def __init__(self, weights: Mapping[str, int], percent: float = 0.0) -> None:
        self._weights = dict(weights)
        self.percent = percent

    def at(self, stage: str, fraction: float) -> float:
        """The percentage (0-100) when `stage` is `fraction` done; stages before it count as done."""
        before = 0.0
        for name, weight in self._weights.items():
            if name == stage:
                reached = before + weight * min(max(fraction, 0.0), 1.0)
                self.percent = max(self.percent, reached)
                break
            before += weight
        return self.percent
