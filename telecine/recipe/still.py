"""Pictures out of a video (requirements.md section 2, stills)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from telecine.recipe.base import OutputName, SpecModel


class VideoStill(SpecModel):
    """One picture out of a video: the poster."""

    kind: Literal["video_still"]
    name: OutputName = "poster"
    offset_s: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Seconds from the start; left out: the smaller of 10 s and 10 % of the duration."
    )
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    width: Annotated[int, Field(ge=16, le=4096)] = 1280
    quality: Annotated[int, Field(ge=1, le=100)] = 82
