"""Dynamic partitions: one per media file, by kind. Keys come from telecine.partition.partition_key.

https://docs.dagster.io/guides/build/partitions-and-backfills/partitioning-assets#dynamic-partitions
"""

import dagster as dg

image_files = dg.DynamicPartitionsDefinition(name="image_files")
video_files = dg.DynamicPartitionsDefinition(name="video_files")
audio_files = dg.DynamicPartitionsDefinition(name="audio_files")

by_kind = {"image": image_files, "video": video_files, "audio": audio_files}
