"""What all programs of one attempt may use together, whoever starts them: memory, time and cores.

Ambient (a context variable), because the rooms that start programs know their own work but not the job's limits.
Belongs here: the ceiling and what passing it means. Doesn't belong here: where a ceiling comes from (telecine/limits),
or what one program needs (each room's `Limits`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from telecine.errors import ErrorCode, InputError, ResourceError, TelecineError


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Limits of an attempt; None means no limit.

    Attributes:
        memory_bytes: address space of each program.
        ends_at: on the clock of `time.monotonic`, when the attempt's time is over.
        allowed_s: how long the attempt may take in all, for the sentence.
        wanted_by: set when the job's deadline comes first; then `ends_at` is that deadline.
        threads: cores that each program may use.
    """

    memory_bytes: int | None = None
    ends_at: float | None = None
    allowed_s: float | None = None
    wanted_by: str | None = None
    threads: int | None = None

    def check(self) -> None:
        """Do nothing while there is time left.

        Raises:
            ResourceError: TIMED_OUT: the job's own limit.
            InputError: DEADLINE_PASSED.
        """
        if self.ends_at is not None and time.monotonic() >= self.ends_at:
            raise self._over()

    def _over(self) -> TelecineError:
        if self.wanted_by is not None:
            return InputError(ErrorCode.DEADLINE_PASSED, f"the job was wanted by {self.wanted_by} and isn't done")
        limit = "" if self.allowed_s is None else f" of {self.allowed_s:,.0f} s"
        return ResourceError(
            ErrorCode.TIMED_OUT,
            f"the work took longer than the job's limit{limit} (limits.max_processing_time_seconds)",
        )


_NONE = Ceiling()
_ambient: ContextVar[Ceiling] = ContextVar("ceiling", default=_NONE)


def ambient() -> Ceiling:
    """The ceiling over whatever is started here and now; one without limits outside of `under`."""
    return _ambient.get()


@contextmanager
def under(ceiling: Ceiling) -> Iterator[None]:
    """Put everything that the block starts, in this thread, under a ceiling.

    Raises:
        TelecineError: what `Ceiling.check` raises, when its time is over already.
    """
    ceiling.check()
    token = _ambient.set(ceiling)
    try:
        yield
    finally:
        _ambient.reset(token)
