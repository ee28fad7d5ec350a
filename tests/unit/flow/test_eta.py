"""How long work still takes: history at first, the measured pace more and more."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecine.eta import Estimate, Eta
from telecine.stages import VIDEO

HISTORY = Estimate(80.0, 100.0, 150.0, samples=40)


def test_at_first_history_speaks() -> None:
    assert Eta(VIDEO, HISTORY).left(0.0) == (80.0, 150.0)
    assert Eta(VIDEO, HISTORY).left(30.0) == (50.0, 120.0)


def test_work_that_takes_longer_than_ever_still_has_something_left() -> None:
    low, high = Eta(VIDEO, HISTORY).left(400.0)
    assert 0 < low < high


def test_a_measured_pace_corrects_a_history_that_is_wrong() -> None:
    """History says 100 s; this encode alone will take 1,000."""
    eta = Eta(VIDEO, HISTORY)
    eta.moved("ENCODING", 0.0, 5.0)
    for second in range(6, 806):
        eta.moved("ENCODING", (second - 5) / 1000, float(second))
    low, high = eta.left(805.0)
    truth = 200 + 1000 * 15 / 65  # the stages after it by their weights
    assert low < truth < high
    assert high < truth * 1.5


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    eta = Eta(VIDEO, HISTORY)
    for second in range(60):  # 1 % a second, then 0.1 %
        eta.moved("ENCODING", second / 100, float(second))
    for second in range(60, 160):
        eta.moved("ENCODING", 0.6 + (second - 60) / 1000, float(second))
    low, _ = eta.left(159.0)
    assert low > 200, "0.3 of the encode at 0.1 % a second are 300 s"


def test_a_stage_that_ends_leaves_what_was_measured_to_the_next() -> None:
    eta = Eta(VIDEO, Estimate.guess(10.0))
    for second in range(101):
        eta.moved("ENCODING", second / 100, float(second))
    before = eta.left(100.0)
    eta.moved("PACKAGING", 0.0, 100.0)
    assert eta.left(100.0) == pytest.approx(before, rel=0.01)
    assert before[1] > 10, "the guess said that it would be over by now"


def test_a_stage_begun_anew_is_measured_anew() -> None:
    eta = Eta(VIDEO, HISTORY)
    for second in range(50):
        eta.moved("ENCODING", second / 50, float(second))
    eta.moved("ENCODING", 0.0, 50.0)
    assert eta.left(50.0)[1] >= HISTORY.high_s - 50.0


@given(
    st.lists(
        st.tuples(st.sampled_from([*VIDEO, "UNKNOWN"]), st.floats(0, 1), st.floats(0, 100)), min_size=1, max_size=30
    )
)
def test_whatever_is_reported_the_range_is_one(reports: list[tuple[str, float, float]]) -> None:
    eta, now = Eta(VIDEO, HISTORY), 0.0
    for stage, share, pause in reports:
        now += pause
        eta.moved(stage, share, now)
        low, high = eta.left(now + 0.5)
        assert 0 <= low <= high < 1e9


def test_headers_replace_a_guess_and_move_history_half_way() -> None:
    assert Estimate.guess(10.0).informed(90.0) == Estimate.guess(90.0)
    moved = HISTORY.informed(400.0)
    assert moved.likely_s == pytest.approx(200.0)
    assert moved.samples == HISTORY.samples
    assert [a < b for a, b in pairwise((moved.low_s, moved.likely_s, moved.high_s))] == [True, True]
