"""The code location as Dagster loads it, without any service running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from media_assets.audio import audio
from media_assets.definitions import build_definitions
from media_assets.images import images
from media_assets.jobs import all_jobs, batch_by_kind, by_kind
from media_assets.partitions import by_kind as partitions_by_kind
from media_assets.videos import videos
from telecine.assets import AUDIO_ASSETS, IMAGE_ASSETS, VIDEO_ASSETS

ROOT = Path(__file__).parents[3]
MADE = {"image": IMAGE_ASSETS, "video": VIDEO_ASSETS, "audio": AUDIO_ASSETS}
REQUESTING = {"buckets", "dispatch", "recovery"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


def test_a_run_of_images_imports_no_video_room() -> None:
    code = "import sys, media_assets.definitions; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.split())
    assert "telecine.image" in loaded
    assert not {"telecine.video", "telecine.stream", "telecine.sound", "numpy", "m3u8"} & loaded


def test_everything_resolves(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    assert {sensor.name for sensor in definitions.sensors or ()} == {
        *REQUESTING,
        "webhooks",
        "run_started",
        "run_canceled",
        "run_failed",
    }


@pytest.mark.parametrize("kind", sorted(by_kind))
def test_each_asset_job_has_its_partitions_and_makes_exactly_its_kinds_assets(
    definitions: dg.Definitions, kind: str
) -> None:
    job = definitions.resolve_job_def(by_kind[kind].name)
    assert job.partitions_def is not None
    assert job.partitions_def.name == partitions_by_kind[kind].name
    made = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert made == set(MADE[kind])


@pytest.mark.parametrize("kind", sorted(batch_by_kind))
def test_batches_that_are_no_range_have_a_job_with_work_in_it(definitions: dg.Definitions, kind: str) -> None:
    assert definitions.resolve_job_def(batch_by_kind[kind].name).nodes


def test_every_sensor_that_requests_runs_may_request_every_job(definitions: dg.Definitions) -> None:
    for sensor in definitions.sensors or ():
        if sensor.name not in REQUESTING:
            continue
        assert {job.name for job in sensor.jobs} == {job.name for job in all_jobs}


def test_runs_are_in_process_whoever_starts_them(definitions: dg.Definitions) -> None:
    for job in all_jobs:
        assert definitions.resolve_job_def(job.name).executor_def.name == "in_process"
    for kind in MADE.values():
        for asset in kind:
            policy = definitions.resolve_asset_graph().get(dg.AssetKey(asset.split("/"))).backfill_policy
            assert policy is not None, asset
            assert policy.max_partitions_per_run is not None, asset


def test_encodes_stand_in_a_pool_that_people_can_limit(definitions: dg.Definitions) -> None:
    assert (
        definitions.resolve_job_def("videos_job")
        .get_node_named("videos")
        .definition.node_named("encode")
        .definition.pool
        == "encodes"
    )


def test_hooks_are_on_the_assets_so_that_runs_of_people_fire_them_too() -> None:
    for assets in (images, videos, audio):
        assert {hook.name for hook in assets.hook_defs} == {"tell_success", "tell_failure"}
    for job in batch_by_kind.values():
        assert {hook.name for hook in job.hook_defs} == {"tell_success", "tell_failure"}


def test_who_may_import_whom() -> None:
    """The contracts of pyproject.toml: telecine without Dagster, wrappers without ffmpeg, Pillow or SQL."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
