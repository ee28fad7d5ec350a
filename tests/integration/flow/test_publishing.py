"""manifest.json follows the ledger and never goes back (telecine/publish.py)."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from telecine.errors import ConfigurationError, ErrorCode, NotOurs, TransientError
from telecine.ledger import Job, Ledger, attempts, claims, generations, runs
from telecine.partition import manifest_key
from telecine.publish import publish_outputs, write_manifest
from telecine.settings import Settings, settings
from telecine.storage import ObjectStore
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

FACTS = {"format": "jpeg", "width": 64, "height": 48, "duration_s": None}
ASSETS = ("image/thumbnails", "image/renditions")


def output(partition: str, generation: int, asset: str = "image/thumbnails") -> dict[str, Any]:
    return {
        "asset": asset,
        "name": asset.rsplit("/", 1)[1],
        "url": f"g{generation}/x.jpg",
        "key": f"{partition}/g{generation}/x.jpg",
        "mime": "image/jpeg",
        "size_bytes": 1,
        "sha256": "0" * 64,
        "width": 1,
        "height": 1,
        "duration_s": None,
        "bitrate_bps": None,
        "codecs": None,
        "total_bytes": None,
        "files": None,
    }


class Press:
    """Publishes below a bucket of its own."""

    def __init__(self, ledger: Ledger, store: ObjectStore, config: Settings) -> None:
        self.ledger, self.store, self.config = ledger, store, config

    def publish(self, job: Job, generation: int, wanted: tuple[str, ...] = ASSETS) -> dict[str, Any]:
        outputs = [output(job.partition, generation, asset) for asset in wanted]
        return publish_outputs(
            self.ledger, self.store, self.config, job, generation, FACTS, outputs, (), wanted
        ).manifest

    def manifest(self, partition: str) -> dict[str, Any]:
        return dict(json.loads(self.store.read(self.config.output_bucket, manifest_key(partition))))


@pytest.fixture
def press(stack: dict[str, str], ledger: Ledger) -> Iterator[Press]:
    store = ObjectStore.from_settings(settings())
    bucket = f"publish-{uuid.uuid4().hex[:8]}"
    store.ensure_bucket(bucket)
    yield Press(ledger, store, settings().model_copy(update={"output_bucket": bucket}))
    for info in list(store.list(bucket)):
        store.remove(bucket, info.key)
    store.client.remove_bucket(bucket)


def again(ledger: Ledger, job: Job, run: str) -> tuple[Job, int]:
    """Another job for the same partition, begun."""
    (job_id,), refused = ledger.do(runs.open_claim, run, [job.partition], run_id=run, worker="host:2", lane="image")
    assert refused == {}
    opened = get(ledger, job_id)
    return opened, ledger.do(attempts.begin, opened, claim_id=run, run_id=run, worker="host:2")


def test_published_means_ledger_and_manifest_agree(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
) -> None:
    job = drop()
    _, generation = begun(job)
    made = press.publish(job, generation)
    assert press.manifest(job.partition) == made
    assert press.ledger.do(generations.current, job.partition) == (generation, made)
    assert press.ledger.do(generations.unwritten, 0.0) == []


def test_a_writer_frozen_between_ledger_and_store_can_not_put_an_old_manifest_over_a_newer(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = drop()
    _, first = begun(job)
    replace = press.store.replace
    frozen, thaw = threading.Event(), threading.Event()

    def freezes(*args: Any, **kwargs: Any) -> None:
        if threading.current_thread().name == "older":
            frozen.set()
            assert thaw.wait(60)
        replace(*args, **kwargs)

    monkeypatch.setattr(press.store, "replace", freezes)
    older = threading.Thread(target=press.publish, args=(job, first), name="older")
    older.start()
    assert frozen.wait(60)  # generation 1 is published in the ledger, its manifest is about to be put
    newer_job, second = again(press.ledger, job, "ui")
    press.publish(newer_job, second)
    assert press.manifest(job.partition)["generation"] == second
    thaw.set()
    older.join(60)
    assert press.manifest(job.partition)["generation"] == second
    assert press.ledger.do(generations.current, job.partition)[0] == second  # type: ignore[index]


def test_many_writers_at_once_leave_the_newest_manifest(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
) -> None:
    job = drop()
    _, generation = begun(job)
    press.publish(job, generation)
    for turn in range(4):
        job, generation = again(press.ledger, job, f"ui-{turn}")

        def write(number: int, job: Job = job, generation: int = generation) -> None:
            if number == 5:
                press.publish(job, generation)
            else:
                write_manifest(press.ledger, press.store, press.config.output_bucket, job.partition)

        with ThreadPoolExecutor(5) as pool:
            for future in [pool.submit(write, n) for n in range(4, 9)]:
                error = future.exception()
                assert error is None or isinstance(error, TransientError), "five lost races in a row: tried again later"
        assert press.manifest(job.partition)["generation"] == generation


def test_with_the_store_away_published_is_published_and_the_manifest_is_brought_in_line_later(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = drop()
    _, generation = begun(job)

    def away(*_: Any, **__: Any) -> None:
        raise TransientError(ErrorCode.STORE_UNAVAILABLE, "away")

    monkeypatch.setattr(press.store, "replace", away)
    press.publish(job, generation)
    assert get(press.ledger, job.job_id).status == "COMPLETED"
    assert press.store.stat(press.config.output_bucket, manifest_key(job.partition)) is None
    assert press.ledger.do(generations.unwritten, 0.0) == [job.partition]
    assert press.ledger.do(generations.unwritten, 60.0) == [], "its own worker may be about to write it"
    monkeypatch.undo()
    for _ in range(2):  # harmless to repeat
        write_manifest(press.ledger, press.store, press.config.output_bucket, job.partition)
    assert press.manifest(job.partition)["generation"] == generation
    assert press.ledger.do(generations.unwritten, 0.0) == []


def test_a_fenced_attempt_publishes_nothing(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
) -> None:
    job = drop()
    claim_id, generation = begun(job)
    press.ledger.do(claims.end, claim_id, "lost", worker_died=True)
    with pytest.raises(NotOurs):
        press.publish(job, generation)
    assert press.store.stat(press.config.output_bucket, manifest_key(job.partition)) is None


def test_a_subset_carries_the_others_forward_by_reference(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
) -> None:
    job = drop()
    _, generation = begun(job)
    press.publish(job, generation)
    job, second = again(press.ledger, job, "ui")
    press.publish(job, second, ("image/thumbnails",))
    found = press.manifest(job.partition)
    assert {o["asset"]: o["key"].split("/")[1] for o in found["outputs"]} == {
        "image/thumbnails": f"g{second}",
        "image/renditions": f"g{generation}",
    }
    assert found["warnings"] == []


def test_a_recipe_without_outputs_for_this_kind_publishes_nothing_and_says_why(
    press: Press,
    drop: Callable[..., Job],
    begun: Callable[..., tuple[str, int]],
) -> None:
    job = drop()
    _, generation = begun(job)
    with pytest.raises(ConfigurationError) as caught:
        publish_outputs(press.ledger, press.store, press.config, job, generation, FACTS, [], (), ASSETS)
    assert caught.value.code is ErrorCode.NO_OUTPUTS
    assert get(press.ledger, job.job_id).status == "PROCESSING", "failing it is the caller's to do"
