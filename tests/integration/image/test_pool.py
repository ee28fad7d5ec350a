"""The image pool with real processes that are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from telecine.errors import ErrorCode, InputError, NotOurs, ResourceError, SystemFault
from telecine.image.pool import ImagePool
from tests.integration.image import pool_tasks

GIGABYTE = 1024**3


@pytest.fixture(autouse=True, params=["forked", "fresh"])
def start_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Processes from a fork server, as in a run, and fresh ones, as below a program with a main module."""
    main = sys.modules["__main__"]
    if request.param == "forked":
        monkeypatch.delattr(main, "__file__", raising=False)
    else:
        monkeypatch.setattr(main, "__file__", __file__, raising=False)
    return str(request.param)


def test_every_item_comes_back_once_with_its_result() -> None:
    with ImagePool(2, 4 * GIGABYTE, 60) as pool:
        results = dict(pool.run(pool_tasks.double, range(50)))
    assert results == {n: 2 * n for n in range(50)}


def test_items_are_taken_only_shortly_before_they_are_worked_on() -> None:
    taken = []

    def items() -> object:
        for n in range(40):
            taken.append(n)
            yield n

    with ImagePool(2, 4 * GIGABYTE, 60) as pool:
        results = pool.run(pool_tasks.double, items())  # type: ignore[arg-type]
        next(results)
        assert len(taken) <= 4


def test_an_item_that_kills_its_process_fails_alone() -> None:
    with ImagePool(2, 4 * GIGABYTE, 60) as pool:
        results = dict(pool.run(pool_tasks.kill_itself_on_three, range(10)))
    died = results.pop(3)
    assert isinstance(died, ResourceError)
    assert died.code is ErrorCode.WORKER_DIED
    assert results == {n: 2 * n for n in range(10) if n != 3}


