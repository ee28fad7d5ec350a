"""Run processes that start warm: forked from one that has imported everything already.

Dagster's code server starts every run in a fresh interpreter, which takes longer to import Dagster and our definitions
(2.5 s of a processor) than a small batch takes to work through. Where TELECINE_WARM_RUNS says so (the embedded stack
does), its runs come from a fork server instead: a process with one thread that did nothing but import (nursery.py).
https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods

Belongs here: how a run's process comes to be. Doesn't belong here: what a run does, or who notices that it died
(Dagster's code server, and sensors/recovery.py).
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import forkserver


def start_warm() -> None:
    """Let this process's "spawn" context fork from a warm process; nothing unless TELECINE_WARM_RUNS is set.

    To be called by the code location: Dagster's code server asks for the "spawn" context by name, so the context of
    that name gets the fork server's kind of process. What a process is handed (queues, events, arguments) is the same
    for both. Should Dagster ask for another one some day, runs start cold again, and nothing else happens.
    """
    if not os.environ.pop("TELECINE_WARM_RUNS", None):  # popped: for this process, not for those below it
        return
    warm = multiprocessing.get_context("forkserver")
    multiprocessing.get_context("spawn").Process = warm.Process  # type: ignore[assignment,misc]
    warm.set_forkserver_preload(["resources.nursery"])
    forkserver.ensure_running()
