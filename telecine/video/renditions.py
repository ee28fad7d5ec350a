"""Finished files: every encode decoded once, then each picture muxed with its sound, measured and described.

Belongs here: which working file goes into which rendition, and what a broken one costs. Doesn't belong here: ffmpeg's
words (mux.py), what is right about a file (verify.py), streams (streams.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from telecine.artifact import Artifact, sha256_of
from telecine.errors import SystemFault
from telecine.process import together
from telecine.video.encode import Encoded
from telecine.video.gather import Gathering
from telecine.video.ladder import Rung
from telecine.video.memory import cores_here
from telecine.video.mux import mux
from telecine.video.plan import RENDITIONS, VideoPlan
from telecine.video.rendition import measure
from telecine.video.single import late_s
from telecine.video.sound import MAIN
from telecine.video.verify import check, check_decodes, expected, faults

Broken = dict[str, SystemFault]
"""What is wrong with working files, by file name."""


def broken_files(plan: VideoPlan, encoded: Encoded, muxed: Iterable[str], cancel: threading.Event) -> Broken:
    """The working files that don't decode or aren't what was planned; each is decoded once.

    Args:
        muxed: names of pictures that are measured once they are finished, not before.
    """
    work = Path(encoded.work_dir)
    unmuxed = {encoded.videos[r.name]: r for r in plan.pictures if r.name in {*encoded.videos} - {*muxed}}
    sounds = [file for versions in encoded.sounds.values() for file in versions.values()]

    def look(file: str, threads: int) -> None:
        check_decodes(work / file, cancel, threads)
        if rung := unmuxed.get(file):
            check(rung.name, measure(work / file, cancel), expected(plan, rung, sound=False))

    checks = {work / file: partial(look, file) for file in (*encoded.videos.values(), *sounds)}
    return {path.name: fault for path, fault in faults(checks, cancel).items()}


def make_renditions(
    plan: VideoPlan,
    encoded: Encoded,
    rungs: Sequence[Rung],
    source: Path,
    out_dir: Path,
    broken: Broken,
    gathered: Gathering,
    tell: Callable[[float, str], None],
    cancel: threading.Event,
) -> None:
    """Mux, measure and describe these pictures, a few at a time; `broken` gets what turns out wrong.

    Args:
        tell: gets the share that is done, and what is next.
    """
    with together(min(4, cores_here()), cancel) as pool:
        running = [
            pool.start(partial(_rendition, plan, encoded, rung, source, out_dir, broken, cancel)) for rung in rungs
        ]
        for number, (rung, made) in enumerate(zip(rungs, running, strict=True)):
            tell(number / len(rungs), rung.name)
            with gathered.output((RENDITIONS, rung.name)):
                gathered.artifacts.append(made.result())


def stream_files(plan: VideoPlan, encoded: Encoded) -> list[str]:
    """Names of the working files that streams are made of."""
    pictures = [encoded.videos[rung.name] for rung in plan.rungs if rung.name in encoded.videos]
    heard = [sound for sound in plan.sounds if sound.number in encoded.sounds]
    return [*pictures, *(encoded.sounds[sound.number][sound.for_streams(plan.rungs).name] for sound in heard)]


def _rendition(
    plan: VideoPlan,
    encoded: Encoded,
    rung: Rung,
    source: Path,
    out_dir: Path,
    broken: Broken,
    cancel: threading.Event,
) -> Artifact:
    work, container = Path(encoded.work_dir), rung.coding.container
    picture = encoded.videos[rung.name]
    main = plan.sounds[MAIN] if plan.sounds else None
    sound = encoded.sounds[MAIN][main.for_rung(rung).name] if main else None
    for file in (picture, sound):
        if file in broken:
            raise broken[file]
    target = out_dir / "renditions" / f"{rung.name}.{container.extension}"
    target.parent.mkdir(parents=True, exist_ok=True)
    mux(
        rung.coding,
        work / picture,
        work / sound if sound else None,
        target,
        language=main.track.language if main else None,
        source=source,
        kept=rung.kept,
        late_s=late_s(plan.facts, rung),
        cancel=cancel,
    )
    made = measure(target, cancel)
    try:
        check(target.name, made, expected(plan, rung, sound=sound is not None))
    except SystemFault as e:
        broken[picture] = e
        raise
    return Artifact(
        asset=RENDITIONS,
        name=rung.name,
        path=target.relative_to(out_dir).as_posix(),
        mime=container.mime,
        size_bytes=made.size_bytes,
        sha256=sha256_of(target),
        width=made.width,
        height=made.height,
        duration_s=round(made.duration_s, 3),
        bitrate_bps=made.bitrate_bps,
        codecs=made.codecs,
    )
