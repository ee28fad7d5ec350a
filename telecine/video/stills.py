"""The pictures of a video as artifacts: from a planned still to a file with its description.

Doesn't belong here: how a frame is found and written (still.py).
"""

from __future__ import annotations

import threading
from pathlib import Path

from telecine.artifact import Artifact
from telecine.video.plan import THUMBNAILS, VideoPlan
from telecine.video.still import take
from telecine.video.still_plan import Still

_STILL_EXTENSION = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def make_still(
    plan: VideoPlan, still: Still, source: Path, out_dir: Path, cancel: threading.Event
) -> tuple[Artifact, bytes]:
    """Take one still and describe it; also a small preview of it for the Dagster UI.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded.
    """
    target = out_dir / "thumbnails" / f"{still.name}.{_STILL_EXTENSION[still.format]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    taken = take(plan, still, source, target, cancel)
    artifact = Artifact.of_file(
        THUMBNAILS, still.name, target, out_dir, f"image/{still.format}", (taken.width, taken.height)
    )
    return artifact, taken.preview
