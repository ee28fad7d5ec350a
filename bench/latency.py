"""Seconds from submitting one image to its being done, on an idle house and beside an encode, and where they go.

`python bench/latency.py --smoke` submits 4 images; `--images N` as many each way. One after another, at moments spread
over the sensors' interval. Printed as JSON, medians and 95th percentiles, with the parts:

    accept    from the call (or the drop into the bucket) to the job's row
    dispatch  to the run's request
    start     to the attempt: run queue, process, imports
    work      to the published manifest

Goal on 2 cores: p50 12 s, p95 20 s. What a user would pick instead has no such wait, because it has no queue: a loop of
its own over a bucket; bench/images.py compares with that.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from images import private_stack
from sqlalchemy import text

from telecine.acceptance import Order, accept_file
from telecine.ledger import Ledger
from telecine.ledger import jobs as job_rows
from telecine.partition import partition_key
from telecine.priority import Priority
from telecine.process import Limits, run
from telecine.recipe import load_recipe
from telecine.samples import photo
from telecine.samples_video import write_clip
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.tools import ffmpeg_path

PARTS = ("accept", "dispatch", "start", "work")
GOAL_S = {"p50": 12.0, "p95": 20.0}
_SENSORS_S = 5.0  # Dagster's daemon looks every 5 s (facts.md)
_GIVE_UP_S = 300.0
_ROW = """
SELECT extract(epoch FROM j.created_at) AS created, extract(epoch FROM c.requested_at) AS requested,
    extract(epoch FROM a.started_at) AS began, extract(epoch FROM j.finished_at) AS finished, j.status
FROM telecine.jobs j JOIN telecine.attempts a USING (job_id) JOIN telecine.claims c ON c.claim_id = a.claim_id
WHERE j.partition = :partition AND j.finished_at IS NOT NULL
"""


class Bench:
    """One house to measure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger.from_settings(settings())
        self.store = ObjectStore.from_settings(settings())
        self.number = 0

    def by_call(self, path: Path) -> str:
        """Submit as the command line and the gateway do; answers the partition."""
        return accept_file(self.ledger, self.store, settings(), path, Order(load_recipe("default"))).partition

    def by_drop(self, path: Path) -> str:
        """Drop into the watched bucket; answers the partition."""
        self.store.upload(settings().input_bucket, path.name, path, mime="image/jpeg")
        return partition_key(settings().input_bucket, path.name)

    def once(self, submit: Callable[[Path], str]) -> dict[str, float]:
        """Seconds of one image, in parts."""
        self.number += 1
        path = self.folder / f"photo-{self.number}.jpg"
        photo(self.number, (1600, 1200), str(self.number)).save(path, quality=88)
        time.sleep(random.uniform(0, _SENSORS_S))
        started = time.time()
        partition = submit(path)
        while not (rows := self.ledger.do(lambda c: c.execute(text(_ROW), {"partition": partition}).all())):
            assert time.time() - started < _GIVE_UP_S, "gave up"
            time.sleep(0.1)
        (row,) = rows
        assert row.status == "COMPLETED", row
        times = [started, *map(float, (row.created, row.requested, row.began, row.finished))]
        parts = dict(zip(PARTS, (after - before for before, after in pairwise(times)), strict=True))
        return {**parts, "whole": times[-1] - started}

    @contextmanager
    def encode(self) -> Iterator[None]:
        """A long encode going on."""
        short = write_clip(self.folder / "short.mp4", seconds=4, width=1280, height=720)
        long = self.folder / "long.mp4"
        again = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-stream_loop", "149", "-i", f"file:{short}"]
        run([*again, "-c", "copy", f"file:{long}"], limits=Limits(wall_s=120))
        order = Order(load_recipe("default"), priority=Priority.NORMAL)
        job_id = accept_file(self.ledger, self.store, settings(), long, order).job_id
        deadline = time.time() + _GIVE_UP_S
        while self.ledger.do(job_rows.get, [job_id])[job_id].stage != "ENCODING":
            assert time.time() < deadline, "the encode never began"
            time.sleep(0.2)
        yield
        job = self.ledger.do(job_rows.get, [job_id])[job_id]
        assert job.status == "PROCESSING", "the encode ended too early"
        self.ledger.do(job_rows.request_cancel, job_id, "measured")


def summary(measured: list[dict[str, float]]) -> dict[str, object]:
    """p50 and p95 of the whole and of each part, in seconds."""

    def both(name: str) -> dict[str, float]:
        values = sorted(m[name] for m in measured)
        p95 = values[min(len(values) - 1, round(0.95 * (len(values) - 1)))]
        return {"p50": round(statistics.median(values), 2), "p95": round(p95, 2)}

    return {**both("whole"), "parts": {name: both(name) for name in PARTS}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="2 images each way, nothing beside an encode")
    parser.add_argument("--images", type=int, default=20, help="how many images each way (default 20)")
    arguments = parser.parse_args()
    count = 2 if arguments.smoke else arguments.images
    directory = Path(tempfile.mkdtemp(prefix="telecine-bench-"))
    directory.chmod(0o755)
    config = directory / "telecine.toml"
    try:
        print(f"load average {os.getloadavg()[0]:.1f} before the start", file=sys.stderr)
        with private_stack(directory / "home", config):
            config.write_text(f'[[rules]]\nbucket = "{settings().input_bucket}"\n')
            bench = Bench(directory)
            bench.once(bench.by_call)  # the first run of a fresh house compiles its modules
            found: dict[str, object] = {
                "goal": GOAL_S,
                "idle": summary([bench.once(bench.by_call) for _ in range(count)]),
                "idle, dropped": summary([bench.once(bench.by_drop) for _ in range(count)]),
            }
            if not arguments.smoke:
                with bench.encode():
                    found["beside an encode"] = summary([bench.once(bench.by_call) for _ in range(count)])
            bench.ledger.close()
        print(json.dumps(found, indent=1))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
