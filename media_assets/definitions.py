"""The whole code location on one page."""

import dagster as dg

from media_assets.audio import audio
from media_assets.images import images
from media_assets.jobs import all_jobs
from media_assets.schedules import retention_job, retention_schedule
from media_assets.sources import sources
from media_assets.videos import videos
from resources import LedgerResource, ObjectStoreResource
from resources.run_processes import start_warm
from sensors.buckets import bucket_sensor
from sensors.dispatch import dispatch_sensor
from sensors.recovery import recovery_sensor
from sensors.runs import run_sensors
from sensors.webhooks import webhook_sensor
from telecine import logs


def build_definitions(**resource_overrides: object) -> dg.Definitions:
    """Everything; tests pass resources of their own."""
    return dg.Definitions(
        assets=[*sources, images, videos, audio],
        jobs=[*all_jobs, retention_job],
        schedules=[retention_schedule],
        sensors=[bucket_sensor, dispatch_sensor, recovery_sensor, webhook_sensor, *run_sensors],
        # A batch has its own process pool, and a run is one unit of recovery: a process per step would only cost time.
        executor=dg.in_process_executor,
        resources={
            "ledger": LedgerResource(postgres_url=dg.EnvVar("TELECINE_POSTGRES_URL")),
            "object_store": ObjectStoreResource(),
            # What a video's steps hand each other is small and lives no longer than the run.
            "io_manager": dg.mem_io_manager,
            **resource_overrides,
        },
    )


logs.configure()
start_warm()
defs = build_definitions()
