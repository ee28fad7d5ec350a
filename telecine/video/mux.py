"""Putting a picture and its sound into one finished file, without encoding again.

Belongs here: ffmpeg's words for it, and the tags that may go along. Doesn't belong here: encoding, verifying. Sources:
ffmpeg-formats(1) (movflags), requirements.md section 1 for the metadata modes, which are those of images.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from telecine.codecs import VideoCodec
from telecine.demux import input_args
from telecine.probe.ffprobe import ffprobe
from telecine.process import Limits, run
from telecine.recipe.video_tags import LOCATION, Kept
from telecine.tools import ffmpeg_path
from telecine.video.coding import Coding
from telecine.video.command import CLEAN, PROGRESS, QUIET

_APPLE = "com.apple.quicktime."
_OTHERWISE = {"creationdate": "creation_time"}
NOTHING = Kept()


def mux(
    coding: Coding,
    picture: Path,
    sound: Path | None,
    target: Path,
    *,
    language: str | None,
    source: Path,
    kept: Kept = NOTHING,
    late_s: float = 0.0,
    cancel: threading.Event | None = None,
) -> None:
    """Write a finished file.

    Args:
        source: the file that tags and chapters come from, where they are kept.
        late_s: how long after the sound the picture begins.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    tags = chosen_tags(source, kept.tags, cancel) if kept.tags else {}
    argv = mux_argv(
        ffmpeg_path(),
        coding,
        picture,
        sound,
        target,
        language=language,
        source=source,
        kept=kept,
        tags=tags,
        late_s=late_s,
    )
    moving = ("total_size", "out_time")
    run(argv, limits=Limits(wall_s=3600, stall_s=180), cancel=cancel, on_line=lambda line: line.startswith(moving))


def mux_argv(
    ffmpeg: Path,
    coding: Coding,
    picture: Path,
    sound: Path | None,
    target: Path,
    *,
    language: str | None = None,
    source: Path | None = None,
    kept: Kept = NOTHING,
    tags: Mapping[str, str] | None = None,
    late_s: float = 0.0,
) -> list[str]:
    """Arguments for a finished file from a picture and its sound; an MP4's index comes first when asked (faststart)."""
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS]
    argv += ["-itsoffset", f"{late_s:.6f}"] if late_s else []  # each file is read from its own beginning
    argv += ["-i", f"file:{picture}"]
    argv += ["-i", f"file:{sound}"] if sound is not None else []
    if kept != NOTHING and source is not None:
        argv += input_args(source)
    argv += ["-map", "0:v:0", *(("-map", "1:a:0") if sound is not None else ()), "-c", "copy"]
    origin = "2" if sound is not None else "1"
    if kept == NOTHING or source is None:
        argv += CLEAN
    elif kept.everything:
        argv += ["-map_metadata", origin, "-map_chapters", origin]
    else:
        argv += ["-map_metadata", "-1", "-map_chapters", origin if kept.chapters else "-1"]
        for name, value in sorted((tags or {}).items()):
            argv += ["-metadata", f"{name}={value}"]
    if sound is not None and language is not None:
        argv += ["-metadata:s:a:0", f"language={language}"]
    if coding.codec is VideoCodec.H265 and coding.container.is_iso:
        argv += ["-tag:v", "hvc1"]
    flags = (
        ("+faststart" * coding.faststart + "+use_metadata_tags" * (kept != NOTHING)) if coding.container.is_iso else ""
    )
    argv += ["-movflags", flags] if flags else []
    return [*argv, "-fflags", "+bitexact", "-f", coding.container.muxer, f"file:{target}"]


def chosen_tags(source: Path, names: Collection[str], cancel: threading.Event | None = None) -> dict[str, str]:
    """A file's tags of these names; whatever a camera calls the place is its location."""
    words = ["-v", "error", "-of", "json", "-show_entries", "format_tags"]
    data = json.loads(ffprobe(words, source, limits=Limits(wall_s=120), cancel=cancel).stdout)
    found: dict[str, str] = {}
    for name, value in data.get("format", {}).get("tags", {}).items():
        own = name.lower().removeprefix(_APPLE)
        own = LOCATION if own.startswith(LOCATION) else _OTHERWISE.get(own, own)
        found.setdefault(own, value)
    return {name: found[name] for name in names if name in found}
