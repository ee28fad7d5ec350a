"""Measuring a file that we made: real length, size, frames, keyframes, colours, codecs.

Belongs here: reading our own files with ffprobe, packet by packet. Doesn't belong here: strangers' files
(telecine/probe), deciding whether what was measured is good (verify.py), codecs strings of pictures (codec_string.py).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from telecine.codecs import AudioCodec, Container
from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Limits, run
from telecine.tools import ffprobe_path
from telecine.video.codec_string import picture_codec

_ENTRIES = (
    "packet=stream_index,pts_time,duration_time,flags"
    ":stream=index,codec_type,codec_name,width,height,pix_fmt,profile,level,start_time,duration"
    ",color_range,color_space,color_transfer,color_primaries,avg_frame_rate"
    ":stream_side_data=side_data_type:format=format_name,duration"
)


@dataclass(frozen=True, slots=True)
class Rendition:
    """Attributes:
    frames: of the picture, counted packet by packet; 0 without one.
    keyframes_s: presentation times of its keyframes, ascending.
    video_start_s, audio_start_s: None without that track.
    audio_duration_s: measured to the end of the last packet.
    video_codec, pixel_format: as ffprobe names them; None without a picture.
    colours: space, primaries, transfer and range as ffprobe names them; those that aren't said are left out.
    codecs: RFC 6381 codecs string.
    turned: whether a player would turn or flip the picture.
    """

    duration_s: float
    width: int | None
    height: int | None
    frames: int
    keyframes_s: tuple[float, ...]
    video_start_s: float | None
    video_duration_s: float | None
    audio_start_s: float | None
    audio_duration_s: float | None
    video_codec: str | None
    pixel_format: str | None
    colours: Mapping[str, str]
    codecs: str
    bitrate_bps: int
    size_bytes: int
    turned: bool


@dataclass(slots=True)
class _Reading:
    """What the lines of one ffprobe say."""

    packets: dict[str, int] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    keys: dict[str, list[float]] = field(default_factory=dict)
    streams: list[dict[str, str]] = field(default_factory=list)
    format: dict[str, str] = field(default_factory=dict)

    def __call__(self, line: str) -> bool:
        section, _, rest = line.partition("|")
        fields = dict(f.partition("=")[::2] for f in rest.split("|"))
        if section == "packet":
            index = fields["stream_index"]
            self.packets[index] = self.packets.get(index, 0) + 1
            at = _number(fields.get("pts_time")) or 0.0
            self.ends[index] = max(self.ends.get(index, 0.0), at + (_number(fields.get("duration_time")) or 0.0))
            if fields["flags"].startswith("K"):
                self.keys.setdefault(index, []).append(at)
        elif section == "stream":
            self.streams.append(fields)
        elif section == "format":
            self.format = fields
        return True

    def length_s(self, stream: Mapping[str, str]) -> float | None:
        """How long a track lasts; Matroska says it of the whole file only."""
        said, start = _number(stream.get("duration")), _number(stream.get("start_time")) or 0.0
        return said if said is not None else self.ends.get(stream["index"], start) - start


def measure(path: Path, cancel: threading.Event | None = None) -> Rendition:
    """What a file of ours really holds.

    Raises:
        SystemFault: VERIFY_FAILED when it can't be read.
    """
    read = _Reading()
    argv = [str(ffprobe_path()), "-v", "error", "-of", "compact", "-show_entries", _ENTRIES, f"file:{path}"]
    try:
        run(argv, limits=Limits(wall_s=900), cancel=cancel, on_line=read)
    except InputError as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} can't be read back", e.details) from e
    video = next((s for s in read.streams if s.get("codec_type") == "video"), None)
    audio = next((s for s in read.streams if s.get("codec_type") == "audio"), None)
    if video is None and audio is None:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} is empty")
    duration = _number(read.format.get("duration")) or 0.0
    size = path.stat().st_size
    codecs = [picture_codec(path, video, cancel)] if video is not None else []
    if audio is not None:
        codecs.append(_sound_codec(audio["codec_name"], read.format.get("format_name", "")))
    return Rendition(
        duration_s=duration,
        width=int(video["width"]) if video else None,
        height=int(video["height"]) if video else None,
        frames=read.packets.get(video["index"], 0) if video else 0,
        keyframes_s=tuple(sorted(read.keys.get(video["index"], ()))) if video else (),
        video_start_s=_number(video.get("start_time")) if video else None,
        video_duration_s=read.length_s(video) if video else None,
        audio_start_s=_number(audio.get("start_time")) if audio else None,
        audio_duration_s=read.length_s(audio) if audio else None,
        video_codec=video["codec_name"] if video else None,
        pixel_format=video.get("pix_fmt") if video else None,
        colours=_colours(video or {}),
        codecs=",".join(codecs),
        bitrate_bps=round(size * 8 / duration) if duration > 0 else 0,
        size_bytes=size,
        turned=any("Display Matrix" in value for value in (video or {}).values()),
    )


def _sound_codec(name: str, format_name: str) -> str:
    if name not in list(AudioCodec):  # PCM of a working file
        return name
    return AudioCodec(name).rfc6381(Container.M4A if "mp4" in format_name else Container.MKV)


def _colours(stream: Mapping[str, str]) -> dict[str, str]:
    names = {
        "space": "color_space",
        "primaries": "color_primaries",
        "transfer": "color_transfer",
        "range": "color_range",
    }
    return {ours: stream[name] for ours, name in names.items() if stream.get(name, "unknown") not in ("unknown", "N/A")}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "N/A": Matroska says no duration of a track
        return None
