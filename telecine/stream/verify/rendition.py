"""A rendition: the segments of one playlist or representation as listed and as measured, and what they add up to.

Belongs here: sums, rates and times of a whole rendition. Doesn't belong here: rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from telecine.stream.verify.measured import TS_WRAP_S, Container, Measured, Piece, Stretch

_LEAST, _MOST = 0.5, 1.5  # of the target duration: the spans a peak is measured over (RFC 8216 section 4.1)

_STEP = 0.01  # of the target duration: what is shorter is weighed together, so that a span has 150 steps at most


@dataclass(frozen=True)
class Rendition:
    """One playlist or representation.

    Attributes:
        name: what a report calls it.
        pieces, measured: its segments as listed and as they are, side by side.
        said: its kind as declared, for when nothing can be seen inside.
    """

    name: str
    pieces: tuple[Piece, ...]
    measured: tuple[Measured, ...]
    said: str = ""

    @property
    def kind(self) -> str:
        """ "video" when it has a picture, else "audio", "text", or "" when nothing can be told."""
        kinds = {stretch.kind for found in self.measured for stretch in found.stretches}
        if any(found.captions is not None for found in self.measured):
            kinds.add("text")
        seen = next((kind for kind in ("video", "audio", "text") if kind in kinds), "")
        return seen or (self.said if self.container is Container.SEALED else "")

    @property
    def container(self) -> Container | None:
        """What its segments are."""
        return next((found.container for found in self.measured if not found.missing), None)

    @property
    def whole(self) -> bool:
        """Whether every segment is there and could be read."""
        return bool(self.measured) and not any(found.fault or found.missing for found in self.measured)

    @property
    def declared_s(self) -> float:
        """Length as declared."""
        return sum(piece.duration_s for piece in self.pieces)

    def where(self, number: int) -> str:
        """What a report calls a segment."""
        piece = self.pieces[number]
        return str(piece.media) if piece.media is not None else f"{self.name}, segment {number + 1}"

    def stretches(self, kind: str) -> tuple[Stretch | None, ...]:
        """One kind of track, segment by segment, on a clock that never wraps."""
        return self._on_one_clock[kind] if kind in self._on_one_clock else (None,) * len(self.pieces)

    def known(self, kind: str) -> Iterator[tuple[int, Stretch]]:
        """The segments that have such a track, with their numbers."""
        return ((number, s) for number, s in enumerate(self.stretches(kind)) if s is not None)

    def any(self, kind: str) -> Stretch | None:
        """Some stretch of a kind."""
        return next((stretch for _, stretch in self.known(kind)), None)

    def span(self, kind: str) -> tuple[float, float] | None:
        """When a kind of track begins and ends to be shown; None where a segment isn't known or the clock restarts."""
        found = [stretch for _, stretch in self.known(kind)]
        if len(found) != len(self.pieces) or not found or any(piece.fresh for piece in self.pieces):
            return None
        return min(s.shown_s for s in found), max(s.shown_end_s for s in found)

    def frame_s(self, kind: str) -> float:
        """Length of a frame on average; 0 without one."""
        found = [stretch for _, stretch in self.known(kind)]
        samples = sum(stretch.samples for stretch in found)
        return sum(stretch.frame_s * stretch.samples for stretch in found) / samples if samples else 0.0

    def codecs(self) -> tuple[str, ...]:
        """What its tracks hold, each once; unknown ones left out."""
        return tuple(dict.fromkeys(s.codec for found in self.measured for s in found.stretches if s.codec))

    def peak_bps(self, target_s: float) -> float | None:
        """Bits per second of the heaviest span of neighbouring segments that lasts half to one and a half target
        durations; of everything where nothing is that long; None when a segment isn't known."""
        if target_s not in self._peaks:
            self._peaks[target_s] = self._peak(target_s)
        return self._peaks[target_s]

    @cached_property
    def _peaks(self) -> dict[float, float | None]:
        return {}

    def _peak(self, target_s: float) -> float | None:
        if not self.pieces or any(found.missing for found in self.measured) or self.declared_s <= 0:
            return None
        steps = self._steps(target_s * _STEP)
        best = 0.0
        for first in range(len(steps)):
            bits, length = 0.0, 0.0
            for more_bits, more_s in islice(steps, first, None):
                bits, length = bits + more_bits, length + more_s
                if length > target_s * _MOST:
                    break
                if length >= target_s * _LEAST and length > 0:
                    best = max(best, bits / length)
        return best or self.average_bps

    def _steps(self, least_s: float) -> list[tuple[float, float]]:
        """Bits and seconds of neighbouring segments, taken together where they are shorter than `least_s`."""
        steps: list[tuple[float, float]] = []
        bits, length = 0.0, 0.0
        for piece, found in zip(self.pieces, self.measured, strict=True):
            bits, length = bits + found.size * 8, length + piece.duration_s
            if length >= least_s:
                steps.append((bits, length))
                bits, length = 0.0, 0.0
        return [*steps, (bits, length)] if bits or length else steps

    @cached_property
    def heaviest_bps(self) -> float:
        """Bits per second of the heaviest single segment."""
        return max(
            (f.size * 8 / p.duration_s for p, f in zip(self.pieces, self.measured, strict=True) if p.duration_s > 0),
            default=0.0,
        )

    @cached_property
    def average_bps(self) -> float | None:
        """Bits per second on average; None when a segment isn't known."""
        if not self.pieces or any(found.missing for found in self.measured) or self.declared_s <= 0:
            return None
        return sum(found.size for found in self.measured) * 8 / self.declared_s

    @cached_property
    def _on_one_clock(self) -> dict[str, tuple[Stretch | None, ...]]:
        kinds = {stretch.kind for found in self.measured for stretch in found.stretches}
        chain = _chained if self.container is Container.PACKED else _unwrapped
        return {kind: tuple(chain([found.of(kind) for found in self.measured])) for kind in kinds}


def _chained(stretches: Sequence[Stretch | None]) -> Iterator[Stretch | None]:
    """Packed audio has no clock of its own, or only timestamps of where it belongs: frames follow each other."""
    end = 0.0
    for stretch in stretches:
        if stretch is not None:
            stretch = stretch.moved(end - stretch.begin_s)
            end = stretch.end_s
        yield stretch


def _unwrapped(stretches: Sequence[Stretch | None]) -> Iterator[Stretch | None]:
    """33-bit clocks go on where they start again from zero."""
    turns, before = 0, 0.0
    for stretch in stretches:
        if stretch is not None:
            if before - stretch.begin_s > TS_WRAP_S / 2:
                turns += 1
            before = stretch.begin_s
            stretch = stretch.moved(turns * TS_WRAP_S) if turns else stretch
        yield stretch
