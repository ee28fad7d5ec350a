"""Several real programs at once: under one ceiling, and ended by an interrupt."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from functools import partial

import pytest

from telecine.errors import ErrorCode, NotOurs, SystemFault, TelecineError
from telecine.process import Ceiling, Finished, ambient, run, together, under

SH = "/bin/sh"


def test_programs_run_side_by_side_under_the_ceiling_of_who_started_them() -> None:
    started = time.monotonic()
    with under(Ceiling(threads=1)), together(3, threading.Event()) as pool:
        slept = [pool.start(partial(run, [SH, "-c", "sleep 1"])) for _ in range(3)]
        threads = pool.start(lambda: ambient().threads)
    assert time.monotonic() - started < 2.5
    assert all(each.result().stderr == "" for each in slept)
    assert threads.result() == 1


def test_an_interrupt_ends_what_runs_at_once_and_begins_nothing_more() -> None:
    cancel, started = threading.Event(), time.monotonic()
    futures: list[Future[Finished]] = []

    def interrupted() -> None:
        with together(1, cancel) as pool:
            futures.extend(pool.start(partial(run, [SH, "-c", "sleep 60"], cancel=cancel)) for _ in range(2))
            time.sleep(0.3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 10
    with pytest.raises(NotOurs) as caught:
        futures[0].result()
    assert caught.value.code is ErrorCode.CANCELED
    assert futures[1].cancelled()


def test_an_error_lets_what_runs_end_and_cancels_nothing() -> None:
    cancel = threading.Event()

    def failing() -> None:
        with together(2, cancel) as pool:
            other = pool.start(partial(run, [SH, "-c", "sleep 0.3"], cancel=cancel))
            try:
                pool.start(partial(run, [SH, "-c", "exit 3"])).result()
            finally:
                assert other.result().stderr == ""

    with pytest.raises(TelecineError) as caught:
        failing()
    assert isinstance(caught.value, SystemFault)
    assert not cancel.is_set()
