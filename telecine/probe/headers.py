"""What ffprobe reads from a file's headers, turned into facts.

Belongs here: the ffprobe command for headers, and its JSON as tracks. Doesn't belong here: anything measured from
packets (scan.py) or read from boxes (boxes.py), which is handed in; what a value means (values.py); a track's labels
(labels.py).
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telecine.probe.boxes import IsoTrack
from telecine.probe.facts import Chapter
from telecine.probe.ffprobe import ffprobe
from telecine.probe.hdr import content_light, dolby_vision, mastering_display
from telecine.probe.labels import data_label, labels, subtitle_kind
from telecine.probe.scan import Track, rhythm
from telecine.probe.tracks import AudioFacts, DataFacts, FieldOrder, SubtitleFacts, VideoFacts
from telecine.probe.values import Gaps, frame_rate, integer, number, ratio, text
from telecine.process import Limits

# ffprobe's words for how fields are stored: the first letter is the field that is shown first ("tb": coded top first,
# shown bottom first).
_FIELD_ORDER: dict[str, FieldOrder] = {
    "progressive": "progressive",
    "tt": "top_first",
    "bt": "top_first",
    "bb": "bottom_first",
    "tb": "bottom_first",
}
_LIMITS = Limits(wall_s=120)
_ANNOUNCED = ("mpegts", "mpeg")
_FEW_FRAMES = "the track has fewer than two frames"
_UNSAID = "the file doesn't say"


def read_headers(path: Path, cancel: threading.Event | None = None) -> tuple[dict[str, Any], str, bool]:
    """ffprobe's view of format, programmes, streams and chapters, what it complained about, and whether it looked far.

    A transport stream names its tracks long before their first packets may come: what a sound or picture is then has to
    be looked for further on.
    """
    words = ["-v", "warning", "-of", "json", "-show_format", "-show_programs", "-show_streams", "-show_chapters"]
    finished = ffprobe(words, path, limits=_LIMITS, cancel=cancel)
    data = json.loads(finished.stdout)
    far = data.get("format", {}).get("format_name") in _ANNOUNCED and not all(map(is_described, data["streams"]))
    if far:
        finished = ffprobe(words, path, limits=_LIMITS, cancel=cancel, far=True)
        data = json.loads(finished.stdout)
    return data, finished.stderr, far


def is_described(stream: Mapping[str, Any]) -> bool:
    """Whether it is known of a picture how large it is, and of a sound how many samples it has."""
    field = {"audio": "sample_rate", "video": "width"}.get(str(stream.get("codec_type")))
    return field is None or "codec_name" not in stream or integer(stream.get(field)) is not None


def video_facts(stream: Mapping[str, Any], track: Track | None, box: IsoTrack | None = None) -> VideoFacts:
    """One video stream of ffprobe's JSON with its packets and, of an ISO file, its box."""
    track, known = track or Track(), Gaps()
    beat = rhythm(track.times, track.keyframes)
    mirrored, rotation = _orientation(stream)
    start, end = _span(stream, track, 1 / beat.typical_fps if beat.typical_fps else 0.0)
    pixel_format = text(stream.get("pix_fmt"))
    depth = known("bit_depth", _bit_depth(stream, pixel_format), "the decoder couldn't tell; 8 is assumed")
    order = _FIELD_ORDER.get(str(stream.get("field_order")))
    side_data = stream.get("side_data_list", ())
    disposition = stream.get("disposition", {})
    return VideoFacts(
        **_common(stream, box, known),
        profile=known("profile", text(stream.get("profile")), "the codec has none, or an unknown one"),
        width=int(stream.get("width") or 0),
        height=int(stream.get("height") or 0),
        sar=known("sar", ratio(stream.get("sample_aspect_ratio")), f"{_UNSAID}; pixels are taken for square"),
        rotation=rotation,
        mirrored=mirrored,
        pixel_format=known("pixel_format", pixel_format, "the decoder couldn't tell"),
        bit_depth=depth or 8,
        colour_space=known("colour_space", text(stream.get("color_space")), _UNSAID),
        colour_primaries=known("colour_primaries", text(stream.get("color_primaries")), _UNSAID),
        colour_transfer=known("colour_transfer", text(stream.get("color_transfer")), _UNSAID),
        colour_range=known("colour_range", text(stream.get("color_range")), _UNSAID),
        mastering_display=mastering_display(side_data),
        content_light=content_light(side_data),
        dolby_vision=dolby_vision(side_data),
        interlaced=order is not None and order != "progressive",
        field_order=known("field_order", order, _UNSAID),
        avg_fps=known("avg_fps", frame_rate(stream.get("avg_frame_rate")), "the header gives none that can be true"),
        r_fps=known("r_fps", frame_rate(stream.get("r_frame_rate")), "the header gives none that can be true"),
        measured_fps=known("measured_fps", beat.measured_fps, _FEW_FRAMES),
        typical_fps=known("typical_fps", beat.typical_fps, _FEW_FRAMES),
        vfr=beat.vfr,
        start_s=start,
        end_s=end,
        frames=track.packets,
        keyframes=len(track.keyframes),
        keyframe_interval_s=known(
            "keyframe_interval_s", beat.keyframe_interval_s, "the track has fewer than two keyframes"
        ),
        bitrate_bps=_bitrate(stream, track, start, end, known),
        picture=any(disposition.get(d) for d in ("attached_pic", "timed_thumbnails", "still_image")),
    )


