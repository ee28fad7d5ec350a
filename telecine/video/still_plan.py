"""Planning stills and previews: which moments, and how large.

Pure. Doesn't belong here: taking them (still.py, preview.py), or finding good moments (moments.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from telecine.probe import VideoFacts
from telecine.recipe.still import AnimatedPreview as PreviewSpec
from telecine.recipe.still import Offset, VideoStill
from telecine.video.timing import Timing

_POSTER_S, _POSTER_SHARE = 10.0, 0.1
_PREVIEW_HEIGHT = 640
_SLACK = Fraction(1, 1000)  # of a frame: 0.1 s at 30 frames a second is the third frame, whatever a float says


@dataclass(frozen=True, slots=True)
class Still:
    """One picture out of the video.

    Attributes:
        width, height: of the picture.
        scaled: size of the whole frame, even; larger than the picture when it is cropped.
        choice: "asked": exactly `frame`; "usual": `frame`, or a better one when it is black; "content": the `rank`th
            of the `of` best moments, in order of time.
        frame: number of the output frame that is shown at the time, from 0.
        offset_s: when that frame is shown, on the outputs' clock.
        warning: a sentence for the manifest, when it isn't what was asked for.
    """

    name: str
    format: Literal["jpeg", "png", "webp"]
    width: int
    height: int
    scaled: tuple[int, int]
    quality: int
    choice: Literal["asked", "usual", "content"]
    frame: int
    offset_s: float
    rank: int = 0
    of: int = 1
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class AnimatedPreview:
    """A moving preview.

    Attributes:
        scaled: size of its frames, even.
        frames: of each cut; `cuts` of them follow each other.
        offset_s: where the only cut starts; None where the content decides.
        fps: pictures shown in a second.
    """

    name: str
    scaled: tuple[int, int]
    quality: int
    fps: float
    frames: int
    cuts: int
    offset_s: float | None
    warning: str | None = None

    @property
    def cut_s(self) -> float:
        """Length of one cut."""
        return self.frames / self.fps

    @property
    def duration_s(self) -> float:
        """Length of all cuts together."""
        return self.cut_s * self.cuts


def plan_stills(spec: VideoStill, video: VideoFacts, clock: Timing) -> Iterator[Still]:
    """What one still output of a recipe asks of this video: a picture, or several."""
    scaled, (width, height) = _sizes(spec, video)
    moments = spec.moments
    for rank, (name, offset) in enumerate(moments.items()):
        wanted = _usual_s(clock) if offset is None else _seconds(offset, clock)
        frame = frame_at(wanted, clock)
        yield Still(
            name=name,
            format=spec.format,
            width=width,
            height=height,
            scaled=scaled,
            quality=spec.quality,
            choice="asked" if offset is not None else ("usual" if spec.auto is None else "content"),
            frame=frame,
            offset_s=round(float(frame / clock.fps), 6),
            rank=rank if spec.auto is not None else 0,
            of=len(moments) if spec.auto is not None else 1,
            warning=_past_the_end(name, wanted, clock),
        )


def plan_preview(spec: PreviewSpec, video: VideoFacts, clock: Timing) -> AnimatedPreview:
    """What a moving preview of this video looks like; never longer than the video."""
    fps = min(spec.fps, float(clock.fps))
    duration = min(spec.duration_s, clock.duration_s)
    cuts = max(1, min(spec.cuts, int(clock.duration_s / (duration / spec.cuts) / 2)))
    start = None
    if spec.offset_s is not None:
        start = max(0.0, min(spec.offset_s, clock.duration_s - duration))
    return AnimatedPreview(
        name=spec.name,
        scaled=fitted(video.displayed_size, (spec.width, _PREVIEW_HEIGHT)),
        quality=spec.quality,
        fps=fps,
        frames=max(1, int(duration / cuts * fps + 0.001)),
        cuts=cuts,
        offset_s=None if start is None else round(start, 6),
        warning=None if spec.offset_s is None else _past_the_end(spec.name, spec.offset_s, clock),
    )


def frame_at(offset_s: float, clock: Timing) -> int:
    """Number of the output frame that is shown at a time, at most the last one's."""
    return max(0, min(int(Fraction(offset_s) * clock.fps + _SLACK), clock.frames - 1))


def fitted(size: tuple[int, int], box: tuple[int | None, int | None]) -> tuple[int, int]:
    """Even width and height of a picture inside a box, never larger than it is."""
    scale = min(1.0, *(limit / side for side, limit in zip(size, box, strict=True) if limit is not None))
    return _even(size[0] * scale), _even(size[1] * scale)


def _sizes(spec: VideoStill, video: VideoFacts) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size of the whole scaled frame, and of the picture that is cut out of it."""
    size, box = video.displayed_size, spec.box
    if spec.mode == "fit" or box[0] is None or box[1] is None:
        scaled = fitted(size, box)
        return scaled, scaled
    # A box that the source can't cover is made smaller, in its own shape.
    shrink = min(1.0, size[0] / box[0], size[1] / box[1])
    width, height = max(1, round(box[0] * shrink)), max(1, round(box[1] * shrink))
    cover = max(width / size[0], height / size[1])
    scaled = (_even_above(max(width, size[0] * cover)), _even_above(max(height, size[1] * cover)))
    return scaled, (width, height)


def _usual_s(clock: Timing) -> float:
    """requirements.md section 2: 10 s or 10 %."""
    return min(_POSTER_S, clock.duration_s * _POSTER_SHARE)


def _seconds(offset: Offset, clock: Timing) -> float:
    if isinstance(offset, str):
        return float(offset.rstrip("% ")) / 100 * clock.duration_s
    return offset


def _past_the_end(name: str, offset_s: float, clock: Timing) -> str | None:
    """A percentage can't be past the end, and the very end is as good as the last frame."""
    if offset_s <= clock.duration_s + 0.0005:
        return None
    return f"{name}: asked for {offset_s:g} s of a video of {clock.duration_s:.3f} s; its end was taken."


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _even_above(value: float) -> int:
    return max(2, -int(-(value - 0.01) // 2) * 2)
