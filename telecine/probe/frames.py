"""Looking at a few decoded frames of a picture, for what its headers leave open.

HDR10's static metadata often travels in the bitstream only (HEVC SEI), and so does the order of fields. Costs the
decoding of a few frames; done only for files whose headers leave such a question. Doesn't belong here: headers.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from telecine.errors import InputError, SystemFault
from telecine.probe.ffprobe import ffprobe
from telecine.probe.hdr import content_light, mastering_display
from telecine.probe.tracks import FIELD_CODECS, VideoFacts
from telecine.process import Limits

_FRAMES = 3
_ELSEWHERE = (0.3, 0.6, 0.9)  # where else a broadcast is looked at, as shares of its length


def leaves_open(video: VideoFacts, *, broadcast: bool = False) -> bool:
    """Whether the headers leave something open that a few frames can tell.

    Args:
        broadcast: the file is an MPEG stream, whose film may turn into an interlaced programme.
    """
    fields = video.field_order is None or (broadcast and not video.interlaced)
    return (video.hdr == "pq" and video.mastering_display is None) or (fields and video.codec in FIELD_CODECS)


def looked_at(
    path: Path, video: VideoFacts, cancel: threading.Event | None = None, *, broadcast: bool = False
) -> VideoFacts:
    """The same track with what a few frames say; itself when they can't be decoded."""
    length = video.end_s - video.start_s
    places = ["", *(f"{video.start_s + share * length:.3f}" for share in _ELSEWHERE if broadcast)]
    words = ["-v", "error", "-select_streams", str(video.index), "-show_frames", "-of", "json"]
    words += ["-read_intervals", ",".join(f"{place}%+#{_FRAMES}" for place in places)]
    try:
        frames = json.loads(ffprobe(words, path, limits=Limits(wall_s=60), cancel=cancel).stdout).get("frames", [])
    except (InputError, SystemFault, ValueError):  # the encode will find out what is wrong with the picture
        return video
    return with_frames(video, frames)


def with_frames(video: VideoFacts, frames: list[dict[str, Any]]) -> VideoFacts:
    """The same track with what ffprobe says of some of its frames."""
    if not frames:
        return video
    side_data = [side for frame in frames for side in frame.get("side_data_list", ())]
    found = replace(
        video,
        mastering_display=video.mastering_display or mastering_display(side_data),
        content_light=video.content_light or content_light(side_data),
    )
    fields = [frame for frame in frames if frame.get("interlaced_frame")]
    if not fields and video.field_order is not None:
        return found
    top = bool(fields) and bool(fields[0].get("top_field_first"))
    return replace(
        found,
        interlaced=bool(fields),
        field_order=("top_first" if top else "bottom_first") if fields else "progressive",
        missing={name: reason for name, reason in found.missing.items() if name != "field_order"},
    )
