"""Formats an image output can have, and what each of them can do."""

from __future__ import annotations

from enum import StrEnum


class ImageFormat(StrEnum):
    """Formats an image output can have."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"

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

    @property
    def moves(self) -> bool:
        """Whether animations are kept in this format."""
        return self in (ImageFormat.WEBP, ImageFormat.GIF)


class QualityWord(StrEnum):
    """How good a picture should look, the same in every format (telecine/image/quality.py)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MAXIMUM = "maximum"
