"""The loudness of a video's sounds: each is measured as it will come out, before it is encoded.

Belongs here: which measurements a video takes, before and after, and their progress. Doesn't belong here: measuring
(telecine/sound).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from telecine.errors import SystemFault
from telecine.process import Limits, run
from telecine.progress import ProgressSink, Saying
from telecine.sound.command import decode_argv
from telecine.sound.loudness import METER, check_loudness, levelled_shape, loudness_of
from telecine.sound.shape import Shape
from telecine.tools import ffmpeg_path
from telecine.video.following import Following
from telecine.video.sound import Take, Version
from telecine.video.sound_argv import audio_file

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


def check_levels(taken: Sequence[Take], work_dir: Path, cancel: threading.Event) -> tuple[str, ...]:
    """Measure what came out, where a loudness was asked for; warnings about what isn't that loud.

    A sound that is a little off is no reason to throw all pictures away.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    warnings: list[str] = []
    for take in taken:
        for version in take.versions:
            if version.wish.loudness_lufs is not None:
                argv = decode_argv(ffmpeg_path(), work_dir / audio_file(take.sound, version), [METER])
                said = run(argv, limits=Limits(stall_s=180), cancel=cancel, on_line=lambda line: True).stderr
                name = f"The sound {version.name} of track {take.sound.track.index}"
                try:
                    warnings += check_loudness(name, version.wish, loudness_of(said))
                except SystemFault as e:
                    warnings.append(f"{e.message}.")
    return tuple(warnings)


def _key(take: Take, version: Version) -> _Measured:
    """What is measured once: a track, as it comes out."""
    return take.sound.number, repr(version.shape), repr(version.wish)
