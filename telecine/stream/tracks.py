"""What goes into a package: pictures, sounds and captions, and what players are told about each.

Belongs here: names, labels, languages and roles. Doesn't belong here: how they are packaged (package.py). Sources: BCP
47, ISO/IEC 23009-1 (urn:mpeg:dash:role:2011), Apple HLS authoring specification (CHARACTERISTICS).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from telecine.stream.webvtt import Captions

UNKNOWN = "und"  # BCP 47: the language is not known
_CHARACTERISTICS = {
    "description": ("public.accessibility.describes-video",),
    "caption": (
        "public.accessibility.transcribes-spoken-dialog",
        "public.accessibility.describes-music-and-sound",
    ),
}
_SUFFIX = {
    "commentary": "commentary",
    "description": "audio description",
    "caption": "SDH",
    "forced-subtitle": "forced",
}


@dataclass(frozen=True, slots=True)
class Rendition:
    """One of several tracks to choose from.

    Attributes:
        name: of its directory and playlist, for example "720p", "audio-2" or "captions-en".
        language: BCP 47, as short as it can be said; "und" when it isn't known.
        label: what players show, unlike that of any other rendition of its kind.
        role: urn:mpeg:dash:role:2011; captions are "subtitle", "caption" (for the deaf) or "forced-subtitle".
        default: whether players start with it.
    """

    name: str
    language: str = UNKNOWN
    label: str = ""
    role: str = "main"
    default: bool = False

    @property
    def playlist(self) -> str:
        """Its media playlist."""
        return f"{self.name}.m3u8"

    @property
    def characteristics(self) -> tuple[str, ...]:
        """Uniform type identifiers of what it does for people who can't see or hear."""
        return _CHARACTERISTICS.get(self.role, ())


@dataclass(frozen=True, slots=True)
class Picture:
    """A rung: `name` is that of its directory and playlist."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound track; all of one codec are a group."""

    rendition: Rendition
    path: Path
    codec: str = "aac"


@dataclass(frozen=True, slots=True)
class Text:
    """Captions on the stream's clock."""

    rendition: Rendition
    captions: Captions


def language_tag(language: str | None) -> str:
    """A language of a container (BCP 47 or ISO 639-2, also its bibliographic codes) as BCP 47: "ger" is "de"."""
    if not language:
        return UNKNOWN
    first, *rest = language.replace("_", "-").split("-")
    aliases = get_global("language_aliases")
    return "-".join([str(aliases.get(first.lower(), first.lower())), *rest])


def language_name(tag: str) -> str | None:
    """A language by its own name ("Deutsch"), without what nobody knows of it; None when it isn't known itself."""
    if tag == UNKNOWN:
        return None
    try:
        name = Locale.parse(tag, sep="-").get_display_name()
    except (UnknownLocaleError, ValueError):
        primary, _, more = tag.partition("-")
        return language_name(primary) if more else None
    return name[0].upper() + name[1:] if name else None


def labelled(renditions: Sequence[Rendition], titles: Sequence[str | None]) -> tuple[Rendition, ...]:
    """The renditions with labels that tell them apart.

    Args:
        titles: what the source calls each, or None.
    """
    result: list[Rendition] = []
    for number, (rendition, title) in enumerate(zip(renditions, titles, strict=True), 1):
        # Quotes can't be written in a playlist; commas and equal signs are the packager's own syntax.
        label = " ".join(re.sub(r'[,="\\\x00-\x1f]+', " ", title or "").split())
        if not label:
            label = language_name(rendition.language) or f"Track {number}"
            suffix = _SUFFIX.get(rendition.role)
            label = f"{label} ({suffix})" if suffix else label
        taken = {other.label for other in result}
        numbered = (f"{label} {n}" for n in count(number))
        result.append(replace(rendition, label=next(free for free in chain([label], numbered) if free not in taken)))
    return tuple(result)
