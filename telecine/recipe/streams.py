"""Stream outputs of a recipe: HLS and DASH (requirements.md section 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from telecine.recipe.base import SpecModel


class Streams(SpecModel):
    """HLS and DASH over one set of CMAF segments, made from the recipe's ladder."""

    kind: Literal["streams"]
    protocols: tuple[Literal["hls", "dash"], ...] = Field(("hls", "dash"), min_length=1)
    segment_s: Annotated[float, Field(ge=2, le=10)] = 6.0
