"""Lanes of the run queue."""

from __future__ import annotations

import pytest

from resources.run_queue import LaneRunQueue, lane_limits, lane_of


@pytest.mark.parametrize(("slots", "video", "not_urgent"), [(1, 1, 1), (2, 1, 2), (3, 1, 2), (4, 2, 3), (16, 14, 15)])
def test_video_leaves_slots_to_images_and_everybody_leaves_one_to_urgent_runs(
    slots: int, video: int, not_urgent: int
) -> None:
    assert [limit["limit"] for limit in lane_limits(slots, 2)] == [video, not_urgent]


def test_runs_over_videos_and_sessions_are_in_the_video_lane() -> None:
    assert lane_of([["video", "renditions"], ["image", "thumbnails"]]) == "video"
    assert lane_of([["session", "stitched_video"]]) == "video"


def test_images_and_reports_need_no_lane() -> None:
    assert lane_of([["image", "thumbnails"], ["catalog", "report"]]) is None
    assert lane_of([]) is None


def test_the_configuration_becomes_dagsters_own() -> None:
    queue = LaneRunQueue.from_config_value(None, {"max_concurrent_runs": 4, "reserved_slots": 1})
    config = queue.get_run_queue_config()
    assert config.max_concurrent_runs == 4
    assert list(config.tag_concurrency_limits) == [
        {"key": "telecine/lane", "value": "video", "limit": 3},
        {"key": "telecine/urgent", "value": "no", "limit": 3},
    ]
    assert "tag_concurrency_limits" not in LaneRunQueue.config_type()
