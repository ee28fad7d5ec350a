"""The streams of a sound file: its AAC renditions packaged as HLS and DASH, a variant for each bit rate.

Belongs here: from finished files to the artifacts of audio/hls and audio/dash. Doesn't belong here: making the files
(telecine/sound), how a stream is made (telecine/stream).
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from telecine.artifact import Artifact, MediaResult, StreamFile
from telecine.codecs import AudioCodec, Container
from telecine.probe import MediaFacts
from telecine.recipe import Recipe
from telecine.recipe.audio import AudioMap, AudioRendition
from telecine.stream.package import MPD, MULTIVARIANT, Content, Form, package
from telecine.stream.tracks import Rendition, Sound, labelled, language_tag
from telecine.stream.verify import Expected, Gate
from telecine.video.gather import Gathering
from telecine.video.missing import Place
from telecine.video.stream_files import SOUND, STREAM_DIR, admitted, stream_artifact

RENDITIONS, HLS, DASH = "audio/renditions", "audio/hls", "audio/dash"


def stream_places(recipe: Recipe, made: Collection[Place]) -> tuple[Place, ...]:
    """The streams of a sound file that are still to be made."""
    streams = recipe.streams()
    if streams is None or not _inputs(recipe):
        return ()
    places = {"hls": (HLS, "multivariant"), "dash": (DASH, "mpd")}
    return tuple(place for protocol, place in places.items() if protocol in streams.protocols and place not in made)


def without_inputs(recipe: Recipe, made: Collection[Place]) -> frozenset[Place]:
    """What need not be made again, when the files that streams are packaged from aren't there any more."""
    again = {(RENDITIONS, name) for name in _inputs(recipe)} if stream_places(recipe, made) else set()
    return frozenset(made) - again


def add_streams(
    result: MediaResult,
    facts: MediaFacts,
    recipe: Recipe,
    out_dir: Path,
    made: Collection[Place],
    cancel: threading.Event,
) -> MediaResult:
    """The result with the streams that the recipe asks for; one that can't be made is among its failures.

    Raises:
        NotOurs: canceled.
    """
    wanted, spec = stream_places(recipe, made), recipe.streams()
    inputs = _inputs(recipe)
    files = [a for a in result.artifacts if a.asset == RENDITIONS and a.name in inputs]
    if not wanted or spec is None or not files:
        return result
    gathered = Gathering()
    assets = {asset for asset, _ in wanted}
    with gathered.output(*wanted):
        sounds = _sounds(files, facts, out_dir)
        segment_s = spec.segment_s
        form = Form(
            segment_s=segment_s,
            gop_s=segment_s,
            hls=HLS in assets,
            dash=DASH in assets,
            container=spec.hls.container,
            as_list=spec.dash.segments == "list",
            start=spec.start if isinstance(spec.start, str) else "auto",
        )
        package(Content((), sounds), form, out_dir / STREAM_DIR, cancel)
        length = max(file.duration_s or 0.0 for file in files)
        gate = Gate(out_dir / STREAM_DIR, Expected(length, pictures=0, sounds=len(sounds)))
        known: dict[str, StreamFile] = {}
        for asset, name in wanted:
            with gathered.output((asset, name)):
                passed = admitted(gate, MULTIVARIANT if asset == HLS else MPD, asset, gathered)
                path = out_dir / STREAM_DIR / passed.entry
                gathered.artifacts.append(stream_artifact(asset, name, path, passed.files, length, out_dir, known))
    return replace(
        result,
        artifacts=(*result.artifacts, *gathered.artifacts),
        failures=(*result.failures, *gathered.failures),
        warnings=(*result.warnings, *gathered.warnings),
        private_facts={**result.private_facts, "streams": gathered.streams},
    )


def _inputs(recipe: Recipe) -> list[str]:
    """Names of the recipe's AAC files that are versions of one sound: alike but for their bit rates."""
    files = [o for o in recipe.outputs if isinstance(o, AudioRendition) and o.codec is AudioCodec.AAC]
    files = [o for o in files if o.used_container is Container.M4A]
    shape = set(AudioMap.model_fields)
    return [o.name for o in files if o.model_dump(include=shape) == files[0].model_dump(include=shape)]


def _sounds(files: list[Artifact], facts: MediaFacts, out_dir: Path) -> tuple[Sound, ...]:
    """One version for each bit rate, the smallest first."""
    audio = facts.audio
    by_rate = {file.bitrate_bps: file for file in files}
    language, title = (audio.language, audio.title) if audio else (None, None)
    (told,) = labelled([Rendition(SOUND, language_tag(language), default=True)], [title])
    return tuple(
        Sound(replace(told, name=SOUND if number == 0 else f"{SOUND}-{number}"), out_dir / by_rate[rate].path)
        for number, rate in enumerate(sorted(by_rate, key=lambda rate: rate or 0))
    )
