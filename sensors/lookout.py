"""Ticks that go on looking: Dagster's daemon starts one every 5 s at most, and nobody should wait for the next.

A tick that finds nothing looks again until the next one is near, so that work begins within a second of its arrival
(bench/latency.py). Costs a thread of the daemon's sensor pool (dagster.yaml), and for each look what the look costs.
"""

import time
from collections.abc import Callable

LOOK_S = 4.0  # of the 5 s between two ticks


def until_found(look: Callable[[], bool], pause_s: float) -> None:
    """Repeat `look` until it says that there is something, or the next tick is near.

    Args:
        pause_s: between two looks.
    """
    end = time.monotonic() + LOOK_S
    while not look() and time.monotonic() + pause_s < end:
        time.sleep(pause_s)
