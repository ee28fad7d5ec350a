"""What ffprobe reads from a file's headers, turned into facts.

Belongs here: the ffprobe command for headers and the parsing of its JSON. Doesn't belong here: anything measured from
packets (scan.py), which is handed in.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from telecine.demux import input_args
from telecine.probe.facts import AudioFacts, Chapter, SubtitleFacts, VideoFacts
from telecine.probe.scan import Track, rhythm
from telecine.process import Limits, run
from telecine.tools import ffprobe_path

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")
_NO_LANGUAGE = ("und", "zxx", "mis", "mul", "unk", "qaa")
_FIELDS = ("tt", "bb", "tb", "bt")
_FPS_MAX = 1000.0  # "90000/1" and the like are time bases, not frame rates


def read_headers(path: Path, cancel: threading.Event | None = None) -> tuple[dict[str, Any], str]:
    """ffprobe's view of format, streams and chapters, and what it complained about."""
    argv = [str(ffprobe_path()), "-v", "warning", "-of", "json", "-show_format", "-show_streams", "-show_chapters"]
    finished = run([*argv, *input_args(path)], limits=Limits(wall_s=120), cancel=cancel)
    return json.loads(finished.stdout), finished.stderr


def video_facts(stream: Mapping[str, Any], track: Track | None) -> VideoFacts:
    """One video stream of ffprobe's JSON with its packets."""
    track = track or Track()
    beat = rhythm(track.times, track.keyframes)
    mirrored, rotation = _orientation(stream)
    disposition = stream.get("disposition", {})
    start, end = _span(stream, track, 1 / beat.typical_fps if beat.typical_fps else 0.0)
    pixel_format = _known(stream.get("pix_fmt"))
    return VideoFacts(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        profile=_known(stream.get("profile")),
        width=int(stream.get("width") or 0),
        height=int(stream.get("height") or 0),
        sar=_ratio(stream.get("sample_aspect_ratio")),
        rotation=rotation,
        mirrored=mirrored,
        pixel_format=pixel_format,
        bit_depth=_bit_depth(stream, pixel_format),
        colour_space=_known(stream.get("color_space")),
        colour_primaries=_known(stream.get("color_primaries")),
        colour_transfer=_known(stream.get("color_transfer")),
        colour_range=_known(stream.get("color_range")),
        interlaced=stream.get("field_order") in _FIELDS,
        avg_fps=_rate(stream.get("avg_frame_rate")),
        r_fps=_rate(stream.get("r_frame_rate")),
        measured_fps=beat.measured_fps,
        typical_fps=beat.typical_fps,
        vfr=beat.vfr,
        start_s=start,
        end_s=end,
        frames=track.packets,
        keyframe_interval_s=beat.keyframe_interval_s,
        bitrate_bps=_integer(stream.get("bit_rate")),
        default=bool(disposition.get("default")),
        picture=any(disposition.get(d) for d in ("attached_pic", "timed_thumbnails", "still_image")),
    )


def audio_facts(stream: Mapping[str, Any], track: Track | None) -> AudioFacts:
    """One audio stream of ffprobe's JSON with its packets."""
    track = track or Track()
    start, end = _span(stream, track, 0.0)
    disposition = stream.get("disposition", {})
    secondary = ("comment", "visual_impaired", "hearing_impaired", "descriptions", "karaoke", "clean_effects")
    return AudioFacts(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        profile=_known(stream.get("profile")),
        channels=int(stream.get("channels") or 0),
        layout=_known(stream.get("channel_layout")),
        sample_rate=int(stream.get("sample_rate") or 0),
        start_s=start,
        end_s=end,
        packets=track.packets,
        bitrate_bps=_integer(stream.get("bit_rate")),
        language=_language(stream),
        default=bool(disposition.get("default")),
        secondary=any(disposition.get(d) for d in secondary),
    )


def subtitle_facts(stream: Mapping[str, Any]) -> SubtitleFacts:
    """One subtitle stream of ffprobe's JSON."""
    return SubtitleFacts(stream["index"], stream.get("codec_name", "unknown"), _language(stream))


def chapter(data: Mapping[str, Any]) -> Chapter:
    """One chapter of ffprobe's JSON."""
    title = data.get("tags", {}).get("title")
    return Chapter(float(data["start_time"]), float(data["end_time"]), title[:200] if title else None)


def container(data: Mapping[str, Any], path: Path) -> str:
    """Short container name of ffprobe's format section."""
    names = str(data.get("format_name", "")).split(",")
    if "mov" in names:
        brand = str(data.get("tags", {}).get("major_brand", "")).strip()
        return "mov" if brand == "qt" else "m4a" if brand.startswith("M4A") else "mp4"
    if "matroska" in names:
        with path.open("rb") as f:
            return "webm" if b"webm" in f.read(64) else "mkv"
    return names[0] or "unknown"


def _span(stream: Mapping[str, Any], track: Track, frame_s: float) -> tuple[float, float]:
    """Start and end of what is shown or heard."""
    if track.first_s is None:
        return 0.0, 0.0
    start, end = track.first_s, track.end_s
    header = _number(stream.get("start_time"))
    # Encoder delay: its packets come before the start that the header names, and are skipped by the decoder.
    if header is not None and start < header <= start + 0.2:
        start = header
    if len(track.times) and track.last_duration_s <= 0:
        end = max(end, max(track.times) + frame_s)
    return start, max(start, end)


def _orientation(stream: Mapping[str, Any]) -> tuple[bool, int]:
    """Mirroring and clockwise quarter turns from the display matrix (ISO/IEC 14496-12 section 6.2.2)."""
    for side in stream.get("side_data_list", ()):
        if side.get("side_data_type") != "Display Matrix" or "displaymatrix" not in side:
            continue
        rows = [line.partition(":")[2].split() for line in side["displaymatrix"].strip().splitlines()]
        (a, b, _), (c, d, _) = ([int(v) for v in row] for row in rows[:2])
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        return mirrored, round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
    return False, 0


def _bit_depth(stream: Mapping[str, Any], pixel_format: str | None) -> int:
    found = re.search(r"(?:p|gray|rgb|bgr|rgba|p0|ya)(9|10|12|14|16|48|64)(?:le|be)$", pixel_format or "")
    named = int(found.group(1)) if found else 0
    if named in (48, 64):
        return 16
    return named or _integer(stream.get("bits_per_raw_sample")) or 8


def _language(stream: Mapping[str, Any]) -> str | None:
    language = str(stream.get("tags", {}).get("language", ""))
    return language if _LANGUAGE.match(language) and language.lower() not in _NO_LANGUAGE else None


def _ratio(text: str | None) -> tuple[int, int]:
    numerator, _, denominator = (text or "").partition(":")
    if numerator.isdigit() and denominator.isdigit() and int(numerator) and int(denominator):
        return int(numerator), int(denominator)
    return 1, 1


def _rate(text: str | None) -> float | None:
    try:
        value = float(Fraction(text or "0"))
    except (ValueError, ZeroDivisionError):
        return None
    return value if 0 < value < _FPS_MAX else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number else None


def _known(value: Any) -> str | None:
    return None if value in (None, "", "unknown", "reserved", "unspecified") else str(value)
