"""Settings of delivery, from TELECINE_WEBHOOK_* variables.

Read by whoever registers endpoints and by whoever delivers; the embedded stack passes them on from the environment
of `telecine up`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from telecine.ledger.deliveries import Limits

# requirements.md section 5: 1, 2, 4, 8, 16 min, then 30 min, 2 h, 5 h ...; the end is that of Standard Webhooks' table.
RETRY_S = (60.0, 120.0, 240.0, 480.0, 960.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)


class WebhookSettings(BaseSettings):
    """What may be called, how often, and how long anybody waits."""

    model_config = SettingsConfigDict(env_prefix="TELECINE_WEBHOOK_", extra="ignore", frozen=True)

    allow_http: bool = Field(False, description="Endpoints without TLS")
    allow_private: bool = Field(False, description="Addresses of private networks and of this machine")
    expected_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Only hosts that are one of these domains or below one; empty: any"
    )
    timeout_s: float = Field(30.0, gt=0, description="Of one attempt, from the connection to the answer")
    retry_s: Annotated[tuple[float, ...], NoDecode] = Field(RETRY_S, description="Pauses between attempts")
    rate_per_s: float = Field(100.0, ge=0, description="Attempts a second at one endpoint; 0: no limit")
    parallel: int = Field(32, ge=1, le=256, description="Attempts at the same time in one process")
    breaker_failures: int = Field(10, ge=1, description="Failures in a row within the window that stop delivery")
    breaker_window_s: float = Field(300.0, gt=0)
    breaker_open_s: float = Field(120.0, gt=0, description="How long nothing is sent then, before one is tried")
    retention_days: float = Field(30.0, gt=0, description="How long ended deliveries and their events are kept")

    @field_validator("expected_domains", "retry_s", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("expected_domains")
    @classmethod
    def _plain_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower().strip(".").removeprefix("*.") for domain in value)

    @property
    def limits(self) -> Limits:
        """What the ledger needs of them."""
        return Limits(
            lease_s=self.timeout_s + 30.0,
            rate_per_s=self.rate_per_s,
            breaker_failures=self.breaker_failures,
            breaker_window_s=self.breaker_window_s,
            breaker_open_s=self.breaker_open_s,
        )
