"""Placements as pure functions: the properties that hold for every size."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telecine.image.geometry import place
from telecine.recipe.image import ImageOutput

sides = st.integers(1, 30_000)
boxes = st.integers(1, 16_383)
anchors = st.sampled_from(["center", "top", "bottom", "left", "right"])


def output(**fields: Any) -> ImageOutput:
    return ImageOutput(kind="image", name="x", **fields)


@given(sides, sides, st.none() | boxes, st.none() | boxes, st.booleans())
def test_fit_stays_inside_the_box_and_keeps_the_shape(
    width: int, height: int, box_width: int | None, box_height: int | None, enlarge: bool
) -> None:
    placement = place((width, height), output(width=box_width, height=box_height, enlarge=enlarge))
    across, down = placement.canvas
    assert across <= (box_width or 16_383)
    assert down <= (box_height or 16_383)
    if not enlarge:
        assert across <= width
        assert down <= height
    # Within a pixel: the exact size would be (width, height) times one of the two axes' scales.
    # A side that would have less than half a pixel keeps one, whatever the shape.
    if min(across, down) > 1:
        scales = (across / width, down / height)
        assert any(abs(across - width * s) <= 1 and abs(down - height * s) <= 1 for s in scales)
    assert placement.is_whole


@given(sides, sides, boxes, boxes)
def test_fit_touches_the_box_or_is_the_source_itself(width: int, height: int, box_width: int, box_height: int) -> None:
    across, down = place((width, height), output(width=box_width, height=box_height)).canvas
    assert (across, down) == (width, height) or across == box_width or down == box_height


@given(sides, sides, boxes, boxes, anchors, st.booleans())
def test_fill_has_exactly_the_box_with_the_picture_inside(
    width: int, height: int, box_width: int, box_height: int, anchor: Any, enlarge: bool
) -> None:
    spec = output(mode="fill", width=box_width, height=box_height, anchor=anchor, enlarge=enlarge)
    placement = place((width, height), spec)
    assert placement.canvas == (box_width, box_height)
    for offset, size, canvas in zip(placement.offset, placement.size, placement.canvas, strict=True):
        assert offset >= 0
        assert offset + size <= canvas
    if not enlarge:
        assert placement.size[0] <= width
        assert placement.size[1] <= height


@given(sides, sides, boxes, boxes, anchors, st.booleans())
def test_crop_covers_the_box_without_leaving_the_source(
    width: int, height: int, box_width: int, box_height: int, anchor: Any, enlarge: bool
) -> None:
    spec = output(mode="crop", width=box_width, height=box_height, anchor=anchor, enlarge=enlarge)
    placement = place((width, height), spec)
    left, top, right, bottom = placement.crop
    assert 0 <= left < right <= width + 1e-6
    assert 0 <= top < bottom <= height + 1e-6
    large_enough = width >= box_width and height >= box_height
    if enlarge or large_enough:
        assert placement.canvas == (box_width, box_height)
    else:
        assert placement.canvas[0] <= min(width, box_width)
        assert placement.canvas[1] <= min(height, box_height)
    # One axis is used whole.
    assert abs(right - left - width) < 1e-6 or abs(bottom - top - height) < 1e-6


@given(sides, sides, boxes, boxes)
def test_stretch_ignores_the_shape_but_enlarges_nothing(width: int, height: int, across: int, down: int) -> None:
    placement = place((width, height), output(mode="stretch", width=across, height=down))
    assert placement.canvas == (min(width, across), min(height, down))


def test_anchors_choose_the_side_a_crop_keeps() -> None:
    def window(anchor: Any) -> tuple[float, ...]:
        return place((400, 200), output(mode="crop", width=100, height=100, anchor=anchor)).crop

    assert window("left") == (0, 0, 200, 200)
    assert window("center") == (100, 0, 300, 200)
    assert window("right") == (200, 0, 400, 200)
    tall = place((200, 400), output(mode="crop", width=100, height=100, anchor="top"))
    assert tall.crop == (0, 0, 200, 200)


def test_sides_never_exceed_what_the_format_can_hold() -> None:
    assert max(place((40_000, 1_000), output(format="webp")).canvas) == 16_383
    assert max(place((40_000, 1_000), output(format="png")).canvas) == 40_000


def test_a_line_of_pixels_keeps_at_least_one() -> None:
    assert place((30_000, 1), output(width=640, height=640)).canvas == (640, 1)
