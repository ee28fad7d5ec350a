"""Materialize, re-materialize and backfill as the UI does it: same work, same ledger, same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telecine.ledger import Job
from tests.e2e.house import House, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_LAUNCH = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId launchedRunIds } ... on PythonError { message } } }"""
_BACKFILL_STATUS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""

IMAGE_ASSETS = ("image/thumbnails", "image/renditions")


def materialize(house: House, assets: tuple[str, ...], **tags: str) -> str:
    """The "Materialize" button; answers the run's id."""
    params = {
        "selector": {
            "repositoryLocationName": "telecine",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": asset.split("/")} for asset in assets],
        },
        "mode": "default",
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        "runConfigData": {},
    }
    answer = house.graphql(_LAUNCH, params=params)["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def backfill(house: House, assets: tuple[str, ...], partitions: list[str]) -> str:
    """A backfill as the UI starts it; answers its id."""
    params = {
        "assetSelection": [{"path": asset.split("/")} for asset in assets],
        "partitionNames": partitions,
        "tags": [],
    }
    answer = house.graphql(_BACKFILL, params=params)["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return str(answer["backfillId"])


def wait_for_backfill(house: House, backfill_id: str) -> None:
    """Returns when it has ended well."""

    def ended() -> bool:
        found = house.graphql(_BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]
        return bool(found["status"] == "COMPLETED_SUCCESS")

    eventually(ended, "the backfill to end", pause_s=1)


def wait_for_run(house: House, run_id: str) -> str:
    """The run's last status."""

    def ended() -> str | None:
        run = house.instance.get_run_by_id(run_id)
        return run.status.value if run and run.is_finished else None

    return str(eventually(ended, f"run {run_id} to end"))


def opened(house: House, before: list[Job]) -> list[Job]:
    """Jobs that weren't there before."""
    return [job for job in house.jobs() if job.job_id not in {b.job_id for b in before}]


def shape(manifest: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a manifest says of its outputs, apart from where they lie."""
    return sorted((o["asset"], o["name"], o["mime"], o["width"], o["height"], o["sha256"]) for o in manifest["outputs"])


def test_one_partition_a_range_a_subset_and_a_backfill(house: House, photos: list[Path]) -> None:
    partitions = house.drop(photos[-8:])
    dropped = house.wait_until_over(8)
    house.wait_until_shown("image", dict.fromkeys(partitions, "MATERIALIZED"))
    made = {p: shape(house.manifest(p)) for p in partitions}
    ordered = [p for p in house.instance.get_dynamic_partitions("image_files") if p in partitions]

    # All at once: one partition, a range in one run, and a backfill of several that are no range.
    one, several, scattered = ordered[0], ordered[1:4], [ordered[4], ordered[6], ordered[7]]
    backfill_id = backfill(house, IMAGE_ASSETS, scattered)
    tags = {"dagster/asset_partition_range_start": several[0], "dagster/asset_partition_range_end": several[-1]}
    runs = [
        materialize(house, IMAGE_ASSETS, **{"dagster/partition": one}),
        materialize(house, IMAGE_ASSETS, **tags),
    ]
    assert [wait_for_run(house, run_id) for run_id in runs] == ["SUCCESS", "SUCCESS"]
    wait_for_backfill(house, backfill_id)
    new = {job.partition: job for job in opened(house, dropped)}
    assert sorted(new) == sorted([one, *several, *scattered])
    assert {(job.origin, job.status) for job in new.values()} == {("dagster", "COMPLETED")}
    assert len({new[p].claim_id for p in several}) == 1, "one run, one claim"
    for partition in new:  # another generation with the same outputs
        assert house.manifest(partition)["generation"] == 2
        assert shape(house.manifest(partition)) == made[partition]

    # Only thumbnails: renditions are carried forward by reference.
    before = house.jobs()
    assert wait_for_run(house, materialize(house, IMAGE_ASSETS[:1], **{"dagster/partition": one})) == "SUCCESS"
    assert len(opened(house, before)) == 1
    found = house.manifest(one)
    assert found["generation"] == 3
    assert {(o["asset"], o["key"].split("/")[1]) for o in found["outputs"]} == {
        ("image/thumbnails", "g3"),
        ("image/renditions", "g2"),
    }
    # Made alone, a thumbnail is decoded at a smaller scale: the same picture, other bytes.
    assert [entry[:-1] for entry in shape(found)] == [entry[:-1] for entry in made[one]]
    assert [entry for entry in shape(found) if "renditions" in entry[0]] == [
        entry for entry in made[one] if "renditions" in entry[0]
    ]

    everybody = {job.job_id for job in house.jobs()}
    eventually(lambda: house.hooked(everybody) == everybody, "the hooks of all runs, whoever started them", 60)
    house.assert_nothing_lost_or_twice(house.jobs())
    house.wait_until_shown("image", dict.fromkeys(partitions, "MATERIALIZED"))


def test_what_can_not_be_materialized_says_why(house: House, photos: list[Path]) -> None:
    (partition,) = house.drop(photos[-1:])
    (job,) = house.wait_until_over(1)
    house.store.remove(job.bucket, job.key)
    eventually(
        lambda: house.rows(
            "SELECT 1 FROM telecine.media_objects WHERE partition = :p AND deleted_at IS NOT NULL", p=partition
        ),
        "the deletion to be noticed",
    )
    run_id = materialize(house, IMAGE_ASSETS, **{"dagster/partition": partition})
    assert wait_for_run(house, run_id) == "FAILURE"
    reasons = " ".join(
        record.event_log_entry.user_message + str(record.event_log_entry.dagster_event)
        for record in house.instance.get_records_for_run(run_id).records
    )
    assert "was deleted from the bucket" in reasons
    assert len(house.jobs()) == 1, "no job was opened for what can't be done"
    assert house.manifest(partition)["generation"] == 1
