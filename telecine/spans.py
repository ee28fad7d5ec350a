"""Spans of time as people write and read them: `90m`, `6h`, `2d`; "3 min 10 s".

Pure. Belongs here: text to seconds or a moment, and back. Doesn't belong here: which span anything takes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from telecine.errors import ConfigurationError, ErrorCode

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_MOST_S = 100 * 365 * 86_400.0


def parse_span(text: str) -> float:
    """Seconds of `45s`, `90m`, `6h`, `2d`, or of a bare number of seconds.

    Raises:
        ConfigurationError: INVALID_REQUEST.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None or (seconds := float(found[1]) * _UNITS_S[found[2] or "s"]) > _MOST_S:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"{text!r} is no span of time like 45s, 90m, 6h or 2d")
    return seconds


def parse_moment(text: str, *, later: bool = False, now: datetime | None = None) -> datetime:
    """An ISO 8601 time (UTC unless it says otherwise), or a span before now; with `later`, after now.

    Raises:
        ConfigurationError: INVALID_REQUEST.
    """
    now = now or datetime.now(UTC)
    if re.match(r"\d{4}-", text.strip()) is None:
        span = timedelta(seconds=parse_span(text))
        return now + span if later else now - span
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            ErrorCode.INVALID_REQUEST, f"{text!r} is no time like 2026-11-22T08:00+01:00, nor a span like 6h"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def say_span(seconds: float | None) -> str:
    """Two units at most: `850 ms`, `42 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`; empty for None."""
    if seconds is None:
        return ""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = max(0, round(seconds))
    for unit, name, lower, lower_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // lower
            return f"{whole // unit} {name} {rest} {lower_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def say_range(low_s: float | None, high_s: float | None) -> str:
    """Seconds left as a range: `20 s to 31 s`; empty when unknown."""
    if low_s is None or high_s is None:
        return ""
    low, high = say_span(round(low_s)), say_span(round(high_s))
    return high if low == high else f"{low} to {high}"


def say_times(number: int) -> str:
    """How often: once, twice, 3 times."""
    return {0: "not once", 1: "once", 2: "twice"}.get(number, f"{number} times")
