"""A process of the submission test: several threads hand over the same file at once; prints their answers as JSON."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from telecine.acceptance import Order, accept_file
from telecine.ledger import Ledger
from telecine.recipe import load_recipe
from telecine.settings import settings
from telecine.storage import ObjectStore


def main(postgres_url: str, path: str, threads: int, key: str | None) -> None:
    """Wait for a line on stdin, so that all processes start together."""
    ledger, store = Ledger(postgres_url), ObjectStore.from_settings(settings())
    order = Order(load_recipe("thumbnail"), idempotency_key=key)
    start = threading.Barrier(threads)

    def submit(_: int) -> tuple[str, bool]:
        start.wait()
        accepted = accept_file(ledger, store, settings(), Path(path), order)
        return accepted.job_id, accepted.created

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(list(pool.map(submit, range(threads)))), flush=True)
    ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
