"""Packaging: encoded rungs, sounds and captions become one set of segments with an HLS and a DASH entry.

Shaka Packager cuts the files at their keyframes, without encoding; then what it leaves out or gets wrong is put right
from measured segments (multivariant.py, mpd.py). Everything lies in one directory, so that every reference goes
downwards and the tree works below any URL. Entry files are written last. Doesn't belong here: encoding, or deciding
whether the result is good (verify.py).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from telecine.process import Limits, run
from telecine.stream import cbcs, hls, media_playlist, mpd, multivariant
from telecine.stream.captions import write_segments, write_whole
from telecine.stream.lengths import exact_lengths
from telecine.stream.multivariant import Start
from telecine.stream.rates import Rates
from telecine.stream.tracks import Picture, Rendition, Sound, Text
from telecine.tools import packager_path

MULTIVARIANT, MPD = "multivariant.m3u8", "manifest.mpd"
_UNFINISHED = ".unfinished"
# Time stamps of MPEG-TS can't be negative, and pictures are decoded before they are shown.
_TS_FIRST_S = 1.0


@dataclass(frozen=True, slots=True)
class Content:
    """What a package holds; pictures ascend. Without pictures, the sounds are versions of one at several rates."""

    pictures: tuple[Picture, ...]
    sounds: tuple[Sound, ...] = ()
    captions: tuple[Text, ...] = ()
    tiles: mpd.Tiles | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How a package is made.

    Attributes:
        segment_s: length of a segment: a whole number of GOPs.
        gop_s: distance of keyframes.
        container: of HLS; DASH always has CMAF.
        as_list: DASH names every segment.
        start: which variant of HLS comes first.
    """

    segment_s: float
    gop_s: float
    hls: bool = True
    dash: bool = True
    container: Literal["cmaf", "ts"] = "cmaf"
    as_list: bool = False
    start: Start = "auto"


def package_argv(packager: Path, content: Content, form: Form, container: Literal["cmaf", "ts"]) -> list[str]:
    """Shaka Packager's arguments for what goes into one container, to be run in the stream's directory.

    Each input lies there as `<name>.input`.
    """
    want_hls = form.hls and container == form.container
    want_dash = form.dash and container == "cmaf"
    argv = [str(packager)]
    for picture in content.pictures:
        fields = [f"in={picture.name}.input", "stream=video", *_segments(picture.name, container)]
        if want_hls:
            fields += [f"playlist_name={picture.name}.m3u8", f"iframe_playlist_name={picture.name}-iframes.m3u8"]
        argv.append(",".join(fields))
    for sound in content.sounds:
        rendition = sound.rendition
        fields = [f"in={rendition.name}.input", "stream=audio", *_segments(rendition.name, container)]
        # Beside pictures no track is a version of another: the label keeps them apart. Languages are declared by our
        # own pass, because the packager refuses those that it doesn't know.
        fields.append(f"dash_label={rendition.name if content.pictures else 'versions'}")
        if want_hls and content.pictures:
            fields += [f"hls_group_id=audio-{sound.codec}", f"hls_name={rendition.name}"]
        if want_hls:
            fields.append(f"playlist_name={rendition.playlist}")
        argv.append(",".join(fields))
    if want_dash and content.pictures:
        smallest = content.pictures[0].name
        fields = [f"in={smallest}.input", "stream=video", *_segments(f"{smallest}{mpd.TRICK}", container)]
        argv.append(",".join([*fields, "trick_play_factor=1", "dash_only=1"]))
    # Six decimals name any boundary of ours exactly enough; rounded up a boundary would slip to the next keyframe.
    argv += ["--segment_duration", f"{form.segment_s - 1e-4:.6f}", "--fragment_duration", f"{form.gop_s - 1e-4:.6f}"]
    argv += ["--min_buffer_time", f"{mpd.MIN_BUFFER_S:g}", "--quiet"]
    if container == "ts":
        argv += ["--transport_stream_timestamp_offset_ms", str(round(_TS_FIRST_S * 1000))]
    if want_hls:
        argv += ["--hls_master_playlist_output", MULTIVARIANT + _UNFINISHED, "--hls_playlist_type", "VOD"]
    if want_dash:
        argv += ["--mpd_output", MPD + _UNFINISHED, "--generate_static_live_mpd"]
    return argv


