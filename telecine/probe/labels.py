"""How a file labels its tracks: language, title, flags, and what the words mean.

Belongs here: reading tags and dispositions, and the tables behind them. Doesn't belong here: choosing by them
(choice.py). Sources: ffprobe(1) dispositions; ISO 639-2's special codes; the sample entries of ISO and QuickTime files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")
_NO_LANGUAGE = ("und", "zxx", "mis", "mul", "unk", "qaa")
_TITLE_MAX = 200
# MP4 has no such flags and many Matroska files don't set them, but people write it into the title.
_SDH = re.compile(r"\bSDH\b|\bCC\b|\bHoH\b|hearing[ -]impaired|hard of hearing|closed captions?", re.IGNORECASE)
_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_COMMENTARY = re.compile(r"\bcommentary\b|\bcommentaire\b|\bkommentar\b|\bcomentarios?\b", re.IGNORECASE)
_DESCRIPTIONS = re.compile(
    r"audio[ -]?description|audio[ -]?described|descriptive|audiodeskription|descriptive video", re.IGNORECASE
)

_TEXT = frozenset(
    (
        *("subrip", "srt", "webvtt", "ass", "ssa", "mov_text", "text", "eia_608", "ttml", "stl", "sami", "microdvd"),
        *("realtext", "subviewer", "subviewer1", "jacosub", "mpl2", "pjs", "vplayer", "arib_caption"),
        "hdmv_text_subtitle",
    )
)
_IMAGE = frozenset(("dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle", "dvb_teletext", "xsub"))
_DATA = {
    "tmcd": "timecode",
    "gpmd": "camera telemetry (GoPro)",
    "camm": "camera telemetry",
    "mebx": "timed metadata (Apple)",
    "rtmd": "camera metadata (Sony)",
    "rtp": "streaming hints",
    "hint": "streaming hints",
    "text": "chapter titles",
    "klv": "metadata (KLV)",
    "scte_35": "ad markers (SCTE-35)",
    "timed_id3": "timed metadata (ID3)",
    "otf": "font",
    "ttf": "font",
    "epg": "programme guide",
}


def labels(stream: Mapping[str, Any]) -> dict[str, Any]:
    """Language, title and flags of one stream of ffprobe's JSON, as fields of `TrackFacts`."""
    tags = {name.lower(): value for name, value in stream.get("tags", {}).items()}
    flags = {name for name, value in stream.get("disposition", {}).items() if value}
    title = " ".join(str(tags.get("title") or tags.get("name") or "").split())[:_TITLE_MAX]
    return {
        "language": _language(tags),
        "title": title or None,
        "default": "default" in flags,
        "forced": "forced" in flags or bool(_FORCED.search(title)),
        "hearing_impaired": bool(flags & {"hearing_impaired", "captions"}) or bool(_SDH.search(title)),
        "commentary": "comment" in flags or bool(_COMMENTARY.search(title)),
        "descriptions": bool(flags & {"visual_impaired", "descriptions"}) or bool(_DESCRIPTIONS.search(title)),
    }


def subtitle_kind(codec: str) -> Literal["text", "image"] | None:
    """Whether a subtitle codec holds text or pictures of text; None for an unknown one."""
    if codec in _TEXT:
        return "text"
    return "image" if codec in _IMAGE else None


def data_label(stream: Mapping[str, Any]) -> str:
    """What a data track or an attachment is, in words."""
    codec, tag = str(stream.get("codec_name", "")), str(stream.get("codec_tag_string", "")).strip().lower()
    mime = str(stream.get("tags", {}).get("mimetype", ""))
    if mime.startswith(("font/", "application/x-truetype", "application/vnd.ms-opentype", "application/x-font")):
        return "font"
    kind = "attachment" if stream.get("codec_type") == "attachment" else "data"
    return _DATA.get(codec) or _DATA.get(tag) or mime or (codec if codec not in ("", "unknown", "none") else kind)


def _language(tags: Mapping[str, Any]) -> str | None:
    language = str(tags.get("language", ""))
    return language if _LANGUAGE.match(language) and language.lower() not in _NO_LANGUAGE else None