def audio_facts(stream: Mapping[str, Any], track: Track | None, box: IsoTrack | None = None) -> AudioFacts:
    """One audio stream of ffprobe's JSON with its packets and, of an ISO file, its box."""
    track, known = track or Track(), Gaps()
    start, end = _span(stream, track, 0.0)
    disposition = stream.get("disposition", {})
    return AudioFacts(
        **_common(stream, box, known),
        profile=known("profile", text(stream.get("profile")), "the codec has none, or an unknown one"),
        channels=int(stream.get("channels") or 0),
        layout=known("layout", text(stream.get("channel_layout")), _UNSAID),
        sample_rate=int(stream.get("sample_rate") or 0),
        start_s=start,
        end_s=end,
        packets=track.packets,
        bitrate_bps=_bitrate(stream, track, start, end, known),
        dubbed=bool(disposition.get("dub")),
        original=bool(disposition.get("original")),
        karaoke=any(disposition.get(d) for d in ("karaoke", "clean_effects")),
    )


def subtitle_facts(stream: Mapping[str, Any], track: Track | None, box: IsoTrack | None = None) -> SubtitleFacts:
    """One subtitle stream of ffprobe's JSON with its packets and, of an ISO file, its box."""
    track, known = track or Track(), Gaps()
    common = _common(stream, box, known)
    kind = subtitle_kind(common["codec"])
    known("kind", kind, "the codec isn't known")
    return SubtitleFacts(**common, kind=kind, packets=track.packets, start_s=track.first_s or 0.0, end_s=track.end_s)


def data_facts(stream: Mapping[str, Any], track: Track | None, box: IsoTrack | None = None) -> DataFacts:
    """Any other stream of ffprobe's JSON."""
    return DataFacts(
        **_common(stream, box, Gaps()), what=data_label(stream), packets=track.packets if track is not None else 0
    )


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


def _common(stream: Mapping[str, Any], box: IsoTrack | None, known: Gaps) -> dict[str, Any]:
    """The fields of every track; `missing` goes on growing while the others are read."""
    label = labels(stream)
    known("language", label["language"], "the track names none")
    protected = box.protected if box is not None else "ENC_KEY_ID" in {tag.upper() for tag in stream.get("tags", {})}
    return {
        **label,
        "index": stream["index"],
        "codec": stream.get("codec_name", "unknown"),
        "encrypted": protected,
        "edits": box.edits if box is not None else (),
        "missing": known.reasons,
    }


def _bitrate(stream: Mapping[str, Any], track: Track, start: float, end: float, known: Gaps) -> int | None:
    """Measured, where there is something to measure; else what the header says."""
    measured = round(track.size_bytes * 8 / (end - start)) if track.packets > 1 and end > start else None
    return known("bitrate_bps", measured or integer(stream.get("bit_rate")), "the track is empty or a single packet")


def _span(stream: Mapping[str, Any], track: Track, frame_s: float) -> tuple[float, float]:
    """Start and end of what is shown or heard."""
    if track.first_s is None:
        return 0.0, 0.0
    start, end = track.first_s, track.end_s
    header = number(stream.get("start_time"))
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


def _bit_depth(stream: Mapping[str, Any], pixel_format: str | None) -> int | None:
    found = re.search(r"(?:p|gray|rgb|bgr|rgba|p0|ya)(9|10|12|14|16|48|64)(?:le|be)$", pixel_format or "")
    named = int(found.group(1)) if found else 0
    if named in (48, 64):
        return 16
    return named or integer(stream.get("bits_per_raw_sample")) or (8 if pixel_format else None)
