"""Measuring a file that we made: real length, size, frames, codecs.

Belongs here: reading our own MP4, M4A and Ogg files with ffprobe, and decoding them. Doesn't belong here: strangers'
files (telecine/probe). Source of codec strings: RFC 6381, ISO/IEC 14496-15 (avcC).
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Limits, run
from telecine.tools import ffmpeg_path, ffprobe_path

_HEAD = 1024**2  # an MP4 with its index first has its sample descriptions here
_AAC_LC, _OPUS = "mp4a.40.2", "opus"


@dataclass(frozen=True, slots=True)
class Rendition:
    """Attributes:
    frames: of the picture, counted packet by packet; 0 without one.
    video_start_s, audio_start_s: None without that track.
    audio_duration_s: measured to the end of the last packet.
    codecs: RFC 6381 codecs string.
    turned: whether a player would turn or flip the picture.
    """

    duration_s: float
    width: int | None
    height: int | None
    frames: int
    video_start_s: float | None
    video_duration_s: float | None
    audio_start_s: float | None
    audio_duration_s: float | None
    codecs: str
    bitrate_bps: int
    size_bytes: int
    turned: bool


def measure(path: Path, cancel: threading.Event | None = None) -> Rendition:
    """What a file of ours really holds.

    Raises:
        SystemFault: VERIFY_FAILED when it can't be read.
    """
    argv = [str(ffprobe_path()), "-v", "error", "-of", "json", "-count_packets", "-show_format", "-show_streams"]
    try:
        data = json.loads(run([*argv, f"file:{path}"], limits=Limits(wall_s=900), cancel=cancel).stdout)
    except InputError as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} can't be read back", e.details) from e
    streams = data.get("streams", [])
    video = next((s for s in streams if s["codec_type"] == "video"), None)
    audio = next((s for s in streams if s["codec_type"] == "audio"), None)
    if video is None and audio is None:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} is empty")
    duration = float(data["format"].get("duration", 0.0))
    size = path.stat().st_size
    codecs = [_avc(path)] if video is not None else []
    if audio is not None:
        codecs.append(_OPUS if audio["codec_name"] == "opus" else _AAC_LC)
    return Rendition(
        duration_s=duration,
        width=video["width"] if video else None,
        height=video["height"] if video else None,
        frames=int(video.get("nb_read_packets", 0)) if video else 0,
        video_start_s=_seconds(video, "start_time"),
        video_duration_s=_seconds(video, "duration"),
        audio_start_s=_seconds(audio, "start_time"),
        audio_duration_s=_seconds(audio, "duration"),
        codecs=",".join(codecs),
        bitrate_bps=round(size * 8 / duration) if duration > 0 else 0,
        size_bytes=size,
        turned=any(d.get("side_data_type") == "Display Matrix" for d in (video or {}).get("side_data_list", ())),
    )


def check_decodes(path: Path, *, keyframes_only: bool = False, cancel: threading.Event | None = None) -> None:
    """Decode a file of ours; ffmpeg can end with 0 and damaged output.

    Raises:
        SystemFault: VERIFY_FAILED when a decoder complains.
    """
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-xerror"]
    argv += ["-skip_frame", "nokey"] if keyframes_only else []
    argv += ["-i", f"file:{path}", "-f", "null", "-"]
    try:
        complaints = run(argv, limits=Limits(wall_s=3600), cancel=cancel).stderr.strip()
    except (InputError, SystemFault) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} can't be decoded", e.details) from e
    # The null muxer's complaint about skipped frames' times is no decoder's.
    serious = [line for line in complaints.splitlines() if not re.search(r"non monotonic|null @|\[null", line)]
    if serious:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} doesn't decode cleanly", "\n".join(serious))


def _avc(path: Path) -> str:
    """`avc1.PPCCLL` from the decoder configuration record; our MP4s carry one H.264 track."""
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(_HEAD)
        at = head.find(b"avcC")
        if at < 0:
            f.seek(max(0, size - 16 * _HEAD))
            head = f.read()
            at = head.find(b"avcC")
    if at < 0:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} holds no H.264 track")
    return "avc1." + head[at + 5 : at + 8].hex()


def _seconds(stream: dict[str, str] | None, field: str) -> float | None:
    try:
        return float(stream[field]) if stream is not None else None
    except (KeyError, ValueError):
        return None
