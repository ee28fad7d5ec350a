"""Stream outputs of a recipe: HLS and DASH (requirements.md section 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from telecine.recipe.base import SpecModel
from telecine.recipe.protection import Aes128, Cbcs, Protection


class HlsForm(SpecModel):
    """What is particular to HLS."""

    container: Literal["cmaf", "ts"] = Field(
        "cmaf", description="ts: MPEG-TS segments for old players, a set of files of their own; H.264 only."
    )


class DashForm(SpecModel):
    """What is particular to DASH."""

    segments: Literal["template", "list"] = Field(
        "template", description="How segments are named: SegmentTemplate with SegmentTimeline, or a SegmentList."
    )


class Streams(SpecModel):
    """HLS and DASH over one set of CMAF segments, made from the recipe's ladder; of sound files from its AAC files."""

    kind: Literal["streams"]
    protocols: tuple[Literal["hls", "dash"], ...] = Field(("hls", "dash"), min_length=1)
    segment_s: Annotated[float, Field(ge=2, le=10)] = 6.0
    start: Literal["auto", "lowest", "highest"] | Annotated[int, Field(ge=120, le=4320)] = Field(
        "auto",
        description="The variant that HLS lists first, with which players begin: by its short side in pixels, or auto: "
        "the best below 2 Mbit/s.",
    )
    captions: Literal["required", "optional", "none"] = Field(
        "required",
        description="Subtitle tracks and caption files beside the source. required: a caption file that can't be read "
        "fails the job before anything is encoded; optional: it is a warning; none: there are no captions.",
    )
    hls: HlsForm = HlsForm()
    dash: DashForm = DashForm()
    protection: Protection | None = Field(
        None, description="Encrypt the streams; keys are kept apart and given to players by the gateway."
    )

    @model_validator(mode="after")
    def _can_be_protected(self) -> Streams:
        if isinstance(self.protection, Aes128) and self.protocols != ("hls",):
            raise ValueError("'aes128' is for HLS alone: set protocols: [hls], or take scheme 'cbcs' for DASH too")
        if isinstance(self.protection, Cbcs) and self.hls.container != "cmaf":
            raise ValueError("'cbcs' encrypts CMAF, not MPEG-TS: leave hls.container out, or take scheme 'aes128'")
        return self
