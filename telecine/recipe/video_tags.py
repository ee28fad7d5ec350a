"""Which of a video's tags and chapters go along: the metadata modes of `video` outputs, made definite.

Pure. Belongs here: names of tags and what they may tell. Doesn't belong here: reading or writing them
(telecine/video/mux.py). Sources: ffmpeg's generic names (libavformat/avformat.h, "Metadata API"), Apple's QuickTime
metadata keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Metadata = Literal["strip_all", "preserve_technical", "preserve_all", "selective"]

CHAPTERS, GPS, LOCATION = "CHAPTERS", "GPS", "location"
# What a stranger may know: what it is, whose it is, what made it.
_TECHNICAL = ("title", "description", "synopsis", "copyright", "make", "model", "software", "encoder")
_PUBLIC = (
    *_TECHNICAL,
    "comment",
    "genre",
    "keywords",
    "album",
    "track",
    "show",
    "season_number",
    "episode_id",
    "network",
)
# Where, when, by whom.
_PRIVATE = (LOCATION, "creation_time", "date", "artist", "album_artist", "author", "composer", "performer")
FIELDS = (CHAPTERS, GPS, *_PUBLIC, *_PRIVATE)
"""What `metadata_fields` may name: groups in capitals, then tags."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What goes along.

    Attributes:
        tags: names of tags; None for all there are.
        chapters: whether chapters do.
    """

    mode: Metadata = "strip_all"
    tags: tuple[str, ...] | None = ()
    chapters: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is left behind, so that the picture's own messages may go along, too."""
        return self.tags is None


def kept(mode: Metadata, fields: tuple[str, ...], strip_private: bool) -> Kept:
    """The tags of a mode; without what is private, all are those that are known not to be."""
    if mode == "strip_all":
        return Kept()
    if mode == "preserve_all":
        return Kept(mode, _PUBLIC if strip_private else None, chapters=True)
    if mode == "preserve_technical":
        return Kept(mode, _TECHNICAL, chapters=True)
    names = (LOCATION if field == GPS else field for field in fields if field != CHAPTERS)
    wanted = tuple(dict.fromkeys(name for name in names if not (strip_private and name in _PRIVATE)))
    return Kept(mode, wanted, CHAPTERS in fields)


def unknown_tag(name: str) -> str | None:
    """Why a field can't be copied; None when it can."""
    if name in FIELDS:
        return None
    near = get_close_matches(name, FIELDS, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"metadata field {name!r} is unknown; {hint}Allowed: {', '.join(FIELDS)}"
