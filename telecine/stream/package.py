"""Packaging: encoded rungs and one sound become CMAF segments with an HLS and a DASH entry.

Shaka Packager cuts the files at their keyframes; then what it leaves out or gets wrong is put right from measured
segments (hls.py, dash.py). Everything lies in one directory, so that every reference goes downwards and the tree works
below any URL. Entry files are written last. Doesn't belong here: encoding, or deciding whether the result is good.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telecine.process import Limits, run
from telecine.stream import dash, hls
from telecine.tools import packager_path

MULTIVARIANT, MPD = "multivariant.m3u8", "manifest.mpd"
SOUND = "audio"  # name of the sound's playlist and directory
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True)
class Input:
    """One file to package: `name` is that of its directory and playlist, for example "720p"; "audio" is the sound."""

    name: str
    path: Path
    language: str | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it is the sound."""
        return self.name == SOUND


def package_argv(
    packager: Path, inputs: Sequence[Input], *, segment_s: float, want_hls: bool, want_dash: bool
) -> list[str]:
    """Shaka Packager's arguments, to be run in the stream's directory where each input lies as `<name>.input`."""
    argv = [str(packager)]
    for source in inputs:
        fields = [
            f"in={source.name}.input",
            f"stream={'audio' if source.is_sound else 'video'}",
            f"init_segment={source.name}/init.mp4",
            f"segment_template={source.name}/$Number%05d$.m4s",
        ]
        if want_hls:
            fields.append(f"playlist_name={source.name}.m3u8")
            if source.is_sound:
                fields += ["hls_group_id=audio", f"hls_name={source.language or 'audio'}"]
            else:
                fields.append(f"iframe_playlist_name={source.name}-iframes.m3u8")
        if source.language:
            fields.append(f"lang={source.language}")
        argv.append(",".join(fields))
    # Six decimals name any boundary of ours exactly enough; rounded up a boundary would slip to the next keyframe.
    argv += ["--segment_duration", f"{segment_s - 1e-4:.6f}", "--min_buffer_time", "4", "--quiet"]
    if want_hls:
        argv += ["--hls_master_playlist_output", MULTIVARIANT + _UNFINISHED, "--hls_playlist_type", "VOD"]
    if want_dash:
        argv += ["--mpd_output", MPD + _UNFINISHED, "--generate_static_live_mpd"]
    return argv


def package(
    inputs: Sequence[Input],
    directory: Path,
    *,
    segment_s: float,
    want_hls: bool,
    want_dash: bool,
    cancel: threading.Event | None = None,
) -> None:
    """Make a stream in an empty directory.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    directory.mkdir(parents=True)
    links = [directory / f"{source.name}.input" for source in inputs]
    try:
        # The packager's own syntax has no way to quote a comma in a path, so it sees names of ours only.
        for link, source in zip(links, inputs, strict=True):
            link.symlink_to(source.path.absolute())
        argv = package_argv(packager_path(), inputs, segment_s=segment_s, want_hls=want_hls, want_dash=want_dash)
        run(argv, cwd=directory, limits=Limits(wall_s=3600), cancel=cancel)
    finally:
        for link in links:
            link.unlink(missing_ok=True)
    if want_dash:
        _finish_dash(directory)
    if want_hls:
        _finish_hls(directory)


def _finish_hls(directory: Path) -> None:
    unfinished = directory / (MULTIVARIANT + _UNFINISHED)
    text = unfinished.read_text()
    entry = hls.parse_multivariant(text)

    def measured(uri: str) -> hls.Rates:
        playlist = hls.parse_media((directory / uri).read_text())
        return hls.rates(playlist, lambda name: (directory / name).stat().st_size)

    uris = [uri for _, uri in (*entry.variants, *entry.iframes)]
    sounds = [measured(media["URI"]) for media in entry.media if media.get("TYPE") == "AUDIO"]
    text = hls.with_true_rates(text, {uri: measured(uri) for uri in uris}, sounds[0] if sounds else None)
    (directory / MULTIVARIANT).write_text(text)
    unfinished.unlink()


def _finish_dash(directory: Path) -> None:
    unfinished = directory / (MPD + _UNFINISHED)
    text = unfinished.read_text()
    bandwidths = {}
    for representation in dash.parse(text).representations:
        rates = [
            (directory / name).stat().st_size * 8 / duration
            for name, duration in zip(representation.segments, representation.durations_s, strict=True)
        ]
        bandwidths[representation.init] = int(max(rates, default=0)) + 1
    (directory / MPD).write_text(dash.completed(text, bandwidths))
    unfinished.unlink()
