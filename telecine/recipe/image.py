"""Image outputs of a recipe (requirements.md section 1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from telecine.recipe.base import OutputName, SpecModel

Side = Annotated[int, Field(ge=1, le=16383, description="Pixels; 16383 is WebP's limit.")]


class ImageFormat(StrEnum):
    """Formats an image output can have."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"

    @property
    def extension(self) -> str:
        return {"jpeg": "jpg"}.get(self.value, self.value)

    @property
    def mime(self) -> str:
        return f"image/{self.value}"

    @property
    def has_alpha(self) -> bool:
        return self is not ImageFormat.JPEG


class ImageOutput(SpecModel):
    """One still picture made from an image."""

    kind: Literal["image"]
    name: OutputName
    asset: Literal["thumbnails", "renditions"] = "renditions"
    format: ImageFormat = ImageFormat.WEBP
    width: Side | None = None
    height: Side | None = None
    mode: Literal["fit", "fill", "crop", "stretch"] = Field(
        "fit",
        description="fit: inside the box; fill: inside the box, letterboxed to it; crop: covers the box; stretch: distorts.",
    )
    anchor: Literal["center", "top", "bottom", "left", "right"] = Field(
        "center", description="Which part a crop keeps."
    )
    enlarge: bool = Field(False, description="Allow outputs larger than the source.")
    quality: Annotated[int, Field(ge=1, le=100)] = 82
    background: str = Field(
        "#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", description="Letterbox colour, and what alpha is flattened on."
    )
    metadata: Literal["strip_all"] = Field("strip_all", description="What embedded metadata the output carries.")

    @model_validator(mode="after")
    def _mode_needs_a_box(self) -> ImageOutput:
        if self.mode in ("fill", "crop", "stretch") and (self.width is None or self.height is None):
            raise ValueError(f"output {self.name!r}: mode {self.mode!r} needs both width and height")
        return self
