"""The multivariant playlist: what Shaka Packager wrote, with everything declared that players choose by.

The packager's BANDWIDTH can be below its own AVERAGE-BANDWIDTH, it calls no sound the default one, leaves VIDEO-RANGE
out where the picture doesn't say its transfer, and knows nothing of our captions. Sources: RFC 8216bis section 4.4.6,
Apple HLS authoring specification 9.x. Doesn't belong here: media playlists, deciding whether a package is good
(verify.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import m3u8

from telecine.stream.rates import Rates
from telecine.stream.tracks import Rendition

Start = Literal["auto", "lowest", "highest"] | int
"""Which variant comes first: one by its short side in pixels, or by its rate."""

_CAPTIONS = "captions"  # the group of all captions
_FIRST_BPS = 2_000_000  # Apple HLS authoring 9.14: what a first variant may take


class _Variant(m3u8.Playlist):  # type: ignore[misc]
    """A variant with its SCORE, which the library doesn't write."""

    score: float

    def __str__(self) -> str:
        tag, uri = super().__str__().rsplit("\n", 1)
        return f"{tag},SCORE={self.score:.1f}\n{uri}"


def completed(
    text: str,
    measured: Mapping[str, Rates],
    sounds: Sequence[Rendition],
    captions: Sequence[Rendition],
    start: Start = "auto",
) -> str:
    """A multivariant playlist whose lines declare what was measured and planned.

    Args:
        text: as Shaka Packager wrote it.
        measured: rates by URI of each playlist in it, and of the captions' playlists.
        sounds, captions: what is known of each rendition, in the order in which players should list them.
        start: the variant to put first, because players begin with it.
    """
    entry = m3u8.loads(text)
    groups = {media.uri: media for media in entry.media}
    if not entry.iframe_playlists:  # sound only: each version of it is a variant, and there is nothing beside it
        groups, captions = {}, ()
    heard = [_sound(groups[sound.playlist], sound) for sound in sounds if sound.playlist in groups]
    read = [_caption(caption) for caption in captions]
    variants = [_variant(data, [*heard, *read], measured) for data in entry.data["playlists"]]
    ranked = sorted(variants, key=lambda variant: variant.stream_info.bandwidth)
    for rank, variant in enumerate(ranked, 1):
        variant.score = float(rank)
    first = _first(ranked, start)
    result = m3u8.M3U8()
    result.version = "6"  # as the media playlists, for EXT-X-MAP
    result.is_independent_segments = True
    for media in (*heard, *read):
        result.add_media(media)
    for variant in (first, *(v for v in reversed(ranked) if v is not first)):
        result.add_playlist(variant)
    for data in sorted(entry.data["iframe_playlists"], key=lambda i: measured[i["uri"]].average_bps, reverse=True):
        rates = measured[data["uri"]]
        info = {"video_range": "SDR", **data["iframe_stream_info"]}
        info |= {"bandwidth": rates.peak_bps, "average_bandwidth": rates.average_bps}
        result.add_iframe_playlist(m3u8.IFramePlaylist(None, data["uri"], info))
    return str(result.dumps()).rstrip("\n") + "\n"


def _variant(data: Mapping[str, Any], media: Sequence[Any], measured: Mapping[str, Rates]) -> _Variant:
    info = dict(data["stream_info"])
    if any(m.type == "SUBTITLES" for m in media):
        info["subtitles"] = _CAPTIONS
    own = measured[data["uri"]]
    peak, average = own.peak_bps, own.average_bps
    for group in ("audio", "subtitles"):
        beside = [measured[m.uri] for m in media if m.group_id == info.get(group)]
        peak += max((rates.peak_bps for rates in beside), default=0)
        average += max((rates.average_bps for rates in beside), default=0)
    info |= {"bandwidth": max(peak, average), "average_bandwidth": average, "closed_captions": "NONE"}
    if info.get("resolution"):
        info.setdefault("video_range", "SDR")
    return _Variant(data["uri"], info, media, None)


def _first(ranked: Sequence[_Variant], start: Start) -> _Variant:
    """The variant to begin with."""
    if start == "lowest":
        return ranked[0]
    if start == "highest":
        return ranked[-1]
    if start != "auto":
        # What the source is too small for isn't there: the next smaller one then.
        return next((v for v in reversed(ranked) if min(v.stream_info.resolution or (0,)) <= start), ranked[0])
    return next((v for v in reversed(ranked) if v.stream_info.bandwidth <= _FIRST_BPS), ranked[0])


def _sound(media: Any, sound: Rendition) -> Any:
    media.name, media.language = sound.label, sound.language
    media.default = "YES" if sound.default else "NO"
    media.autoselect = "YES" if sound.default or sound.role in ("main", "dub", "alternate", "description") else "NO"
    media.characteristics = ",".join(sound.characteristics) or None
    return media


def _caption(caption: Rendition) -> Any:
    return m3u8.Media(
        uri=caption.playlist,
        type="SUBTITLES",
        group_id=_CAPTIONS,
        language=caption.language,
        name=caption.label,
        default="NO",  # whether captions are shown is the viewer's choice, or the player's by AUTOSELECT
        autoselect="YES",
        forced="YES" if caption.role == "forced-subtitle" else "NO",
        characteristics=",".join(caption.characteristics) or None,
    )
