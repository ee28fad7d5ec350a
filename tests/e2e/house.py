"""The running house as its tests see it: drop, wait, look into every book, and find who is at work.

Not a test. `House` is handed out by the `house` fixture of conftest.py; every test drops below a prefix of its own.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import psutil
from sqlalchemy import text

from media_assets.partitions import by_kind
from telecine import local
from telecine.ledger import Job, Ledger
from telecine.ledger import jobs as job_rows
from telecine.partition import manifest_key, partition_key
from telecine.settings import Settings, settings
from telecine.storage import ObjectStore

PATIENCE_S = 300.0  # for things that take seconds on an idle machine
_SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "manifest.schema.json").read_text())
)
ASSETS = {
    "image": ("image/thumbnails", "image/renditions"),
    "video": ("video/metadata", "video/renditions", "video/thumbnails", "video/hls", "video/dash"),
}


def eventually(holds: Callable[[], Any], what: str, patience_s: float = PATIENCE_S, pause_s: float = 0.2) -> Any:
    """Wait until `holds()` is true, and answer what it answered."""
    deadline = time.monotonic() + patience_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"gave up waiting: {what}"
        time.sleep(pause_s)
    return answer


@dataclass
class House:
    """One running stack.

    Attributes:
        prefix: where this test's objects lie in the input bucket.
    """

    known: Mapping[str, str]
    prefix: str
    ledger: Ledger
    store: ObjectStore
    instance: dg.DagsterInstance

    @property
    def settings(self) -> Settings:
        return settings()

    # -- the bucket

    def drop(self, files: Mapping[str, Path] | Iterable[Path]) -> list[str]:
        """Put files into the watched bucket, all at once; answers their partitions."""
        named = files if isinstance(files, Mapping) else {path.name: path for path in files}

        def put(item: tuple[str, Path]) -> str:
            key = self.prefix + item[0]
            self.store.upload(self.settings.input_bucket, key, item[1], mime="application/octet-stream")
            return partition_key(self.settings.input_bucket, key)

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(put, named.items()))

    def manifest(self, partition: str) -> dict[str, Any]:
        """What manifest.json says, checked against its published schema."""
        found = json.loads(self.store.read(self.settings.output_bucket, manifest_key(partition)))
        _SCHEMA.validate(found)
        return dict(found)

    # -- the ledger

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """Rows of a SELECT on the ledger."""
        return self.ledger.do(lambda connection: list(connection.execute(text(sql), values)))

    def jobs(self) -> list[Job]:
        """All jobs of this test's objects, oldest first."""
        ids = [
            row.job_id
            for row in self.rows(
                "SELECT job_id FROM telecine.jobs JOIN telecine.media_objects USING (partition)"
                " WHERE starts_with(key, :prefix) ORDER BY job_id",
                prefix=self.prefix,
            )
        ]
        found = self.ledger.do(job_rows.get, ids)
        return [found[job_id] for job_id in ids]

    def count(self, status: str) -> int:
        """How many of this test's jobs are in a status."""
        return sum(job.status == status for job in self.jobs())

    def wait_until_over(self, count: int, patience_s: float = PATIENCE_S) -> list[Job]:
        """Wait until this test has `count` jobs, and all of them have ended."""

        def over() -> list[Job] | None:
            jobs = self.jobs()
            assert len(jobs) <= count, f"{len(jobs)} jobs for {count} files"
            return jobs if len(jobs) == count and all(job.status.is_final for job in jobs) else None

        done: list[Job] = eventually(over, f"{count} jobs below {self.prefix} to end", patience_s)
        return done

    def claims(self) -> list[Any]:
        """The claims that this test's jobs were ever begun under, oldest first."""
        return self.rows(
            "SELECT DISTINCT c.* FROM telecine.claims c JOIN telecine.attempts a USING (claim_id)"
            " JOIN telecine.jobs j USING (job_id) JOIN telecine.media_objects m USING (partition)"
            " WHERE starts_with(m.key, :prefix) ORDER BY c.claim_id",
            prefix=self.prefix,
        )

    def worker(self) -> psutil.Process:
        """The run process of this test's newest open claim, once it has begun."""

        def found() -> psutil.Process | None:
            for claim in reversed(self.claims()):
                if claim.ended_at is None and claim.worker:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        return psutil.Process(int(claim.worker.rsplit(":", 1)[1]))
            return None

        process: psutil.Process = eventually(found, "a worker at work")
        return process

    # -- Dagster

    def statuses(self, kind: str, partitions: Collection[str]) -> dict[str, dict[str, str]]:
        """asset -> partition -> what the UI shows of it."""
        shown: dict[str, dict[str, str]] = {}
        for asset in ASSETS[kind]:
            found = self.instance.get_status_by_partition(
                dg.AssetKey(asset.split("/")), list(partitions), by_kind[kind]
            )
            shown[asset] = {key: status.value if status else "NONE" for key, status in (found or {}).items()}
        return shown

    def wait_until_shown(self, kind: str, expected: Mapping[str, str]) -> None:
        """Wait until every asset of a kind shows each partition's expected status."""
        last: dict[str, dict[str, str]] = {}

        def shown() -> bool:
            last.update(self.statuses(kind, expected))
            return all(found == dict(expected) for found in last.values())

        try:
            eventually(shown, "partition statuses", 60.0, pause_s=1.0)
        except AssertionError:
            wrong = {a: {k: v for k, v in f.items() if v != expected[k]} for a, f in last.items()}
            raise AssertionError(f"shown otherwise: {wrong}") from None

    def graphql(self, query: str, **variables: Any) -> Any:
        """Ask the webserver, as the UI does."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.known['TELECINE_DAGSTER_URL']}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def runs_of(self, claims: Iterable[Any]) -> list[dg.DagsterRun]:
        """The runs that worked on these claims."""
        ids = [claim.run_id for claim in claims]
        return list(self.instance.get_runs(dg.RunsFilter(run_ids=ids))) if ids else []

    def hooked(self, job_ids: Iterable[str]) -> set[str]:
        """Which of these jobs' runs reported their end by the hook on their asset."""
        rows = self.rows(
            "SELECT a.job_id FROM telecine.attempts a JOIN telecine.run_reports r USING (run_id)"
            " WHERE a.job_id = ANY(:jobs) AND r.source = 'hook' AND r.word = 'succeeded'",
            jobs=list(job_ids),
        )
        return {row.job_id for row in rows}

    # -- processes

    def part(self, name: str) -> psutil.Process:
        """A supervised part's process."""
        (state,) = [part for part in local.status().parts if part.name == name]
        assert state.pid is not None, state
        return psutil.Process(state.pid)

    def scratch(self) -> list[str]:
        """What lies in the scratch directory."""
        root = self.settings.scratch
        return sorted(p.name for p in root.iterdir()) if root.is_dir() else []

    # -- promises

    def assert_nothing_lost_or_twice(self, jobs: Iterable[Job]) -> None:
        """Every job completed once, what is published is its newest generation, and players see exactly that."""
        jobs = list(jobs)
        for job in jobs:
            assert job.status == "COMPLETED", (job.key, job.status, job.error_code, job.error_message)
        partitions = sorted({job.partition for job in jobs})
        media = self._by_partition("SELECT * FROM telecine.media_objects WHERE partition = ANY(:p)", partitions)
        published = self._by_partition("SELECT * FROM telecine.generations WHERE partition = ANY(:p)", partitions)
        attempts: dict[str, list[Any]] = {job.job_id: [] for job in jobs}
        for row in self.rows("SELECT * FROM telecine.attempts WHERE job_id = ANY(:j)", j=list(attempts)):
            attempts[row.job_id].append(row)
        for job in jobs:
            outcomes = {row.generation: row.outcome for row in attempts[job.job_id]}
            won = [generation for generation, outcome in outcomes.items() if outcome == "completed"]
            assert len(won) == 1, (job.key, outcomes)
            assert all(outcomes.values()), f"an attempt was never closed: {job.key} {outcomes}"
            assert won[0] == job.generation
            assert [row.generation for row in published[job.partition] if row.job_id == job.job_id] == won, (
                f"a lost attempt published: {job.key} {outcomes}"
            )
        for partition in partitions:
            (row,) = media[partition]
            assert row.published_generation == row.generation == max(g.generation for g in published[partition])

        def look(partition: str) -> None:
            newest = media[partition][0].published_generation
            eventually(lambda: self.manifest(partition)["generation"] == newest, f"manifest.json to name g{newest}", 60)
            for output in self.manifest(partition)["outputs"]:
                there = self.store.stat(self.settings.output_bucket, output["key"])
                assert there is not None, output["key"]
                assert there.size_bytes == output["size_bytes"], output["key"]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(look, partitions))

    def _by_partition(self, sql: str, partitions: list[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {partition: [] for partition in partitions}
        for row in self.rows(sql, p=partitions):
            found[row.partition].append(row)
        return found


def house_for(known: Mapping[str, str], instance: dg.DagsterInstance, prefix: str | None = None) -> House:
    """A view of a running stack, with a prefix nobody else uses."""
    return House(
        known,
        prefix or f"{uuid.uuid4().hex[:8]}/",
        Ledger.from_settings(settings()),
        ObjectStore.from_settings(settings()),
        instance,
    )
