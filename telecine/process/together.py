"""Several programs at once, in threads of ours, for work that one program alone can't fill every core with.

Belongs here: threads that keep the caller's ceiling and end with it. Doesn't belong here: running a program
(runner.py), or how many fit a machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

_T = TypeVar("_T")


class Together:
    """Starts pieces of work; the first ones handed in begin first."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def start(self, work: Callable[[], _T]) -> Future[_T]:
        """Have a piece of work done, under the ceiling of whoever asks."""
        return self._pool.submit(copy_context().run, work)


@contextmanager
def together(workers: int, cancel: threading.Event) -> Iterator[Together]:
    """Room for so many pieces of work at once; all are done when the block is left.

    When the block fails, what hasn't begun never does. An interrupt (Dagster's, Ctrl-C) arrives in the main thread
    only, so it sets `cancel`, which ends the programs of the others.
    """
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            yield Together(pool)
        except BaseException as e:
            if not isinstance(e, Exception):
                cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
