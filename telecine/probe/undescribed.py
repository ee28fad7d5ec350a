"""Pictures of which ffprobe says no size or no pixel format, because it has fewer decoders than ffmpeg.

The ffprobe that comes with Telecine lacks those of Flash screen video, PNG, APNG and ZMBV. Belongs here: asking ffmpeg,
which decodes one frame. Doesn't belong here: headers (headers.py).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telecine.demux import decodable, input_args
from telecine.errors import InputError, SystemFault
from telecine.process import Limits, run
from telecine.tools import ffmpeg_path

# libavfilter/vf_showinfo.c: a line of a frame, then its colours
_FRAME = re.compile(r"\] n: .*? fmt:(\S+) .*? sar:(\d+)/(\d+) s:(\d+)x(\d+) ")
_COLOURS = re.compile(r"\] color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_COLOUR_FIELDS = ("color_range", "color_space", "color_primaries", "color_transfer")


def described(path: Path, stream: Mapping[str, Any], cancel: threading.Event | None = None) -> dict[str, Any]:
    """A stream of ffprobe's JSON with what it leaves out, when that is a moving picture that ffmpeg can decode."""
    whole = dict(stream)
    if stream.get("codec_type") != "video" or (stream.get("width") and stream.get("pix_fmt")):
        return whole
    if stream.get("disposition", {}).get("attached_pic") or not decodable(str(stream.get("codec_name"))):
        return whole
    argv = [str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "info", *input_args(path)]
    argv += ["-map", f"0:{stream['index']}", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"]
    try:
        said = run(argv, limits=Limits(wall_s=60), cancel=cancel).stderr
    except (InputError, SystemFault):  # judged with what is known
        return whole
    frame, colours = _FRAME.search(said), _COLOURS.search(said)
    if frame is not None:
        pixels, across, down, width, height = frame.groups()
        seen = {"pix_fmt": pixels, "sample_aspect_ratio": f"{across}:{down}", "width": width, "height": height}
        seen |= dict(zip(_COLOUR_FIELDS, colours.groups(), strict=True)) if colours is not None else {}
        whole |= {name: value for name, value in seen.items() if whole.get(name) in (0, None, "unknown")}
    return whole
