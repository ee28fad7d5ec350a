"""Tags of a sound file that may go along: what it is and who made it, as plain text.

An allow-list, so comments, lyrics, locations, addresses, serial numbers and encoder settings stay behind. Doesn't
belong here: writing them (command.py).
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

from telecine.probe.ffprobe import ffprobe
from telecine.process import Limits

# Our name: what containers call it (ID3, Vorbis comments, iTunes atoms, Matroska), as ffprobe names it.
_NAMES = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("album_artist", "albumartist", "album artist"),
    "composer": ("composer",),
    "performer": ("performer",),
    "genre": ("genre",),
    "track": ("track", "tracknumber"),
    "disc": ("disc", "discnumber"),
    "date": ("date", "year"),
}
_SHAPES = {
    "track": re.compile(r"\d{1,4}(/\d{1,4})?"),
    "disc": re.compile(r"\d{1,4}(/\d{1,4})?"),
    "date": re.compile(r"\d{4}(-\d\d){0,2}"),
}
_LONGEST = 200


def safe_tags(source: Path, cancel: threading.Event | None = None) -> dict[str, str]:
    """The tags that may be kept; of Ogg files they are the stream's.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    entries = "format_tags:stream_tags:stream=codec_type"
    words = ["-v", "error", "-of", "json", "-show_entries", entries]
    data = json.loads(ffprobe(words, source, limits=Limits(wall_s=120), cancel=cancel).stdout)
    sounds = [s.get("tags", {}) for s in data.get("streams", []) if s.get("codec_type") == "audio"]
    found: dict[str, str] = {}
    for tags in (*sounds[:1], data.get("format", {}).get("tags", {})):  # the file's own words win
        found |= {name.lower(): str(value) for name, value in tags.items()}
    kept = {name: _plain(name, next((found[w] for w in words if w in found), "")) for name, words in _NAMES.items()}
    return {name: value for name, value in kept.items() if value}


def _plain(name: str, value: str) -> str:
    """One line of printable text, or nothing when it isn't what the tag is for."""
    words = "".join(c if c.isprintable() else " " for c in value).split()
    text = " ".join(words)[:_LONGEST]
    shape = _SHAPES.get(name)
    if shape is None:
        return text
    match = shape.match(text)
    return match[0] if match else ""
