"""The rule book: every rule that a package is held to, where it comes from, and how much it weighs.

Ids: `APPLE-n.n` is the number in Apple's HLS Authoring Specification (June 2025), `RFC8216-n.n` a section of the HLS
RFC, `DASH-n.n` a clause of ISO/IEC 23009-1, `TC-` a rule of ours. Levels are the source's, but where `says` ends with
a remark. Doesn't belong here: looking at a package.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Protocol = Literal["hls", "dash"]
_On = tuple[Protocol, ...]


class Level(StrEnum):
    """How much a rule weighs."""

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        says: what has to be, in one line.
        source: the document and place it comes from.
        protocols: where it is looked at.
        house: a SHOULD that Telecine's own packages must keep, or they aren't published.
    """

    id: str
    level: Level
    says: str
    source: str
    protocols: _On
    house: bool = False

    @property
    def gates(self) -> bool:
        """Whether a package of ours that breaks it isn't published."""
        return self.level is Level.MUST or self.house


def _apple(number: str, says: str, *, level: Level = Level.MUST, on: _On = ("hls",), house: bool = False) -> Rule:
    return Rule(f"APPLE-{number}", level, says, f"HLS Authoring Specification {number}", on, house)


def _rfc(section: str, says: str) -> Rule:
    return Rule(f"RFC8216-{section}", Level.MUST, says, f"RFC 8216 section {section.partition('-')[0]}", ("hls",))


def _dash(clause: str, says: str, *, level: Level = Level.MUST) -> Rule:
    document = "DASH-IF IOP 4.3 section 3.9" if clause == "5.8.4.2" else f"ISO/IEC 23009-1 {clause.partition('-')[0]}"
    return Rule(f"DASH-{clause}", level, says, document, ("dash",))


def _ours(
    name: str, says: str, source: str, *, level: Level = Level.MUST, on: _On = ("hls", "dash"), house: bool = False
) -> Rule:
    return Rule(f"TC-{name}", level, says, source, on, house)


_HLS: _On = ("hls",)
_DASH: _On = ("dash",)
_BOTH: _On = ("hls", "dash")
_SHOULD = Level.SHOULD
_OURS = "Telecine"

