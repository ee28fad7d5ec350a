"""Making a moving preview: a few seconds without sound as an animated WebP.

Belongs here: choosing the liveliest places among the good ones, taking and writing the frames. Doesn't belong here:
what makes a frame good (frame_score.py).
"""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.video.frame_command import Footage
from telecine.video.frames import exact
from telecine.video.moments import Moments
from telecine.video.plan import VideoPlan
from telecine.video.still_plan import AnimatedPreview

_PLACES = 3  # for each cut: so many good moments are watched for how much happens there
_WATCHED_FPS, _WATCHED_PX = Fraction(4), (64, 64)
_LIVELY = 10.0  # mean change of luma from one watched frame to the next, of 255
_CUT = 40.0  # a change as large as this is a cut


def make_preview(
    plan: VideoPlan,
    preview: AnimatedPreview,
    footage: Footage,
    cheap: Footage,
    moments: Moments,
    target: Path,
    cancel: threading.Event,
) -> None:
    """Write a preview.

    Args:
        footage: to take frames from, at least as large as the preview.
        cheap: to look for places.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded there.
        SystemFault: VERIFY_FAILED when what was written isn't it.
    """
    fps = Fraction(preview.fps).limit_denominator(1001)
    frames: list[Image.Image] = []
    for start in _starts(plan, preview, cheap, moments, cancel):
        first = Fraction(round(start * fps)) / fps
        taken = exact(plan, footage, start=first, fps=fps, count=preview.frames, scaled=preview.scaled, cancel=cancel)
        frames += taken + taken[-1:] * (preview.frames - len(taken))
    # The times of the frames are whole milliseconds; what they leave over is in the last one's.
    ends = [round(n * 1000 / fps) for n in range(1, len(frames) + 1)]
    lengths = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    frames[0].save(
        target,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=lengths,
        loop=0,
        quality=preview.quality,
        method=4,
        minimize_size=True,
    )
    _verify(target, preview, ends[-1])


def _starts(
    plan: VideoPlan, preview: AnimatedPreview, cheap: Footage, moments: Moments, cancel: threading.Event
) -> list[float]:
    """Where the cuts start, in seconds, in order of time."""
    if preview.offset_s is not None:
        return [preview.offset_s]
    fps, last = plan.timing.fps, plan.timing.duration_s - preview.cut_s
    if last <= 0:
        return [0.0] * preview.cuts
    places = [float(frame / fps) - preview.cut_s / 3 for frame in moments.best(preview.cuts * _PLACES)]
    starts = sorted({round(min(max(0.0, place), last), 3) for place in places})
    rated = sorted((-_life(plan, start, preview.cut_s, cheap, cancel), start) for start in starts)
    chosen: list[float] = []
    for apart in (preview.cut_s, 0.0):
        for _, start in rated:
            if len(chosen) < preview.cuts and all(abs(start - other) > apart for other in chosen):
                chosen.append(start)
    spare = (last * (n + 0.5) / preview.cuts for n in range(preview.cuts))
    while len(chosen) < preview.cuts:
        chosen.append(next(spare))
    return sorted(chosen)


def _life(plan: VideoPlan, start_s: float, length_s: float, cheap: Footage, cancel: threading.Event) -> float:
    """How much happens in a stretch: steady movement counts, a cut in it counts against it."""
    count = max(2, int(length_s * _WATCHED_FPS))
    begin = Fraction(round(start_s * _WATCHED_FPS)) / _WATCHED_FPS
    try:
        frames = exact(plan, cheap, start=begin, fps=_WATCHED_FPS, count=count, scaled=_WATCHED_PX, cancel=cancel)
    except InputError:
        return 0.0
    grey = [np.asarray(frame.convert("L"), dtype=np.float32) for frame in frames]
    changes = [float(np.abs(later - earlier).mean()) for earlier, later in pairwise(grey)]
    if not changes:
        return 0.0
    life = min(1.0, float(np.median(changes)) / _LIVELY)
    return life * (0.5 if max(changes) > _CUT else 1.0)


def _verify(target: Path, preview: AnimatedPreview, length_ms: int) -> None:
    try:
        with Image.open(target) as written:
            frames, size, shown = getattr(written, "n_frames", 1), written.size, 0
            for number in range(frames):
                written.seek(number)
                written.load()
                shown += int(written.info.get("duration", 0))
    except (OSError, EOFError) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{target.name} can't be read back", str(e)) from e
    # Equal frames that follow each other become one; a single one has no length at all.
    if size != preview.scaled or (frames > 1 and abs(shown - length_ms) > 1):
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"{target.name} lasts {shown} ms instead of {length_ms} ms")
