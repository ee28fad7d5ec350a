"""Photos dropped in the bucket: few runs, every file by itself, re-uploads alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from telecine.ledger import media
from telecine.samples import photo
from tests.e2e.house import House, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_two_hundred_photos_at_once_and_then_twenty_of_them_again(house: House, photos: list[Path]) -> None:
    partitions = house.drop(photos)
    jobs = house.wait_until_over(200)
    assert len(house.claims()) <= 8, "few runs"
    house.assert_nothing_lost_or_twice(jobs)
    house.wait_until_shown("image", dict.fromkeys(partitions, "MATERIALIZED"))
    for job in jobs:
        found = house.manifest(job.partition)
        assert found["generation"] == 1
        assert found["source"]["etag"] == job.etag
        assert {o["asset"] for o in found["outputs"]} == {"image/thumbnails", "image/renditions"}

    before = {row.partition: row for row in house.rows("SELECT * FROM telecine.media_objects")}
    again = {path.name: path for path in photos[3::10]}
    assert len(again) == 20
    # The same names with other pictures: each file moves one place on.
    others = dict(zip(again, [*list(again.values())[1:], next(iter(again.values()))], strict=True))
    renewed = set(house.drop(others))
    jobs = house.wait_until_over(220)
    house.assert_nothing_lost_or_twice(jobs)
    house.wait_until_shown("image", dict.fromkeys(partitions, "MATERIALIZED"))
    after = house.ledger.do(media.by_partition, partitions)
    for partition in partitions:
        if partition in renewed:
            assert house.manifest(partition)["generation"] == 2
        else:
            assert after[partition] == before[partition], "nobody else was touched"
    assert len([job for job in jobs if job.partition in renewed]) == 40
    assert len(house.claims()) <= 12


def test_a_corrupt_file_fails_alone_with_code_and_sentence(house: House, photos: list[Path], tmp_path: Path) -> None:
    good = photos[-8:]
    broken, truncated, empty, other = (
        tmp_path / name for name in ("broken.jpg", "truncated.jpg", "empty.jpg", "a.txt")
    )
    data = photo(77, (640, 480))
    data.save(truncated, quality=90)
    broken.write_bytes(truncated.read_bytes()[:400] + b"\0" * 5_000)
    truncated.write_bytes(truncated.read_bytes()[:-9_000])
    empty.write_bytes(b"")
    other.write_text("words, and enough of them that nobody takes them for a picture of anything")
    partitions = house.drop([*good, broken, truncated, empty, other])
    jobs = {Path(job.key).name: job for job in house.wait_until_over(len(good) + 2)}
    for name in ("broken.jpg", "truncated.jpg"):
        assert jobs[name].status == "FAILED", name
        assert jobs[name].error_code in ("CORRUPT_MEDIA", "TRUNCATED_MEDIA")
        assert len(jobs[name].error_message or "") > 10
    house.assert_nothing_lost_or_twice([job for job in jobs.values() if "small" in job.key])
    shown = dict.fromkeys(partitions[:8], "MATERIALIZED") | dict.fromkeys(partitions[8:10], "FAILED")
    house.wait_until_shown("image", shown)
    refused = house.ledger.do(media.by_partition, partitions[10:])
    assert {row.reason_code for row in refused.values()} == {"EMPTY_FILE", "UNSUPPORTED_MEDIA"}


def test_a_deleted_source_keeps_its_outputs(house: House, photos: list[Path]) -> None:
    (partition,) = house.drop(photos[-1:])
    (job,) = house.wait_until_over(1)
    house.store.remove(job.bucket, job.key)
    eventually(
        lambda: house.ledger.do(media.by_partition, [partition])[partition].deleted_at, "the deletion to be noticed"
    )
    assert house.manifest(partition)["generation"] == 1
    house.assert_nothing_lost_or_twice([job])