RULES: tuple[Rule, ...] = (
    # What is there at all
    _ours("PLAN", "the package holds the rungs, sounds, subtitles and length that were planned", "Telecine's gate"),
    _ours("FILES", "every referenced object exists and isn't empty", _OURS),
    _ours("INSIDE", "no reference leads out of the package", _OURS),
    _ours("WHOLE", "every segment is whole and its structure can be read", "ISO/IEC 14496-12, ISO/IEC 13818-1"),
    _apple("10.4", "a server names the right content type", level=_SHOULD, on=_BOTH),
    # Segments, whoever lists them
    _apple("7.4", "every video segment starts with an IDR frame", on=_BOTH),
    _apple("1.13", "a keyframe every two seconds", level=_SHOULD, on=_BOTH),
    _apple("7.3", "each segment's decode time is where the one before ends", on=_BOTH),
    _apple("7.2", "a transport stream's timestamps and counters go on"),
    _apple("8.22", "all rungs are cut at the same instants (Apple: SHOULD, for AirPlay 2 MUST)", on=_BOTH),
    _apple("8.3", "picture and sound begin and end together, within a frame", on=_BOTH),
    # Playlists
    _rfc("4.1", "every playlist can be read"),
    _rfc("7", "EXT-X-VERSION allows what the playlist uses"),
    _rfc("4.3.3.1", "no EXTINF, rounded, is longer than the target duration"),
    _apple("7.7", "no segment is longer than the target duration by more than 0.5 s"),
    _apple("8.2", "video and sound playlists have the same target duration"),
    _apple("8.1", "EXTINF adds up to where segments really begin, within a frame"),
    _rfc("4.3.3.4", "a finished playlist ends with EXT-X-ENDLIST"),
    _apple("8.6", "EXT-X-PLAYLIST-TYPE is VOD"),
    _apple("8.20", "fMP4 segments have an EXT-X-MAP that is an initialisation section"),
    _rfc("4.3.2.4", "every EXT-X-KEY has a METHOD that is one, a URI and a right IV, if any"),
    _rfc("4.3.2.4-scheme", "encrypted segments have an EXT-X-KEY of their scheme, clear ones have none"),
    _apple("9.11", "EXT-X-INDEPENDENT-SEGMENTS in the multivariant playlist", level=_SHOULD),
    _apple("9.12", "EXT-X-INDEPENDENT-SEGMENTS there or in every video playlist"),
    # Variants
    _rfc("4.3.4.2", "every variant declares BANDWIDTH and has a playlist"),
    _apple("1.27", "the measured peak is within 10 % of BANDWIDTH"),
    _apple("9.14", "every variant declares AVERAGE-BANDWIDTH"),
    _apple("1.26", "the measured average is within 10 % of AVERAGE-BANDWIDTH"),
    _apple("1.30", "the peak is at most twice the average", level=_SHOULD),
    _apple("9.1", "every variant declares CODECS"),
    _ours("CODECS", "CODECS are those of the bitstreams", "RFC 8216 section 4.3.4.2, RFC 6381", on=_HLS),
    _apple("1.10", "parameter sets are in sample descriptions (avc1, hvc1)", level=_SHOULD),
    _apple("1.5", "HEVC is in fMP4"),
    _apple("9.2", "every variant with a picture declares RESOLUTION"),
    _ours("RESOLUTION", "RESOLUTION is that of the picture", "RFC 8216 section 4.3.4.2", on=_HLS),
    _apple("1.33", "all variants have the same aspect ratio", level=_SHOULD),
    _apple("9.15", "every variant with a picture declares FRAME-RATE"),
    _ours("FRAME-RATE", "FRAME-RATE is that of the picture", "RFC 8216 section 4.3.4.2", on=_HLS),
    _apple("9.16", "VIDEO-RANGE is that of the picture; absent means SDR"),
    _apple("9.19", "SCORE is on every variant or on none"),
    _ours("SCORE", "SCORE is a decimal number", "RFC 8216bis section 4.4.6.2", on=_HLS),
    _apple("9.9", "a video has several variants (Apple: MUST)", level=_SHOULD),
    # Groups
    _rfc("4.3.4.2.1", "every group that a variant names exists"),
    _rfc("4.3.4.1", "EXT-X-MEDIA has TYPE, GROUP-ID, NAME and, for subtitles, URI"),
    _ours("NAMES", "renditions of a group have different names", "RFC 8216 section 4.3.4.1.1", on=_HLS),
    _ours("ONE-DEFAULT", "at most one rendition of a group is the default", "RFC 8216 section 4.3.4.1.1", on=_HLS),
    _ours("CHANNELS", "CHANNELS are those of the sound", "RFC 8216 section 4.3.4.1", on=_HLS),
    _ours("AUTOSELECT", "a default rendition isn't AUTOSELECT=NO", "RFC 8216 section 4.3.4.1", on=_HLS),
    _apple("8.10", "every EXT-X-MEDIA has a LANGUAGE (Apple: MUST)", level=_SHOULD),
    _ours("LANGUAGE", "a declared language is a BCP 47 tag", "RFC 5646"),
    # I-frames
    _apple("6.1", "I-frame playlists for scrubbing (Apple: MUST)", level=_SHOULD, house=True),
    _apple("6.8", "I-frame playlists have EXT-X-I-FRAMES-ONLY"),
    _rfc("4.3.3.6", "each I-frame range frames exactly one I-frame"),
    _rfc("4.3.3.6-duration", "I-frames last as long, together, as the picture"),
    _apple("6.10", "I-frame ranges of fMP4 begin with the moof box"),
    _apple("6.9", "the measured peak of I-frames is within 10 % of BANDWIDTH"),
    _apple("9.3", "I-frame variants declare CODECS"),
    _apple("9.4", "I-frame variants declare RESOLUTION"),
    # Subtitles
    _ours("VTT", "WebVTT segments can be read: header, cue times", "WebVTT, RFC 8216 section 3.5"),
    _apple("5.3", "WebVTT segments have an X-TIMESTAMP-MAP"),
    _rfc("3.5", "X-TIMESTAMP-MAP puts every cue into the time of its segment"),
    _ours(
        "MAP",
        "cues count from the beginning of the media, or of their segment, by X-TIMESTAMP-MAP",
        "RFC 8216 section 3.5",
        level=_SHOULD,
        on=_HLS,
        house=True,
    ),
    _apple("5.5", "subtitle playlists cover the whole presentation"),
    # MPD
    _dash("5.2", "the MPD can be read"),
    _dash("5.3.1.2", "the MPD is static, with profiles and minBufferTime"),
    _dash("5.3.1.2-duration", "mediaPresentationDuration is the length of periods and media, within a frame"),
    _ours("PERIOD", "every period has its own duration", _OURS, level=_SHOULD, on=_DASH, house=True),
    _dash("5.3.2.2", "Period@duration is the length of its timelines, within a frame"),
    _dash("5.3.3.2", "representations have types and ids of their own"),
    _dash("5.3.9", "every representation says where its segments are"),
    _dash("5.3.9.2", "initialisation segments are such, and of the declared kind"),
    _dash("5.3.9.6", "timelines have no gaps and no overlaps"),
    _dash("7.2.1", "segments begin where the timeline says (tfdt)"),
    _ours("TIMESCALE", "timelines count in the track's timescale", "DASH-IF IOP 4.3", level=_SHOULD, on=_DASH),
    _dash("5.3.5.2", "@bandwidth is enough to play on after minBufferTime"),
    _ours("BANDWIDTH", "@bandwidth is within 10 % of the peak", _OURS, level=_SHOULD, on=_DASH, house=True),
    _dash("5.3.7.2", "@codecs are those of the bitstream"),
    _dash("5.3.7.2-size", "@width and @height are those of the picture"),
    _dash("5.3.7.2-rate", "@frameRate is that of the picture"),
    _dash("5.3.7.2-sampling", "@audioSamplingRate is that of the sound"),
    _dash("5.8.5.4", "AudioChannelConfiguration is that of the sound"),
    _dash("5.8.4.1", "encrypted representations have a ContentProtection of their scheme, clear ones have none"),
    _dash("5.8.4.2", "of several sounds one has the role main", level=_SHOULD),
    _ours("LANG", "sounds and subtitles have a language", "DASH-IF IOP 4.3 section 3.9", level=_SHOULD, on=_DASH),
    _ours("DASH-TEXT", "subtitles cover the whole presentation", _OURS, on=_DASH),
    # Both together
    _ours("KID", "declared key ids are those of the initialisation sections (tenc)", "ISO/IEC 23001-7 section 11.2"),
    _ours("AGREE", "playlists and MPD offer the same segments for the same time", _OURS),
)

BY_ID = {rule.id: rule for rule in RULES}


def rules_of(protocols: set[Protocol]) -> tuple[Rule, ...]:
    """The rules for these protocols; agreement only where there are both, a plan only at the gate."""
    both = protocols == {"hls", "dash"}
    left_out = {"TC-PLAN"} if both else {"TC-PLAN", "TC-AGREE"}
    return tuple(rule for rule in RULES if protocols & set(rule.protocols) and rule.id not in left_out)
