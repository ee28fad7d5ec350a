"""What every recipe model shares: unknown fields refused, immutable, hashable."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

OutputName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the output, unique within its asset; becomes part of its URL.",
    ),
]


class SpecModel(BaseModel):
    """Base of all recipe models."""

    model_config = ConfigDict(extra="forbid", frozen=True)
