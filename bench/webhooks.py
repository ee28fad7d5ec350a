"""Webhook deliveries a second and seconds from state change to first attempt, against a plain loop of signed posts.

`python bench/webhooks.py --smoke` takes 1,500 deliveries; `--deliveries N`, `--seconds S` (of steady load) and
`--rate R` change that. The plain loop is what a person would write in an afternoon: httpx, 32 posts at a time, signed
bodies, no ledger, so that whatever is in flight is lost with its process. Ours is `telecine deliver` as it runs in the
stack, with leases, results, breaker and rate in PostgreSQL. Both talk to the same receiver, a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psycopg2
from sqlalchemy import text

from telecine import local
from telecine.job_id import new_id
from telecine.ledger import Ledger, endpoints
from telecine.ledger import jobs as job_rows
from telecine.ledger.migrate import upgrade
from telecine.local.layout import recorded
from telecine.local.supervisor import Supervisor
from telecine.settings import home
from telecine.webhooks import sign

_PARALLEL = 32
_GIVE_UP_S = 300.0
_JOBS = """
INSERT INTO telecine.media_objects (partition, bucket, key, identity, etag, size_bytes, kind)
    SELECT 'p' || n, 'b', 'k' || n, 'i', 'e', 1, 'image' FROM unnest(CAST(:numbers AS integer[])) AS n;
INSERT INTO telecine.jobs (job_id, correlation_id, partition, kind, identity, etag, size_bytes, recipe, recipe_name,
        recipe_hash, origin, lane, priority, estimate_s)
    SELECT id, id, 'p' || n, 'image', 'i', 'e', 1, '{}', 'default', 'h', 'process', 'live', 5, 1
    FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS integer[])) AS t (id, n);
