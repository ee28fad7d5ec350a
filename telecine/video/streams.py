"""The streams of a video: packaged together over the same segments, then each checked and listed for itself.

Belongs here: from encoded files to the artifacts of HLS and DASH. Doesn't belong here: how a stream is made and what is
right about one (telecine/stream).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from telecine.artifact import Artifact, StreamFile
from telecine.errors import ErrorCode, SystemFault
from telecine.recipe.protection import Aes128, Cbcs
from telecine.stream.aes128 import encrypt_package
from telecine.stream.cbcs import Encryption
from telecine.stream.keys import KeyRing
from telecine.stream.mpd import Tiles
from telecine.stream.package import MPD, MULTIVARIANT, Content, Form, package
from telecine.stream.tracks import Picture, Rendition, Sound, Text, labelled, language_tag
from telecine.stream.verify import Expected, Gate
from telecine.video.encode import Encoded
from telecine.video.gather import Gathering
from telecine.video.missing import Place
from telecine.video.plan import DASH, HLS, VideoPlan
from telecine.video.sound import MAIN
from telecine.video.storyboard_plan import Storyboard
from telecine.video.stream_files import SOUND, STREAM_DIR, admitted, stream_artifact

THUMBNAIL_DIR, SHEETS = "thumbnails", "thumbnails"
AES128_DIR = "stream-aes128"


def make_streams(
    plan: VideoPlan,
    encoded: Encoded,
    captions: Sequence[Text],
    work: Path,
    out_dir: Path,
    wanted: Sequence[Place],
    gathered: Gathering,
    cancel: threading.Event,
    ring: KeyRing | None = None,
) -> None:
    """Package both streams at once, then check each for itself.

    Args:
        ring: where keys are cut for protected streams.
    """
    assets = {asset for asset, _ in wanted}
    spec = plan.streams
    assert spec is not None
    aes128 = spec.protection if isinstance(spec.protection, Aes128) else None
    directory = out_dir / (AES128_DIR if aes128 else STREAM_DIR)
    clear = work / STREAM_DIR if aes128 else directory
    with gathered.output(*wanted):
        tiles = _tiles(plan.storyboard, out_dir) if DASH in assets else None
        content = Content(_pictures(plan, encoded, work), _sounds(plan, encoded, work), tuple(captions), tiles)
        form = Form(
            segment_s=plan.timing.segment_s,
            gop_s=plan.timing.gop_s,
            hls=HLS in assets,
            dash=DASH in assets,
            container=spec.hls.container,
            as_list=spec.dash.segments == "list",
            start=spec.start,
        )
        package(content, form, clear, cancel, _encryption(spec.protection, ring))
        if tiles is not None and plan.storyboard is not None:
            _link_sheets(plan.storyboard, out_dir)
        expected = Expected(plan.timing.duration_s, len(plan.rungs), len(content.sounds), len(content.captions))
        keys: dict[str, bytes] = {}
        if aes128:
            assert ring is not None
            keys = encrypt_package(clear, directory, ring, aes128)
        gate = Gate(directory, expected, keys)  # what is published is looked into, encrypted or not
        known: dict[str, StreamFile] = {}
        for asset, name in wanted:
            with gathered.output((asset, name)):
                passed = admitted(gate, MULTIVARIANT if asset == HLS else MPD, asset, gathered)
                entry, length = directory / passed.entry, plan.timing.duration_s
                listed = stream_artifact(asset, name, entry, passed.files, length, out_dir, known)
                gathered.artifacts.append(replace(listed, width=plan.rungs[-1].width, height=plan.rungs[-1].height))
    made = {a.asset for a in gathered.artifacts}
    for asset in [asset for asset, _ in wanted if asset in made][:1]:
        gathered.artifacts += [_captions(asset, text.rendition, clear, directory) for text in captions]


def _encryption(protection: Aes128 | Cbcs | None, ring: KeyRing | None) -> Encryption | None:
    """What the packager encrypts with, when it is to."""
    if not isinstance(protection, Cbcs):
        return None
    assert ring is not None
    key = ring.cut()
    return Encryption(key, ring.address(protection.key_uri, key), ring.address(protection.licence_uri, key))


def _pictures(plan: VideoPlan, encoded: Encoded, work: Path) -> tuple[Picture, ...]:
    """Every rung.

    Raises:
        SystemFault: ENCODE_FAILED when one is missing: a stream of some rungs only would be cached for ever.
    """
    missing = [rung.name for rung in plan.rungs if rung.name not in encoded.videos]
    if missing:
        raise SystemFault(ErrorCode.ENCODE_FAILED, f"there is no stream without its rung(s) {', '.join(missing)}")
    return tuple(Picture(rung.name, work / encoded.videos[rung.name]) for rung in plan.rungs)


def _sounds(plan: VideoPlan, encoded: Encoded, work: Path) -> tuple[Sound, ...]:
    heard = [sound for sound in plan.sounds if sound.number in encoded.sounds]
    renditions = [
        Rendition(
            name=SOUND if sound.number == MAIN else f"{SOUND}-{sound.number}",
            language=language_tag(sound.track.language),
            role=sound.role,
            default=sound.default,
        )
        for sound in heard
    ]
    files = [work / encoded.sounds[sound.number][sound.for_streams(plan.rungs).name] for sound in heard]
    return tuple(map(Sound, labelled(renditions, [sound.track.title for sound in heard]), files))


def _tiles(board: Storyboard | None, out_dir: Path) -> Tiles | None:
    """The storyboard that was just made, as DASH describes it; None when there is none."""
    if board is None or not (out_dir / THUMBNAIL_DIR / board.index_file).exists():
        return None
    width, height = board.sheet_size
    return Tiles(
        media=f"{SHEETS}/{board.sheet_pattern.rpartition('/')[2].replace('%03d', '$Number%03d$')}",
        columns=board.columns,
        rows=board.rows,
        width=width,
        height=height,
        period_s=board.interval_s,
        largest_bytes=max((out_dir / THUMBNAIL_DIR / name).stat().st_size for name in board.sheet_files),
        mime=board.sheet_mime,
    )


def _link_sheets(board: Storyboard, out_dir: Path) -> None:
    """The sheets below the manifest, too: nothing in a stream may refer to what lies outside of it."""
    folder = out_dir / STREAM_DIR / SHEETS
    folder.mkdir()
    for name in board.sheet_files:
        os.link(out_dir / THUMBNAIL_DIR / name, folder / Path(name).name)


def _captions(asset: str, rendition: Rendition, made: Path, directory: Path) -> Artifact:
    """Captions as an output of their own, for players that take neither HLS nor DASH."""
    path = directory / f"{rendition.name}.vtt"
    if made != directory:
        shutil.copyfile(made / path.name, path)
    return Artifact.of_file(asset, rendition.name, path, directory.parent, "text/vtt")
