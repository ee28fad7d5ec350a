"""Intake: what is in a bucket becomes jobs, once, or is refused once with a reason (telecine/intake.py)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from telecine.config import Rule
from telecine.errors import ConfigurationError, ErrorCode, TransientError
from telecine.intake import Scanned, Watch
from telecine.ledger import JobStatus, Ledger
from telecine.ledger import jobs as job_rows
from telecine.partition import manifest_key, partition_key
from telecine.priority import Lane, Priority
from telecine.samples import photo
from telecine.settings import settings
from telecine.storage import ObjectStore
from tests.integration.conftest import waiting

pytestmark = pytest.mark.integration


class Bucket:
    """A bucket of the test's own and the watch over it."""

    def __init__(self, store: ObjectStore, ledger: Ledger, name: str, photo: bytes) -> None:
        self.store, self.ledger, self.name, self.photo = store, ledger, name, photo
        self.watch = self.watch_with(Rule(bucket=name))

    def watch_with(self, *rules: Rule) -> Watch:
        self.watch = Watch(self.store, settings(), self.name, rules)
        return self.watch

    def put(self, key: str, data: bytes | None = None) -> None:
        self.store.write(self.name, key, self.photo if data is None else data, mime="application/octet-stream")

    def look(self) -> Scanned:
        """One whole pass, all its looks taken together."""
        whole = Scanned(finished=False)
        while not whole.finished:
            scanned = self.watch.look(self.ledger, 60.0)
            whole.listed += scanned.listed
            whole.finished = scanned.finished
            for name in ("accepted", "refused", "deleted"):
                getattr(whole, name).extend(getattr(scanned, name))
        return whole

    def jobs(self) -> dict[str, Any]:
        found = self.ledger.do(job_rows.newest, 10_000)
        return {job.key: job for job in reversed(found)}

    def rows(self, sql: str) -> list[Any]:
        return self.ledger.do(lambda c: list(c.execute(text(sql))))


@pytest.fixture
def bucket(stack: dict[str, str], ledger: Ledger, tmp_path: Path) -> Iterator[Bucket]:
    store = ObjectStore.from_settings(settings())
    name = f"intake-{uuid.uuid4().hex[:8]}"
    store.ensure_bucket(name)
    photo(1, (64, 48)).save(tmp_path / "p.jpg")
    yield Bucket(store, ledger, name, (tmp_path / "p.jpg").read_bytes())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda info: store.remove(name, info.key), list(store.list(name))))
    store.client.remove_bucket(name)


def test_a_new_object_becomes_one_job(bucket: Bucket) -> None:
    bucket.put("a.jpg")
    scanned = bucket.look()
    assert (scanned.listed, len(scanned.accepted), scanned.refused, scanned.deleted) == (1, 1, [], [])
    for _ in range(3):
        assert bucket.look().accepted == []
    assert bucket.jobs()["a.jpg"].kind == "image"
    bucket.watch_with(Rule(bucket=bucket.name))  # a restarted sensor
    assert bucket.look().accepted == []


def test_a_reupload_becomes_a_job_of_its_own(bucket: Bucket) -> None:
    bucket.put("a.jpg")
    bucket.put("b.jpg")
    bucket.look()
    bucket.put("a.jpg", bucket.photo + b"\0")
    assert len(bucket.look().accepted) == 1
    statuses = [job.status for job in bucket.ledger.do(job_rows.newest, 10) if job.key == "a.jpg"]
    assert statuses == [JobStatus.PENDING, JobStatus.CANCELED]


def test_the_same_bytes_uploaded_again_later_are_a_new_version(bucket: Bucket) -> None:
    bucket.put("a.jpg")
    bucket.look()
    time.sleep(1.1)  # versions are told apart by whole seconds
    bucket.put("a.jpg")
    assert len(bucket.look().accepted) == 1


def test_a_deleted_object_is_marked_and_nothing_is_removed(bucket: Bucket) -> None:
    bucket.put("a.jpg")
    bucket.put("b.jpg")
    bucket.look()
    bucket.ledger.do(
        lambda c: c.execute(text("UPDATE telecine.media_objects SET changed_at = now() - interval '1 hour'"))
    )
    bucket.store.remove(bucket.name, "a.jpg")
    assert bucket.look().deleted == [partition_key(bucket.name, "a.jpg")]
    assert bucket.look().deleted == []
    assert set(bucket.jobs()) == {"a.jpg", "b.jpg"}


def test_what_is_no_media_is_refused_once_with_a_reason(bucket: Bucket) -> None:
    bucket.put("notes.txt", b"some words that are no picture, and enough of them to be looked at")
    bucket.put("empty.jpg", b"")
    assert sorted(bucket.look().refused) == ["empty.jpg", "notes.txt"]
    assert bucket.look().refused == []
    rows = {row.key: row for row in bucket.rows("SELECT * FROM telecine.media_objects")}
    assert rows["empty.jpg"].reason_code == "EMPTY_FILE"
    assert rows["notes.txt"].reason_code == "UNSUPPORTED_MEDIA"
    assert all(row.reason for row in rows.values())
    assert bucket.jobs() == {}
    bucket.put("empty.jpg")
    assert len(bucket.look().accepted) == 1, "a later good version is taken"


def test_temporary_names_and_uploads_of_telecine_process_are_left_alone(bucket: Bucket) -> None:
    for key in ("a.jpg.part", ".hidden.jpg", "x/~b.jpg", "uploads/0123/a.jpg", "__MACOSX/a.jpg"):
        bucket.put(key)
    scanned = bucket.look()
    assert scanned.accepted == scanned.refused == []
    assert bucket.rows("SELECT * FROM telecine.media_objects") == []


