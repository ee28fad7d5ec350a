"""Deciding whether a sound file that we made is good: read back, decoded to its end, and listened to.

Belongs here: what is measured, and what is a fault. Doesn't belong here: strangers' files (telecine/probe).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telecine.codecs import AudioCodec
from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import Limits, run
from telecine.sound.command import decode_argv
from telecine.sound.loudness import METER, Loudness, check_loudness, loudness_of
from telecine.sound.plan import SoundFile
from telecine.tools import ffmpeg_path, ffprobe_path

_LENGTH_S, _LENGTH_SHARE = 0.25, 0.02  # output against measured source; codecs pad, damaged frames are missing
_HALF = 0.5
_OPUS_RATE = 48_000  # RFC 7845: decoders play at it, whatever went in
_TROUBLE = re.compile(r"error while decoding|invalid|corrupt|concealing|header missing", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Heard:
    """A finished sound file as a player finds it."""

    codec: str
    channels: int
    sample_rate: int
    duration_s: float
    size_bytes: int
    loudness: Loudness | None

    @property
    def bitrate_bps(self) -> int:
        """Average over the whole file."""
        return round(self.size_bytes * 8 / self.duration_s) if self.duration_s > 0 else 0


def listen(path: Path, *, meter: bool, cancel: threading.Event, on_line: Callable[[str], bool]) -> Heard:
    """Read a finished file back and decode all of it.

    Args:
        meter: whether to measure its loudness.

    Raises:
        SystemFault: VERIFY_FAILED when it can't be read or doesn't decode cleanly.
    """
    argv = [str(ffprobe_path()), "-v", "error", "-of", "json", "-show_format", "-show_streams", f"file:{path}"]
    try:
        data = json.loads(run(argv, limits=Limits(wall_s=300), cancel=cancel).stdout)
        decode = decode_argv(ffmpeg_path(), path, [METER] if meter else [])
        said = run(decode, limits=Limits(wall_s=None, stall_s=180), cancel=cancel, on_line=on_line).stderr
    except (InputError, SystemFault) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} can't be read back", e.details) from e
    if trouble := _TROUBLE.search(said):
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} doesn't decode cleanly: {trouble[0]}", said)
    sounds = [s for s in data.get("streams", []) if s.get("codec_type") == "audio"]
    if len(sounds) != 1 or len(data["streams"]) != 1:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} holds {len(data['streams'])} tracks, not 1")
    return Heard(
        codec=sounds[0]["codec_name"],
        channels=int(sounds[0]["channels"]),
        sample_rate=int(sounds[0]["sample_rate"]),
        duration_s=float(data["format"].get("duration", 0.0)),
        size_bytes=path.stat().st_size,
        loudness=loudness_of(said) if meter else None,
    )


def check(file: SoundFile, heard: Heard, duration_s: float, stderr: str) -> tuple[str, ...]:
    """Refuse a file that isn't what was planned; say what is a little otherwise.

    Args:
        duration_s: of the source's track.
        stderr: of the encode, for the error's details.

    Raises:
        InputError: CORRUPT_MEDIA when most of the source's sound is missing.
        SystemFault: VERIFY_FAILED.
    """
    length = heard.duration_s
    if length < duration_s * _HALF:
        raise InputError(
            ErrorCode.CORRUPT_MEDIA, f"only {length:.1f} of {duration_s:.1f} s of the sound can be decoded", stderr
        )
    rate = _OPUS_RATE if file.codec is AudioCodec.OPUS else file.sample_rate
    planned = (file.codec.value, file.shape.channels, rate)
    if length > duration_s * 2 + 1 or (heard.codec, heard.channels, heard.sample_rate) != planned:
        raise SystemFault(
            ErrorCode.VERIFY_FAILED,
            f"{file.file} is {heard.codec} of {heard.channels} channel(s) at {heard.sample_rate} Hz and {length:.1f} s "
            f"instead of {planned[0]} of {planned[1]} at {planned[2]} Hz and {duration_s:.1f} s",
            stderr,
        )
    missing = duration_s - length
    if missing > max(_LENGTH_S, duration_s * _LENGTH_SHARE):
        lost = f"{missing:.1f} s of the source's sound are damaged and were left out."
        return lost, *check_loudness(file.name, file.spec, heard.loudness)
    return check_loudness(file.name, file.spec, heard.loudness)
