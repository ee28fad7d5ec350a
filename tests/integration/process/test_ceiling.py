"""The limits of a whole attempt, over every program that it starts, with real processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from telecine.errors import ErrorCode, InputError, ResourceError, SystemFault
from telecine.process import Ceiling, Limits, ambient, run, under

SH = "/bin/sh"
HUNGRY = "try: bytearray(600_000_000)\nexcept MemoryError: raise SystemExit('Out of memory')"


def test_the_time_of_an_attempt_is_shared_by_its_programs() -> None:
    ceiling = Ceiling(ends_at=time.monotonic() + 0.8, allowed_s=0.8)
    with under(ceiling):
        run([SH, "-c", "sleep 0.4"])
        with pytest.raises(ResourceError, match=r"job's limit of 1 s \(limits.max_processing_time_seconds\)") as caught:
            run(["/bin/sleep", "60"])
        assert time.monotonic() - ceiling.ends_at < 5  # type: ignore[operator]
        assert caught.value.code is ErrorCode.TIMED_OUT


def test_nothing_is_started_once_the_time_is_over(tmp_path: Path) -> None:
    with under(Ceiling(ends_at=time.monotonic() + 0.05)):
        time.sleep(0.1)
        with pytest.raises(ResourceError):
            run([SH, "-c", f"touch {tmp_path}/ran"])
    assert not (tmp_path / "ran").exists()


def test_a_deadline_is_never_tried_again() -> None:
    late = Ceiling(ends_at=time.monotonic() + 0.2, wanted_by="2026-01-01T00:00:00+00:00")
    with under(late), pytest.raises(InputError, match="2026-01-01T00:00:00") as caught:
        run(["/bin/sleep", "60"])
    assert caught.value.code is ErrorCode.DEADLINE_PASSED
    with pytest.raises(InputError), under(late):
        pytest.fail("the block began after the deadline")


def test_the_lower_of_both_memory_limits_counts_and_is_named() -> None:
    with under(Ceiling(memory_bytes=400 * 2**20)):
        with pytest.raises(ResourceError, match=r"400 MB \(limits.max_memory_mb\)") as caught:
            run([sys.executable, "-c", HUNGRY])
        assert caught.value.code is ErrorCode.OUT_OF_MEMORY
        with pytest.raises(ResourceError, match="its limit allows"):
            run([sys.executable, "-c", HUNGRY], limits=Limits(memory_bytes=300 * 2**20))


def test_a_program_killed_from_outside_did_not_run_into_the_jobs_limit() -> None:
    with under(Ceiling(memory_bytes=400 * 2**20)), pytest.raises(ResourceError, match="killed by the system"):
        run([SH, "-c", "kill -KILL $$"])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system doesn't pin processes to cores")
def test_programs_see_no_more_cores_than_the_job_may_use() -> None:
    with under(Ceiling(threads=1)):
        said = run([sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]).stdout
    assert int(said) == 1
    with under(Ceiling(threads=1000)):
        said = run([sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]).stdout
    assert int(said) == len(os.sched_getaffinity(0))


def test_outside_of_the_block_there_is_no_ceiling() -> None:
    with pytest.raises(SystemFault), under(Ceiling(threads=1)):
        run([SH, "-c", "exit 3"])
    assert ambient() == Ceiling()
