"""Rules about subtitles in HLS: they cover everything, and X-TIMESTAMP-MAP puts them on the media's clock.

Source: RFC 8216 section 3.5, Apple's HLS Authoring Specification section 5. Doesn't belong here: reading WebVTT.
"""

from __future__ import annotations

from itertools import accumulate

from telecine.stream.verify.measured import TS_WRAP_S
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.webvtt import Captions

_COVERS_S = 0.1  # by which subtitles may end before the picture, and cues lie beside their segment
_ROUNDING_S = 0.0015
_CLOCK = 90_000
_SEALED = "the clock of media that can't be seen into isn't known"


def check(notes: Notebook, main: Rendition, text: Rendition) -> None:
    """Subtitles beside the picture, or the sound where there is none."""
    whole = main.declared_s
    notes.check(
        "APPLE-5.5", text.declared_s >= whole - _COVERS_S, text.name, f"{text.declared_s:.3f} s", f"{whole:.3f} s"
    )
    begins = _begins(main)
    ends = list(accumulate(piece.duration_s for piece in text.pieces))
    for number, measured in enumerate(text.measured):
        if measured.captions is None:
            continue
        there = measured.captions.map is not None
        notes.check("APPLE-5.3", there, text.where(number), "there" if there else "no X-TIMESTAMP-MAP")
        if any(piece.fresh for piece in (*main.pieces, *text.pieces)):
            continue  # each stretch has a clock of its own
        if not begins:
            notes.skip("RFC8216-3.5", _SEALED)
            notes.skip("TC-MAP", _SEALED)
        elif there:
            span = ends[number] - text.pieces[number].duration_s, ends[number]
            _check_clock(notes, text.where(number), measured.captions, begins, span, main.frame_s(main.kind))


def _check_clock(
    notes: Notebook, where: str, captions: Captions, begins: tuple[float, ...], span: tuple[float, float], frame: float
) -> None:
    assert captions.map is not None
    ticks, local = captions.map
    # When 0 s of the cues' clock is, counted from the beginning of the media; MPEG-2's clock wraps.
    half = TS_WRAP_S / 2
    zeros = [(ticks / _CLOCK - local - begin + half) % TS_WRAP_S - half for begin in begins]
    zero = min(zeros, key=abs)
    off = min(abs(zero), abs(zero - span[0]))
    notes.check(
        "TC-MAP",
        off <= frame + _ROUNDING_S,
        where,
        f"media begin at {' or '.join(f'{begin:.3f} s' for begin in begins)}",
        f"cues count from {ticks / _CLOCK - local:.3f} s",
    )
    for begin, end in captions.cues:
        inside = begin + zero <= span[1] + _COVERS_S and end + zero >= span[0] - _COVERS_S
        shown = f"a cue from {begin + zero:.3f} to {end + zero:.3f} s of the media"
        notes.check("RFC8216-3.5", inside, where, shown, f"a segment from {span[0]:.3f} to {span[1]:.3f} s")


def _begins(main: Rendition) -> tuple[float, ...]:
    """Time stamps with which the media begin: with the edit list and, where that moves them, without."""
    first = next(iter(main.known(main.kind)), None)
    if first is None or first[0] > 0:
        return ()
    stretch = first[1]
    return tuple(dict.fromkeys((stretch.shown_s, stretch.shown_s + stretch.tfdt_s - stretch.begin_s)))
