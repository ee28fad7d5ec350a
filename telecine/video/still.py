"""Taking a still out of a video, in full quality from the source, at an exact frame.

Belongs here: which frame it is in the end, and a picture file that is right. Doesn't belong here: getting frames
(frames.py), or finding good moments (moments.py).
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.video.frame_command import Footage
from telecine.video.frame_score import look_at, shows_nothing
from telecine.video.frames import exact
from telecine.video.moments import Moments
from telecine.video.plan import VideoPlan
from telecine.video.still_plan import Still

_PREVIEW_BYTES, _PREVIEW_PX = 20_000, 480
_FLAT = 8  # of 255: what spreads less in every channel is one colour


@dataclass(frozen=True, slots=True)
class Taken:
    """A still on disk, with its preview for the Dagster UI.

    Attributes:
        offset_s: when the video shows it.
    """

    width: int
    height: int
    offset_s: float
    preview: bytes


def take(
    plan: VideoPlan, still: Still, footage: Footage, moments: Moments, target: Path, cancel: threading.Event
) -> Taken:
    """Write a still.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded there.
        SystemFault: VERIFY_FAILED when what was written isn't the picture.
    """
    image, frame = _frame(plan, still, footage, moments, cancel)
    save(image, target, still.format, still.quality)
    return Taken(image.width, image.height, round(float(frame / plan.timing.fps), 3), _preview(image))


def save(image: Image.Image, target: Path, format: Literal["jpeg", "png", "webp"], quality: int) -> None:
    """Write a picture and look at it again.

    Raises:
        SystemFault: VERIFY_FAILED when it doesn't open, has another size, or became one flat colour.
    """
    options: dict[str, dict[str, Any]] = {
        "jpeg": {"quality": quality, "optimize": True, "progressive": True},
        "png": {"optimize": True},
        "webp": {"quality": quality, "method": 4},
    }
    image.save(target, format.upper(), **options[format])
    try:
        with Image.open(target) as written:
            size, flat = written.size, _is_flat(written.convert("RGB"))
    except OSError as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{target.name} can't be read back", str(e)) from e
    if size != image.size or (flat and not _is_flat(image)):
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{target.name} isn't the picture that was written")


def _frame(
    plan: VideoPlan, still: Still, footage: Footage, moments: Moments, cancel: threading.Event
) -> tuple[Image.Image, int]:
    """The picture and the number of its frame."""
    crop = (still.width, still.height)

    def at(frame: int) -> Image.Image:
        fps = plan.timing.fps
        start = Fraction(frame) / fps
        return exact(plan, footage, start=start, fps=fps, count=1, scaled=still.scaled, crop=crop, cancel=cancel)[0]

    if still.choice == "asked":
        return at(still.frame), still.frame
    if still.choice == "usual":
        try:
            image = at(still.frame)
        except InputError:
            image = None
        if image is not None and not shows_nothing(look_at(still.frame, np.asarray(image))):
            return image, still.frame
    frame = moments.best(still.of)[still.rank]
    return at(frame), frame


def _is_flat(image: Image.Image) -> bool:
    return all(high - low < _FLAT for low, high in image.getextrema())  # type: ignore[misc]


def _preview(image: Image.Image) -> bytes:
    """A JPEG of at most 20 kB."""
    small = image.copy()
    small.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
    for quality in (75, 60, 45, 30, 15, 5):
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _PREVIEW_BYTES:
            break
    return buffer.getvalue()
