"""Processes that outlived their supervisor: found by the mark in their environment, never by a remembered number.

Every supervised process and its children carry TELECINE_SUPERVISED=<home>. PR_SET_PDEATHSIG ends the parts
themselves when supervisord is killed; their children (runs, a code server's inner server) are ended here.
"""

from __future__ import annotations

import os
import signal
import time

import psutil

from telecine.local.layout import Layout

MARK = "TELECINE_SUPERVISED"

_GRACE_S = 10.0


def find(layout: Layout) -> list[psutil.Process]:
    """Living processes of this stack."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK) == str(layout.home)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # gone meanwhile, or another user's
            continue
    return found


def end(layout: Layout) -> int:
    """End every process of this stack: ask, wait, then kill. Returns how many there were."""
    seen: set[psutil.Process] = set()
    deadline = time.monotonic() + _GRACE_S
    while left := find(layout):
        late = time.monotonic() > deadline
        for process in left:
            try:
                if late:
                    process.kill()
                elif process not in seen:
                    # PostgreSQL takes INT as "stop now, in good order"; TERM would wait for its clients.
                    process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
            except psutil.NoSuchProcess:
                continue
        seen.update(left)
        psutil.wait_procs(left, timeout=0.5)
    return len(seen)
