"""Run tags that Telecine sets and reads; people can search runs by them."""

from telecine.priority import Priority

CLAIM = "telecine/claim"
LANE = "telecine/lane"
SOURCE = "telecine/source"
JOB = "telecine/job"
CORRELATION = "telecine/correlation"
ATTEMPT = "telecine/attempt"
BATCH = "telecine/batch"
URGENT = "telecine/urgent"  # "yes" or "no": the run queue keeps a slot that only urgent runs take
PRIORITY = "dagster/priority"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def urgency(priority: int) -> str:
    """The value of `URGENT` for a priority."""
    return "yes" if priority >= Priority.URGENT else "no"
