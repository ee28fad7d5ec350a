"""Noticing that a child has ended, at once.

`Popen.wait` with a time-out asks again and again, up to 50 ms apart; a file takes ten programs and more, so that adds
up. The kernel tells of a process's end through a descriptor (pidfd_open(2), Linux 5.3), which is waited on instead.
Belongs here: waiting for one process. Doesn't belong here: what its end means, or ending it (runner.py).
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[Callable[[float], bool]]:
    """A function that waits so many seconds at most and answers whether the process has ended, and is reaped."""
    try:
        descriptor = os.pidfd_open(process.pid)  # not reaped yet, so the number is still its own
    except (AttributeError, OSError):  # not Linux, or forbidden
        yield lambda seconds: _asked(process, seconds)
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(seconds * 1000)) and process.wait() is not None
    finally:
        os.close(descriptor)


def _asked(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None
