"""Waveforms: from the levels that ffmpeg measured to a picture or to points.

Source of the points' form: BBC audiowaveform, doc/DataFormat.md (JSON, version 2, 8 bits, one channel), which peaks.js
and wavesurfer.js read. Doesn't belong here: measuring (command.py).
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from telecine.recipe.waveform import Waveform

Levels = Sequence[tuple[float, float]]
"""Lowest and highest sample of each window, -1 to 1."""

_LOW, _HIGH = "lavfi.astats.Overall.Min_level=", "lavfi.astats.Overall.Max_level="
_SILENCE = 0.001  # -60 dB: a file that isn't louder is drawn as the line that it is
_PREVIEW = (480, 120)


def read_levels(path: Path) -> list[tuple[float, float]]:
    """What ffmpeg's ametadata wrote."""
    lows: list[float] = []
    highs: list[float] = []
    with path.open() as lines:
        for line in lines:
            if line.startswith(_LOW):
                lows.append(_sample(line[len(_LOW) :]))
            elif line.startswith(_HIGH):
                highs.append(_sample(line[len(_HIGH) :]))
    return [(low, max(low, high)) for low, high in zip(lows, highs, strict=False)]


def columns(levels: Levels, count: int) -> list[tuple[float, float]]:
    """The levels in `count` columns: each with the extremes of the windows below it."""
    if not levels:
        return [(0.0, 0.0)] * count
    result = []
    for column in range(count):
        first = column * len(levels) // count
        last = max(first + 1, (column + 1) * len(levels) // count)
        windows = levels[first:last]
        result.append((min(low for low, _ in windows), max(high for _, high in windows)))
    return result


def write_waveform(spec: Waveform, levels: Levels, target: Path, sample_rate: int, window: int) -> None:
    """Draw a waveform, or write its points.

    Args:
        window: samples of each level.
    """
    if spec.format == "json":
        target.write_text(json.dumps(points(levels, spec.width, sample_rate, window), separators=(",", ":")) + "\n")
        return
    image = draw(levels, (spec.width, spec.height), spec.color, spec.background)
    if spec.format == "png":
        # Two colours: a palette makes the file a tenth as large.
        image.quantize(colors=16, method=Image.Quantize.FASTOCTREE).save(target, "PNG", optimize=True)
    else:
        image.save(target, "WEBP", lossless=True)


def points(levels: Levels, most: int, sample_rate: int, window: int) -> dict[str, object]:
    """audiowaveform's JSON with at most `most` points."""
    together = max(1, -(-len(levels) // most))
    merged = [
        (min(low for low, _ in group), max(high for _, high in group))
        for group in (levels[at : at + together] for at in range(0, len(levels), together))
    ]
    return {
        "version": 2,
        "channels": 1,
        "sample_rate": sample_rate,
        "samples_per_pixel": window * together,
        "bits": 8,
        "length": len(merged),
        "data": [round(max(-128.0, min(127.0, value * 127))) for pair in merged for value in pair],
    }


def draw(levels: Levels, size: tuple[int, int], colour: str, background: str) -> Image.Image:
    """A waveform as high as its loudest sample; silence is a line."""
    width, height = size
    image = Image.new("RGBA", size, background)
    loudest = max((max(abs(low), abs(high)) for low, high in levels), default=0.0)
    scale = (height / 2 - 0.5) / loudest if loudest > _SILENCE else 0.0
    pen, middle = ImageDraw.Draw(image), (height - 1) / 2
    for x, (low, high) in enumerate(columns(levels, width)):
        pen.line([(x, round(middle - high * scale)), (x, round(middle - low * scale))], fill=colour)
    return image


def preview(levels: Levels, spec: Waveform) -> bytes:
    """A small JPEG on white for the Dagster UI."""
    drawn = draw(levels, _PREVIEW, spec.color, "#ffffff")
    buffer = io.BytesIO()
    drawn.convert("RGB").save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def _sample(text: str) -> float:
    """ffmpeg says nan of a window without samples, and more than 1 of sound that clips."""
    value = float(text)
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else 0.0
