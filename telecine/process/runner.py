"""Running one external program: limits, time-outs, drained pipes, cancel, and an error that says what went wrong.

Belongs here: starting, watching and ending a process. Doesn't belong here: what an argv means, or what a line of
progress means. Nothing else in Telecine's media rooms starts a program.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode, InputError, NotOurs, ResourceError, TelecineError
from telecine.process.ceiling import Ceiling, ambient
from telecine.process.classify import classify
from telecine.process.ending import ending
from telecine.process.output import Collected, Lines, Tail

_log = logging.getLogger(__name__)
_LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL_S = 0.1  # how soon a cancel or a time-out is noticed
_TERM_S = 2.0  # SIGTERM to SIGKILL; with the poll well inside the promised 5 s
_DRAIN_S = 5.0  # how long the pipes may stay open after the program's end
_STDERR_BYTES = 32_768
# Nothing else of our environment reaches a program that reads strangers' files: above all no credentials.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME", "LIBVA_DRIVER_NAME", "CUDA_VISIBLE_DEVICES")
# glibc reserves 64 MB of address space for each thread's arena otherwise, which the memory limit counts.
_SET = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use; None means no limit.

    Attributes:
        wall_s: seconds from start to end.
        stall_s: seconds without a sign of life (see `run`).
        memory_bytes: address space (RLIMIT_AS); requirements.md section 2: 8 GB per job.
        cpu_s: processor seconds over all threads (RLIMIT_CPU).
        file_bytes: size of any one file written (RLIMIT_FSIZE).
        nice: added to our niceness, so that encodes never starve heartbeats and code servers.
    """

    wall_s: float | None = 3600.0
    stall_s: float | None = None
    memory_bytes: int | None = 8 * 1024**3
    cpu_s: int | None = None
    file_bytes: int | None = None
    nice: int = 10


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended well."""

    stdout: bytes
    stderr: str
    elapsed_s: float


@dataclass(slots=True)
class _Life:
    """When a program last moved on, and whether it ever said so itself."""

    moved_at: float
    said: bool = False


def run(
    argv: Sequence[str],
    *,
    limits: Limits | None = None,
    cancel: threading.Event | None = None,
    on_line: Callable[[str], bool] | None = None,
    cwd: Path | None = None,
    stdout_bytes: int = 16 * 1024**2,
) -> Finished:
    """Run a program to its end and hand back what it said.

    Args:
        argv: absolute path of the program, then its arguments.
        limits: what it may use; the defaults of `Limits` when left out.
        cancel: when set, the program's whole group is ended within 5 seconds.
        on_line: called (in another thread) with each line of stdout, and answers whether the program has moved on;
            the stall time-out counts from the last "yes". Before the first one, and without `on_line`, a program moves
            on while it uses processor time (where /proc tells): ffmpeg reports nothing until every output has begun.
        cwd: working directory.
        stdout_bytes: how much collected stdout is allowed.

    A ceiling over the caller (telecine.process.ceiling) holds beside `limits`: the lower of both counts.

    Raises:
        NotOurs: CANCELED.
        ResourceError: TIMED_OUT, OUT_OF_MEMORY, DISK_FULL or LIMIT_EXCEEDED.
        ConfigurationError: TOOL_MISSING.
        InputError: the program blames the file, see telecine/process/classify.py; DEADLINE_PASSED.
        SystemFault: ENCODE_FAILED, anything else.
    """
    limits, ceiling = limits or Limits(), ambient()
    program = _program_name(argv[0])
    memory = _lower(limits.memory_bytes, ceiling.memory_bytes)
    launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(limits.nice)]
    launch += [str(value or 0) for value in (memory, limits.cpu_s, limits.file_bytes, ceiling.threads)]
    _log.debug("starting: %s", shlex.join(argv))
    if cancel is not None and cancel.is_set():
        raise NotOurs(ErrorCode.CANCELED, "canceled before it began")
    ceiling.check()
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [*launch, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
            env={k: os.environ[k] for k in _ENVIRONMENT if k in os.environ} | _SET,
        )
    except OSError as e:
        if isinstance(e, BlockingIOError | MemoryError) or e.errno == 12:
            raise ResourceError(ErrorCode.OUT_OF_MEMORY, f"no room to start {program}", str(e)) from e
        raise ConfigurationError(ErrorCode.TOOL_MISSING, f"{program} can't be started", str(e)) from e

    life = _Life(started)

    def watch(line: str) -> None:
        if on_line is not None and on_line(line):
            life.moved_at, life.said = time.monotonic(), True

    assert process.stdout is not None
    assert process.stderr is not None
    stderr = Tail(process.stderr, _STDERR_BYTES)
    lines = Lines(process.stdout, watch) if on_line is not None else None
    collected = None if lines is not None else Collected(process.stdout, stdout_bytes)
    try:
        with ending(process) as ended:
            _wait(process, ended, program, limits, ceiling, cancel, life, lines, stderr)
    finally:
        # Also on KeyboardInterrupt and Dagster's interrupt, which arrive in the middle of anything.
        _end(process)
        if lines is not None:
            lines.join(_DRAIN_S)
        output = collected.data(_DRAIN_S) if collected is not None else b""
        tail = stderr.text(_DRAIN_S)
        for pipe in (process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
    elapsed = time.monotonic() - started
    _log.debug("%s ended with %s after %.2f s", program, process.returncode, elapsed)
    if lines is not None and lines.error is not None:
        raise lines.error
    if process.returncode != 0:
        error = classify(program, process.returncode, tail)
        if error.code is ErrorCode.OUT_OF_MEMORY and process.returncode != -signal.SIGKILL:
            raise _out_of_memory(error, program, memory, ceiling)
        raise error
    if collected is not None and collected.overflowed:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED, f"{program} had more to say than {stdout_bytes} bytes about the file"
        )
    return Finished(stdout=output, stderr=tail, elapsed_s=elapsed)


def _wait(
    process: subprocess.Popen[bytes],
    ended: Callable[[float], bool],
    program: str,
    limits: Limits,
    ceiling: Ceiling,
    cancel: threading.Event | None,
    life: _Life,
    lines: Lines | None,
    stderr: Tail,
) -> None:
    started, used = time.monotonic(), 0
    while not ended(_POLL_S):
        now = time.monotonic()
        if limits.stall_s is not None and not life.said and (ticks := _ticks(process.pid)) != used:
            used, life.moved_at = ticks, now
        if cancel is not None and cancel.is_set():
            raise NotOurs(ErrorCode.CANCELED, f"canceled while {program} was running")
        ceiling.check()
        if limits.wall_s is not None and now - started > limits.wall_s:
            raise ResourceError(
                ErrorCode.TIMED_OUT, f"{program} took longer than {limits.wall_s:.0f} s", stderr.text(0)
            )
        if limits.stall_s is not None and now - life.moved_at > limits.stall_s:
            raise ResourceError(
                ErrorCode.TIMED_OUT, f"{program} made no progress for {limits.stall_s:.0f} s", stderr.text(0)
            )
        if lines is not None and lines.error is not None:
            return  # raised by `run` after the clean-up


def _ticks(pid: int) -> int:
    """Processor time of a process and its threads in clock ticks (proc(5), /proc/pid/stat, utime and stime).

    Where it can't be read it seems to go on for ever: the wall time-out is left.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return time.monotonic_ns()


def _lower(one: int | None, other: int | None) -> int | None:
    """The stricter of two limits."""
    return min((value for value in (one, other) if value is not None), default=None)


def _out_of_memory(error: TelecineError, program: str, memory: int | None, ceiling: Ceiling) -> TelecineError:
    """The error of a program that got no more memory: it names the job's limit when that was the one."""
    if memory is None or memory != ceiling.memory_bytes:
        return error
    limit = f"{memory / 2**20:,.0f} MB (limits.max_memory_mb)"
    return ResourceError(error.code, f"{program} needed more memory than the job's limit of {limit}", error.details)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program's whole group if it still runs: SIGTERM, then SIGKILL."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_TERM_S)
    with contextlib.suppress(ProcessLookupError):  # also whatever the program itself had started
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _program_name(path: str) -> str:
    """`ffmpeg-linux-x86_64-v9` and the like by the name people know."""
    name = Path(path).name
    known = {"packager": "Shaka Packager", "ffprobe": "ffprobe", "ffmpeg": "ffmpeg"}
    return next((human for stem, human in known.items() if name.startswith(stem)), name)
