"""Rules about groups of renditions: EXT-X-MEDIA and who names it.

Source: RFC 8216 sections 4.3.4.1 and 4.3.4.2.1, Apple's HLS Authoring Specification section 8.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from telecine.stream.verify.hls_read import Line, Multivariant, Playlist
from telecine.stream.verify.measure import Session
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import whole_number

# Language, script, region, variants, private use: enough to tell a tag from a name (RFC 5646 section 2.1).
LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-([A-Za-z0-9]{5,8}|\d[A-Za-z0-9]{3}))*"
    r"(-[0-9A-WY-Za-wy-z](-[A-Za-z0-9]{2,8})+)*(-x(-[A-Za-z0-9]{1,8})+)?"
)
_KINDS = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")


def check(
    session: Session,
    notes: Notebook,
    entry: Multivariant,
    playlists: Mapping[str, Playlist],
    renditions: Mapping[str, Rendition],
) -> None:
    """Every group of a multivariant playlist, and every reference to one."""
    for line in entry.variants:
        for kind in _KINDS:
            named = line.given.get(kind.lower().replace("-", "_"))
            if named is None or (kind == "CLOSED-CAPTIONS" and named == "NONE"):
                continue
            there = (kind, named) in entry.groups
            notes.check("RFC8216-4.3.4.2.1", there, line.where, "there" if there else "missing", f'{kind}="{named}"')
    for line in entry.media:
        _check_member(notes, line)
        _check_channels(notes, line, renditions.get(line.playlist or ""))
    for (kind, name), members in entry.groups.items():
        _check_group(notes, f'{kind} "{name}"', members)


def _check_member(notes: Notebook, line: Line) -> None:
    given = line.given
    missing = [name for name in ("type", "group_id", "name") if not given.get(name)]
    if given.get("type") == "SUBTITLES" and line.uri is None:
        missing.append("uri")
    if given.get("type") == "CLOSED-CAPTIONS" and not given.get("instream_id"):
        missing.append("instream_id")
    said = "all there" if not missing else "no " + ", ".join(name.upper().replace("_", "-") for name in missing)
    notes.check("RFC8216-4.3.4.1", not missing and given.get("type") in _KINDS, line.where, said, given.get("type", ""))
    where = f"{line.where} ({given.get('name', '')})"
    default, auto = given.get("default", "NO"), given.get("autoselect")
    notes.check(
        "TC-AUTOSELECT", default != "YES" or auto in (None, "YES"), where, f"AUTOSELECT={auto}", f"DEFAULT={default}"
    )
    language = given.get("language")
    if given.get("type") != "VIDEO":
        notes.check("APPLE-8.10", language is not None, where, "", language or "no LANGUAGE")
    if language is not None:
        notes.check("TC-LANGUAGE", LANGUAGE.fullmatch(language) is not None, where, "", language)


def _check_channels(notes: Notebook, line: Line, rendition: Rendition | None) -> None:
    said = line.given.get("channels")
    stretch = rendition.any("audio") if rendition is not None else None
    if said is None or line.given.get("type") != "AUDIO" or stretch is None or not stretch.shape.channels:
        notes.skip("TC-CHANNELS", "no number of channels is declared, or none is known")
        return
    count = whole_number(said.partition("/")[0])  # what follows is spatial coding and the like
    where, real = f"{line.where} ({line.given.get('name', '')})", stretch.shape.channels
    notes.check("TC-CHANNELS", count in real, where, " or ".join(map(str, real)), said)


def _check_group(notes: Notebook, where: str, members: tuple[Line, ...]) -> None:
    names = Counter(line.given.get("name", "") for line in members)
    twice = [name for name, count in names.items() if count > 1]
    notes.check("TC-NAMES", not twice, where, f"twice: {', '.join(twice)}" if twice else f"{len(names)} names")
    defaults = [line.given.get("name", "") for line in members if line.given.get("default") == "YES"]
    notes.check("TC-ONE-DEFAULT", len(defaults) < 2, where, f"{len(defaults)} defaults", "one at most")
