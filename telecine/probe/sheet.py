"""A file's facts for people: a line for each track, and times and colour as name and value.

Pure: facts in, short texts out; `telecine probe` and the Dagster UI put them into tables. Belongs here: wording.
Doesn't belong here: drawing, or facts for programs (telecine/video/describe.py).
"""

from __future__ import annotations

from typing import Any

from telecine.probe.facts import MediaFacts
from telecine.probe.tracks import AudioFacts, DataFacts, Edit, SubtitleFacts, TrackFacts, VideoFacts

COLUMNS = ("#", "track", "codec", "holds", "language", "flags", "from - to", "kbit/s", "used")
Rows = list[dict[str, str]]
_TRACKS = 40  # in a sheet: metadata that isn't small freezes the Dagster UI
_HDR = {"pq": "PQ (HDR10)", "hlg": "HLG"}


def sheet(facts: MediaFacts) -> dict[str, Any]:
    """All of it, JSON-ready: a row for each track, times and colour as [name, value]."""
    tracks = track_rows(facts)
    return {
        "tracks": tracks[:_TRACKS],
        "more_tracks": max(0, len(tracks) - _TRACKS),
        "times": [list(row) for row in time_rows(facts)],
        "colour": [list(row) for row in colour_rows(facts)],
    }


def track_rows(facts: MediaFacts) -> Rows:
    """One row for each track in the file's order, with the columns of `COLUMNS`."""
    tracks: tuple[TrackFacts, ...] = (*facts.videos, *facts.audios, *facts.subtitles, *facts.data)
    used = {track.index for track in (facts.video, facts.audio) if track is not None}
    return [
        dict(
            zip(
                COLUMNS,
                (
                    str(track.index),
                    _kind(track),
                    _codec(track),
                    _holds(track),
                    track.language or "",
                    _flags(track),
                    _span(track),
                    _kbits(track),
                    "yes" if track.index in used else f"no: {track.unusable}" if track.unusable else "",
                ),
                strict=True,
            )
        )
        for track in sorted(tracks, key=lambda track: track.index)
    ]


def time_rows(facts: MediaFacts) -> list[tuple[str, str]]:
    """Lengths, offsets and frame rates as (name, value)."""
    video = facts.video
    header = facts.header_duration_s
    rows = [
        ("length", f"{facts.duration_s:.3f} s"),
        ("length by the header", f"{header:.3f} s" if header is not None else _why(facts, "header_duration_s")),
    ]
    if abs(facts.begin_s) >= 0.001:
        rows.append(("the clock starts at", f"{facts.begin_s:.3f} s"))
    if video is not None:
        rate = video.measured_fps
        rows += [
            ("frames", f"{video.frames:,}, {video.keyframes:,} of them keyframes"),
            ("frame rate", _frame_rate(video) if rate is not None else _why(video, "measured_fps")),
            (
                "longest way between keyframes",
                _why(video, "keyframe_interval_s")
                if video.keyframe_interval_s is None
                else f"{video.keyframe_interval_s:.3f} s",
            ),
            ("fields", (video.field_order or _why(video, "field_order")).replace("_", " field ")),
        ]
    rows += [
        (f"edit list of track {track.index}", _edits(track.edits))
        for track in (video, facts.audio)
        if track is not None and track.edits
    ]
    if facts.chapters:
        titles = ", ".join(f"{c.title or 'untitled'} ({c.start_s:.1f} s)" for c in facts.chapters[:8])
        more = f" and {len(facts.chapters) - 8} more" if len(facts.chapters) > 8 else ""
        rows.append(("chapters", titles + more))
    return rows


