"""The run queue: Dagster's own, with lanes, so that long encodes never hold every slot.

Belongs here: which lane a run is in and how many runs a lane may have. Doesn't belong here: priorities and batches
(telecine/ledger decides them, sensors/dispatch.py writes them into tags).

A run's lane is its tag `telecine/lane`. Dispatch sets it; runs that a person or a backfill starts in the UI come
without one and get it here. Configured in dagster.yaml; see Dagster's "Customizing run queue priority".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, Field, IntSource, QueuedRunCoordinator, SubmitRunContext

LANE_TAG = "telecine/lane"
URGENT_TAG = "telecine/urgent"
NOT_URGENT = "no"
VIDEO_LANE = "video"
"""Long work: encodes, stitching. Everything else may use any slot."""

_VIDEO_GROUPS = frozenset({"video", "session"})


def lane_limits(run_slots: int, reserved_slots: int) -> list[dict[str, Any]]:
    """Tag limits that leave `reserved_slots` of the slots to other lanes than video, and one to urgent runs.

    Video always gets a slot. Of two slots or fewer none is kept for urgent runs: images need one beside a video.
    """
    return [
        {"key": LANE_TAG, "value": VIDEO_LANE, "limit": max(1, run_slots - reserved_slots)},
        {"key": URGENT_TAG, "value": NOT_URGENT, "limit": max(min(2, run_slots), run_slots - 1)},
    ]


def lane_of(asset_paths: list[list[str]]) -> str | None:
    """The lane of a run over these asset keys; None when it needs none."""
    return VIDEO_LANE if any(path[0] in _VIDEO_GROUPS for path in asset_paths) else None


class LaneRunQueue(QueuedRunCoordinator):
    """QueuedRunCoordinator with the number of slots from the environment and one lane kept below it."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """QueuedRunCoordinator's fields, with `reserved_slots` in place of tag limits."""
        fields = {name: field for name, field in super().config_type().items() if name != "tag_concurrency_limits"}
        reserved = Field(IntSource, default_value=1, description="Run slots that the video lane never takes.")
        return {**fields, "reserved_slots": reserved}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> LaneRunQueue:
        """Turn the reserved slots into tag limits; called by Dagster with the validated configuration."""
        config = dict(config_value)
        limits = lane_limits(config.get("max_concurrent_runs", 10), config.pop("reserved_slots"))
        return super().from_config_value(inst_data, {**config, "tag_concurrency_limits": limits})

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Give a run without a lane or an urgency its own, then queue it."""
        run = context.dagster_run
        missing = {} if URGENT_TAG in run.tags else {URGENT_TAG: NOT_URGENT}
        if LANE_TAG not in run.tags and (lane := lane_of([list(k.path) for k in run.asset_selection or ()])):
            missing[LANE_TAG] = lane
        if missing:
            self._instance.add_run_tags(run.run_id, missing)
        return super().submit_run(context)
