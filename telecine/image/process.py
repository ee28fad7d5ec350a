"""From one file to all its outputs: header, plan, metadata, then the darkroom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from telecine.artifact import MediaResult, OutputFailure, sha256_of
from telecine.errors import ErrorCode, InputError
from telecine.image.darkroom import Darkroom
from telecine.image.details import details_of
from telecine.image.header import inspect
from telecine.image.limits import ImageLimits
from telecine.image.metadata import read as read_metadata
from telecine.image.plan import place_of, plan
from telecine.recipe.image import ImageOutput
from telecine.sniff import Sniffed

Tell = Callable[[str, int, int], None]


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
        outputs: what to make; single pictures (`Recipe.images()`).
        out_dir: existing directory; files go to `<asset>/<name>` below it.
        limits: largest accepted picture.
        tell: called with a stage (DECODING, ENCODING), outputs done and outputs in all, when one of them changes.

    Raises:
        InputError: the file is damaged, cut off or too large, or no output is within the limits.
        ResourceError, SystemFault: as telecine/image/faults and encode say, when no output could be made.
    """
    if not outputs:
        raise InputError(ErrorCode.NO_OUTPUTS, "The recipe has no output for images.")
    tell = tell or _say_nothing
    tell("DECODING", 0, len(outputs))
    limits = limits or ImageLimits()
    facts = inspect(source, sniffed, limits)
    notes = list(facts.warnings)
    planned, failed = plan(facts, outputs, limits, notes)
    keeps_details = any(output.keep_details for output in outputs)
    embedded = None
    if keeps_details or any(p.output.metadata != "strip_all" for p in planned):
        embedded = read_metadata(source, facts.format)
    darkroom = Darkroom(source, facts, limits, embedded, out_dir, notes, failed)
    darkroom.make(planned, lambda done: tell("ENCODING", done, len(outputs)))
    if not darkroom.made:
        raise next(failed[place_of(output)] for output in outputs)
    places = [place_of(output) for output in outputs]
    return MediaResult(
        {**facts.public(), "sha256": sha256_of(source)},
        tuple(darkroom.made[place] for place in places if place in darkroom.made),
        tuple(dict.fromkeys(notes)),
        tuple(OutputFailure(*place, failed[place]) for place in places if place in failed),
        darkroom.preview,
        {**facts.private(), "findings": {asset: found.as_json() for asset, found in darkroom.findings.items()}},
        details_of(facts, embedded) if embedded is not None and keeps_details else None,
    )


def _say_nothing(stage: str, done: int, total: int) -> None:
    """For callers that don't want to know."""
