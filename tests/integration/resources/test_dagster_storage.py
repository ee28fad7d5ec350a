"""Dagster's storage with kept connections writes what dagster-postgres would have written, in fewer pieces."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest

from resources.dagster_storage import together

pytestmark = pytest.mark.integration

KEYS = [f"file-{n}" for n in range(6)]
LARGE, SMALL = dg.AssetKey("large"), dg.AssetKey("small")
OURS = "storage: {custom: {module: resources.dagster_storage, class: Storage, config: {postgres_url: '%s'}}}"
THEIRS = "storage: {postgres: {postgres_url: '%s'}}"
files = dg.StaticPartitionsDefinition(KEYS)


@contextmanager
def an_instance(directory: Path, storage: str, postgres_url: str) -> Iterator[dg.DagsterInstance]:
    directory.mkdir()
    (directory / "dagster.yaml").write_text(storage % postgres_url + "\ntelemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(directory)) as made:
        yield made


@pytest.fixture
def instance(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance on our storage, with events in batches as the stack has them."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with an_instance(tmp_path / "ours", OURS, empty_database) as made:
        yield made


def materialization(asset: dg.AssetKey, partition: str) -> dg.AssetMaterialization:
    tags = {"dagster/data_version": f"version-of-{partition}"}
    return dg.AssetMaterialization(asset, partition=partition, metadata={"bytes": 7}, tags=tags)


@dg.multi_asset(
    specs=[dg.AssetSpec(asset, skippable=True) for asset in (LARGE, SMALL)],
    check_specs=[dg.AssetCheckSpec("seen", asset=LARGE)],
    partitions_def=files,
)
def pictures(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Every file of the range but the last, in two blocks where the storage has such."""
    *made, _ = context.partition_keys
    for part in (made[:2], made[2:]):
        events = [materialization(asset, key) for key in part for asset in (LARGE, SMALL)]
        with together(context.instance):
            for event in events:
                context.log_event(event)
    yield dg.AssetCheckResult(asset_key=LARGE, check_name="seen", passed=True)
    raise dg.Failure("the last one wasn't made")


def a_range_run(instance: dg.DagsterInstance) -> None:
    tags = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[4]}
    assert not dg.materialize([pictures], instance=instance, tags=tags, raise_on_error=False).success


def remembered(instance: dg.DagsterInstance) -> list[Any]:
    """What the instance says of the assets, in the words of its public methods."""
    [run] = instance.get_runs()
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
    said: list[Any] = sorted((e.event_type_value, str(e.asset_key), str(e.partition)) for e in events if e)
    for asset in (LARGE, SMALL):
        said.append(instance.get_status_by_partition(asset, KEYS, files))
        latest = instance.get_latest_materialization_event(asset)
        assert latest is not None
        assert latest.asset_materialization is not None
        said += [latest.asset_materialization.partition, latest.run_id == run.run_id]
        records = instance.fetch_materializations(asset, limit=50).records
        said += [(record.partition_key, record.asset_materialization.tags) for record in records]
        said.append(sorted(tag["dagster/data_version"] for tag in instance.get_event_tags_for_asset(asset)))
    return said


def test_a_range_run_is_remembered_as_on_dagsters_own_storage(
    instance: dg.DagsterInstance, other_empty_database: str, tmp_path: Path
) -> None:
    a_range_run(instance)
    with an_instance(tmp_path / "theirs", THEIRS, other_empty_database) as theirs:
        a_range_run(theirs)
        expected = remembered(theirs)
    assert remembered(instance) == expected
    kinds = [kind for kind, *_ in (said for said in expected if isinstance(said, tuple) and len(said) == 3)]
    assert kinds.count("ASSET_MATERIALIZATION_PLANNED") == 10
    assert kinds.count("ASSET_MATERIALIZATION") == 8


def in_one_block(instance: dg.DagsterInstance, keys: list[str]) -> None:
    """Report materializations in a block that ends in an error."""
    with together(instance):
        for key in keys:
            instance.report_runless_asset_event(materialization(LARGE, key))
        assert instance.fetch_materializations(LARGE, limit=9).records == [], "nothing is written before the end"
        raise ValueError("in the middle")


def test_what_is_told_together_appears_when_the_block_ends_even_by_an_error(instance: dg.DagsterInstance) -> None:
    with pytest.raises(ValueError, match="in the middle"):
        in_one_block(instance, KEYS[:3])
    assert {r.partition_key for r in instance.fetch_materializations(LARGE, limit=9).records} == set(KEYS[:3])
    instance.report_runless_asset_event(materialization(LARGE, KEYS[3]))
    assert len(instance.fetch_materializations(LARGE, limit=9).records) == 4, "outside a block each is written at once"


def cut_all(postgres_url: str) -> int:
    """Cut every connection to the database; answers how many there were."""
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        cut = cursor.rowcount
    connection.close()
    return cut


def test_what_is_told_together_survives_a_connection_cut_just_before(
    instance: dg.DagsterInstance, empty_database: str
) -> None:
    with together(instance):
        for key in KEYS:
            instance.report_runless_asset_event(materialization(LARGE, key))
        assert instance.fetch_materializations(LARGE, limit=9).records == []  # so that a connection was used just now
        assert cut_all(empty_database) >= 1
    found = [record.partition_key for record in instance.fetch_materializations(LARGE, limit=50).records]
    assert sorted(found) == KEYS, "each once"


def test_connections_are_kept_and_a_restarted_database_is_noticed(
    instance: dg.DagsterInstance, empty_database: str
) -> None:
    for key in KEYS:
        instance.report_runless_asset_event(materialization(SMALL, key))
    assert 1 <= cut_all(empty_database) <= 4, "the pool's size, not one for each statement"
    time.sleep(1.1)  # a connection that worked within the second is not asked first
    instance.report_runless_asset_event(materialization(SMALL, KEYS[0]))
    assert len(instance.fetch_materializations(SMALL, limit=50).records) == len(KEYS) + 1
