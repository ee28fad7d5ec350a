"""The child side of the image pool: limits on itself, and a word to the parent before and after each task.

Imports nothing heavy: every pool process loads this first. See prctl(2) PR_SET_PDEATHSIG, setrlimit(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from telecine.errors import ErrorCode, ResourceError, SystemFault, TelecineError

REPORT = struct.Struct("<?qid")
"""One message to the parent: begun (or done), task number, process id, CLOCK_MONOTONIC seconds.

Far below PIPE_BUF, so the kernel writes it whole or not at all, whenever the process is killed.
"""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_reports: Connection | None = None


def start(reports: Connection, parent: int, memory_limit_bytes: int, niceness: int) -> None:
    """Initialise a pool process: it dies with its parent, keeps to its memory, and leaves Ctrl-C to the parent."""
    global _reports
    _reports = reports
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before prctl: no signal would ever come
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def call(task_function: Callable[[Any], Any], number: int, item: Any) -> Any:
    """Run one task; whatever goes wrong comes back as a `TelecineError`, never as an exception."""
    _report(begun=True, number=number)
    try:
        return task_function(item)
    except TelecineError as e:
        return e
    except MemoryError:
        return ResourceError(
            ErrorCode.OUT_OF_MEMORY, "The file needed more memory than one process may take.", traceback.format_exc()
        )
    except Exception as e:  # noqa: BLE001  # one file's failure must stay that file's failure
        return SystemFault(
            ErrorCode.INTERNAL, f"A fault in Telecine stopped the work on this file: {e!r}.", traceback.format_exc()
        )
    finally:
        _report(begun=False, number=number)


def _report(*, begun: bool, number: int) -> None:
    if _reports is not None:
        _reports.send_bytes(REPORT.pack(begun, number, os.getpid(), time.monotonic()))
