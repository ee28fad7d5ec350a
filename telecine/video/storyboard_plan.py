"""Planning a storyboard: how many small pictures, when, and on which sheets.

Pure. Belongs here: the numbers that the sheets, their WebVTT index and the streams' own descriptions of them (DASH
thumbnail tiles, HLS image playlists) share. Doesn't belong here: making the sheets (storyboard.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from telecine.probe import VideoFacts
from telecine.recipe.still import Storyboard as StoryboardSpec
from telecine.video.still_plan import fitted
from telecine.video.timing import Timing

_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 90, 120, 180, 240, 300)  # intervals that people can reckon with
_USUALLY = 400  # pictures at most, when nobody asked for a number: one for every few pixels of a seek bar
_MOST, _MOST_PIXELS = 2000, 100_000_000  # at most, whatever was asked for: a sheet on disk before it is compressed
_EXTENSION = {"jpeg": "jpg", "webp": "webp"}


@dataclass(frozen=True, slots=True)
class Storyboard:
    """Tiles on sheets, left to right and top to bottom; tile `n` stands for the time from `n * interval_s`.

    Attributes:
        tile_width, tile_height: pixels, even.
        columns, rows: of every sheet; what is left of the last one is black.
        count: tiles in all.
        interval_ms: what one tile stands for; the last one may stand for less.
        duration_s: of the video, which is where the last tile ends.
        warning: a sentence for the manifest, when it isn't what was asked for.
    """

    name: str
    format: Literal["jpeg", "webp"]
    quality: int
    tile_width: int
    tile_height: int
    columns: int
    rows: int
    count: int
    interval_ms: int
    duration_s: float
    warning: str | None = None

    INDEX_MIME: ClassVar[str] = "text/vtt"

    @property
    def interval_s(self) -> float:
        """Seconds that one tile stands for."""
        return self.interval_ms / 1000

    @property
    def tiles_per_sheet(self) -> int:
        """How many tiles a full sheet holds."""
        return self.columns * self.rows

    @property
    def sheet_size(self) -> tuple[int, int]:
        """Pixels of every sheet."""
        return self.columns * self.tile_width, self.rows * self.tile_height

    @property
    def sheet_mime(self) -> str:
        """Media type of the sheets."""
        return f"image/{self.format}"

    @property
    def index_file(self) -> str:
        """Name of the WebVTT index."""
        return f"{self.name}.vtt"

    @property
    def sheet_files(self) -> tuple[str, ...]:
        """Names of the sheets, relative to the index's folder."""
        return tuple(self.sheet_pattern % n for n in range(1, -(-self.count // self.tiles_per_sheet) + 1))

    @property
    def sheet_pattern(self) -> str:
        """printf pattern of the sheets' names, which count from 1; in a URL template it is `$Number%03d$`."""
        return f"{self.name}/%03d.{_EXTENSION[self.format]}"

    def place(self, tile: int) -> tuple[str, int, int]:
        """The sheet that holds a tile, and the pixels to its left and above it."""
        sheet, within = divmod(tile, self.tiles_per_sheet)
        row, column = divmod(within, self.columns)
        return self.sheet_pattern % (sheet + 1), column * self.tile_width, row * self.tile_height


def plan_storyboard(spec: StoryboardSpec, video: VideoFacts, clock: Timing) -> Storyboard:
    """What a storyboard of this video looks like."""
    width, height = fitted(video.displayed_size, (spec.tile_width, spec.tile_height))
    length_ms = max(1, round(clock.duration_s * 1000))
    interval_ms, warning = _interval_ms(spec, length_ms, clock, min(_MOST, _MOST_PIXELS // (width * height)))
    count = -(-length_ms // interval_ms)
    columns = min(spec.columns, count)
    return Storyboard(
        name=spec.name,
        format=spec.format,
        quality=spec.quality,
        tile_width=width,
        tile_height=height,
        columns=columns,
        rows=min(spec.rows, -(-count // columns)),
        count=count,
        interval_ms=interval_ms,
        duration_s=round(clock.duration_s, 6),
        warning=warning,
    )


def _interval_ms(spec: StoryboardSpec, length_ms: int, clock: Timing, most: int) -> tuple[int, str | None]:
    """How far apart tiles are, in ms, and a warning when that isn't what was asked for."""
    if spec.count is not None:
        asked = length_ms / spec.count
    elif spec.interval_s is not None:
        asked = spec.interval_s * 1000
    else:
        asked = next((s * 1000 for s in _STEPS_S if length_ms <= s * 1000 * _USUALLY), length_ms / _USUALLY)
    interval = max(math.ceil(asked), math.ceil(1000 / clock.fps))
    least = -(-length_ms // most)
    if interval >= least:
        return interval, None
    return least, f"{spec.name}: more than {most} tiles were asked for; there is one every {least / 1000:g} s."
