"""What history says of a file: those most alike first, and by what their size let expect."""

from __future__ import annotations

import pytest

from telecine.ledger.estimates import Past, estimate
from telecine.priority import estimate_seconds

MB = 1_000_000


def past(seconds: float, size: int = 10 * MB, recipe: str = "r1", kind: str = "video") -> Past:
    return Past(kind, recipe, size, seconds)


def test_without_history_there_is_a_wide_guess() -> None:
    guess = estimate([past(1.0)] * 4, "video", "r1", 10 * MB)
    assert guess.samples == 0
    assert guess.low_s < guess.likely_s == estimate_seconds("video", 10 * MB) < guess.high_s


def test_history_gives_a_range_with_the_median_in_it() -> None:
    found = estimate([past(float(s)) for s in range(10, 31)], "video", "r1", 10 * MB)
    assert (found.low_s, found.likely_s, found.high_s) == pytest.approx((15.0, 20.0, 28.0))
    assert found.samples == 21


def test_the_same_recipe_counts_before_others() -> None:
    history = [past(10.0)] * 5 + [past(500.0, recipe="r2")] * 50
    assert estimate(history, "video", "r1", 10 * MB).likely_s == pytest.approx(10.0)
    assert estimate(history, "video", "r2", 10 * MB).likely_s == pytest.approx(500.0)
    assert estimate(history, "video", "r3", 10 * MB).likely_s == pytest.approx(500.0), "any recipe of the kind"


def test_a_comparable_size_counts_before_others() -> None:
    history = [past(20.0)] * 5 + [past(9000.0, size=1000 * MB)] * 50
    assert estimate(history, "video", "r1", 12 * MB).likely_s < 30
    assert estimate(history, "video", "r1", 900 * MB).likely_s > 7000


def test_a_larger_file_takes_longer_than_its_like() -> None:
    history = [past(20.0)] * 9
    assert estimate(history, "video", "r1", 30 * MB).likely_s > 20.0 * 2


def test_another_kind_says_nothing() -> None:
    assert estimate([past(10.0, kind="image")] * 50, "video", "r1", 10 * MB).samples == 0
