"""Small frames from all over a video, to choose the good ones from.

Belongs here: getting them at little cost, however long the video is. Doesn't belong here: choosing (frame_score.py,
moments.py).
"""

from __future__ import annotations

import tempfile
import threading
from functools import partial
from pathlib import Path

from PIL import Image

from telecine.errors import InputError, SystemFault
from telecine.process import Finished, run
from telecine.progress import Quiet
from telecine.tools import ffmpeg_path
from telecine.video.following import Following
from telecine.video.frame_command import Footage, samples_argv
from telecine.video.frames import SAMPLING, complained
from telecine.video.plan import VideoPlan

_SPARSE = 20  # so many keyframes from one candidate to the next cost more than a seek for each


def candidates(
    plan: VideoPlan,
    footage: Footage,
    *,
    first_s: float,
    last_s: float,
    count: int,
    scaled: tuple[int, int],
    work: Path,
    cancel: threading.Event,
) -> list[tuple[int, Image.Image]]:
    """Numbers of output frames and what they show, in order of time; fewer than asked where there are fewer.

    Args:
        first_s, last_s: between which times.
        scaled: even width and height.
        work: an existing directory for working files.
    """
    with tempfile.TemporaryDirectory(dir=work, prefix="candidates-") as name:
        folder, interval_s = Path(name), (last_s - first_s) / count
        argv = partial(
            samples_argv,
            ffmpeg_path(),
            plan,
            footage,
            interval_s=interval_s,
            scaled=scaled,
            pattern=folder / "%d.ppm",
        )
        sparse = footage.keyframe_s is not None and interval_s > footage.keyframe_s * _SPARSE
        starts = [first_s + number * interval_s for number in range(count)] if sparse else []
        for start in starts:
            finished = _run(argv(first_s=start, last_s=start + interval_s, sought=True), plan, cancel)
            if finished is not None and complained(plan, finished):
                sparse = False
                break
        if not sparse:
            for path in folder.iterdir():
                path.unlink()
            _run(argv(first_s=first_s, last_s=last_s), plan, cancel)
        found = []
        for path in sorted(folder.glob("*.ppm"), key=lambda file: int(file.stem)):
            frame = round(int(path.stem) / 1000 * plan.timing.fps)
            with Image.open(path) as image:
                found.append((max(0, min(frame, plan.timing.frames - 1)), image.copy()))
        return found


def _run(argv: list[str], plan: VideoPlan, cancel: threading.Event) -> Finished | None:
    """None when it failed: of a damaged file, what came out until then will do."""
    try:
        return run(argv, limits=SAMPLING, cancel=cancel, on_line=Following(Quiet(), "", plan.timing.duration_s))
    except (InputError, SystemFault):
        return None
