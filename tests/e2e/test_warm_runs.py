"""Runs are forked from a warm process, which may die at any time: nothing is lost, and the next run starts."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.house import House, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def nursery(house: House) -> psutil.Process:
    """The fork server below the code server, once it is there."""

    def found() -> psutil.Process | None:
        try:
            below = house.part("code-server").children(recursive=True)
            servers = [p for p in below if "resources.nursery" in " ".join(p.cmdline())]
            # A run has its parent's command line: the one whose parent has another is the server.
            return next(
                (p for p in servers if (parent := p.parent()) and "nursery" not in " ".join(parent.cmdline())), None
            )
        except psutil.NoSuchProcess:  # one of them ended meanwhile
            return None

    process: psutil.Process = eventually(found, "the fork server")
    return process


def test_a_run_is_forked_from_a_process_with_one_thread_and_its_death_costs_nothing(
    house: House, large_photos: list[Path]
) -> None:
    server = nursery(house)
    assert server.num_threads() == 1, "forking with more threads would copy their locks, held"
    first = house.drop({f"first-{path.name}": path for path in large_photos[:14]})
    eventually(lambda: house.count("COMPLETED") >= 2 and house.count("PROCESSING") > 0, "the batch's middle", pause_s=0)
    worker = house.worker()
    assert worker.parent() == server
    server.kill()
    house.wait_until_over(14)
    second = house.drop({f"second-{path.name}": path for path in large_photos[14:18]})
    began = time.monotonic()
    jobs = house.wait_until_over(18)
    print(f"4 photos after the fork server's death: {time.monotonic() - began:.1f} s")
    house.assert_nothing_lost_or_twice(jobs)
    house.wait_until_shown("image", dict.fromkeys([*first, *second], "MATERIALIZED"))
    assert nursery(house).pid != server.pid
