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
        """File name extension without the dot."""
        return {"jpeg": "jpg"}.get(self.value, self.value)

    @property
    def mime(self) -> str:
        """Media type."""
        return f"image/{self.value}"

    @property
    def max_side(self) -> int:
        """Most pixels one side can have in this format (libjpeg's JPEG_MAX_DIMENSION, WebP, AV1, PNG by our limit)."""
        return {"jpeg": 65_500, "webp": 16_383, "avif": 65_535}.get(self.value, 65_535)

    @property
    def has_alpha(self) -> bool:
        """Whether pictures in this format can be transparent."""
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
        description="fit: inside the box; fill: letterboxed to the box; crop: covers the box; stretch: distorts.",
    )
    anchor: Literal["center", "top", "bottom", "left", "right"] = Field(
        "center", description="Which part a crop keeps."
    )
    enlarge: bool = Field(False, description="Allow outputs larger than the source.")
    interpolation: Literal["auto", "nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "auto", description="auto: lanczos when shrinking 2x or more, bicubic when enlarging, bilinear between."
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(82, description="Not used by PNG and lossless WebP.")
    lossless: bool = Field(False, description="WebP only: every pixel kept exactly.")
    background: str = Field(
        "#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", description="Letterbox colour, and what alpha is flattened on."
    )
    metadata: Literal["strip_all"] = Field("strip_all", description="What embedded metadata the output carries.")

    @model_validator(mode="after")
    def _mode_needs_a_box(self) -> ImageOutput:
        if self.mode in ("fill", "crop", "stretch") and (self.width is None or self.height is None):
            raise ValueError(f"output {self.name!r}: mode {self.mode!r} needs both width and height")
        return self

    @model_validator(mode="after")
    def _only_webp_is_lossless_by_choice(self) -> ImageOutput:
        if self.lossless and self.format is not ImageFormat.WEBP:
            raise ValueError(f"output {self.name!r}: 'lossless' is for webp; png always is, {self.format} never")
        return self

    @property
    def file_name(self) -> str:
        """The output's name with its format's extension, unless the name already ends with it."""
        extension = f".{self.format.extension}"
        if self.name.lower().endswith((extension, f".{self.format.value}")):
            return self.name
        return self.name + extension
