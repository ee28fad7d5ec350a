"""What will be made of one file, decided before a pixel is decoded: placements, refusals, and what to say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telecine.errors import TelecineError
from telecine.image.animation import check_animation
from telecine.image.geometry import Placement, place
from telecine.image.header import ImageFacts
from telecine.image.limits import ImageLimits, check_output, reduction_of
from telecine.recipe.image import ImageFormat, ImageOutput

Place = tuple[str, str]  # an output's asset key and name


@dataclass(frozen=True, slots=True)
class Planned:
    """One output that is within the limits.

    Attributes:
        animated: all frames are made instead of the first.
    """

    output: ImageOutput
    placement: Placement
    animated: bool


def place_of(output: ImageOutput) -> Place:
    """Where an output belongs."""
    return f"image/{output.asset}", output.name


def plan(
    facts: ImageFacts, outputs: Sequence[ImageOutput], limits: ImageLimits, notes: list[str]
) -> tuple[list[Planned], dict[Place, TelecineError]]:
    """Outputs to make, largest scale first, so that small pictures can be made from larger ones; and refused ones.

    Args:
        notes: gets sentences about outputs that differ from what was asked for.
    """
    planned: list[Planned] = []
    refused: dict[Place, TelecineError] = {}
    for output in outputs:
        animated = facts.frames > 1 and output.keeps_animation
        placement = _placed(facts, output, limits, animated, notes)
        try:
            if animated:
                check_animation(output, placement, facts, limits)
            else:
                check_output(output, *placement.canvas, limits)
        except TelecineError as e:
            refused[place_of(output)] = e
        else:
            planned.append(Planned(output, placement, animated))
    _say_what_was_not_enlarged(facts, planned, notes)
    _say_what_was_lost(facts, planned, notes)
    return sorted(planned, key=lambda p: -p.placement.scale), refused


def _placed(facts: ImageFacts, output: ImageOutput, limits: ImageLimits, animated: bool, notes: list[str]) -> Placement:
    placement = place(facts.displayed, output)
    divisor = 1 if animated else reduction_of(facts.format, facts.width, facts.height, limits)
    if placement.scale > 1 / divisor and not output.enlarge:
        placement = _within(placement, divisor)
        megapixels = limits.reduced_jpeg_pixels / 1e6
        notes.append(
            f"Output {output.name!r} is {placement.canvas[0]} x {placement.canvas[1]} pixels, "
            f"because JPEGs above {megapixels:.0f} megapixels are decoded at 1/{divisor} of their size."
        )
    elif _meets_format_limit(facts, output, placement):
        notes.append(f"Output {output.name!r} was made smaller to fit {output.format.value}'s largest side.")
    return placement


def _meets_format_limit(facts: ImageFacts, output: ImageOutput, placement: Placement) -> bool:
    """Whether the format, and not the recipe, decided the size."""
    limit = output.format.max_side
    across = placement.size[0] == limit < facts.displayed_width and output.width is None
    down = placement.size[1] == limit < facts.displayed_height and output.height is None
    return across or down


def _within(placement: Placement, divisor: int) -> Placement:
    """A placement made smaller until a reduced decode is large enough for it."""
    shrink = 1 / divisor / placement.scale
    size = max(1, int(placement.size[0] * shrink)), max(1, int(placement.size[1] * shrink))
    if placement.canvas != placement.size:
        offset = tuple((c - s) // 2 for c, s in zip(placement.canvas, size, strict=True))
        return Placement(placement.crop, size, placement.canvas, (offset[0], offset[1]))
    return Placement(placement.crop, size, size)


def _say_what_was_not_enlarged(facts: ImageFacts, planned: Sequence[Planned], notes: list[str]) -> None:
    small = [
        p.output.name
        for p in planned
        if not p.output.enlarge
        and (p.output.width or 0) > p.placement.size[0]
        and (p.output.height or p.placement.size[1] + 1) > p.placement.size[1]
        and p.placement.scale >= 1
    ]
    if small:
        listed = ", ".join(small[:6]) + (f" and {len(small) - 6} more" if len(small) > 6 else "")
        notes.append(
            f"The source is only {facts.displayed_width} x {facts.displayed_height} pixels; not enlarged: {listed}."
        )


def _say_what_was_lost(facts: ImageFacts, planned: Sequence[Planned], notes: list[str]) -> None:
    if facts.bit_depth > 8 and any(p.output.lossless or p.output.format is ImageFormat.PNG for p in planned):
        notes.append(f"The source has {facts.bit_depth} bits per channel; outputs have 8.")
    if facts.format == "tiff" and facts.frames > 1:
        notes.append(f"The file has {facts.frames} pages; the first was used.")
    elif facts.frames > 1 and not all(p.animated for p in planned):
        notes.append(f"The source is an animation of {facts.frames} frames; stills show the first.")
