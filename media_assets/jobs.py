"""Jobs that dispatch requests: one per kind for a partition or a contiguous range, one for batches that are neither.

https://docs.dagster.io/guides/build/jobs/asset-jobs
"""

import dagster as dg

from media_assets.audio import audio_batch
from media_assets.hooks import hooks
from media_assets.images import images_batch
from media_assets.sources import sources

_SOURCES = dg.AssetSelection.assets(*[spec.key for spec in sources])

images_job = dg.define_asset_job("images_job", selection=dg.AssetSelection.groups("images") - _SOURCES)
videos_job = dg.define_asset_job("videos_job", selection=dg.AssetSelection.groups("videos") - _SOURCES)
audio_job = dg.define_asset_job("audio_job", selection=dg.AssetSelection.groups("audio") - _SOURCES)


@dg.job(executor_def=dg.in_process_executor, hooks=hooks)
def images_batch_job() -> None:
    """Images that are no contiguous range of partitions."""
    images_batch()


@dg.job(executor_def=dg.in_process_executor, hooks=hooks)
def audio_batch_job() -> None:
    """Sound files that are no contiguous range of partitions."""
    audio_batch()


by_kind = {"image": images_job, "video": videos_job, "audio": audio_job}
batch_by_kind = {"image": images_batch_job, "audio": audio_batch_job}
all_jobs = [*by_kind.values(), *batch_by_kind.values()]
