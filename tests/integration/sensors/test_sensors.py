"""The sensors' ticks by themselves: real ledger and object store, Dagster's instance in memory, no daemon."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from media_assets import tags
from media_assets.definitions import build_definitions
from resources import LedgerResource, ObjectStoreResource
from sensors import lookout, recovery
from sensors.buckets import bucket_sensor
from sensors.dispatch import dispatch, dispatch_sensor
from sensors.recovery import recovery_sensor
from telecine.errors import ConfigurationError
from telecine.ledger import Job, JobStatus, Ledger, attempts, claims, generations
from telecine.ledger import jobs as job_rows
from telecine.manifest import SourceRef, build_manifest
from telecine.partition import manifest_key
from telecine.samples import photo
from telecine.settings import settings
from telecine.storage import ObjectStore
from tests.integration.conftest import accept, an_object, get, waiting
from tests.integration.flow.test_publishing import FACTS, output

pytestmark = pytest.mark.integration

Drop = Callable[..., Job]


class Ticks:
    """Evaluates sensors against one ledger and an instance of its own."""

    def __init__(self, postgres_url: str, ledger: Ledger, instance: dg.DagsterInstance) -> None:
        self.ledger, self.instance = ledger, instance
        self._resources = {
            "ledger": LedgerResource(postgres_url=postgres_url),
            "object_store": ObjectStoreResource(),
        }
        self._definitions = build_definitions()

    def tick(self, sensor: Any) -> list[dg.RunRequest]:
        """One evaluation; answers its run requests."""
        wanted = {name: self._resources[name] for name in sensor.required_resource_keys}
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self._definitions, sensor_name=sensor.name
        )
        answer = sensor(context, **wanted)
        return list(answer.run_requests or []) if isinstance(answer, dg.SensorResult) else []

    def sql(self, statement: str, **values: Any) -> None:
        self.ledger.do(lambda c: c.execute(text(statement), values))

    def claim(self, claim_id: str) -> Any:
        return self.ledger.do(
            lambda c: c.execute(text("SELECT * FROM telecine.claims WHERE claim_id = :i"), {"i": claim_id}).one()
        )

    def known(self, kind: str = "image") -> list[str]:
        return list(self.instance.get_dynamic_partitions(f"{kind}_files"))

    def run(self, status: dg.DagsterRunStatus, claim_id: str) -> dg.DagsterRun:
        """A run for a claim, as the launcher would have made it."""
        job = self._definitions.resolve_job_def("images_batch_job")
        return self.instance.create_run_for_job(job, tags={tags.CLAIM: claim_id}, status=status)


@pytest.fixture
def ticks(postgres_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    monkeypatch.setattr(lookout, "LOOK_S", 0.0)  # one look a tick
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(postgres_url, ledger, instance)


@pytest.fixture
def watched(ticks: Ticks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A bucket with a photo in it, and the telecine.toml that watches it."""
    store, name = ObjectStore.from_settings(settings()), f"sensors-{uuid.uuid4().hex[:8]}"
    store.ensure_bucket(name)
    photo(1, (64, 48)).save(tmp_path / "p.jpg")
    store.upload(name, "p.jpg", tmp_path / "p.jpg", mime="image/jpeg")
    path = tmp_path / "telecine.toml"
    path.write_text(f'[[rules]]\nbucket = "{name}"\n')
    monkeypatch.setenv("TELECINE_CONFIG", str(path))
    settings.cache_clear()
    yield name, path
    for info in list(store.list(name)):
        store.remove(name, info.key)
    store.client.remove_bucket(name)


# -- buckets


def test_a_broken_telecine_toml_fails_the_tick_by_name_and_loses_nothing(
    ticks: Ticks, watched: tuple[str, Path]
) -> None:
    _, path = watched
    good = path.read_text()
    for broken in ("[[rules]]\nbuket = 'x'\n", "[[rules]\n"):
        path.write_text(broken)
        with pytest.raises(ConfigurationError, match=r"telecine\.toml"):
            ticks.tick(bucket_sensor)
    accept(ticks.ledger, an_object())
    assert len(ticks.tick(dispatch_sensor)) == 1, "what was accepted before is dispatched all the same"
    path.write_text(good)
    assert len(ticks.tick(bucket_sensor)) == 1


