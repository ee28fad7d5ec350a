"""Programmes of a transport stream: which picture, sounds and subtitles are broadcast together.

Belongs here: keeping what is chosen to one programme (ISO/IEC 13818-1 section 2.4.4.9). Doesn't belong here: the choice
within it (choice.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from telecine.probe.tracks import TrackFacts

_ELSEWHERE = "it belongs to another programme of the broadcast"

Track = TypeVar("Track", bound=TrackFacts)


def programmes(headers: Mapping[str, Any]) -> tuple[frozenset[int], ...]:
    """Stream indexes of each programme that has any, from ffprobe's JSON; one programme or none says nothing."""
    found = [frozenset(s["index"] for s in p.get("streams", ())) for p in headers.get("programs", ())]
    return tuple(filter(None, found))


def together(
    tracks: Sequence[Track], chosen: TrackFacts | None, programmes: Sequence[frozenset[int]]
) -> tuple[Track, ...]:
    """The same tracks; those that are only in other programmes than the chosen one's can't be used."""
    home = [programme for programme in programmes if chosen is not None and chosen.index in programme]
    if not home or len(programmes) < 2:
        return tuple(tracks)
    foreign = frozenset[int]().union(*programmes) - frozenset[int]().union(*home)
    return tuple(replace(t, unusable=_ELSEWHERE) if t.index in foreign and t.unusable is None else t for t in tracks)
