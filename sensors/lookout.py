"""Ticks that go on looking: Dagster's daemon starts one every 5 s at most, and nobody should wait for the next.

A tick that finds nothing looks again until the next one is near, so that work begins within a second of its arrival
(bench/latency.py). Costs a thread of the daemon's sensor pool (dagster.yaml), and for each look what the look costs.
"""

import time
from collections.abc import Callable

LOOK_S = 4.0  # of the 5 s between two ticks
_REST = 20  # times as long as the last look took: looking never takes more than a twentieth of a core


def until_found(look: Callable[[], bool], pause_s: float) -> None:
    """Repeat `look` until it says that there is something, or the next tick is near.

    Args:
        pause_s: between two looks, at least.
    """
    end = time.monotonic() + LOOK_S
    while True:
        began = time.monotonic()
        found = look()
        pause = max(pause_s, _REST * (time.monotonic() - began))
        if found or time.monotonic() + pause > end:
            return
        time.sleep(pause)
