"""The streams of a video: packaged together over the same segments, then each checked and listed for itself.

Belongs here: from encoded files to the artifacts of HLS and DASH. Doesn't belong here: how a stream is made and what is
right about one (telecine/stream).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from telecine.artifact import Artifact, StreamFile, sha256_of
from telecine.stream.package import MPD, MULTIVARIANT, SOUND, Input, package
from telecine.stream.verify import verify_dash, verify_hls
from telecine.video.encode import Encoded
from telecine.video.gather import Gathering
from telecine.video.missing import Place
from telecine.video.plan import DASH, HLS, STREAM_AUDIO_BPS, VideoPlan

_STREAM_DIR = "stream"
_MIME = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}


def make_streams(
    plan: VideoPlan,
    encoded: Encoded,
    work: Path,
    out_dir: Path,
    wanted: Sequence[Place],
    gathered: Gathering,
    cancel: threading.Event,
) -> None:
    """Package both streams at once, then check each for itself."""
    directory = out_dir / _STREAM_DIR
    assets = {asset for asset, _ in wanted}
    inputs = [Input(rung.name, work / encoded.videos[rung.name]) for rung in plan.rungs]
    if plan.sound is not None:
        inputs.append(Input(SOUND, work / encoded.sounds[STREAM_AUDIO_BPS], plan.sound.language))
    with gathered.output(*wanted):
        package(
            inputs,
            directory,
            segment_s=plan.timing.segment_s,
            want_hls=HLS in assets,
            want_dash=DASH in assets,
            cancel=cancel,
        )
        sound, length, rungs = plan.sound is not None, plan.timing.duration_s, len(plan.rungs)
        hashes: dict[str, StreamFile] = {}
        for asset, name in wanted:
            with gathered.output((asset, name)):
                verify, entry = (verify_hls, MULTIVARIANT) if asset == HLS else (verify_dash, MPD)
                files = verify(directory, length, rungs, sound=sound)
                gathered.artifacts.append(_entry(plan, asset, name, entry, files, out_dir, hashes))


def _entry(
    plan: VideoPlan,
    asset: str,
    name: str,
    entry: str,
    files: tuple[str, ...],
    out_dir: Path,
    known: dict[str, StreamFile],
) -> Artifact:
    """The artifact of a stream: its entry file with all files; `known` saves hashing shared segments twice."""
    for file in files:
        if file not in known:
            path = out_dir / _STREAM_DIR / file
            mime = "audio/mp4" if file.startswith(f"{SOUND}/") else _MIME[path.suffix]
            known[file] = StreamFile(f"{_STREAM_DIR}/{file}", mime, path.stat().st_size, sha256_of(path))
    top = plan.rungs[-1]
    return Artifact(
        asset=asset,
        name=name,
        path=f"{_STREAM_DIR}/{entry}",
        mime=known[entry].mime,
        size_bytes=known[entry].size_bytes,
        sha256=known[entry].sha256,
        width=top.width,
        height=top.height,
        duration_s=round(plan.timing.duration_s, 3),
        stream_files=tuple(known[file] for file in files),
    )
