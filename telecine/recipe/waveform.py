"""Waveforms of sound files: a picture of how loud they are over time, or its points as JSON."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from telecine.recipe.base import OutputName, SpecModel

Colour = Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")]


class Waveform(SpecModel):
    """A waveform made from an audio-only source."""

    asset: ClassVar[str] = "audio/thumbnails"

    kind: Literal["waveform"]
    name: OutputName = "waveform"
    format: Literal["png", "webp", "json"] = Field(
        "png", description="json: the lowest and highest sample of each point, as BBC's audiowaveform writes them."
    )
    width: Annotated[int, Field(ge=16, le=8192)] = Field(1800, description="Pixels; with json, at most so many points.")
    height: Annotated[int, Field(ge=16, le=2048)] = 280
    color: Colour = "#3b82f6"
    background: Colour = Field("#00000000", description="Eight digits: with alpha.")
