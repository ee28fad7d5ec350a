"""Pictures out of a video: stills, storyboards and moving previews (requirements.md section 2, stills).

Belongs here: what can be asked for. Doesn't belong here: which moment and size that is in one video
(telecine/video/still_plan.py, storyboard_plan.py).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from telecine.recipe.base import OutputName, SpecModel

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[str, Field(pattern=r"^(100(\.0+)?|\d{1,2}(\.\d+)?) ?%$")]
Offset = Seconds | Percent
Side = Annotated[int, Field(ge=16, le=4096)]
Quality = Annotated[int, Field(ge=1, le=100)]

MOST_STILLS = 50
POSTER_WIDTH = 1280
THUMBNAIL_BOX = (320, 180)
_MOST_SHEET_PX = 4096  # a side: phones don't decode JPEGs of more than 16 megapixels


class VideoStill(SpecModel):
    """Pictures out of a video: one (the poster), several at given moments, or several chosen for content."""

    kind: Literal["video_still"]
    name: OutputName = Field("poster", description="Of the picture; several are called <name>-1, <name>-2 and so on.")
    offset_s: Seconds | None = Field(
        None,
        description="Seconds from the start. Without this, `offsets` and `auto`: the smaller of 10 s and 10 % of the "
        "duration, or a better place when it is black there.",
    )
    offsets: (
        Offset
        | Annotated[tuple[Offset, ...], Field(min_length=1, max_length=MOST_STILLS)]
        | Annotated[dict[OutputName, Offset], Field(min_length=1, max_length=MOST_STILLS)]
        | None
    ) = Field(
        None,
        description='Seconds or percentages of the duration ("25%"): one, a list, or a mapping of names to them.',
    )
    auto: Annotated[int, Field(ge=1, le=MOST_STILLS)] | None = Field(
        None, description="So many pictures chosen for content: sharp, well lit, not black, no fades, no credits."
    )
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    width: Side | None = Field(
        None, description="Of the box in pixels. Without width and height: 1280 wide; several pictures: 320x180."
    )
    height: Side | None = None
    mode: Literal["fit", "crop"] = Field(
        "fit", description="fit: inside the box; crop: covers it, the middle is kept. Never larger than the source."
    )
    quality: Quality = 82

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        if sum(value is not None for value in (self.offset_s, self.offsets, self.auto)) > 1:
            raise ValueError("give one of 'offset_s', 'offsets' and 'auto', not several")
        if self.mode == "crop" and None in self.box:
            raise ValueError("'crop' needs both 'width' and 'height'")
        return self

    @property
    def moments(self) -> dict[str, Offset | None]:
        """What each picture is called and where it is taken; None where the content or a default decides."""
        if isinstance(self.offsets, dict):
            return dict(self.offsets)
        if isinstance(self.offsets, tuple):
            return {f"{self.name}-{n}": offset for n, offset in enumerate(self.offsets, 1)}
        if self.auto is not None and self.auto > 1:
            return {f"{self.name}-{n}": None for n in range(1, self.auto + 1)}
        return {self.name: self.offset_s if self.offsets is None else self.offsets}

    @property
    def box(self) -> tuple[int | None, int | None]:
        """Width and height to stay in, or to cover; None where nothing bounds them."""
        if self.width is not None or self.height is not None:
            return self.width, self.height
        several = isinstance(self.offsets, dict | tuple) or (self.auto or 1) > 1
        return THUMBNAIL_BOX if several else (POSTER_WIDTH, None)

    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self.moments)


class Storyboard(SpecModel):
    """Small pictures of a whole video on sheets, with a WebVTT index: what a player shows above its seek bar."""

    kind: Literal["storyboard"]
    name: OutputName = "storyboard"
    tile_width: Annotated[int, Field(ge=16, le=640)] = Field(
        160, description="Of the box, in pixels, that each picture is fitted into."
    )
    tile_height: Annotated[int, Field(ge=16, le=640)] = 160
    columns: Annotated[int, Field(ge=1, le=20)] = 5
    rows: Annotated[int, Field(ge=1, le=20)] = 5
    interval_s: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)] | None = Field(
        None,
        description="Seconds between pictures; without this and `count`: 1 s for short videos, more for long ones. It "
        "grows when there would be more than 2,000 pictures, or 100 megapixels of them.",
    )
    count: Annotated[int, Field(ge=1, le=2000)] | None = Field(None, description="How many pictures instead.")
    format: Literal["jpeg", "webp"] = "jpeg"
    quality: Quality = 70

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.interval_s is not None and self.count is not None:
            raise ValueError("give 'interval_s' or 'count', not both")
        if max(self.columns * self.tile_width, self.rows * self.tile_height) > _MOST_SHEET_PX:
            raise ValueError(f"a sheet would have more than {_MOST_SHEET_PX} pixels a side; use fewer or smaller tiles")
        return self

    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return (self.name,)


class AnimatedPreview(SpecModel):
    """A few moving seconds without sound, as an animated WebP: what a list shows under the pointer."""

    kind: Literal["animated_preview"]
    name: OutputName = "preview"
    duration_s: Annotated[float, Field(ge=0.5, le=10, allow_inf_nan=False)] = 3.0
    cuts: Annotated[int, Field(ge=1, le=6)] = Field(
        1, description="From how many places: 1 for the most interesting one."
    )
    offset_s: Seconds | None = Field(None, description="Where it starts instead, in seconds; for one cut.")
    width: Annotated[int, Field(ge=16, le=640)] = Field(320, description="At most, in pixels; it is at most 640 high.")
    fps: Annotated[float, Field(ge=1, le=15)] = 10.0
    quality: Quality = 60

    @model_validator(mode="after")
    def _one_place_or_several(self) -> Self:
        if self.offset_s is not None and self.cuts > 1:
            raise ValueError("'offset_s' is for one cut; leave it out, and the content decides about several")
        return self

    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return (self.name,)
