"""Video outputs of a recipe: what is made of the moving picture and its sound (requirements.md section 2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from telecine.recipe.base import SpecModel

RungHeight = Literal[240, 360, 480, 720, 1080]


class VideoLadder(SpecModel):
    """MP4 renditions, one per rung; a rung is named by its short side."""

    kind: Literal["video_ladder"]
    codec: Literal["h264"] = "h264"
    rungs: tuple[RungHeight, ...] = Field(
        (240, 360, 480, 720, 1080),
        min_length=1,
        description="Short sides in pixels; rungs above the source are left out, the lowest always exists.",
    )
    max_fps: Annotated[float, Field(gt=0, le=120)] = 60.0
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"

    @field_validator("rungs")
    @classmethod
    def _ascending(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rungs)))
