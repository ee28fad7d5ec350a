"""Planning stills: which moment, and how large.

Pure. Doesn't belong here: taking them (still.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from telecine.probe import VideoFacts
from telecine.recipe.still import VideoStill
from telecine.video.timing import Timing

_POSTER_S, _POSTER_SHARE = 10.0, 0.1


@dataclass(frozen=True, slots=True)
class Still:
    """One picture out of the video; `chosen_by_person` offsets are taken exactly, others may move off a black frame."""

    name: str
    format: Literal["jpeg", "png", "webp"]
    width: int
    height: int
    quality: int
    offset_s: float
    chosen_by_person: bool


def plan_still(spec: VideoStill, video: VideoFacts, clock: Timing) -> Still:
    """What one still output of a recipe asks of this video."""
    width, height = video.displayed_size
    scale = min(1.0, spec.width / width)
    wanted = spec.offset_s if spec.offset_s is not None else min(_POSTER_S, clock.duration_s * _POSTER_SHARE)
    last_frame = (clock.frames - 1) / clock.fps
    return Still(
        name=spec.name,
        format=spec.format,
        width=max(2, round(width * scale / 2) * 2),
        height=max(2, round(height * scale / 2) * 2),
        quality=spec.quality,
        offset_s=round(min(wanted, float(last_frame)), 6),
        chosen_by_person=spec.offset_s is not None,
    )
