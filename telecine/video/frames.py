"""Taking frames out of a video, exactly, and from which file that is best done.

Belongs here: running ffmpeg and reading what it wrote. Doesn't belong here: the argv (frame_command.py), looking
through a whole video (candidates.py, storyboard.py), or what becomes of the frames (still.py, preview.py).
"""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

from PIL import Image

from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Finished, Limits, run
from telecine.tools import ffmpeg_path
from telecine.video.encode import Encoded
from telecine.video.frame_command import Footage, exact_argv
from telecine.video.plan import VideoPlan

# Where a container's index is coarse or wrong a seek may land behind the asked time: then from further back, and then
# from the very beginning.
_BACK_S = (0.0, 12.0, None)
SAMPLING = Limits(wall_s=3600, stall_s=180)  # may read the whole file


def original(plan: VideoPlan, source: Path) -> Footage:
    """The source itself, for pictures in full quality."""
    return Footage(source, rung=False, keyframe_s=plan.video.keyframe_interval_s)


def cheapest(plan: VideoPlan, encoded: Encoded, source: Path, *, least_width: int = 0) -> Footage:
    """The smallest encoded picture that is wide enough, when there is one: it is decoded in no time. Else the source.

    A copied picture is the source's own, and one in high dynamic range would have to be mapped again.
    """
    there = [rung for rung in plan.encodes if rung.name in encoded.videos and not rung.coding.hdr]
    rung = min((r for r in there if r.width >= least_width), key=lambda r: r.pixels, default=None)
    if rung is None:
        return original(plan, source)
    pace = rung.pace(plan.timing)
    path = Path(encoded.work_dir) / encoded.videos[rung.name]
    return Footage(path, rung=True, keyframe_s=float(pace.gop_frames / pace.fps))


def exact(
    plan: VideoPlan,
    footage: Footage,
    *,
    start: Fraction,
    fps: Fraction,
    count: int,
    scaled: tuple[int, int],
    crop: tuple[int, int] | None = None,
    cancel: threading.Event,
) -> list[Image.Image]:
    """`count` RGB frames from `start` on: what the outputs show at these instants.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded there.
    """
    width, height = crop or scaled
    size = width * height * 3
    data, damaged, tried = b"", False, [""]
    for back_s in _BACK_S:
        argv = exact_argv(
            ffmpeg_path(),
            plan,
            footage,
            start=start,
            fps=fps,
            count=count,
            scaled=scaled,
            crop=crop,
            back_s=back_s,
        )
        if argv == tried or (damaged and back_s is not None):
            continue
        tried = argv
        try:
            finished = run(argv, limits=SAMPLING, cancel=cancel, stdout_bytes=size * count)
        except (InputError, SystemFault):
            continue
        data = max(finished.stdout, data, key=len)
        damaged = complained(plan, finished)
        if len(data) == size * count and not damaged:
            break
    images = [
        Image.frombytes("RGB", (width, height), data[at : at + size]) for at in range(0, len(data) - size + 1, size)
    ]
    if not images:
        raise InputError(ErrorCode.CORRUPT_MEDIA, f"no frame of the picture can be decoded at {float(start):.3f} s")
    return images


def complained(plan: VideoPlan, finished: Finished) -> bool:
    """Whether the decoder had complaints, after a seek or at all.

    Some decoders depend on what only the first frame says (4:4:4 of x264 before build 151); what is decoded from the
    beginning is what the rungs show, damaged or not.
    """
    return f"[{plan.video.codec} @ " in finished.stderr
