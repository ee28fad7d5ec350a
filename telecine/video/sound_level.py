"""The loudness of a video's sounds: each is measured as it will come out, before it is encoded.

Belongs here: which measurements a video takes, and their progress. Doesn't belong here: measuring (telecine/sound).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from telecine.progress import ProgressSink, Saying
from telecine.sound.loudness import levelled_shape
from telecine.sound.shape import Shape
from telecine.video.following import Following
from telecine.video.sound import Take, Version

_Measured = tuple[int, str, str]


def at_their_loudness(
    taken: Sequence[Take], source: Path, duration_s: float, sink: ProgressSink, cancel: threading.Event
) -> tuple[Take, ...]:
    """The same with the gains that bring them to the loudness the recipe asks for; at once when it asks for none.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    needed = {_key(take, v): (take, v) for take in taken for v in take.versions if v.wish.loudness_lufs is not None}
    shapes: dict[_Measured, Shape] = {}
    telling = Saying(sink, {"operation": "measuring loudness", "total": len(needed)})
    for number, (key, (take, version)) in enumerate(needed.items()):
        span = {"begin": number / len(needed), "end": (number + 1) / len(needed)}
        following = Following(telling, "AUDIO", duration_s, **span)
        wish, rate = version.wish, version.sample_rate
        shapes[key] = levelled_shape(source, take.sound.track.index, version.shape, rate, wish, cancel, following)

    def levelled(take: Take) -> Take:
        versions = (replace(v, shape=shapes.get(_key(take, v), v.shape)) for v in take.versions)
        return replace(take, versions=tuple(versions))

    return tuple(map(levelled, taken))


def _key(take: Take, version: Version) -> _Measured:
    """What is measured once: a track, as it comes out."""
    return take.sound.number, repr(version.shape), repr(version.wish)
