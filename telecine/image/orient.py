"""The eight EXIF orientations (EXIF 2.32 section 4.6.5, tag 0x0112) for pixels, sizes and boxes."""

from __future__ import annotations

from PIL import Image

from telecine.image.geometry import Box, Size

UPRIGHT = 1

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def displayed_size(stored: Size, orientation: int) -> Size:
    """Size after orientation: sides change places for 5 to 8."""
    return (stored[1], stored[0]) if orientation >= 5 else stored


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is meant to be seen; the same object when there is nothing to turn."""
    return image.transpose(_TRANSPOSES[orientation]) if orientation in _TRANSPOSES else image


def upright_box(box: Box, size: Size, orientation: int) -> Box:
    """A box of the stored picture in the coordinates of the upright one."""
    left, top, right, bottom = box
    width, height = size
    mirrored, flipped = (width - right, width - left), (height - bottom, height - top)
    horizontal = mirrored if orientation in (2, 3, 7, 8) else (left, right)
    vertical = flipped if orientation in (3, 4, 6, 7) else (top, bottom)
    if orientation >= 5:
        horizontal, vertical = vertical, horizontal
    return horizontal[0], vertical[0], horizontal[1], vertical[1]
