"""Quality words as numbers of each encoder, so that a word looks alike in every format.

The table is printed by bench/quality.py: for each word the lowest quality whose mean SSIM over real photos at 1280
pixels reaches the word's target. Doesn't belong here: other encoder settings (encode.py).
"""

from __future__ import annotations

from telecine.recipe.image import ImageFormat, ImageOutput, QualityWord

TARGETS = {QualityWord.LOW: 0.92, QualityWord.MEDIUM: 0.96, QualityWord.HIGH: 0.98, QualityWord.MAXIMUM: 0.99}
"""Mean SSIM (telecine/image/similarity) that a word promises."""

QUALITIES = {
    ImageFormat.JPEG: {"low": 39, "medium": 70, "high": 83, "maximum": 93},
    ImageFormat.WEBP: {"low": 31, "medium": 75, "high": 87, "maximum": 95},
    ImageFormat.AVIF: {"low": 47, "medium": 59, "high": 72, "maximum": 87},
}


def quality_of(output: ImageOutput) -> int:
    """An output's quality on its encoder's own scale, 1 to 100; 100 for formats that have none."""
    if not isinstance(output.quality, QualityWord):
        return output.quality
    return QUALITIES[output.format][output.quality.value] if output.format in QUALITIES else 100
