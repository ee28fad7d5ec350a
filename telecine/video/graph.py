"""The picture's filter graph: decoded once, scaled in cascade, one end for each output.

Pure: ffmpeg-python nodes. Belongs here: which picture is made from which. Doesn't belong here: what a single filter
does to a frame (picture.py), encoders (encoder.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telecine.probe import VideoFacts
from telecine.video.ladder import Rung
from telecine.video.picture import Filter, Look, deinterlace_filters, upright_filters
from telecine.video.timing import Timing

Stream = Any  # ffmpeg-python has no types


def pictures(source: Stream, video: VideoFacts, clock: Timing, rungs: Sequence[Rung]) -> dict[str, Stream]:
    """The picture that each rung's encoder gets, by the rung's name.

    Every one is made from the next larger one that has its frames and its look; where the frame rate halves on the way
    down, frames are dropped before they are scaled.

    Args:
        source: the decoded track.
    """
    on_time = _filtered(source, [*_shifted(clock), *deinterlace_filters(video), *_on_clock(clock)])
    looks: dict[Look, list[Rung]] = {}
    for rung in sorted(rungs, key=lambda r: (-r.pixels, r.fps_divisor, r.fps is not None, r.name)):
        looks.setdefault(rung.look, []).append(rung)
    fork = _Fork(on_time, len(looks))
    made: dict[str, Stream] = {}
    for look, alike in looks.items():
        made |= _cascade(fork.branch(), video, clock, look, alike)
    return made


class _Fork:
    """One stream for several takers: split only when there is more than one."""

    def __init__(self, stream: Stream, takers: int) -> None:
        self._stream = stream.filter_multi_output("split", takers) if takers > 1 else stream
        self._takers, self._taken = takers, 0

    def branch(self) -> Stream:
        """The next taker's."""
        self._taken += 1
        return self._stream[self._taken - 1] if self._takers > 1 else self._stream


def _cascade(stream: Stream, video: VideoFacts, clock: Timing, look: Look, rungs: Sequence[Rung]) -> dict[str, Stream]:
    """Pictures of one look, largest first; each but the roots has another of them as its parent."""
    parents = {rung.name: _parent(rung, rungs[:number]) for number, rung in enumerate(rungs)}
    takers = {rung.name: 1 + sum(parent == rung for parent in parents.values()) for rung in rungs}
    roots = _Fork(stream, sum(parent is None for parent in parents.values()))
    forks: dict[str, _Fork] = {}
    made: dict[str, Stream] = {}
    for rung in rungs:
        parent = parents[rung.name]
        if parent is None:
            filters = [*_fewer(rung, 1, clock), *upright_filters(video, rung.width, rung.height, look)]
            picture = _filtered(roots.branch(), filters)
        else:
            same = (rung.width, rung.height) == (parent.width, parent.height)
            filters = [*_fewer(rung, parent.fps_divisor, clock), *([] if same else _smaller(rung))]
            picture = _filtered(forks[parent.name].branch(), filters)
        forks[rung.name] = _Fork(picture, takers[rung.name])
        made[rung.name] = forks[rung.name].branch()
    return made


def _parent(rung: Rung, larger: Sequence[Rung]) -> Rung | None:
    """The smallest picture before it that has all its samples and frames."""
    fitting = [
        r
        for r in larger
        if r.width >= rung.width
        and r.height >= rung.height
        and r.fps is None
        and rung.fps_divisor % r.fps_divisor == 0
        and (rung.fps is None or r.fps_divisor == 1)
    ]
    return fitting[-1] if fitting else None


def _shifted(clock: Timing) -> list[Filter]:
    return [Filter("setpts", {"expr": f"PTS-{clock.shift_s:.6f}/TB"})] if abs(clock.shift_s) >= 0.0005 else []


def _on_clock(clock: Timing) -> list[Filter]:
    """A constant rate from zero on, and exactly as many frames as planned."""
    return [
        Filter("fps", {"fps": f"{clock.fps_num}/{clock.fps_den}", "start_time": 0, "round": "near"}),
        Filter("tpad", {"stop_mode": "clone", "stop_duration": f"{clock.hold_s}"}),
        Filter("trim", {"end_frame": clock.frames}),
    ]


def _fewer(rung: Rung, divisor: int, clock: Timing) -> list[Filter]:
    """The rung's frames out of every `divisor`-th of the clock's."""
    if rung.fps is not None:
        return [
            Filter("fps", {"fps": f"{rung.fps[0]}/{rung.fps[1]}", "start_time": 0, "round": "near"}),
            # Rounding may leave it one frame short or long of what was planned.
            Filter("tpad", {"stop_mode": "clone", "stop": 2}),
            Filter("trim", {"end_frame": rung.pace(clock).frames}),
        ]
    step = rung.fps_divisor // divisor
    return [Filter("framestep", {"step": step})] if step > 1 else []


def _smaller(rung: Rung) -> list[Filter]:
    return [Filter("scale", {"w": rung.width, "h": rung.height, "flags": "bicubic"}), Filter("setsar", {"sar": 1})]


def _filtered(stream: Stream, filters: Sequence[Filter]) -> Stream:
    for each in filters:
        stream = stream.filter(each.name, **each.options)
    return stream
