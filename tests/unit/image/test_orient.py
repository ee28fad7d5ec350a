"""The eight orientations, against Pillow's own transposition and against each other."""

from __future__ import annotations

import io

import pytest
from PIL import ExifTags, Image, ImageOps

from telecine.image.orient import displayed_size, upright, upright_box


def marked() -> Image.Image:
    image = Image.new("L", (7, 5))
    image.paste(255, (1, 2, 3, 5))
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_turn_as_pillow_turns_them(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    marked().save(buffer, "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(buffer))
    turned = upright(marked(), orientation)
    assert turned.size == expected.size == displayed_size((7, 5), orientation)
    assert turned.tobytes() == expected.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_the_pixels(orientation: int) -> None:
    assert upright_box((1, 2, 3, 5), (7, 5), orientation) == upright(marked(), orientation).getbbox()
