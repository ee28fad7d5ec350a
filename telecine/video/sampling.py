"""Which frames are compared with what they were made from: a few short windows of the whole.

Pure. While everything is encoded, the pictures that the encoders get in these windows are also written down without
loss, so that the comparison has exactly the plan's filters (rotation, tone-map, frame rate) and no second decoding.
Doesn't belong here: comparing (quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from telecine.video.encoder import Options
from telecine.video.ladder import Rung
from telecine.video.timing import Timing

# Comparing a frame costs two to three times what encoding it did, so this share keeps the whole at 2 to 3 % of the
# encode (measured: 4 rungs up to 1080p, veryfast).
_SHARE, _LEAST, _MOST = 0.006, 3, 48
_WINDOW = 16  # frames; fewer windows cost fewer seeks
_SMALLEST = 64  # pixels; SSIM, XPSNR and VMAF look at blocks


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive frames of the outputs' clock (`Timing`)."""

    first: int
    frames: int

    def of(self, rung: Rung, clock: Timing) -> Window:
        """The same time in a rung's own frames."""
        pace = rung.pace(clock)
        by = pace.fps / clock.fps
        first = min(math.ceil(self.first * by), pace.frames - 1)
        return Window(first, max(1, min(math.floor(self.frames * by), pace.frames - first)))


def windows(clock: Timing, divisor: int) -> tuple[Window, ...]:
    """Windows spread over a video, each begun shortly after a keyframe, so that little is decoded to get there.

    Args:
        divisor: of the slowest rung; every window holds whole frames of it.
    """
    wanted = min(max(round(clock.frames * _SHARE), _LEAST), _MOST, clock.frames)
    number = math.ceil(wanted / _WINDOW)
    length = max(1, wanted // number // divisor) * divisor
    found: dict[int, Window] = {}
    for n in range(number):
        middle = clock.frames * (2 * n + 1) // (2 * number)
        # Not the keyframe itself: it looks better than what follows.
        first = middle // clock.gop_frames * clock.gop_frames + divisor
        first = max(0, min(first, clock.frames - length)) // divisor * divisor
        found[first] = Window(first, min(length, clock.frames - first))
    return tuple(found.values())


def comparable(rung: Rung) -> bool:
    """Whether a rung's pictures are worth comparing: encoded with loss, and large enough."""
    return not rung.copied and not rung.coding.codec.lossless and min(rung.width, rung.height) >= _SMALLEST


def reference_file(rung: Rung) -> str:
    """Name of the file with what a rung's encoder got, in the work directory."""
    return f"reference-{rung.name}.nut"


def reference_options(rung: Rung) -> Options:
    """ffmpeg's options for that file: lossless, and quick."""
    # Ut Video is five times as fast as FFV1 but knows 8 bits only.
    codec = "utvideo" if rung.coding.pixel_format == "yuv420p" else "ffv1"
    return {"c:v": codec, "threads": 1, "f": "nut"}


def selection(sampled: Sequence[Window]) -> str:
    """ffmpeg's expression that is true for the frames of these windows, and for the very first.

    ffmpeg says nothing of its progress until every output has begun (fftools/ffmpeg.c, print_report), and without a
    sign of life it would be ended as stalled.
    """
    return "+".join(["eq(n,0)", *(f"between(n,{w.first},{w.first + w.frames - 1})" for w in sampled)])


def spare_frames(sampled: Sequence[Window]) -> int:
    """Frames at the beginning of a reference that belong to no window."""
    return 0 if any(window.first == 0 for window in sampled) else 1


def reference_bytes(rungs: Sequence[Rung], sampled: Sequence[Window]) -> int:
    """No reference file is larger than that: 16-bit 4:2:0 that can't be compressed."""
    pixels = max((rung.pixels for rung in rungs), default=0)
    return pixels * 3 * (1 + sum(window.frames for window in sampled))
