"""Bit rates of segments in a row: what a manifest has to declare of them.

Pure. Sources: RFC 8216bis section 4.4.6.2 (BANDWIDTH, AVERAGE-BANDWIDTH), ISO/IEC 23009-1 5.3.5.2 (@bandwidth). Doesn't
belong here: checking what a manifest declares (telecine/stream/verify has its own arithmetic on purpose).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_RUN_LEAST, _RUN_MOST = 0.5, 1.5  # target durations that a run lasts whose rate may be the peak

_RUN = 60  # segments of the longest run that is tried for the buffer: of a longer one only the average counts


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured bits per second: of the worst stretch, and on average."""

    peak_bps: int
    average_bps: int


def rates_of(sizes: Sequence[int], durations_s: Sequence[float], target_s: float) -> Rates:
    """Measured rates of segments in a row.

    Args:
        sizes: bytes of each segment.
        target_s: target duration: what is much shorter counts only together with its neighbours.
    """
    whole = sum(durations_s)
    if whole <= 0:
        return Rates(0, 0)
    average = sum(sizes) * 8 / whole
    peak = average
    for first in range(len(sizes)):
        length, size = 0.0, 0
        for duration, more in zip(durations_s[first:], sizes[first:], strict=True):
            length, size = length + duration, size + more
            if length > _RUN_MOST * target_s:
                break
            if length >= _RUN_LEAST * target_s:
                peak = max(peak, size * 8 / length)
    return Rates(peak_bps=int(peak) + 1, average_bps=int(average) + 1)  # rounded up: never declared too low


def sustaining_bps(sizes: Sequence[int], durations_s: Sequence[float], buffer_s: float) -> int:
    """The least rate at which a player that waits for `buffer_s` first never starves, wherever it starts.

    The last bit of a run of segments must be there when its last frame is due: after the buffer and the run's own time.
    A short and heavy last segment can ask for more than the peak, in whose runs it doesn't count alone.

    Args:
        sizes: bytes of each segment.
        buffer_s: seconds that are fetched before the picture moves, at least 0.
    """
    needed = 0.0
    for first in range(len(sizes)):
        bits, time_s = 0, buffer_s
        for size, duration in zip(sizes[first : first + _RUN], durations_s[first : first + _RUN], strict=True):
            bits, time_s = bits + size * 8, time_s + duration
            needed = max(needed, bits / time_s if time_s > 0 else 0.0)
    return int(needed) + 1
