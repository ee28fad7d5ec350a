"""Starts one program: drops privileges, ties its life to the supervisor's, then becomes it (exec).

Run as a script (`python -I -S launcher.py [options] -- program args...`), so it uses the standard library only and
costs some 20 ms. It is a program of its own because a child that changes its user id can't do so from supervisord's
configuration and still ask the kernel (prctl(2), PR_SET_PDEATHSIG) to be told when its parent dies: the kernel
forgets that wish whenever credentials change, so it has to come last.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def command_line(*options: str) -> list[str]:
    """argv that starts this program with the given options; append the command to become."""
    return [sys.executable, "-I", "-S", __file__, *options, "--"]


def _drop_privileges(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _die_with_parent(signum: int, parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit(1)


def _forget_stale_pid_file(path: Path, executable: str) -> None:
    """Remove a PostgreSQL postmaster.pid whose process is gone or is somebody else's.

    PostgreSQL itself only asks whether *a* process of that number exists; after a power cut the number may belong to
    another program of the same user, and PostgreSQL would refuse to start for ever.
    """
    try:
        pid = int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        argv = []
    same_program = bool(argv) and Path(os.fsdecode(argv[0])).name == Path(executable).name
    if not (same_program and os.fsencode(path.parent) in argv):
        path.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> None:
    """Parse the options, prepare, exec; never returns."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="launcher", description=__doc__)
    parser.add_argument("--uid", type=int, help="user id to run as (root only)")
    parser.add_argument("--gid", type=int, help="group id to run as (root only)")
    parser.add_argument("--death-signal", default="SIGTERM", help="signal to get when the parent dies; NONE for none")
    parser.add_argument("--pid-file", type=Path, help="PostgreSQL's postmaster.pid, removed when stale")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    if options.uid is not None:
        _drop_privileges(options.uid, options.uid if options.gid is None else options.gid)
    if options.pid_file is not None:
        _forget_stale_pid_file(options.pid_file, options.command[0])
    # Started with nohup or in a script's background, we were told to ignore SIGINT; Dagster hands that on to SIGTERM.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if options.death_signal != "NONE":
        _die_with_parent(signal.Signals[options.death_signal].value, parent)
    os.execv(options.command[0], options.command)  # argv comes from telecine.local.parts, never from outside


if __name__ == "__main__":
    main(sys.argv[1:])
