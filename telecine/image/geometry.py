"""Where the pixels go: from a source size and an output's box to crop, scale and canvas. Pure functions.

All sizes here are displayed sizes, that is after orientation. Doesn't belong here: resampling (resize).
"""

from __future__ import annotations

from dataclasses import dataclass

from telecine.recipe.image import ImageOutput

Size = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """How one output is made from the displayed source.

    Attributes:
        crop: part of the source that is used, in source pixels (left, top, right, bottom).
        size: pixels that part is scaled to.
        canvas: pixels of the finished picture.
        offset: where the scaled part lies on the canvas; only a letterbox has a canvas larger than `size`.
    """

    crop: Box
    size: Size
    canvas: Size
    offset: tuple[int, int] = (0, 0)

    @property
    def scale(self) -> float:
        """The larger of the two axes' scales: what the decoded picture must at least have."""
        left, top, right, bottom = self.crop
        return max(self.size[0] / (right - left), self.size[1] / (bottom - top))

    def moved(self, crop: Box) -> Placement:
        """The same with another part of the source."""
        return Placement(crop, self.size, self.canvas, self.offset)

    @property
    def is_whole(self) -> bool:
        """Whether the finished picture shows the whole source and nothing else, undistorted."""
        return self.crop[:2] == (0, 0) and self.canvas == self.size


def place(source: Size, output: ImageOutput) -> Placement:
    """Plan one output: nothing is enlarged unless the output allows it, and no side exceeds the format's limit."""
    width, height = source
    limit = output.format.max_side
    box_width, box_height = output.width or limit, output.height or limit
    if output.mode == "crop":
        return _cover(source, (box_width, box_height), output)
    if output.mode == "stretch":
        size = (box_width, box_height) if output.enlarge else (min(box_width, width), min(box_height, height))
        return Placement((0, 0, width, height), size, size)
    boundless = output.width is None and output.height is None
    size = _inside(source, (box_width, box_height), enlarge=output.enlarge and not boundless)
    if output.mode == "fill":
        canvas = (box_width, box_height)
        return Placement((0, 0, width, height), size, canvas, _anchored(canvas, size, output.anchor))
    return Placement((0, 0, width, height), size, size)


def _inside(source: Size, box: Size, *, enlarge: bool) -> Size:
    """Largest size of the source's shape inside a box; at least one pixel each way."""
    scale = min(box[0] / source[0], box[1] / source[1])
    if not enlarge:
        scale = min(scale, 1.0)
    return max(1, min(box[0], round(source[0] * scale))), max(1, min(box[1], round(source[1] * scale)))


def _cover(source: Size, box: Size, output: ImageOutput) -> Placement:
    """The largest window of the box's shape; a source smaller than the box gives a smaller picture of that shape."""
    width, height = source
    scale = min(width / box[0], height / box[1])  # source pixels per output pixel
    shrink = scale if scale < 1 and not output.enlarge else 1.0
    size = max(1, round(box[0] * shrink)), max(1, round(box[1] * shrink))
    window = min(float(width), box[0] * scale), min(float(height), box[1] * scale)
    free = width - window[0], height - window[1]
    left = {"left": 0.0, "right": free[0]}.get(output.anchor, free[0] / 2)
    top = {"top": 0.0, "bottom": free[1]}.get(output.anchor, free[1] / 2)
    return Placement((left, top, left + window[0], top + window[1]), size, size)


def _anchored(canvas: Size, size: Size, anchor: str) -> tuple[int, int]:
    """Top left corner of a picture on a larger canvas."""
    free = canvas[0] - size[0], canvas[1] - size[1]
    left = {"left": 0, "right": free[0]}.get(anchor, free[0] // 2)
    top = {"top": 0, "bottom": free[1]}.get(anchor, free[1] // 2)
    return left, top
