"""Reading HLS playlists with the `m3u8` library into plain records, references resolved.

Belongs here: what a playlist says. Doesn't belong here: whether that is right (hls_rules.py), or writing playlists.
Source: RFC 8216 section 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from m3u8 import parser

from telecine.stream.verify.measure import Session
from telecine.stream.verify.measured import Key, Piece
from telecine.stream.verify.place import Missing, Outside
from telecine.stream.verify.report import Notebook
from telecine.stream.verify.window import Broken, Extent

_UNREADABLE = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, parser.ParseError)
_METHODS = ("NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR")
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_HEX_16 = re.compile(r"0[xX][0-9A-Fa-f]{1,32}")
_MOST = 100_000  # segments of a playlist
_LINES = 2_000  # variants and renditions of a multivariant playlist
_LONGEST_S = 1e6  # of a segment
_TYPE = ("application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl")


@dataclass(frozen=True)
class Playlist:
    """A media playlist.

    Attributes:
        target_s: EXT-X-TARGETDURATION; None without one.
        version: EXT-X-VERSION; 1 without one (RFC 8216 section 4.3.1.2).
        needs: the version that what it uses needs, and what that is.
        keys: whether each EXT-X-KEY is right, by what it says.
    """

    name: str
    pieces: tuple[Piece, ...]
    target_s: int | None
    version: int
    type: str | None
    ended: bool
    iframes_only: bool
    independent: bool
    needs: tuple[int, str]
    keys: Mapping[str, bool]


@dataclass(frozen=True)
class Line:
    """A variant, an I-frame variant or an EXT-X-MEDIA: its attributes, quotes taken off, and its playlist's name.

    Attributes:
        uri: as written; None where there is none.
        playlist: the resolved name; None without URI or when it leads outside.
    """

    given: Mapping[str, str]
    uri: str | None
    playlist: str | None

    @property
    def where(self) -> str:
        """What a report calls it."""
        return self.uri or self.given.get("name") or self.given.get("group_id") or "a line without name"


@dataclass(frozen=True)
class Multivariant:
    """A multivariant playlist."""

    name: str
    variants: tuple[Line, ...]
    iframes: tuple[Line, ...]
    media: tuple[Line, ...]
    independent: bool
    groups: Mapping[tuple[str, str], tuple[Line, ...]] = field(default_factory=dict)


def read(session: Session, notes: Notebook, name: str) -> Multivariant | Playlist | None:
    """A playlist of either kind; None when it can't be read, which is noted."""
    try:
        text = session.text(name)
    except Missing as e:
        notes.fail("TC-FILES", name, str(e))
        return None
    except Broken as e:
        notes.fail("RFC8216-4.1", name, str(e))
        return None
    notes.check("TC-FILES", bool(text), name, f"{len(text)} bytes")
    if said := session.place.content_type(name):
        notes.check("APPLE-10.4", said in _TYPE, name, said, _TYPE[0])
    try:
        if not text.startswith("#EXTM3U"):
            raise Broken("doesn't begin with #EXTM3U")
        data = parser.parse(text, custom_tags_parser=_note_keys)
        found = _multivariant(session, notes, name, data) if data["is_variant"] else _media(session, notes, name, data)
    except Broken as e:
        notes.fail("RFC8216-4.1", name, str(e))
        return None
    except _UNREADABLE as e:
        notes.fail("RFC8216-4.1", name, f"{type(e).__name__}: {e}")
        return None
    notes.check("RFC8216-4.1", True, name, "read")
    return found


def _multivariant(session: Session, notes: Notebook, name: str, data: dict[str, Any]) -> Multivariant:
    variants = [(entry["stream_info"], entry["uri"]) for entry in data["playlists"]]
    iframes = [(entry["iframe_stream_info"], entry["uri"]) for entry in data["iframe_playlists"]]
    media = [(entry, entry.get("uri")) for entry in data["media"]]
    lines = [
        tuple(Line(_plain(given), uri, _resolved(session, notes, name, uri) if uri else None) for given, uri in kind)
        for kind in (variants, iframes, media)
    ]
    if (count := sum(map(len, lines))) > _LINES:
        raise Broken(f"{count} variants and renditions")
    groups: dict[tuple[str, str], tuple[Line, ...]] = {}
    for line in lines[2]:
        key = line.given.get("type", ""), line.given.get("group_id", "")
        groups[key] = (*groups.get(key, ()), line)
    return Multivariant(name, lines[0], lines[1], lines[2], bool(data["is_independent_segments"]), groups)


