"""Tasks for test_pool: top-level functions, because pool processes import them by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from telecine.errors import ErrorCode, InputError
from telecine.image import pool_child


def double(item: int) -> int:
    return 2 * item


def kill_itself_on_three(item: int) -> int:
    time.sleep(0.02)
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


def hang_on_three(item: int) -> int:
    if item == 3:
        time.sleep(3600)
    return 2 * item


def fail_in_several_ways(item: str) -> object:
    if item == "input":
        raise InputError(ErrorCode.CORRUPT_MEDIA, "It is damaged.", "details")
    if item == "fault":
        raise KeyError("nobody expected this")
    if item == "memory":
        return len(bytearray(8 * 1024**3))
    if item == "unpicklable":
        return lambda: None
    return item


def tell_pid_and_wait(path: str) -> str:
    """Write the process id to a file, then wait until the file is gone."""
    file = Path(path)
    file.write_text(str(os.getpid()))
    while file.exists():
        time.sleep(0.01)
    return path


def wait_for_removal_once(path: str) -> str:
    """The first time: as `tell_pid_and_wait`. Run again, it finds its note and returns at once."""
    note = Path(f"{path}.begun")
    if not note.exists() and not path.endswith("2.pid"):
        note.touch()
        return tell_pid_and_wait(path)
    return path


def loaded_modules(_: int) -> list[str]:
    return sorted(sys.modules)


def report_and_wait(item: int) -> int:
    """Item 0: says that it is encoding, then never ends. Others take a moment."""
    if item == 0:
        pool_child.report("DECODING", 0, 7)
        pool_child.report("ENCODING", 3, 7)
        time.sleep(3600)
    time.sleep(0.05)
    return 2 * item


def report_ten_thousand_times(item: int) -> int:
    for n in range(10_000):
        pool_child.report("ENCODING", n, 10_000)
    return 2 * item


def kill_itself_the_first_time(path: str) -> str:
    note = Path(path)
    if not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path
