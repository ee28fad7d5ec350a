"""Ticks that wait for work to come, and requested runs that rise while they wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from media_assets import tags
from sensors import lookout
from sensors.buckets import bucket_sensor
from sensors.dispatch import dispatch_sensor
from telecine.ledger import Job
from telecine.samples import photo
from telecine.settings import settings
from telecine.storage import ObjectStore
from tests.integration.conftest import accept, an_object
from tests.integration.sensors.test_sensors import Ticks, ticks, watched  # noqa: F401  fixtures

pytestmark = pytest.mark.integration

_LOOK_S = 30.0  # longer than any tick here needs: one that doesn't notice what came takes that long


def test_a_tick_dispatches_what_comes_while_it_waits(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(lookout, "LOOK_S", _LOOK_S)
    coming = threading.Timer(0.6, accept, (ticks.ledger, an_object()))
    coming.start()
    assert len(ticks.tick(dispatch_sensor)) == 1
    coming.join()


def test_a_tick_takes_in_what_is_dropped_while_it_waits(
    ticks: Ticks,  # noqa: F811
    watched: tuple[str, Path],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(ticks.tick(bucket_sensor)) == 1, "what was there before"
    monkeypatch.setattr(lookout, "LOOK_S", _LOOK_S)
    photo(2, (64, 48)).save(tmp_path / "late.jpg")
    store = ObjectStore.from_settings(settings())
    coming = threading.Timer(0.6, store.upload, (watched[0], "late.jpg", tmp_path / "late.jpg"), {"mime": "image/jpeg"})
    coming.start()
    (request,) = ticks.tick(bucket_sensor)
    assert request.partition_key is not None
    assert "late.jpg" in request.partition_key
    coming.join()


def test_a_tick_with_nothing_to_do_ends_before_the_next(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    looks: list[int] = []
    monkeypatch.setattr(lookout, "LOOK_S", 0.3)
    lookout.until_found(lambda: bool(looks.append(1)), 0.1)
    assert 2 <= len(looks) <= 4
    assert ticks.tick(dispatch_sensor) == []


def test_a_requested_run_rises_while_it_waits_in_the_queue(ticks: Ticks, drop: Callable[..., Job]) -> None:  # noqa: F811
    job = drop(priority=1)
    (request,) = ticks.tick(dispatch_sensor)
    claim_id = request.tags[tags.CLAIM]
    run = ticks.run(dg.DagsterRunStatus.NOT_STARTED, claim_id)
    ticks.instance.add_run_tags(run.run_id, {tags.PRIORITY: request.tags[tags.PRIORITY]})

    def priorities() -> tuple[int, str]:
        found = ticks.instance.get_run_by_id(run.run_id)
        assert found is not None
        return ticks.claim(claim_id).priority, found.tags[tags.PRIORITY]

    ticks.tick(dispatch_sensor)
    assert priorities() == (1, "1"), "nothing changes before it has waited"
    ticks.sql("UPDATE telecine.jobs SET created_at = now() - interval '7 min' WHERE job_id = :i", i=job.job_id)
    ticks.tick(dispatch_sensor)
    assert priorities() == (1, "1"), "it isn't starving yet"
    ticks.sql("UPDATE telecine.jobs SET created_at = now() - interval '7 days' WHERE job_id = :i", i=job.job_id)
    ticks.tick(dispatch_sensor)
    assert priorities() == (11, "11"), "before HIGH, and never above URGENT"
