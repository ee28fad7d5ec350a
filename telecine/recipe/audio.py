"""Outputs made from audio-only sources (requirements.md section 2, audio)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from telecine.recipe.base import OutputName, SpecModel


class AudioRendition(SpecModel):
    """One sound file made from an audio-only source."""

    kind: Literal["audio"]
    name: OutputName
    codec: Literal["aac", "opus"]
    bitrate_bps: Annotated[int, Field(ge=16_000, le=512_000)] = 128_000
