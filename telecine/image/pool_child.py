"""The child side of the image pool: limits on itself, and a word to the parent on the way.

Imports nothing heavy: every pool process loads this first. See prctl(2) PR_SET_PDEATHSIG, setrlimit(2), mallopt(3).
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import struct
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from telecine.errors import ErrorCode, ResourceError, SystemFault, TelecineError

REPORT = struct.Struct("<qiBHH")
"""One message to the parent: task number, process id, stage, outputs done, outputs in all.

Far below PIPE_BUF, so the kernel writes it whole or not at all, whenever the process is killed.
"""

STAGES = ("", "DOWNLOADING", "DECODING", "ENCODING", "UPLOADING")
"""What a task reports; the first is said for it when it begins."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_M_ARENA_MAX = -8  # malloc.h
_MOST = 0xFFFF

fork_server: int | None = None
"""Process that a pool's processes are forked from, where there is one (pool_nursery.py)."""

_reports: Connection | None = None
_number = 0


def die_with_parent(parent: int) -> ctypes.CDLL:
    """Ask the kernel to kill this process when its parent ends; answers libc."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before prctl: no signal would ever come
        os._exit(1)
    return libc


def start(reports: Connection, parent: int, memory_limit_bytes: int, niceness: int) -> None:
    """Initialise a pool process: it dies with its parent, keeps to its memory, and leaves Ctrl-C to the parent."""
    global _reports
    _reports = reports
    libc = die_with_parent(fork_server or parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # pebble's handler would wait for the end of the C call that a hung decoder never returns from.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(niceness)
    if hasattr(libc, "mallopt"):  # glibc reserves 64 MB of address space per thread otherwise, which RLIMIT_AS counts
        libc.mallopt(_M_ARENA_MAX, 2)
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def call(number: int, pickled: bytes) -> bytes:
    """Run one task (a pickled function and its item); the pickled result, or a `TelecineError` instead."""
    global _number
    _number = number
    report(STAGES[0], 0, 0)
    try:
        function, item = pickle.loads(pickled)
        result = function(item)
    except TelecineError as e:
        result = e
    except MemoryError:
        result = ResourceError(
            ErrorCode.OUT_OF_MEMORY, "The file needed more memory than one process may take.", traceback.format_exc()
        )
    except Exception as e:  # noqa: BLE001  # one file's failure must stay that file's failure
        result = _fault("A fault in Telecine stopped the work on this file", e)
    try:
        return pickle.dumps(result)
    except (pickle.PicklingError, TypeError, AttributeError) as e:
        return pickle.dumps(_fault("The task's result could not be returned from its process", e))


def report(stage: str, done: int, total: int) -> None:
    """Tell the parent how far the current task is; costs microseconds and is lost when the parent is slow to read."""
    if _reports is not None:
        with suppress(OSError):  # a full pipe, or a parent that is gone
            _reports.send_bytes(
                REPORT.pack(_number, os.getpid(), STAGES.index(stage), min(done, _MOST), min(total, _MOST))
            )


def _fault(what: str, error: BaseException) -> SystemFault:
    return SystemFault(ErrorCode.INTERNAL, f"{what}: {error!r}.", traceback.format_exc())
