"""Stage weights: one percentage out of many stages (requirements.md sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping

# Fetching and putting the files are stages of their own, because people ask where a job is; their shares are taken from
# the stages that the requirements count them under.
VIDEO = {
    "DOWNLOADING": 2,  # with ANALYSIS 5
    "ANALYSIS": 3,
    "AUDIO": 15,
    "ENCODING": 65,
    "PACKAGING": 10,
    "STILLS_AND_CLEANUP": 3,  # with UPLOADING 5
    "UPLOADING": 2,
}
AUDIO = {"DOWNLOADING": 2, "ANALYSIS": 3, "AUDIO": 80, "STILLS_AND_CLEANUP": 13, "UPLOADING": 2}
# Each output is resized, converted and optimised before the next (40 + 35 + 8), so these are one stage.
IMAGE = {
    "DOWNLOADING": 5,  # VALIDATION
    "DECODING": 10,  # PREPROCESSING
    "ENCODING": 83,  # RESIZE_OPERATIONS, FORMAT_CONVERSION, OPTIMIZATION
    "UPLOADING": 2,  # FINALIZATION
}


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
