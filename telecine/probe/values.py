"""What ffprobe writes for a value, and what it means when it writes nothing.

Belongs here: text to numbers, and collecting why something isn't known. Doesn't belong here: which fields there are
(headers.py).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, TypeVar

T = TypeVar("T")

_FPS_MAX = 1000.0  # "90000/1" and the like are time bases, not frame rates


class Gaps:
    """Collects the reasons for what isn't known: `sar=known("sar", value, "the header gives none")`."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def __call__(self, field: str, value: T | None, reason: str) -> T | None:
        """Hand on a value; note the reason when there is none."""
        if value is None:
            self.reasons[field] = reason
        return value


def text(value: Any) -> str | None:
    """A word that says something."""
    return None if value in (None, "", "unknown", "reserved", "unspecified") else str(value)


def number(value: Any) -> float | None:
    """A finite number; None for "N/A" and the like."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def integer(value: Any) -> int | None:
    """A whole number that isn't zero."""
    found = number(value)
    return int(found) if found else None


def ratio(value: Any) -> tuple[int, int] | None:
    """A pixel shape such as 64:45; None for 0:1, ffprobe's word for "unknown"."""
    numerator, _, denominator = str(value or "").partition(":")
    if numerator.isdigit() and denominator.isdigit() and int(numerator) and int(denominator):
        return int(numerator), int(denominator)
    return None


def frame_rate(value: Any) -> float | None:
    """A frame rate such as 30000/1001; None when it is none, or can be none."""
    try:
        rate = float(Fraction(str(value or "0")))
    except (ValueError, ZeroDivisionError):
        return None
    return rate if 0 < rate < _FPS_MAX else None
