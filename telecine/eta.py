"""How long work still takes: what history says, and more and more what is measured while it runs.

Pure: seconds in, seconds out. Belongs here: the range and how it is refined. Doesn't belong here: what history says
(telecine/ledger/estimates), or weighting stages (telecine/stages).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

_WINDOW_S = 30.0  # the rolling pace looks back this far
_MEASURED_S, _MEASURED_SHARE = 1.0, 0.02  # less of a stage than this says nothing about its pace
_SPREAD_LEAST, _SPREAD_MORE = 0.1, 0.3  # of a measured pace, at the end and at the beginning of a stage
_GUESS_LOW, _GUESS_HIGH = 0.4, 3.0  # of a guess without any history
_OVERDUE = (0.02, 0.1, 0.3)  # what may be left of overdue work, by how long it is overdue


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that an attempt takes in all, from begin to end.

    Attributes:
        low_s, high_s: one in four is faster than the first, one in ten slower than the second.
        samples: attempts of the past it was learnt from; 0 for a guess.
    """

    low_s: float
    likely_s: float
    high_s: float
    samples: int = 0

    @classmethod
    def guess(cls, seconds: float) -> Estimate:
        """Without any history: wide."""
        return cls(seconds * _GUESS_LOW, seconds, seconds * _GUESS_HIGH)

    def informed(self, seconds: float) -> Estimate:
        """Once the file's header is known and says so many seconds: a guess is replaced, history is moved half-way."""
        if not self.samples:
            return Estimate.guess(seconds)
        by = (seconds / self.likely_s) ** 0.5 if self.likely_s > 0 and seconds > 0 else 1.0
        return Estimate(self.low_s * by, self.likely_s * by, self.high_s * by, self.samples)


class Eta:
    """Seconds left of one attempt.

    Args:
        weights: of the stages, in their order.
        estimate: of the whole attempt.
    """

    def __init__(self, weights: Mapping[str, int], estimate: Estimate) -> None:
        self._weights = dict(weights)
        self._estimate = estimate
        self._stage = ""
        self._marks: deque[tuple[float, float]] = deque()  # (seconds since the attempt began, share of the stage)

    def moved(self, stage: str, share: float, elapsed_s: float) -> None:
        """Take in that `stage` is done to `share` (0 to 1), `elapsed_s` after the attempt began."""
        if stage != self._stage:
            # What was measured so far is in the estimate from now on; each stage has a pace of its own.
            self._estimate = self.refined(elapsed_s)
            self._stage = stage
            self._marks.clear()
        elif self._marks and share < self._marks[-1][1]:  # the stage was begun anew
            self._marks.clear()
        self._marks.append((elapsed_s, share))
        while len(self._marks) > 2 and elapsed_s - self._marks[1][0] >= _WINDOW_S:
            self._marks.popleft()

    def left(self, elapsed_s: float) -> tuple[float, float]:
        """Seconds left, at least and at most."""
        low, _, high = self._left(elapsed_s)
        return round(low, 1), round(high, 1)

    def refined(self, elapsed_s: float) -> Estimate:
        """The estimate of the whole attempt with what was measured so far in it."""
        if not self._marks:
            return self._estimate
        low, likely, high = self._left(elapsed_s)
        return Estimate(elapsed_s + low, elapsed_s + likely, elapsed_s + high, self._estimate.samples)

    def _left(self, elapsed_s: float) -> tuple[float, float, float]:
        totals = (self._estimate.low_s, self._estimate.likely_s, self._estimate.high_s)
        overdue_s = max(0.0, elapsed_s - self._estimate.likely_s)
        low, likely, high = (
            max(total - elapsed_s, share * overdue_s) for total, share in zip(totals, _OVERDUE, strict=True)
        )
        measured = self._measured(elapsed_s)
        if measured is None:
            return low, likely, high
        seconds, trust, spread = measured
        return (
            low + (seconds * (1 - spread) - low) * trust,
            likely + (seconds - likely) * trust,
            high + (seconds * (1 + spread) - high) * trust,
        )

    def _measured(self, elapsed_s: float) -> tuple[float, float, float] | None:
        """Seconds left by the pace of the present stage, how much to trust them, and their spread; None at first."""
        if len(self._marks) < 2:
            return None
        (since_s, from_share), (at_s, share) = self._marks[0], self._marks[-1]
        if at_s - since_s < _MEASURED_S or share - from_share < _MEASURED_SHARE:
            return None
        whole_s = (at_s - since_s) / (share - from_share)
        order = list(self._weights)
        weight = self._weights.get(self._stage, 0)
        later = sum(self._weights[name] for name in order[order.index(self._stage) + 1 :]) if weight else 0
        seconds = max(whole_s * (1 - share) - (elapsed_s - at_s), 0.0) + (whole_s * later / weight if weight else 0.0)
        return seconds, min(1.0, 2 * share * weight / 100), _SPREAD_LEAST + _SPREAD_MORE * (1 - share)