def colour_rows(facts: MediaFacts) -> list[tuple[str, str]]:
    """Colour and geometry of the used picture as (name, value); empty without one."""
    video = facts.video
    if video is None:
        return []
    width, height = video.displayed_size
    rows = [
        ("displayed", f"{width}x{height}" + (f" ({video.dar[0]}:{video.dar[1]})" if video.dar else "")),
        ("turned", _turned(video)),
        (
            "pixels",
            "square" if video.sar == (1, 1) else f"{video.sar[0]}:{video.sar[1]}" if video.sar else _why(video, "sar"),
        ),
        ("samples", f"{video.pixel_format or _why(video, 'pixel_format')}, {video.bit_depth} bit"),
    ]
    for name, field in (("primaries", "colour_primaries"), ("transfer", "colour_transfer"), ("matrix", "colour_space")):
        rows.append((name, getattr(video, field) or _why(video, field)))
    rows.append(("range", {"tv": "limited", "pc": "full"}.get(video.colour_range or "", _why(video, "colour_range"))))
    rows.append(("dynamic range", f"high: {_HDR[video.hdr]}" if video.hdr else "standard"))
    if (screen := video.mastering_display) is not None and screen.max_nits:
        rows.append(("mastered on a screen of", f"{screen.min_nits or 0:g} to {screen.max_nits:g} cd/m2"))
    if (light := video.content_light) is not None:
        rows.append(("brightest pixel, frame", f"{light.max_cll}, {light.max_fall} cd/m2"))
    if (dolby := video.dolby_vision) is not None:
        rows.append(("Dolby Vision", f"profile {dolby.profile}.{dolby.compatibility}, level {dolby.level}"))
    return rows


def _kind(track: TrackFacts) -> str:
    if isinstance(track, VideoFacts):
        return "picture attached" if track.picture else "video"
    return "sound" if isinstance(track, AudioFacts) else "subtitles" if isinstance(track, SubtitleFacts) else "data"


def _codec(track: TrackFacts) -> str:
    profile = track.profile if isinstance(track, VideoFacts | AudioFacts) else None
    return f"{track.codec} {profile}" if profile and not profile.isdigit() else track.codec


def _holds(track: TrackFacts) -> str:
    """What is in it, and what it is called."""
    parts: list[str] = []
    if isinstance(track, VideoFacts):
        parts = [f"{track.width}x{track.height}"]
        if not track.picture and track.measured_fps is not None:
            parts.append(_frame_rate(track))
        if track.hdr:
            parts.append("HDR")
    elif isinstance(track, AudioFacts):
        parts = [track.layout or f"{track.channels} channels", f"{track.sample_rate:,} Hz"]
    elif isinstance(track, SubtitleFacts):
        parts = [track.kind or "unknown", f"{track.packets:,} of them"]
    elif isinstance(track, DataFacts):
        parts = [track.what]
    return ", ".join([*parts, *([f"“{track.title}”"] if track.title else [])])


def _flags(track: TrackFacts) -> str:
    flags = {
        "default": track.default,
        "forced": track.forced,
        "SDH": track.hearing_impaired,
        "commentary": track.commentary,
        "descriptions": track.descriptions,
        "encrypted": track.encrypted,
        "dubbed": isinstance(track, AudioFacts) and track.dubbed,
        "original": isinstance(track, AudioFacts) and track.original,
        "closed captions": isinstance(track, VideoFacts) and track.closed_captions,
    }
    return ", ".join(name for name, up in flags.items() if up)


def _span(track: TrackFacts) -> str:
    if isinstance(track, DataFacts) or (isinstance(track, VideoFacts) and track.picture) or not _packets(track):
        return ""
    assert isinstance(track, VideoFacts | AudioFacts | SubtitleFacts)
    return f"{track.start_s:.3f} - {track.end_s:.3f} s"


def _packets(track: TrackFacts) -> int:
    return track.frames if isinstance(track, VideoFacts) else getattr(track, "packets", 0)


def _kbits(track: TrackFacts) -> str:
    rate = track.bitrate_bps if isinstance(track, VideoFacts | AudioFacts) else None
    return f"{rate / 1000:,.0f}" if rate else ""


def _frame_rate(video: VideoFacts) -> str:
    rate = f"{video.measured_fps or 0:.3f}".rstrip("0").rstrip(".")
    return f"{rate} fps, variable" if video.vfr else f"{rate} fps"


def _turned(video: VideoFacts) -> str:
    turn = f"{video.rotation}° clockwise" if video.rotation else ""
    return ", then ".join(part for part in ("mirrored" if video.mirrored else "", turn) if part) or "no"


def _edits(edits: tuple[Edit, ...]) -> str:
    said = [
        f"wait {edit.duration_s:.3f} s"
        if edit.media_s is None
        else f"{edit.duration_s:.3f} s from {edit.media_s:.3f} s"
        for edit in edits[:4]
    ]
    return ", ".join(said) + (f" and {len(edits) - 4} more" if len(edits) > 4 else "")


def _why(facts: TrackFacts | MediaFacts, field: str) -> str:
    return f"unknown: {facts.missing.get(field, 'the file is silent')}"
