"""Taking a still out of a video: the poster.

One frame, upright and in BT.709 like the rungs, at the asked time; when nobody asked for a time, a frame that is black
is passed over for a later one. Doesn't belong here: choosing by content beyond that.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageStat

from telecine.demux import input_args
from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Limits, run
from telecine.tools import ffmpeg_path
from telecine.video.command import QUIET
from telecine.video.picture import deinterlaced, upright
from telecine.video.plan import Still, VideoPlan

_BLACK_MEAN, _BLACK_SPREAD = 28.0, 12.0  # of 255: titles on black are bright somewhere, so the spread tells them apart
_SHARES = (0.2, 0.35, 0.5, 0.75)  # where to look when the first place is black
_PREVIEW_BYTES, _PREVIEW_PX = 20_000, 480
_PNG_BYTES = 96 * 1024**2


@dataclass(frozen=True, slots=True)
class Taken:
    """A still on disk, with its preview for the Dagster UI."""

    width: int
    height: int
    offset_s: float
    preview: bytes


def take(plan: VideoPlan, still: Still, source: Path, target: Path, cancel: threading.Event) -> Taken:
    """Write a still.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded anywhere.
    """
    image, offset = _frame(plan, still, source, cancel)
    options: dict[str, dict[str, Any]] = {
        "jpeg": {"quality": still.quality, "optimize": True, "progressive": True},
        "png": {"optimize": True},
        "webp": {"quality": still.quality, "method": 4},
    }
    image.save(target, still.format.upper(), **options[still.format])
    return Taken(image.width, image.height, offset, _preview(image))


def still_argv(ffmpeg: Path, plan: VideoPlan, still: Still, source: Path, offset_s: float) -> list[str]:
    """ffmpeg arguments that write the frame shown at `offset_s` of the outputs' clock as PNG to stdout."""
    seek = max(0.0, offset_s + plan.timing.shift_s)
    before = ("-noautorotate", "-reinit_filter", "0", *(("-ss", f"{seek:.6f}") if seek > 0 else ()))
    chain = [*deinterlaced(plan.video), *upright(plan.video, still.width, still.height)]
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *input_args(source, before_input=before)]
    argv += ["-map", f"0:{plan.video.index}", "-vf", ",".join(chain), "-frames:v", "1"]
    return [*argv, "-c:v", "png", "-f", "image2pipe", "pipe:1"]


def _frame(plan: VideoPlan, still: Still, source: Path, cancel: threading.Event) -> tuple[Image.Image, float]:
    """The frame at the asked time; else the first that isn't black; else the brightest; else any."""
    duration = plan.timing.duration_s
    offsets = [still.offset_s]
    if not still.chosen_by_person:
        offsets += [share * duration for share in _SHARES if share * duration > still.offset_s]
    best: tuple[float, Image.Image, float] | None = None
    for offset in offsets:
        image = _at(plan, still, source, offset, cancel)
        if image is None:
            continue
        statistics = ImageStat.Stat(image.convert("L"))
        mean, spread = statistics.mean[0], statistics.stddev[0]
        if still.chosen_by_person or mean > _BLACK_MEAN or spread > _BLACK_SPREAD:
            return image, offset
        if best is None or mean > best[0]:
            best = (mean, image, offset)
    if best is None and (image := _at(plan, still, source, 0.0, cancel)) is not None:
        best = (0.0, image, 0.0)
    if best is None:
        raise InputError(ErrorCode.CORRUPT_MEDIA, "no frame of the picture can be decoded")
    return best[1], best[2]


def _at(plan: VideoPlan, still: Still, source: Path, offset_s: float, cancel: threading.Event) -> Image.Image | None:
    """The frame at a time, or None when there is none (a gap, a broken index, the very end)."""
    argv = still_argv(ffmpeg_path(), plan, still, source, offset_s)
    try:
        png = run(argv, limits=Limits(wall_s=300), cancel=cancel, stdout_bytes=_PNG_BYTES).stdout
    except (InputError, SystemFault):
        return None
    if not png:
        return None
    try:
        with Image.open(io.BytesIO(png)) as image:
            return image.convert("RGB")
    except OSError as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, "ffmpeg wrote a still that can't be read", str(e)) from e


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
