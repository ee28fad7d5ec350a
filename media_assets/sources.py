"""Source assets: the media files themselves, which Telecine observes and never makes.

https://docs.dagster.io/guides/build/assets/external-assets
"""

import dagster as dg

from media_assets.partitions import audio_files, image_files, video_files

image_source = dg.AssetSpec(
    ["image", "source"],
    description="Images as they lie in the watched buckets; observed whenever a new version lands.",
    partitions_def=image_files,
    group_name="images",
    kinds={"s3", "image"},
)
video_source = dg.AssetSpec(
    ["video", "source"],
    description="Videos as they lie in the watched buckets.",
    partitions_def=video_files,
    group_name="videos",
    kinds={"s3", "video"},
)
audio_source = dg.AssetSpec(
    ["audio", "source"],
    description="Sound files as they lie in the watched buckets.",
    partitions_def=audio_files,
    group_name="audio",
    kinds={"s3", "audio"},
)
sources = [image_source, video_source, audio_source]


def observation(kind: str, partition: str, bucket: str, key: str, etag: str, size_bytes: int) -> dg.AssetObservation:
    """A version of a source file was seen; its ETag is the data version that makes outputs stale."""
    return dg.AssetObservation(
        asset_key=dg.AssetKey([kind, "source"]),
        partition=partition,
        metadata={"object": f"{bucket}/{key}", "etag": etag, "size_bytes": size_bytes},
        tags={"dagster/data_version": etag},
    )
