"""Facts about a source in words for the manifest and for metadata.json.

An allow-list: only what is named here leaves, so tags, locations and serial numbers can't. Doesn't belong here: finding
the facts out.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from telecine.probe import MediaFacts


def manifest_facts(facts: MediaFacts) -> dict[str, Any]:
    """Flat facts for the manifest's `source`; sizes are as displayed, None where there is nothing."""
    video, audio = facts.video, facts.audio
    width, height = video.displayed_size if video else (None, None)
    fps = (video.measured_fps or video.avg_fps) if video else None
    return {
        "format": facts.format,
        "width": width,
        "height": height,
        "duration_s": round(facts.duration_s, 3),
        "fps": round(fps, 3) if fps else None,
        "variable_frame_rate": video.vfr if video else None,
        "video_codec": video.codec if video else None,
        "audio_codec": audio.codec if audio else None,
        "rotation": video.rotation if video else None,
        "hdr": video.hdr if video else None,
        "pixel_format": video.pixel_format if video else None,
        "channels": audio.channels if audio else None,
        "sample_rate": audio.sample_rate if audio else None,
        "bitrate_bps": round(facts.size_bytes * 8 / facts.duration_s) if facts.duration_s > 0 else None,
    }


def metadata(facts: MediaFacts) -> dict[str, Any]:
    """Everything that the probe found, for video/metadata."""
    return {
        "schema": 1,
        **manifest_facts(facts),
        "kind": facts.kind,
        "size_bytes": facts.size_bytes,
        "header_duration_s": facts.header_duration_s,
        "video_tracks": [
            asdict(v)
            | {"hdr": v.hdr, "displayed_width": v.displayed_size[0], "displayed_height": v.displayed_size[1]}
            | {"dar": v.dar, "used": v == facts.video}
            for v in facts.videos
        ],
        "audio_tracks": [asdict(a) | {"used": a == facts.audio} for a in facts.audios],
        "subtitle_tracks": [asdict(s) for s in facts.subtitles],
        "data_tracks": [asdict(d) for d in facts.data],
        "chapters": [asdict(c) for c in facts.chapters],
        "missing": dict(facts.missing),
    }
