"""Priorities and lanes: names people use, numbers the queue sorts by (requirements.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from telecine.errors import ConfigurationError, ErrorCode


class Priority(IntEnum):
    """Higher runs first; the number is written to `dagster/priority`."""

    LOW = 1
    NORMAL = 5
    HIGH = 10
    URGENT = 20

    @classmethod
    def parse(cls, value: str | int) -> Priority:
        """A name in any case, or one of the numbers.

        Raises:
            ConfigurationError: INVALID_RECIPE, naming the choices.
        """
        try:
            return cls[value.upper()] if isinstance(value, str) and not value.isdigit() else cls(int(value))
        except (KeyError, ValueError):
            choices = ", ".join(f"{p.name} ({p.value})" for p in reversed(cls))
            raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"priority {value!r} is none of {choices}") from None


STARVING = 11
"""Where work stands that has waited too long: before HIGH, behind URGENT."""


class Lane(StrEnum):
    """Live drops go before archive work."""

    LIVE = "live"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long work may be passed over; from `telecine.settings`.

    Attributes:
        starvation_s: what has waited this long comes right behind URGENT work, one batch of a kind at a time.
        archive_s: the same for archive work.
    """

    starvation_s: float = 600.0
    archive_s: float = 21_600.0


def estimate_seconds(kind: str, size_bytes: int) -> float:
    """Rough seconds of work on one core, known before the header is: only good for cutting batches.

    Measured on the bench's photos (about 0.1 s plus 0.06 s a megabyte) and clips (about 4 s a megabyte).
    """
    megabytes = size_bytes / 1e6
    return 0.1 + 0.06 * megabytes if kind == "image" else 5.0 + 4.0 * megabytes
