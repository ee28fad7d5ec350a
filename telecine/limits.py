"""A job's limits: how much memory and time it may take, until when it is wanted, how often it is tried.

Belongs here: the model and how a limit becomes seconds. Doesn't belong here: enforcing it (telecine/process, the image
pool), or what a picture may measure (telecine/image/limits).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from telecine.errors import ConfigurationError, ErrorCode, InputError

MAX_PROCESSING_TIME_S = 3_600.0  # requirements.md section 4: per-job limits; long videos by estimate
_PATIENCE = 20.0  # times the estimate, which knows neither the machine nor its load


def _in_utc(moment: datetime) -> datetime:
    """As PostgreSQL reads it: it knows no zones beyond 16 hours, which Python does."""
    return moment.astimezone(UTC)


class JobLimits(BaseModel):
    """What one job may take; requirements.md section 4."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_memory_mb: Annotated[int, Field(ge=128)] = 8_192
    max_processing_time_seconds: Annotated[float, Field(gt=0)] | None = None
    cpu_threads: Annotated[int, Field(ge=1)] | None = None
    deadline: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None
    max_attempts: Annotated[int, Field(ge=1, le=20)] | None = None

    def processing_time_s(self, estimate_s: float, now: datetime | None = None) -> float:
        """Seconds one attempt may take: as asked, an hour, or more when the estimate says so; never past the deadline.

        Raises:
            InputError: DEADLINE_PASSED.
        """
        allowed = self.max_processing_time_seconds or max(MAX_PROCESSING_TIME_S, estimate_s * _PATIENCE)
        if self.deadline is None:
            return allowed
        left = (self.deadline - (now or datetime.now(UTC))).total_seconds()
        if left <= 0:
            raise InputError(ErrorCode.DEADLINE_PASSED, f"the job was wanted by {self.deadline.isoformat()}")
        return min(allowed, left)


def parse_limits(data: dict[str, Any]) -> JobLimits:
    """Limits as somebody gave them.

    Raises:
        ConfigurationError: INVALID_REQUEST, naming the field and the reason.
    """
    try:
        return JobLimits.model_validate(data)
    except ValidationError as e:
        reasons = "; ".join(f"limits.{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in e.errors(include_url=False))
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, reasons) from None
