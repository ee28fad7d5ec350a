"""Run tags that Telecine sets and reads; people can search runs by them."""

CLAIM = "telecine/claim"
LANE = "telecine/lane"
SOURCE = "telecine/source"
JOB = "telecine/job"
PRIORITY = "dagster/priority"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
