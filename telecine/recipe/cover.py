"""Cover art of sound files as a picture."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from telecine.recipe.base import OutputName, SpecModel


class Cover(SpecModel):
    """The picture that a sound file carries; nothing when it carries none."""

    asset: ClassVar[str] = "audio/thumbnails"

    kind: Literal["cover"]
    name: OutputName = "cover"
    format: Literal["jpeg", "png", "webp", "avif"] = "jpeg"
    width: Annotated[int, Field(ge=16, le=4096)] = Field(
        1000, description="Pixels of the longer side at most; never enlarged."
    )
    quality: Annotated[int, Field(ge=1, le=100)] = 82
