"""From one file to all its outputs: header, plan, one decode, then each output resized, encoded and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from telecine.artifact import Artifact, MediaResult
from telecine.errors import ErrorCode, InputError
from telecine.image.decode import Picture, decode
from telecine.image.encode import encode, preview
from telecine.image.faults import within_means
from telecine.image.geometry import Placement, place
from telecine.image.header import ImageFacts, inspect
from telecine.image.limits import ImageLimits, check_output, reduction_of
from telecine.image.resize import Renderer
from telecine.recipe.image import ImageOutput
from telecine.sniff import Sniffed

_PREVIEW = ImageOutput(kind="image", name="preview", width=240, height=240)


def process_image(
    source: Path,
    sniffed: Sniffed,
    outputs: Sequence[ImageOutput],
    out_dir: Path,
    limits: ImageLimits | None = None,
) -> MediaResult:
    """Make every output of one picture.

    Args:
        source: the file, any name.
        sniffed: what its first bytes said.
        outputs: what to make.
        out_dir: existing directory; files go to `<asset>/<name>` below it.
        limits: largest accepted picture.

    Raises:
        InputError: the file is damaged, cut off or too large.
        ResourceError, SystemFault: as telecine/image/faults and encode say.
    """
    if not outputs:
        raise InputError(ErrorCode.NO_OUTPUTS, "The recipe has no output for images.")
    limits = limits or ImageLimits()
    facts = inspect(source, sniffed, limits)
    notes = list(facts.warnings)
    planned = _plan(facts, outputs, notes)
    for placement, output in planned:
        check_output(output, *placement.canvas, limits)
    needed = max(placement.scale for placement, _ in planned)
    picture = decode(source, facts, needed, notes)
    with within_means(facts.format):
        artifacts, small = _make(picture, facts, planned, out_dir)
    by_place = {(a.asset, a.name): a for a in artifacts}
    ordered = tuple(by_place[f"image/{o.asset}", o.name] for o in outputs)
    return MediaResult(facts.public(), ordered, tuple(dict.fromkeys(notes)), small)


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
    picture: Picture, facts: ImageFacts, planned: list[tuple[Placement, ImageOutput]], out_dir: Path
) -> tuple[list[Artifact], bytes]:
    renderer = Renderer(picture, facts.displayed)
    artifacts: list[Artifact] = []
    made: dict[tuple[object, ...], Artifact] = {}
    image = None
    rendered: tuple[object, ...] | None = None
    for placement, output in planned:
        pixels = (placement, output.interpolation, output.background if placement.canvas != placement.size else None)
        settings = (output.asset, pixels, output.format, output.quality, output.lossless, _flat_on(output))
        twin = made.get(settings)
        if twin is None:
            if image is None or rendered != pixels:
                image, rendered = renderer.render(placement, output), pixels
            twin = made[settings] = _write(encode(image, output), output, placement, out_dir)
        artifacts.append(_renamed(twin, output))
    return artifacts, preview(renderer.render(place(facts.displayed, _PREVIEW), _PREVIEW))


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
