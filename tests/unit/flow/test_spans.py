"""Spans of time, read and written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telecine.errors import ConfigurationError
from telecine.spans import parse_moment, parse_span, say_range, say_span

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("90m", 5400), ("6h", 21600), ("2d", 172800), ("7", 7)])
def test_spans_are_read(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3h", "5w", "99999999999d"])
def test_what_is_no_span_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=repr(text)):
        parse_span(text)


def test_moments_are_times_or_spans_from_now() -> None:
    assert parse_moment("2026-11-22T08:00+01:00", now=NOW) == datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    assert parse_moment("2026-11-22", now=NOW) == datetime(2026, 11, 22, tzinfo=UTC)
    assert parse_moment("1h", now=NOW).hour == 2
    assert parse_moment("1h", later=True, now=NOW).hour == 4
    with pytest.raises(ConfigurationError, match="2026-13-01"):
        parse_moment("2026-13-01")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0 s"), (0.25, "250 ms"), (42.4, "42 s"), (60, "1 min"), (190, "3 min 10 s"), (7500, "2 h 5 min")],
)
def test_spans_are_written(seconds: float | None, text: str) -> None:
    assert say_span(seconds) == text


def test_a_range_of_one_is_a_span() -> None:
    assert (say_range(19.6, 31.2), say_range(4, 4.2), say_range(None, 3)) == ("20 s to 31 s", "4 s", "")
