"""The process runner with real processes: limits, time-outs, cancel, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from telecine.errors import (
    ConfigurationError,
    ErrorCode,
    InputError,
    NotOurs,
    ResourceError,
    SystemFault,
    TelecineError,
)
from telecine.process import Limits, run

SH = "/bin/sh"


def test_a_program_that_ends_well_hands_back_what_it_said() -> None:
    finished = run([SH, "-c", "echo out; echo err >&2"])
    assert finished.stdout == b"out\n"
    assert finished.stderr == "err\n"


def test_a_flood_on_both_pipes_neither_stops_the_program_nor_fills_memory() -> None:
    both = "print('x' * 50); print('y' * 50, file=sys.stderr)"
    code = f"import sys\nfor n in range(40000): {both}\nprint('last', file=sys.stderr)"
    finished = run([sys.executable, "-c", code])
    assert len(finished.stdout) == 40000 * 51
    assert len(finished.stderr) <= 32_768
    assert finished.stderr.endswith("last\n")


def test_more_collected_output_than_allowed_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        run([SH, "-c", "head -c 5000 /dev/zero"], stdout_bytes=1000)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED


def test_a_missing_program_is_a_missing_tool() -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(["/nonexistent/ffmpeg"])
    assert caught.value.code is ErrorCode.TOOL_MISSING


def test_a_file_that_is_no_program_is_a_missing_tool(tmp_path: Path) -> None:
    (tmp_path / "ffmpeg").write_text("no program")
    with pytest.raises(ConfigurationError) as caught:
        run([str(tmp_path / "ffmpeg")])
    assert caught.value.code is ErrorCode.TOOL_MISSING


def test_cancel_ends_a_whole_group_that_ignores_sigterm(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $! > {pids}; echo $$ >> {pids}; while :; do sleep 1; done"
    cancel = threading.Event()

    def cancel_when_both_run() -> None:
        _until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        cancel.set()

    threading.Thread(target=cancel_when_both_run, daemon=True).start()
    with pytest.raises(NotOurs) as caught:
        run([SH, "-c", script], cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELED
    for pid in pids.read_text().split():
        _until(lambda pid=pid: not _lives(int(pid)))  # type: ignore[misc]


def test_a_cancel_before_the_start_starts_nothing(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(NotOurs):
        run([SH, "-c", f"touch {tmp_path}/ran"], cancel=cancel)
    assert not (tmp_path / "ran").exists()


def test_a_program_that_takes_too_long_is_timed_out() -> None:
    with pytest.raises(ResourceError) as caught:
        run(["/bin/sleep", "60"], limits=Limits(wall_s=0.3))
    assert caught.value.code is ErrorCode.TIMED_OUT


def test_ends_and_time_outs_are_noticed_where_the_kernel_tells_of_no_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pidfd_open", forbidden, raising=False)
    assert run([SH, "-c", "sleep 0.3; echo out"]).stdout == b"out\n"
    with pytest.raises(ResourceError) as caught:
        run(["/bin/sleep", "60"], limits=Limits(wall_s=0.3))
    assert caught.value.code is ErrorCode.TIMED_OUT


def test_waiting_for_programs_leaves_no_descriptor_open() -> None:
    before = psutil.Process().num_fds()
    for _ in range(5):
        run(["/bin/true"])
        with pytest.raises(TelecineError):
            run(["/bin/false"])
    assert psutil.Process().num_fds() == before


def test_output_that_says_nothing_new_counts_as_a_stall() -> None:
    with pytest.raises(ResourceError, match="no progress"):
        run(
            [SH, "-c", "while :; do echo same; sleep 0.05; done"],
            limits=Limits(stall_s=0.4),
            on_line=lambda line: line != "same",
        )


def test_output_that_moves_on_is_no_stall() -> None:
    seen: list[str] = []

    def on_line(line: str) -> bool:
        seen.append(line)
        return True

    run([SH, "-c", "for n in 1 2 3 4; do echo $n; sleep 0.2; done"], limits=Limits(stall_s=0.6), on_line=on_line)
    assert seen == ["1", "2", "3", "4"]


def test_without_a_listener_a_program_that_does_nothing_is_a_stall_and_one_that_computes_is_not() -> None:
    with pytest.raises(ResourceError, match="no progress"):
        run(["/bin/sleep", "60"], limits=Limits(stall_s=0.5))
    busy = "import time\nend = time.monotonic() + 2.5\nwhile time.monotonic() < end: pass"
    run([sys.executable, "-c", busy], limits=Limits(stall_s=2.0))


def test_a_program_that_has_not_spoken_yet_lives_while_it_computes_and_stalls_when_it_does_nothing() -> None:
    # Long enough for a machine that gives a niced program nothing for a second (seen beside other tests).
    busy = "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass\nprint('begun')"
    run([sys.executable, "-c", busy], limits=Limits(stall_s=2.5), on_line=lambda line: True)
    for silent in ("sleep 60", "echo begun; while :; do :; done"):
        with pytest.raises(ResourceError, match="no progress"):
            run([SH, "-c", silent], limits=Limits(stall_s=1.0), on_line=lambda line: True)


def test_an_error_in_the_listener_ends_the_program_and_comes_out() -> None:
    def on_line(line: str) -> bool:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError):
        run([SH, "-c", "echo x; exec sleep 3600"], on_line=on_line)


def test_a_program_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"from telecine.process import run; run(['/bin/sh', '-c', 'echo $$ > {pid_file}; exec sleep 60'])"
    parent = subprocess.Popen([sys.executable, "-c", code])
    _until(lambda: pid_file.exists() and bool(pid_file.read_text().strip()))
    child = int(pid_file.read_text())
    assert _lives(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _until(lambda: not _lives(child))


def test_a_program_can_be_ended_also_when_we_ignore_the_signal() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(TelecineError):
            run([SH, "-c", "kill -TERM $$; exit 0"])
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_program_killed_by_the_system_is_short_of_memory() -> None:
    with pytest.raises(ResourceError) as caught:
        run([SH, "-c", "kill -KILL $$"])
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY


def test_a_program_that_crashes_is_a_system_fault() -> None:
    with pytest.raises(SystemFault, match="crashed"):
        run([SH, "-c", "kill -SEGV $$"])


def test_memory_is_limited() -> None:
    with pytest.raises(Exception, match="memory") as caught:
        run(
            [
                sys.executable,
                "-c",
                "try: bytearray(600_000_000)\nexcept MemoryError: raise SystemExit('Out of memory')",
            ],
            limits=Limits(memory_bytes=400_000_000),
        )
    assert getattr(caught.value, "code", None) is ErrorCode.OUT_OF_MEMORY


def test_files_cannot_grow_past_their_limit(tmp_path: Path) -> None:
    with pytest.raises(ResourceError) as caught:
        run([SH, "-c", f"exec head -c 2000000 /dev/zero > {tmp_path}/big"], limits=Limits(file_bytes=1_000_000))
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    assert (tmp_path / "big").stat().st_size <= 1_000_000


def test_processor_time_is_limited() -> None:
    with pytest.raises(ResourceError) as caught:
        run([SH, "-c", "while :; do :; done"], limits=Limits(cpu_s=1, wall_s=60))
    assert caught.value.code is ErrorCode.TIMED_OUT


def test_no_secret_of_ours_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECINE_S3_SECRET_KEY", "hunter2")
    assert b"hunter2" not in run(["/usr/bin/env"]).stdout


def test_programs_are_niced() -> None:
    said = run([sys.executable, "-c", "import os; print(os.nice(0))"], limits=Limits(nice=5)).stdout
    assert int(said) == os.nice(0) + 5


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no autogroups")
def test_their_sessions_are_niced_where_sessions_share_the_processor() -> None:
    def niced() -> bool:
        return run(["/bin/cat", "/proc/self/autogroup"], limits=Limits(nice=5)).stdout.split()[-2:] == [b"nice", b"5"]

    # From ordinary users the kernel takes one such wish in 0.1 s, whoever's it is: other tests may have been first.
    _until(niced)
    # Empty where this process belongs to a cgroup's own scheduling group.
    assert not Path("/proc/self/autogroup").read_text().endswith("nice 5\n"), "ours isn't"


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(happened: object, within_s: float = 20.0) -> None:
    assert callable(happened)
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