def package(
    content: Content,
    form: Form,
    directory: Path,
    cancel: threading.Event | None = None,
    encryption: cbcs.Encryption | None = None,
) -> None:
    """Make a stream in an empty directory, its samples encrypted where an encryption is given.

    Raises:
        TelecineError: what `telecine.process.run` raises.
        ValueError: what the packager wrote can't be read.
    """
    directory.mkdir(parents=True)
    files = {picture.name: picture.path for picture in content.pictures}
    files |= {sound.rendition.name: sound.path for sound in content.sounds}
    links = [directory / f"{name}.input" for name in files]
    try:
        # The packager's own syntax has no way to quote a comma in a path, so it sees names of ours only.
        for link, path in zip(links, files.values(), strict=True):
            link.symlink_to(path.absolute())
        for container in _containers(form):
            argv = package_argv(packager_path(), content, form, container)
            with cbcs.argv(encryption, directory.with_suffix(".keys")) as more:
                run([*argv, *more], cwd=directory, limits=Limits(wall_s=3600, stall_s=180), cancel=cancel)
    finally:
        for link in links:
            link.unlink(missing_ok=True)
    for text in content.captions:
        write_whole(text, directory)
    sounds = [sound.rendition for sound in content.sounds]
    captions = [text.rendition for text in content.captions]
    if form.dash:
        _finish_dash(directory, content, form, sounds, captions)
    if form.hls:
        _finish_hls(directory, content, form, sounds, captions)
    if encryption:
        entries = (MULTIVARIANT if form.hls else None, MPD if form.dash else None)
        cbcs.finish_package(directory, encryption, multivariant=entries[0], mpd=entries[1])


def _containers(form: Form) -> list[Literal["cmaf", "ts"]]:
    """One run of the packager serves both protocols unless they want different containers."""
    if form.hls and form.container == "ts":
        return ["ts", "cmaf"] if form.dash else ["ts"]
    return ["cmaf"]


def _segments(name: str, container: Literal["cmaf", "ts"]) -> list[str]:
    if container == "ts":
        return [f"segment_template={name}/$Number%05d$.ts"]
    return [f"init_segment={name}/init.mp4", f"segment_template={name}/$Number%05d$.m4s"]


def _finish_hls(
    directory: Path, content: Content, form: Form, sounds: Sequence[Rendition], captions: Sequence[Rendition]
) -> None:
    unfinished = directory / (MULTIVARIANT + _UNFINISHED)
    text = unfinished.read_text()
    entry = hls.parse_multivariant(text)
    played = [uri for _, uri in entry.variants] + [media["URI"] for media in entry.media]
    ranged = [uri for _, uri in entry.iframes]
    lengths: dict[str, tuple[float, ...]] = {}
    for together in (played, ranged):
        texts = {uri: (directory / uri).read_text() for uri in together}
        lengths |= {uri: exact_lengths(hls.parse_media(found), directory) for uri, found in texts.items()}
        target = media_playlist.target_of(length for uri in together for length in lengths[uri])
        for uri, found in texts.items():
            (directory / uri).write_text(media_playlist.completed(found, lengths[uri], target))
    first_pts_s = _TS_FIRST_S if form.container == "ts" else 0.0
    for track in content.captions:
        write_segments(track, directory, lengths[played[0]], first_pts_s)
    uris = [*played, *ranged, *(caption.playlist for caption in captions)]
    measured = {uri: _measured(directory, uri) for uri in uris}
    (directory / MULTIVARIANT).write_text(multivariant.completed(text, measured, sounds, captions, form.start))
    unfinished.unlink()


def _measured(directory: Path, uri: str) -> Rates:
    playlist = hls.parse_media((directory / uri).read_text())
    return hls.rates(playlist, lambda name: (directory / name).stat().st_size)


def _finish_dash(
    directory: Path, content: Content, form: Form, sounds: Sequence[Rendition], captions: Sequence[Rendition]
) -> None:
    unfinished = directory / (MPD + _UNFINISHED)
    text = mpd.completed(
        unfinished.read_text(),
        lambda name: (directory / name).stat().st_size,
        sounds,
        captions,
        tiles=content.tiles,
        as_list=form.as_list,
    )
    (directory / MPD).write_text(text)
    unfinished.unlink()