def test_a_rule_whose_bucket_is_not_there_does_not_stop_the_others(
    ticks: Ticks, watched: tuple[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    name, path = watched
    path.write_text(f'[[rules]]\nbucket = "aaa-no-such-bucket"\n\n[[rules]]\nbucket = "{name}"\n')
    (request,) = ticks.tick(bucket_sensor)
    assert request.partition_key is not None
    assert "aaa-no-such-bucket" in capfd.readouterr().err
    assert ticks.tick(bucket_sensor) == []


# -- dispatch


def test_fresh_photos_are_one_contiguous_range_in_the_order_they_came(ticks: Ticks, drop: Drop) -> None:
    ticks.instance.add_dynamic_partitions("image_files", ["somebody-elses"])
    jobs = [drop() for _ in range(5)]
    (request,) = ticks.tick(dispatch_sensor)
    assert ticks.known() == ["somebody-elses", *(job.partition for job in jobs)]
    assert request.job_name == "images_job"
    assert request.tags[tags.RANGE_START] == jobs[0].partition
    assert request.tags[tags.RANGE_END] == jobs[-1].partition
    assert request.tags[tags.PRIORITY] == "5"
    assert ticks.tick(dispatch_sensor) == []


def test_what_dagster_knows_already_goes_without_a_range_and_new_ones_apart(ticks: Ticks, drop: Drop) -> None:
    old = [drop() for _ in range(3)]
    ticks.instance.add_dynamic_partitions("image_files", [job.partition for job in old])
    new = [drop() for _ in range(2)]
    batch, fresh = ticks.tick(dispatch_sensor)
    assert (batch.job_name, batch.partition_key) == ("images_batch_job", None)
    assert tags.RANGE_START not in batch.tags
    assert (fresh.tags[tags.RANGE_START], fresh.tags[tags.RANGE_END]) == (new[0].partition, new[1].partition)


def test_two_dispatchers_at_once_request_every_job_once(ticks: Ticks, drop: Drop, postgres_url: str) -> None:
    jobs = {drop().job_id for _ in range(30)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: dispatch(ticks.instance, ticks.ledger), range(4)))
    claimed = {j.job_id: j.claim_id for j in ticks.ledger.do(job_rows.get, jobs).values()}
    assert all(claimed.values())
    assert len(set(claimed.values())) == 1


def test_the_queue_stays_short_and_the_backlog_waits_in_the_ledger(ticks: Ticks, drop: Drop) -> None:
    for _ in range(20):
        drop(kind="video")
    requested = len(ticks.tick(dispatch_sensor))
    assert 0 < requested < 20
    assert ticks.tick(dispatch_sensor) == []
    assert len(waiting(ticks.ledger)) == 20 - requested


# -- recovery


def requested(ticks: Ticks, drop: Drop, count: int = 3) -> tuple[str, list[Job]]:
    """Jobs under a claim whose request was lost: a tick that died right after its transaction."""
    jobs = [drop() for _ in range(count)]
    ticks.ledger.do(claims.request, "c", jobs, lane="image", priority=5)
    ticks.sql("UPDATE telecine.claims SET requested_at = now() - interval '1 minute'")
    return "c", jobs


def bound(ticks: Ticks, drop: Drop, status: dg.DagsterRunStatus, silent_s: float) -> tuple[str, Job, dg.DagsterRun]:
    """A job that a run began and whose last beat is some time ago."""
    job = drop()
    ticks.ledger.do(claims.request, "c", [job], lane="image", priority=5)
    run = ticks.run(status, "c")
    ticks.ledger.do(claims.start, "c", run_id=run.run_id, worker="host:1")
    ticks.ledger.do(attempts.begin, job, claim_id="c", run_id=run.run_id, worker="host:1")
    ticks.sql("UPDATE telecine.claims SET heartbeat_at = now() - make_interval(secs => :s)", s=silent_s)
    return "c", job, run


def test_a_request_that_was_lost_is_repeated_with_all_that_the_lost_tick_would_have_done(
    ticks: Ticks, drop: Drop
) -> None:
    claim_id, jobs = requested(ticks, drop)
    assert ticks.known() == []
    (request,) = ticks.tick(recovery_sensor)
    assert request.run_key == f"{claim_id}:2"
    assert request.tags[tags.CLAIM] == claim_id
    assert ticks.known() == [job.partition for job in jobs]
    assert ticks.tick(recovery_sensor) == [], "and then it waits again"


def test_a_request_is_not_repeated_while_its_run_is_on_its_way(ticks: Ticks, drop: Drop) -> None:
    claim_id, _ = requested(ticks, drop)
    ticks.run(dg.DagsterRunStatus.STARTING, claim_id)
    assert ticks.tick(recovery_sensor) == []
    assert ticks.claim(claim_id).requests == 1


def test_a_claim_that_never_gets_a_run_is_cut_anew(ticks: Ticks, drop: Drop) -> None:
    claim_id, jobs = requested(ticks, drop)
    for _ in range(recovery.MAX_REQUESTS):
        ticks.tick(recovery_sensor)
        ticks.sql("UPDATE telecine.claims SET requested_at = now() - interval '1 minute'")
    assert ticks.claim(claim_id).outcome == "never started"
    assert len(waiting(ticks.ledger)) == len(jobs)


def test_a_run_that_was_terminated_before_it_began_cancels_its_jobs(ticks: Ticks, drop: Drop) -> None:
    claim_id, jobs = requested(ticks, drop)
    ticks.run(dg.DagsterRunStatus.CANCELED, claim_id)
    assert ticks.tick(recovery_sensor) == []
    assert {get(ticks.ledger, job.job_id).status for job in jobs} == {JobStatus.CANCELED}


def test_a_run_that_died_before_it_bound_its_claim_is_failed_and_its_jobs_wait_again(
    ticks: Ticks, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_id, jobs = requested(ticks, drop)
    run = ticks.run(dg.DagsterRunStatus.STARTED, claim_id)
    assert ticks.tick(recovery_sensor) == []
    assert ticks.claim(claim_id).ended_at is None, "it may just be slow"
    monkeypatch.setitem(recovery._UNBOUND_S, dg.DagsterRunStatus.STARTED, -1.0)
    ticks.tick(recovery_sensor)
    assert len(waiting(ticks.ledger)) == len(jobs)
    assert ticks.instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
    assert not ticks.ledger.do(claims.start, claim_id, run_id=run.run_id, worker="host:1"), "it comes too late"


def test_a_silent_worker_loses_its_claim(ticks: Ticks, drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "CONFIRM_S", 0.2)
    claim_id, job, run = bound(ticks, drop, dg.DagsterRunStatus.STARTED, silent_s=30)
    ticks.tick(recovery_sensor)
    now = get(ticks.ledger, job.job_id)
    assert (now.status, now.deaths) == (JobStatus.PENDING, 1)
    assert ticks.claim(claim_id).outcome == "lost"
    assert ticks.instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]


def test_a_worker_that_beats_again_a_moment_later_keeps_its_claim(
    ticks: Ticks, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the database: everybody was silent, and whoever lives beats again."""
    monkeypatch.setattr(recovery, "CONFIRM_S", 3.0)
    claim_id, _, _ = bound(ticks, drop, dg.DagsterRunStatus.STARTED, silent_s=300)
    beat = threading.Timer(0.5, lambda: ticks.ledger.do(claims.beat, claim_id))
    beat.start()
    ticks.tick(recovery_sensor)
    beat.join()
    assert ticks.claim(claim_id).ended_at is None


def test_the_claim_of_a_run_that_ended_without_a_word_is_taken_back_at_once(ticks: Ticks, drop: Drop) -> None:
    claim_id, job, _ = bound(ticks, drop, dg.DagsterRunStatus.FAILURE, silent_s=6)
    ticks.tick(recovery_sensor)
    assert ticks.claim(claim_id).outcome == "lost"
    assert get(ticks.ledger, job.job_id).status is JobStatus.PENDING


def test_dagster_is_told_of_what_a_dying_run_had_published(ticks: Ticks, drop: Drop) -> None:
    _, job, _ = bound(ticks, drop, dg.DagsterRunStatus.FAILURE, silent_s=6)
    manifest = build_manifest(
        partition=job.partition,
        generation=1,
        created_at=job.created_at,
        recipe_name="default",
        recipe_hash=job.recipe_hash,
        source=SourceRef(job.bucket, job.key, job.etag, job.size_bytes, "image", FACTS),
        outputs=[output(job.partition, 1, asset) for asset in ("image/thumbnails", "image/renditions")],
    )
    ticks.ledger.do(generations.publish, job.job_id, job.partition, 1, manifest)
    thumbnails, renditions = dg.AssetKey(["image", "thumbnails"]), dg.AssetKey(["image", "renditions"])
    ticks.instance.add_dynamic_partitions("image_files", [job.partition])
    # The run came as far as one of the two.
    ticks.instance.report_runless_asset_event(
        dg.AssetMaterialization(thumbnails, partition=job.partition, metadata={"generation": 1})
    )
    for _ in range(3):
        ticks.tick(recovery_sensor)
    for key in (thumbnails, renditions):
        (record,) = ticks.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[job.partition]), limit=10
        ).records
        assert record.asset_materialization is not None
        assert record.asset_materialization.metadata["generation"].value == 1
    assert record.asset_materialization.tags is not None
    assert record.asset_materialization.tags["dagster/data_version"] == f"{job.recipe_hash}-{job.etag}"
    assert ticks.ledger.do(generations.unannounced) == []


def test_a_late_manifest_is_brought_in_line(ticks: Ticks, drop: Drop) -> None:
    _, job, _ = bound(ticks, drop, dg.DagsterRunStatus.STARTED, silent_s=0)
    ticks.ledger.do(generations.publish, job.job_id, job.partition, 1, {"generation": 1})
    store, key = ObjectStore.from_settings(settings()), manifest_key(job.partition)
    ticks.tick(recovery_sensor)
    assert store.stat(settings().output_bucket, key) is None, "its worker may be about to write it"
    ticks.sql("UPDATE telecine.generations SET published_at = now() - interval '1 minute'")
    ticks.tick(recovery_sensor)
    assert json.loads(store.read(settings().output_bucket, key)) == {"generation": 1}
    store.remove(settings().output_bucket, key)


def test_scratch_of_ended_claims_is_swept_and_that_of_open_ones_kept(
    ticks: Ticks, drop: Drop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELECINE_SCRATCH", str(tmp_path))
    settings.cache_clear()
    bound(ticks, drop, dg.DagsterRunStatus.STARTED, silent_s=0)
    for name in ("c", "ended-long-ago", "just-ended"):
        (tmp_path / name / "job").mkdir(parents=True)
    for name in ("c", "ended-long-ago"):
        os.utime(tmp_path / name, (time.time() - 3_600,) * 2)
    ticks.tick(recovery_sensor)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "just-ended"]