"""


def serve(pipe: Connection) -> None:
    """The receiver: answers 200 at once, and hands over (event id, seconds since it happened, arrival) when asked."""
    seen: list[tuple[str, float, float]] = []

    class Receiver(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
                head = self.buffer[:end].lower()
                at = head.index(b"content-length:") + 15
                size = int(head[at : (head + b"\r").index(b"\r", at)])
                if len(self.buffer) < end + 4 + size:
                    return
                now, body = time.time(), json.loads(self.buffer[end + 4 : end + 4 + size])
                self.buffer = self.buffer[end + 4 + size :]
                happened = datetime.strptime(body["occurred_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
                seen.append((body["event_id"], now - happened.timestamp(), now))
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # type: ignore[attr-defined]

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            if pipe.poll():
                asked = pipe.recv()
                if asked == "stop":
                    return
                pipe.send(len(seen) if asked == "count" else list(seen))
                if asked == "take":
                    seen.clear()
            await asyncio.sleep(0.005)

    asyncio.run(run())


@contextmanager
def only_the_database(directory: Path) -> Iterator[str]:
    """A stack of this benchmark's own with everything but PostgreSQL stopped; answers a database's URL."""
    for name in [n for n in os.environ if n.startswith(("TELECINE_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update({"TELECINE_HOME": str(directory / "home"), "TELECINE_PORTS": "free"})
    try:
        known = local.up()
        layout = recorded(home())
        assert layout is not None
        supervisor = Supervisor(layout)
        supervisor.stop([part.name for part in local.status().parts if part.name != "postgres"])
        connection = psycopg2.connect(known["TELECINE_POSTGRES_URL"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE bench")
        connection.close()
        os.environ.update(known)
        yield known["TELECINE_POSTGRES_URL"].replace("/telecine?", "/bench?")
    finally:
        os.environ["TELECINE_HOME"] = str(directory / "home")
        local.clean()


@contextmanager
def delivering(url: str) -> Iterator[None]:
    """`telecine deliver` on that database."""
    environment = {
        **os.environ,
        "TELECINE_POSTGRES_URL": url,
        "TELECINE_WEBHOOK_ALLOW_HTTP": "true",
        "TELECINE_WEBHOOK_ALLOW_PRIVATE": "true",
        "TELECINE_WEBHOOK_RATE_PER_S": "0",
        "TELECINE_WEBHOOK_PARALLEL": str(_PARALLEL),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "telecine", "deliver"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def waiting_jobs(ledger: Ledger, start: int, count: int) -> list[str]:
    """Jobs to be canceled: the shortest way to a state change."""
    ids = [new_id() for _ in range(count)]
    numbers = list(range(start, start + count))
    for statement in _JOBS.split(";")[:2]:
        ledger.do(lambda c, s=statement: c.execute(text(s), {"ids": ids, "numbers": numbers}))
    return ids


def arrivals(pipe: Connection, count: int) -> list[tuple[str, float, float]]:
    """Wait for so many, and take them."""
    deadline = time.monotonic() + _GIVE_UP_S
    while True:
        pipe.send("count")
        if pipe.recv() >= count:
            break
        assert time.monotonic() < deadline, "gave up"
        time.sleep(0.05)
    pipe.send("take")
    found: list[tuple[str, float, float]] = pipe.recv()
    return found


def rate(found: list[tuple[str, float, float]]) -> float:
    """Arrivals a second from the first to the last."""
    return (len(found) - 1) / (max(a for *_, a in found) - min(a for *_, a in found))


def plain_loop(url: str, count: int) -> None:
    """What a person would write: 32 signed posts at a time, nothing remembered."""
    secret = endpoints.new_secret()

    async def run() -> None:
        slots = asyncio.Semaphore(_PARALLEL)
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=_PARALLEL)) as client:

            async def post(number: int) -> None:
                now = datetime.now(UTC)
                stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                body = json.dumps({"event_id": f"evt_{number}", "occurred_at": stamp, "payload": "x" * 600}).encode()
                headers = sign.headers(f"evt_{number}", "job.canceled", body, now, [secret])
                async with slots:
                    (await client.post(url, content=body, headers=headers)).raise_for_status()

            await asyncio.gather(*(post(number) for number in range(count)))

    asyncio.run(run())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="1,500 deliveries, 5 s of steady load")
    parser.add_argument("--deliveries", type=int, default=6_000, help="of the backlog (default 6000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of steady load (default 30)")
    parser.add_argument("--rate", type=float, default=200.0, help="state changes a second under it (default 200)")
    arguments = parser.parse_args()
    count, seconds = (1_500, 5.0) if arguments.smoke else (arguments.deliveries, arguments.seconds)
    directory = Path(tempfile.mkdtemp(prefix="telecine-bench-"))
    directory.chmod(0o755)
    context = get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    target = f"http://127.0.0.1:{pipe.recv()}/in"
    print(f"{len(os.sched_getaffinity(0))} cores, load average {os.getloadavg()[0]:.1f} before the start")
    try:
        with only_the_database(directory) as url:
            upgrade(url)
            ledger = Ledger(url)
            plain_loop(target, count)
            plain = rate(arrivals(pipe, count))
            print(f"plain loop, {_PARALLEL} at a time: {plain:.0f} posts/s")

            ledger.do(endpoints.add, target, event_types=["job.canceled"])
            waiting_jobs(ledger, 0, count)
            ledger.do(
                lambda c: c.execute(text("UPDATE telecine.jobs SET status = 'CANCELED' WHERE status = 'PENDING'"))
            )
            with delivering(url):
                found = arrivals(pipe, count)
                assert len({event_id for event_id, *_ in found}) == count, "something came twice"
                print(f"telecine deliver, a backlog of {count}: {rate(found):.0f} deliveries/s")
                print(f"ratio: {rate(found) / plain:.2f} of the plain loop's throughput (1.00 is as fast)")

                ids = waiting_jobs(ledger, count, int(arguments.rate * seconds))
                began = time.monotonic()
                for number, job_id in enumerate(ids):
                    time.sleep(max(0.0, began + number / arguments.rate - time.monotonic()))
                    ledger.do(job_rows.request_cancel, job_id, "bench")
                took = time.monotonic() - began
                found = arrivals(pipe, len(ids))
                waits = sorted(wait for _, wait, _ in found)
                print(
                    f"steady load of {len(ids) / took:.0f} state changes/s: {rate(found):.0f} deliveries/s,"
                    f" first attempt after p50 {statistics.median(waits) * 1000:.0f} ms,"
                    f" p95 {waits[int(len(waits) * 0.95)] * 1000:.0f} ms, at most {waits[-1] * 1000:.0f} ms"
                )
            ledger.close()
    finally:
        pipe.send("stop")
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
