"""Settings from the environment: where the services are, and how much of the machine may be used.

Everything runs against whatever these variables name; nothing in the code knows whether a service is the embedded
one (telecine/local exports the same variables for its own). Rules and limits live in telecine.toml (telecine/config).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from telecine.priority import Patience


def home() -> Path:
    """State directory of a local stack: TELECINE_HOME, or .telecine below the working directory."""
    return Path(os.environ.get("TELECINE_HOME") or ".telecine").absolute()


class Settings(BaseSettings):
    """Services and sizes, each from TELECINE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="TELECINE_", extra="ignore", frozen=True)

    s3_endpoint: str = Field(description="host:port or http(s)://host:port of the S3 server")
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_region: str = "us-east-1"
    public_url: str | None = Field(None, description="Base URL at which buckets are served; default: the S3 endpoint")
    postgres_url: SecretStr = Field(description="postgresql:// URL of the database Dagster and the ledger share")
    input_bucket: str = "media-incoming"
    output_bucket: str = "media-outputs"
    dagster_url: str = "http://127.0.0.1:3000"
    gateway_url: str = Field("http://127.0.0.1:8080", description="Base URL at which people reach the gateway")
    gateway_origins: str = Field(
        "", description="Origins of other pages that may ask the gateway for keys, with blanks between"
    )
    secret: SecretStr | None = Field(
        None, description="Seals the keys of protected streams and signs viewers' tokens; 32 characters or more"
    )
    scratch: Path = Field(default_factory=lambda: home() / "scratch", description="Directory for working files")
    config: Path = Path("telecine.toml")
    starvation_s: float = Field(600.0, gt=0, description="What waited this long comes right behind URGENT work")
    archive_starvation_s: float = Field(21_600.0, gt=0, description="The same for archive work")
    memory_warn_percent: float = 80.0
    memory_stop_percent: float = Field(90.0, description="No new work begins while more of the memory is used")
    scratch_warn_percent: float = 85.0
    scratch_stop_percent: float = Field(95.0, description="No new work begins while more of the scratch disk is used")
    retry_load_percent: float = Field(85.0, description="Retries wait (at most half a minute) above this load per core")
    keep_jobs_days: float = Field(90.0, gt=0, description="Days the ledger remembers a job that has ended")
    keep_progress_days: float = Field(30.0, gt=0, description="Days progress reports are kept")
    image_max_megapixels: float = Field(300.0, gt=0, description="Larger pictures are refused")
    image_max_side: int = Field(65_535, gt=0, description="Pixels; pictures with a longer side are refused")
    image_max_memory_mb: int = Field(2_000, gt=0, description="Pictures that would need more memory are refused")
    image_reduce_jpeg_megapixels: float = Field(50.0, gt=0, description="Larger JPEGs are decoded at half size or less")
    cpu_threads: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1)

    @property
    def patience(self) -> Patience:
        """How long work may be passed over by more urgent work."""
        return Patience(self.starvation_s, self.archive_starvation_s)

    @property
    def s3_url(self) -> str:
        """The endpoint as a URL without a trailing slash."""
        endpoint = self.s3_endpoint.rstrip("/")
        return endpoint if "://" in endpoint else f"http://{endpoint}"

    def watch_url(self, partition: str = "") -> str:
        """The player page of a partition, or the list of what was published last."""
        return f"{self.gateway_url.rstrip('/')}/watch" + (f"/{partition}" if partition else "")

    @property
    def outputs_url(self) -> str:
        """Base URL of the output bucket, without a trailing slash."""
        return f"{(self.public_url or self.s3_url).rstrip('/')}/{self.output_bucket}"


@cache
def settings() -> Settings:
    """The process's settings, read once.

    Raises:
        pydantic.ValidationError: naming each variable that is missing or malformed.
    """
    return Settings()
