"""Reading ffmpeg's `-progress` output.

Belongs here: parsing key=value blocks and telling a sink. Source: ffmpeg(1) -progress and -stats_enc_post,
fftools/ffmpeg.c print_report: it says nothing until every output has begun, so a sound that begins an hour in would
hide an hour of encoding. Until then one picture's own lines tell.
"""

from __future__ import annotations

import time

from telecine.progress import ProgressSink

PICTURE = "picture"
PICTURE_LINES = {"stats_enc_post:v": "pipe:1", "stats_enc_post_fmt:v": f"{PICTURE}={{n}} {{t}}"}
"""Options of one output that has ffmpeg say each of its encoded frames: number and seconds."""
_EVERY_S = 0.5  # as often as -stats_period has it


class Following:
    """Turns the lines of one ffmpeg run into progress of one stage, or of the part of it from `begin` to `end`."""

    def __init__(
        self, sink: ProgressSink, stage: str, duration_s: float, *, begin: float = 0.0, end: float = 1.0
    ) -> None:
        self._sink, self._stage, self._duration_s = sink, stage, max(duration_s, 1e-3)
        self._begin, self._share = begin, end - begin
        self._block: dict[str, str] = {}
        self._fraction = 0.0
        self._last: tuple[str, ...] = ()
        self._told_at = float("-inf")
        self._begun = False
        self.speed: float | None = None

    def __call__(self, line: str) -> bool:
        """Take one line; the answer is whether ffmpeg has moved on since the last block."""
        key, separator, value = line.partition("=")
        if not separator:
            return False
        if key == PICTURE:
            return self._picture(value)
        self._block[key.strip()] = value.strip()
        if key != "progress":
            return False
        block, self._block = self._block, {}
        self._begun = True
        now = tuple(block.get(k, "") for k in ("frame", "out_time_us", "total_size"))
        moved, self._last = now != self._last or value == "end", now
        self.speed = _number(block.get("speed", "").removesuffix("x")) or self.speed
        done = (_number(block.get("out_time_us")) or 0.0) / 1e6 / self._duration_s
        self._tell(1.0 if value == "end" else done, _number(block.get("frame")), _number(block.get("fps")))
        return moved

    def _picture(self, value: str) -> bool:
        """Take a line of `PICTURE_LINES`."""
        if not self._begun and (now := time.monotonic()) - self._told_at >= _EVERY_S:
            number, _, seconds = value.partition(" ")
            self._told_at = now
            self._tell((_number(seconds) or 0.0) / self._duration_s, _number(number), None)
        return True

    def _tell(self, done: float, frame: float | None, fps: float | None) -> None:
        self._fraction = max(self._fraction, min(1.0, done))
        details = {"frame": None if frame is None else int(frame), "fps": fps, "speed": self.speed}
        reached = self._begin + self._share * self._fraction
        self._sink.report(self._stage, reached, {k: v for k, v in details.items() if v is not None})


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "N/A" until the first frame is out
        return None
