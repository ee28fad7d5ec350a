"""RFC 6381 codecs strings of pictures, from what the file itself says.

Belongs here: reading decoder configuration records. Sources: RFC 6381; ISO/IEC 14496-15 (avcC, hvcC, annex E);
the VP9 and AV1 bindings to ISO files (vpcC, av1C).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from telecine.codecs import VideoCodec
from telecine.errors import ErrorCode, SystemFault
from telecine.process import Limits, run
from telecine.tools import ffprobe_path
from telecine.video.level import level_for

_HEAD = 1024**2  # an MP4 with its index first has its sample descriptions here


def picture_codec(path: Path, stream: Mapping[str, str], cancel: threading.Event | None = None) -> str:
    """The codecs string of a file's picture.

    Args:
        stream: what ffprobe says of the track: codec_name, profile, level, pix_fmt, size and avg_frame_rate.

    Raises:
        SystemFault: VERIFY_FAILED when the track has no decoder configuration.
    """
    codec, bits = stream["codec_name"], 10 if "10" in stream.get("pix_fmt", "") else 8
    if codec == "vp9":
        profile = "".join(c for c in stream.get("profile", "") if c.isdigit()) or "0"
        return f"vp09.{int(profile):02d}.{_vp9_level(stream):02d}.{bits:02d}"
    if codec not in ("h264", "hevc", "av1"):
        return codec
    record = (_avcc(path) if codec == "h264" else None) or _extradata(path, cancel)
    if len(record) < 4:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"output {path.name} has no decoder configuration")
    return {"h264": _avc, "hevc": _hevc, "av1": _av1}[codec](record)


def _vp9_level(stream: Mapping[str, str]) -> int:
    """Ten times the level: what the file says; WebM needn't say it, so else what size and rate ask for."""
    if (said := int(stream.get("level") or -99)) >= 10:
        return said
    numerator, denominator = (int(part) for part in stream.get("avg_frame_rate", "0/0").split("/"))
    fps = Fraction(numerator, denominator) if denominator else Fraction(30)
    return round(10 * (level_for(VideoCodec.VP9, int(stream["width"]), int(stream["height"]), fps, None) or 6.2))


def _avc(record: bytes) -> str:
    return "avc1." + record[1:4].hex()


def _hevc(record: bytes) -> str:
    """`hvc1.PROFILE.COMPATIBILITY.TIERLEVEL.CONSTRAINTS` of ISO/IEC 14496-15 annex E.3."""
    space, tier, profile = record[1] >> 6, record[1] >> 5 & 1, record[1] & 31
    flags = int(f"{int.from_bytes(record[2:6]):032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    words = [f"{'ABC'[space - 1] if space else ''}{profile}", f"{flags:X}", f"{'LH'[tier]}{record[12]}"]
    return ".".join(["hvc1", *words, *(f"{byte:X}" for byte in constraints)])


def _av1(record: bytes) -> str:
    profile, level = record[1] >> 5, record[1] & 31
    tier, ten, twelve = record[2] >> 7, record[2] >> 6 & 1, record[2] >> 5 & 1
    return f"av01.{profile}.{level:02d}{'MH'[tier]}.{8 + 2 * ten + 2 * twelve:02d}"


def _avcc(path: Path) -> bytes | None:
    """The record where MP4s have it, without starting a program."""
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(_HEAD)
        at = head.find(b"avcC")
        if at < 0:
            f.seek(max(0, size - 16 * _HEAD))
            head = f.read()
            at = head.find(b"avcC")
    return head[at + 4 : at + 8] if at >= 0 else None


def _extradata(path: Path, cancel: threading.Event | None) -> bytes:
    asked = ["-v", "error", "-of", "json", "-show_data", "-select_streams", "v:0", "-show_entries", "stream=extradata"]
    out = run([str(ffprobe_path()), *asked, f"file:{path}"], limits=Limits(wall_s=60), cancel=cancel).stdout
    streams = json.loads(out).get("streams") or [{}]
    # Lines such as "00000000: 0164 0028 ffe1 ...  .d.(": an address, eight words, and the same as text.
    lines = streams[0].get("extradata", "").splitlines()
    return bytes.fromhex("".join(line[10:50] for line in lines if line))