def _media(session: Session, notes: Notebook, name: str, data: dict[str, Any]) -> Playlist:
    if len(data["segments"]) > _MOST:
        raise Broken(f"{len(data['segments'])} segments")
    session.count_segments(len(data["segments"]))
    pieces: list[Piece] = []
    # Each segment refers to the very record of its EXT-X-MAP; the key in force there is that of the map.
    map_keys = {id(record): key for record, key in zip(data["segment_map"], data.get("map_keys", []), strict=True)}
    ends: dict[str, int] = {}  # where the byte range before ended, by URI
    ranges = sampled = maps = fractions = False
    first = int(data["media_sequence"] or 0)
    for number, segment in enumerate(data["segments"], first):
        uri = segment.get("uri")
        if uri is None:
            raise Broken("a segment without URI (a partial one?)")
        if not 0 <= segment.get("duration", -1.0) < _LONGEST_S:
            raise Broken(f"{uri} has no EXTINF that is a time")
        in_force, section = tuple((segment.get("key") or {}).values()), segment.get("init_section")
        media = _extent(session, notes, name, uri, segment.get("byterange"), ends)
        init = None
        if section:
            maps = True
            init = _extent(session, notes, name, str(section["uri"]), section.get("byterange"), {})
        ranges = ranges or bool(segment.get("byterange"))
        sampled = sampled or any(key.method not in ("NONE", "AES-128") for key in in_force)
        fractions = fractions or segment["duration"] != int(segment["duration"])
        pieces.append(
            Piece(
                media,
                float(segment["duration"]),
                init,
                keys=in_force,
                sequence=number,
                init_sealed=bool(section)
                and any(k.method == "AES-128" for k in (map_keys[id(section)] or {}).values()),
                fresh=bool(segment.get("discontinuity")) and bool(pieces),
            )
        )
    iframes_only = bool(data["is_i_frames_only"])
    needs = (1, "nothing special")
    for used, version, what in (
        (fractions, 3, "EXTINF with decimals"),
        (ranges or iframes_only, 4, "byte ranges or I-frames only"),
        (sampled or (maps and iframes_only), 5, "SAMPLE-AES or EXT-X-MAP"),
        (maps and not iframes_only, 6, "EXT-X-MAP beside whole frames"),
    ):
        if used:
            needs = (version, what)
    return Playlist(
        name=name,
        pieces=tuple(pieces),
        target_s=data.get("targetduration"),
        version=int(data.get("version") or 1),
        type=(data.get("playlist_type") or "").upper() or None,
        ended=bool(data["is_endlist"]),
        iframes_only=iframes_only,
        independent=bool(data["is_independent_segments"]),
        needs=needs,
        keys=data.get("key_lines", {}),
    )


def _note_keys(line: str, number: int, data: dict[str, Any], state: dict[str, Any]) -> bool:
    """Read EXT-X-KEY, of which the library knows only the last one; everything else is left to it.

    What it takes for the current key is a mapping of all in force by KEYFORMAT (RFC 8216 section 4.3.2.4), and
    `map_keys` tells which those are at each EXT-X-MAP.
    """
    if line.startswith("#EXT-X-MAP"):
        data.setdefault("map_keys", []).append(state.get("current_key"))
    if not line.startswith("#EXT-X-KEY:"):
        return False
    given = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line)}
    method, uri, iv = given.get("METHOD", ""), given.get("URI"), given.get("IV")
    good = method in _METHODS and (method == "NONE" or bool(uri)) and (iv is None or _HEX_16.fullmatch(iv) is not None)
    data.setdefault("key_lines", {})[f"METHOD={method or None}, URI={uri}{f', IV={iv}' if iv else ''}"] = good
    if method == "NONE":
        state["current_key"] = {}
        return True
    key = Key(
        method,
        uri,
        bytes.fromhex(iv[2:].zfill(32)) if iv is not None and _HEX_16.fullmatch(iv) else None,
        given["KEYID"][2:].lower() if _HEX_16.fullmatch(given.get("KEYID", "")) else None,
    )
    state["current_key"] = {**(state.get("current_key") or {}), given.get("KEYFORMAT", "identity"): key}
    return True


def _extent(
    session: Session, notes: Notebook, base: str, uri: str, given: str | None, ends: dict[str, int]
) -> Extent | None:
    """What a URI and its byte range name; None outside of the package."""
    resolved = _resolved(session, notes, base, uri)
    if resolved is None:
        return None
    if not given:
        return Extent(resolved)
    found = re.fullmatch(r"\s*([0-9]{1,18})(?:@([0-9]{1,18}))?\s*", given.strip('"'))
    if not found:
        raise Broken(f"{uri}: no byte range: {given}")
    length = int(found[1])
    start = int(found[2]) if found[2] is not None else ends.get(resolved, 0)
    ends[resolved] = start + length
    return Extent(resolved, start, length)


def _resolved(session: Session, notes: Notebook, base: str, uri: str) -> str | None:
    try:
        name = session.place.resolve(base, uri)
    except (Outside, ValueError):
        notes.fail("TC-INSIDE", base, uri)
        return None
    notes.check("TC-INSIDE", True, base, uri)
    return name


def _plain(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value).strip().strip('"') for name, value in given.items()}
