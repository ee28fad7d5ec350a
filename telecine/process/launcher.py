"""The first thing in every child: sets its limits, ties its life to ours, then becomes the wanted program.

This is a program of its own (`python -I -S launcher.py ...`), not a `preexec_fn`: a run process has threads, and code
between fork and exec of a threaded process can deadlock on a lock that another thread held. It also lets CPython start
the child by vfork, which doesn't copy the page tables of a large parent. `setpriv --pdeathsig` would do a part of it,
but isn't everywhere and can't close the race below. Costs about 30 ms a start.

Imports nothing of Telecine. See prctl(2) PR_SET_PDEATHSIG, setrlimit(2).
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_FOUND = 127  # what shells answer for a program that isn't there
NOT_EXECUTABLE = 126


def main(argv: list[str]) -> None:
    """`PARENT_PID NICE MEMORY_BYTES CPU_S FILE_BYTES CORES PROGRAM ARG...`; 0 means no limit."""
    parent, nice, memory, cpu, size, cores = (int(a) for a in argv[:6])
    program = argv[6:]
    for number in (signal.SIGINT, signal.SIGTERM):  # a parent that ignores them would be the only one that can
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl: no signal would ever come
            os._exit(1)
    if nice:
        os.nice(nice)
        _nice_session(nice)
    if cores and hasattr(os, "sched_setaffinity"):
        # ffmpeg and x264 count the cores they may run on, so this bounds every thread that they start by themselves.
        allowed = sorted(os.sched_getaffinity(0))
        first = os.getpid() % len(allowed)  # so that limited programs don't all share the same cores
        os.sched_setaffinity(0, (allowed * 2)[first : first + min(cores, len(allowed))])
    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu), (resource.RLIMIT_FSIZE, size)):
        if value:
            hard = resource.getrlimit(limit)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # At the hard processor limit comes SIGKILL, which looks like lack of memory; at the soft one SIGXCPU.
            grace = 5 if limit == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
            resource.setrlimit(limit, (value, value + grace))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.execv(program[0], program)
    except FileNotFoundError:
        print(f"launcher: {program[0]}: no such program", file=sys.stderr)  # noqa: T201 - this is the child's stderr
        sys.exit(NOT_FOUND)
    except OSError as e:
        print(f"launcher: {program[0]}: {e.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_EXECUTABLE)


def _nice_session(nice: int) -> None:
    """Where sessions share the processor (sched(7), "The autogroup feature"), niceness counts within one only."""
    if os.getsid(0) != os.getpid():  # not a session of our own: its others must not be slowed down
        return
    try:  # contextlib costs 3 ms, pathlib 10
        with open("/proc/self/autogroup", "w") as f:  # noqa: PTH123
            f.write(str(nice))
    except OSError:
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