def test_own_outputs_are_not_fed_upon_when_the_output_bucket_is_watched(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings().model_copy(update={"output_bucket": bucket.name})
    partition = partition_key("incoming", "a.jpg")
    for key in (manifest_key(partition), f"{partition}/g1/renditions/640.jpg", "dropped.jpg"):
        bucket.put(key)
    bucket.watch = Watch(bucket.store, own, bucket.name, [Rule(bucket=bucket.name)])
    bucket.look()
    assert set(bucket.jobs()) == {"dropped.jpg"}


def test_of_two_rules_on_one_bucket_the_first_that_matches_decides(bucket: Bucket) -> None:
    bucket.watch_with(
        Rule(bucket=bucket.name, prefix="in/urgent/", priority=Priority.URGENT, recipe="thumbnail"),
        Rule(bucket=bucket.name, prefix="in/", priority=Priority.LOW, lane=Lane.ARCHIVE),
    )
    for key in ("in/urgent/a.jpg", "in/b.jpg", "out/c.jpg", "in/urgently.jpg"):
        bucket.put(key)
    scanned = bucket.look()
    assert scanned.listed == 3, "only what the rules have in common is listed"
    jobs = bucket.jobs()
    assert {key: (job.priority, job.lane) for key, job in jobs.items()} == {
        "in/urgent/a.jpg": (20, "live"),
        "in/b.jpg": (1, "archive"),
        "in/urgently.jpg": (1, "archive"),
    }
    assert jobs["in/urgent/a.jpg"].recipe_hash != jobs["in/b.jpg"].recipe_hash


@pytest.mark.parametrize("key", ["sp ace.jpg", "100%.jpg", "a+b#c?.jpg", "日本/写真.jpg"])
def test_odd_names_become_jobs_that_find_their_object(bucket: Bucket, key: str) -> None:
    bucket.put(key)
    bucket.look()
    job = bucket.jobs()[key]
    assert bucket.store.read(job.bucket, job.key, etag=job.etag) == bucket.photo


def test_an_object_replaced_or_deleted_between_listing_and_sniffing_is_taken_next_time(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.jpg", bucket.photo + b"old")
    bucket.put("b.jpg")
    read = bucket.store.read

    def replaced_meanwhile(name: str, key: str, **how: Any) -> bytes:
        if key == "a.jpg":
            bucket.put("a.jpg")
        else:
            bucket.store.remove(name, key)
        return read(name, key, **how)

    monkeypatch.setattr(bucket.store, "read", replaced_meanwhile)
    scanned = bucket.look()
    assert scanned.accepted == scanned.refused == []
    monkeypatch.undo()
    assert len(bucket.look().accepted) == 1
    (job,) = bucket.jobs().values()
    assert bucket.store.read(job.bucket, job.key, etag=job.etag) == bucket.photo


def test_when_the_database_goes_away_in_the_middle_of_a_page_nothing_is_lost(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(70):  # more than one transaction takes
        bucket.put(f"{n}.jpg")
    do, calls = bucket.ledger.do, []

    def breaks(work: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise TransientError(ErrorCode.DATABASE_UNAVAILABLE, "away")
        return do(work, *args, **kwargs)

    monkeypatch.setattr(bucket.ledger, "do", breaks)
    with pytest.raises(TransientError):
        bucket.look()
    monkeypatch.undo()
    assert 0 < len(bucket.jobs()) < 70
    bucket.look()
    assert len(bucket.jobs()) == 70


def test_a_bucket_that_does_not_exist_is_said_so_and_marks_nothing_deleted(bucket: Bucket) -> None:
    bucket.put("a.jpg")
    bucket.look()
    bucket.ledger.do(
        lambda c: c.execute(
            text("UPDATE telecine.media_objects SET changed_at = now() - interval '1 hour', bucket = 'x'")
        )
    )
    gone = Watch(bucket.store, settings(), "no-such-bucket", [Rule(bucket="no-such-bucket")])
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="no-such-bucket"):
            gone.look(bucket.ledger, 10.0)
    assert bucket.rows("SELECT * FROM telecine.media_objects WHERE deleted_at IS NOT NULL") == []


def test_a_look_out_of_time_stops_and_the_next_pass_takes_the_rest(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(120):
        bucket.put(f"{n:03}.jpg")
    read = bucket.store.read

    def slowly(*args: Any, **how: Any) -> bytes:
        time.sleep(0.5)
        return read(*args, **how)

    monkeypatch.setattr(bucket.store, "read", slowly)
    bucket.watch.look(bucket.ledger, 2.0)
    monkeypatch.undo()
    assert 0 < len(bucket.jobs()) < 120
    for _ in range(5):
        bucket.look()
    assert len(bucket.jobs()) == 120


def test_a_look_while_another_is_under_way_leaves_it_alone(bucket: Bucket) -> None:
    for n in range(200):
        bucket.put(f"{n:03}.jpg")
    with ThreadPoolExecutor(4) as pool:
        looks = list(pool.map(lambda _: bucket.watch.look(bucket.ledger, 60.0), range(4)))
    assert sum(len(look.accepted) for look in looks) == len(bucket.jobs()) == 200


def test_a_bucket_of_a_thousand_known_objects_is_read_in_a_fraction_of_a_tick(bucket: Bucket) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: bucket.put(f"{n % 10}/{n:05}.jpg"), range(1_000)))
    scanned = bucket.look()
    assert len(scanned.accepted) == 1_000
    bucket.put("one-more.jpg")
    started = time.monotonic()
    assert len(bucket.look().accepted) == 1
    known_s = time.monotonic() - started
    print(f"1,001 objects, one of them new: {known_s:.2f} s")
    assert known_s < 25, "one look must fit the sensor's budget"
    assert len(waiting(bucket.ledger, 3_000)) == 1_001
