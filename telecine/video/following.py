"""Reading ffmpeg's `-progress` output.

Belongs here: parsing key=value blocks and telling a sink. Source: ffmpeg(1) -progress, fftools/ffmpeg.c print_report.
"""

from __future__ import annotations

from telecine.progress import ProgressSink


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
        self.speed: float | None = None

    def __call__(self, line: str) -> bool:
        """Take one line; the answer is whether ffmpeg has moved on since the last block."""
        key, separator, value = line.partition("=")
        if not separator:
            return False
        self._block[key.strip()] = value.strip()
        if key != "progress":
            return False
        block, self._block = self._block, {}
        now = tuple(block.get(k, "") for k in ("frame", "out_time_us", "total_size"))
        moved, self._last = now != self._last or value == "end", now
        self.speed = _number(block.get("speed", "").removesuffix("x")) or self.speed
        done = (_number(block.get("out_time_us")) or 0.0) / 1e6 / self._duration_s
        self._fraction = 1.0 if value == "end" else max(self._fraction, min(1.0, done))
        frame = _number(block.get("frame"))
        details = {
            "frame": None if frame is None else int(frame),
            "fps": _number(block.get("fps")),
            "speed": self.speed,
        }
        reached = self._begin + self._share * self._fraction
        self._sink.report(self._stage, reached, {k: v for k, v in details.items() if v is not None})
        return moved


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "N/A" until the first frame is out
        return None
