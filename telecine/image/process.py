"""From one file to all its outputs: header, plan, one decode, then each output resized, encoded and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from telecine.artifact import Artifact, MediaResult, OutputFailure
from telecine.errors import ErrorCode, InputError, TelecineError
from telecine.image.decode import Picture, decode
from telecine.image.encode import encode, preview
from telecine.image.faults import within_means
from telecine.image.geometry import Placement, place
from telecine.image.header import ImageFacts, inspect
from telecine.image.limits import ImageLimits, check_output, reduction_of
from telecine.image.resize import Renderer
from telecine.recipe.image import ImageOutput
from telecine.sniff import Sniffed

Tell = Callable[[str, int, int], None]
Place = tuple[str, str]  # an output's asset key and name
_PREVIEW = ImageOutput(kind="image", name="preview", width=240, height=240)


def process_image(
    source: Path,
    sniffed: Sniffed,
    outputs: Sequence[ImageOutput],
    out_dir: Path,
    limits: ImageLimits | None = None,
    tell: Tell | None = None,
) -> MediaResult:
    """Make every output of one picture. An output that can't be made doesn't stop the others.

    Args:
        source: the file, any name.
        sniffed: what its first bytes said.
        outputs: what to make.
        out_dir: existing directory; files go to `<asset>/<name>` below it.
        limits: largest accepted picture.
        tell: called with a stage (DECODING, ENCODING), outputs done and outputs in all, when one of them changes.

    Raises:
        InputError: the file is damaged, cut off or too large, or no output is within the limits.
        ResourceError, SystemFault: as telecine/image/faults and encode say, when no output could be made.
    """
    if not outputs:
        raise InputError(ErrorCode.NO_OUTPUTS, "The recipe has no output for images.")
    limits = limits or ImageLimits()
    tell = tell or _say_nothing
    tell("DECODING", 0, len(outputs))
    facts = inspect(source, sniffed, limits)
    notes = list(facts.warnings)
    failed: dict[Place, TelecineError] = {}
    planned = []
    for placement, output in _plan(facts, outputs, notes):
        try:
            check_output(output, *placement.canvas, limits)
        except TelecineError as e:
            failed[_place(output)] = e
        else:
            planned.append((placement, output))
    made: dict[Place, Artifact] = {}
    small = None
    if planned:
        needed = max(placement.scale for placement, _ in planned)
        picture = decode(source, facts, needed, notes)
        made, small = _make(picture, facts, planned, out_dir, failed, lambda done: tell("ENCODING", done, len(outputs)))
    if not made:
        raise next(failed[_place(output)] for output in outputs)
    places = [_place(output) for output in outputs]
    return MediaResult(
        facts.public(),
        tuple(made[place] for place in places if place in made),
        tuple(dict.fromkeys(notes)),
        tuple(OutputFailure(*place, failed[place]) for place in places if place in failed),
        small,
    )


def _say_nothing(stage: str, done: int, total: int) -> None:
    """For callers that don't want to know."""


def _place(output: ImageOutput) -> Place:
    return f"image/{output.asset}", output.name


def _plan(facts: ImageFacts, outputs: Sequence[ImageOutput], notes: list[str]) -> list[tuple[Placement, ImageOutput]]:
    """Placements, largest scale first, so that small pictures can be made from larger ones."""
    source = facts.displayed
    divisor = reduction_of(facts.format, facts.width, facts.height)
    planned = []
    for output in outputs:
        placement = place(source, output)
        if placement.scale > 1 / divisor and not output.enlarge:
            placement = _within(placement, divisor)
            notes.append(
                f"Output {output.name!r} is {placement.canvas[0]} x {placement.canvas[1]} pixels, "
                f"because JPEGs above 50 megapixels are decoded at 1/{divisor} of their size."
            )
        elif (output.width, output.height) == (None, None) and placement.scale < 1:
            notes.append(f"Output {output.name!r} was made smaller to fit {output.format.value}'s largest side.")
        planned.append((placement, output))
    return sorted(planned, key=lambda p: -p[0].scale)


def _within(placement: Placement, divisor: int) -> Placement:
    """A placement made smaller until a reduced decode is large enough for it."""
    shrink = 1 / divisor / placement.scale
    size = max(1, int(placement.size[0] * shrink)), max(1, int(placement.size[1] * shrink))
    if placement.canvas != placement.size:
        offset = tuple((c - s) // 2 for c, s in zip(placement.canvas, size, strict=True))
        return Placement(placement.crop, size, placement.canvas, (offset[0], offset[1]))
    return Placement(placement.crop, size, size)


def _make(
    picture: Picture,
    facts: ImageFacts,
    planned: list[tuple[Placement, ImageOutput]],
    out_dir: Path,
    failed: dict[Place, TelecineError],
    tell: Callable[[int], None],
) -> tuple[dict[Place, Artifact], bytes | None]:
    """Each output's artifact, and a preview; what goes wrong with one output is added to `failed`."""
    renderer = Renderer(picture, facts.displayed)
    made: dict[Place, Artifact] = {}
    twins: dict[tuple[object, ...], Artifact] = {}
    tell(0)
    image = None
    rendered: tuple[object, ...] | None = None
    for placement, output in planned:
        pixels = (placement, output.interpolation, output.background if placement.canvas != placement.size else None)
        settings = (output.asset, pixels, output.format, output.quality, output.lossless, _flat_on(output))
        try:
            with within_means(facts.format):
                if settings not in twins:
                    if image is None or rendered != pixels:
                        image, rendered = None, None  # frees the one before
                        image, rendered = renderer.render(placement, output), pixels
                    twins[settings] = _write(encode(image, output), output, placement, out_dir)
        except TelecineError as e:
            failed[_place(output)] = e
        else:
            made[_place(output)] = _renamed(twins[settings], output)
            tell(len(made))
    if not made:
        return made, None
    with within_means(facts.format):
        return made, preview(renderer.render(place(facts.displayed, _PREVIEW), _PREVIEW))


def _flat_on(output: ImageOutput) -> str | None:
    return None if output.format.has_alpha else output.background


def _write(data: bytes, output: ImageOutput, placement: Placement, out_dir: Path) -> Artifact:
    path = f"{output.asset}/{output.file_name}"
    target = out_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return Artifact(
        asset=f"image/{output.asset}",
        name=output.name,
        path=path,
        mime=output.format.mime,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        width=placement.canvas[0],
        height=placement.canvas[1],
    )


def _renamed(twin: Artifact, output: ImageOutput) -> Artifact:
    """The artifact under this output's name; twins (equal pixels and settings) share one file."""
    return Artifact(
        asset=f"image/{output.asset}",
        name=output.name,
        path=twin.path,
        mime=twin.mime,
        size_bytes=twin.size_bytes,
        sha256=twin.sha256,
        width=twin.width,
        height=twin.height,
    )
