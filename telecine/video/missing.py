"""What is still to be made of a plan, when some of its outputs are published already.

Pure. Belongs here: names of outputs, and cutting a plan down. Doesn't belong here: knowing what was made (the ledger
does).
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import replace

from telecine.video.plan import DASH, HLS, METADATA, RENDITIONS, THUMBNAILS, VideoPlan

Place = tuple[str, str]
"""(asset, name) of an output."""


def outputs_of(plan: VideoPlan) -> frozenset[Place]:
    """All outputs of a plan."""
    stream_names = {HLS: "multivariant", DASH: "mpd"}
    return frozenset(
        {(METADATA, "metadata")}
        | {(RENDITIONS, rung.name) for rung in plan.published}
        | {(RENDITIONS, file.name) for file in plan.audio}
        | {(THUMBNAILS, still.name) for still in plan.stills}
        | {(THUMBNAILS, preview.name) for preview in plan.previews}
        | ({(THUMBNAILS, plan.storyboard.name)} if plan.storyboard else set())
        | {(asset, name) for asset, name in stream_names.items() if asset in plan.assets}
    )


def missing(plan: VideoPlan, wanted: Set[str], made: Collection[Place]) -> tuple[VideoPlan, frozenset[Place]]:
    """The plan without work that nobody needs, and the outputs to make of it.

    A stream needs every rung, and DASH the storyboard; renditions alone need only those that are missing.

    Args:
        wanted: asset keys.
        made: outputs that need not be made again.
    """
    left = frozenset(place for place in outputs_of(plan) - frozenset(made) if place[0] in wanted)
    assets = {asset for asset, _ in left}
    rungs = tuple(r for r in plan.rungs if assets & {HLS, DASH} or (RENDITIONS, r.name) in left)
    names = {name for asset, name in left if asset == THUMBNAILS}
    cut = replace(
        plan,
        rungs=rungs,
        singles=tuple(r for r in plan.singles if (RENDITIONS, r.name) in left),
        audio=tuple(file for file in plan.audio if (RENDITIONS, file.name) in left),
        stills=tuple(still for still in plan.stills if still.name in names),
        previews=tuple(preview for preview in plan.previews if preview.name in names),
        samples=plan.samples if RENDITIONS in assets else (),  # figures are told of renditions only
        storyboard=plan.storyboard if plan.storyboard and (plan.storyboard.name in names or DASH in assets) else None,
    )
    return cut, left