def test_kill_minus_nine_from_outside_loses_nothing(tmp_path: Path) -> None:
    """The killed item is innocent: run again alone, it succeeds, and so do its neighbours."""
    paths = [str(tmp_path / f"{n}.pid") for n in range(3)]
    killer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import os, pathlib, signal, sys, time
                paths = [pathlib.Path(p) for p in sys.argv[1:]]
                def pid_in(path):
                    while not (path.exists() and path.read_text()):
                        time.sleep(0.01)
                    return int(path.read_text())
                victims = [pid_in(p) for p in paths[:2]]
                for p in paths[:2]:
                    p.unlink()
                os.kill(victims[0], signal.SIGKILL)
                """
            ),
            *paths,
        ]
    )
    seen = {}
    with ImagePool(2, 4 * GIGABYTE, 60) as pool:
        for item, result in pool.run(pool_tasks.wait_for_removal_once, paths):
            seen[item] = result
    assert killer.wait() == 0
    assert seen == {p: p for p in paths}


def test_a_hung_item_is_killed_and_the_rest_goes_on() -> None:
    with ImagePool(2, 4 * GIGABYTE, 0.5) as pool:
        results = dict(pool.run(pool_tasks.hang_on_three, range(8)))
    hung = results.pop(3)
    assert isinstance(hung, ResourceError)
    assert hung.code is ErrorCode.TIMED_OUT
    assert results == {n: 2 * n for n in range(8) if n != 3}


def test_an_item_may_have_a_time_limit_of_its_own() -> None:
    with ImagePool(2, 4 * GIGABYTE, 3600) as pool:
        results = dict(pool.run(pool_tasks.hang_on_three, range(6), time_limit_s=lambda n: 0.3 if n == 3 else 60))
    assert "0.3 seconds" in results.pop(3).message  # type: ignore[union-attr]
    assert results == {n: 2 * n for n in range(6) if n != 3}


def test_an_item_that_is_stopped_ends_at_once_and_costs_its_neighbours_nothing() -> None:
    said = []
    with ImagePool(2, 4 * GIGABYTE, 3600) as pool:
        results = dict(
            pool.run(
                pool_tasks.report_and_wait,
                range(20),
                stop=lambda n: n == 0 and bool(said),
                on_progress=lambda *report: said.append(report),
            )
        )
    assert (0, "ENCODING", 3, 7) in said
    stopped = results.pop(0)
    assert isinstance(stopped, NotOurs)
    assert stopped.code is ErrorCode.CANCELED
    assert results == {n: 2 * n for n in range(1, 20)}


def test_items_can_be_stopped_before_they_begin() -> None:
    with ImagePool(1, 4 * GIGABYTE, 3600) as pool:
        results = dict(pool.run(pool_tasks.report_and_wait, [0, 0, 1], stop=lambda n: n == 0))
    assert isinstance(results[0], NotOurs)
    assert results[1] == 2


def test_reports_never_make_a_task_wait_for_its_parent() -> None:
    with ImagePool(1, 4 * GIGABYTE, 30) as pool:
        results = pool.run(pool_tasks.report_ten_thousand_times, range(3))
        next(results)
        time.sleep(1)  # nobody reads meanwhile
        assert len(list(results)) == 2


def test_a_process_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    paths = [str(tmp_path / str(n)) for n in range(3)]
    with ImagePool(2, 4 * GIGABYTE, 60) as pool:
        assert dict(pool.run(pool_tasks.kill_itself_the_first_time, paths)) == {p: p for p in paths}


def test_failures_come_back_as_errors_with_codes() -> None:
    with ImagePool(1, 4 * GIGABYTE, 60) as pool:
        results = dict(pool.run(pool_tasks.fail_in_several_ways, ["input", "fault", "memory", "unpicklable", "fine"]))
    assert isinstance(results["input"], InputError)
    assert results["input"].details == "details"
    assert isinstance(results["fault"], SystemFault)
    assert "nobody expected this" in str(results["fault"])
    assert isinstance(results["memory"], ResourceError)
    assert results["memory"].code is ErrorCode.OUT_OF_MEMORY
    assert isinstance(results["unpicklable"], SystemFault)
    assert "could not be returned" in str(results["unpicklable"])
    assert results["fine"] == "fine"


def test_processes_that_cannot_start_are_reported_instead_of_retried_for_ever() -> None:
    impossible = 1 << 70  # setrlimit refuses it, so every process ends before its first task
    with ImagePool(1, impossible, 60) as pool, pytest.raises(ResourceError, match="memory limit"):
        list(pool.run(pool_tasks.double, [1]))


def test_leaving_the_pool_ends_running_tasks() -> None:
    me = psutil.Process()
    with ImagePool(2, 4 * GIGABYTE, 3600) as pool:
        results = pool.run(pool_tasks.hang_on_three, [1, 3, 3, 3])
        next(results)
        below = [c for c in me.children(recursive=True) if "tracker" not in str(c.cmdline())]
        workers = [c for c in below if c.parent() != me or "loky" in str(c.cmdline())]
        assert workers
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    marker = tmp_path / "child.pid"
    script = textwrap.dedent(
        """
        import sys
        from telecine.image.pool import ImagePool
        from tests.integration.image import pool_tasks
        with ImagePool(1, 4 * 1024**3, 3600) as pool:
            list(pool.run(pool_tasks.tell_pid_and_wait, [sys.argv[1]]))
        """
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", script, str(marker)], cwd=root) as parent:
        deadline = time.monotonic() + 30
        while not (marker.exists() and marker.read_text()):
            assert time.monotonic() < deadline, "the pool process never started"
            time.sleep(0.02)
        child = psutil.Process(int(marker.read_text()))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert not alive


def test_pool_processes_stay_light() -> None:
    with ImagePool(1, 4 * GIGABYTE, 60) as pool:
        [(_, modules)] = pool.run(pool_tasks.loaded_modules, [0])
    assert isinstance(modules, list)
    assert not {"dagster", "sqlalchemy", "pandas", "grpc"} & set(modules)
