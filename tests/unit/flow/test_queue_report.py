"""The queue's report: which of several causes is the one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from telecine.ledger.workers import Worker
from telecine.queue_report import Report, Slots, report, slots_by_lane

BUSY = Worker("c", "video", 5, "dispatch", 1, "run-1", "host:7", 9.0, 8.0, 1.0, None, 1, 0, 0)


def row(waiting: int, delayed: int = 0, oldest: float = 60.0) -> Any:
    return SimpleNamespace(waiting=waiting, delayed=delayed, running=0, oldest_s=oldest)


def pace(completed: int, failed: int = 0) -> Any:
    return SimpleNamespace(completed=completed, failed=failed)


def judge(depth: list[Any], claims: list[Worker], rate: list[Any] | None = None, **more: Any) -> Report:
    known: dict[str, Any] = {"pauses": [], "slots": 4, "window_s": 600.0, "ready_s": 60.0, "last_dispatch_s": 1.0}
    return report(depth, rate or [], claims, **(known | more))


def test_an_empty_queue_is_held_up_by_nothing() -> None:
    assert judge([], []) == Report()


def test_a_pause_is_named_before_anything_else() -> None:
    found = judge([row(5)], [], pauses=["memory is 95 % used"], last_dispatch_s=900.0)
    assert found.bottleneck == ["no new work begins: memory is 95 % used"]


def test_room_and_no_dispatch_means_that_the_dispatcher_is_away() -> None:
    found = judge([row(5)], [], last_dispatch_s=900.0)
    assert "dispatcher" in found.bottleneck[0]
    assert judge([row(5)], [], ready_s=2.0, last_dispatch_s=900.0).bottleneck == []


def test_full_slots_say_who_has_them() -> None:
    found = judge([row(5)], [BUSY, BUSY, replace(BUSY, lane="image")])
    assert "2 video, 1 image" in found.bottleneck[0]
    assert judge([row(5)], [BUSY]).bottleneck == []


def test_retries_that_wait_for_their_moment_are_no_backlog() -> None:
    assert "wait for their next attempt" in judge([row(3, delayed=3)], [], last_dispatch_s=900.0).bottleneck[0]


def test_a_silent_worker_is_named() -> None:
    assert "host:7" in judge([], [replace(BUSY, silent_s=12.0)]).bottleneck[0]


def test_the_alerts_about_backlog_pace_and_errors() -> None:
    said = " ".join(judge([row(1_500)], [BUSY], [pace(60, 12)]).bottleneck)
    assert "1,500 jobs wait" in said
    assert "6.0 jobs a minute" in said
    assert "12 of 72 jobs failed" in said


def test_the_end_of_the_queue_is_foreseen_from_its_pace() -> None:
    assert "empty in 5 min" in judge([row(300)], [BUSY], [pace(600)]).advice[0]


def test_slots_are_counted_by_lane() -> None:
    found = slots_by_lane([BUSY, replace(BUSY, worker=None)], {"image": 4, "video": 3})
    assert found == {"image": Slots(0, 0, 4), "video": Slots(1, 1, 3)}
