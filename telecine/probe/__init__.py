"""Finding out what a file is: `probe` and the facts it answers with.

Belongs here: putting headers, packets and box structure together, choosing the tracks, and deciding whether a damaged
file is worth working on. Doesn't belong here: what is made of it.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from telecine.demux import MAX_PIXELS
from telecine.errors import ErrorCode, InputError
from telecine.probe.facts import AudioFacts, Chapter, MediaFacts, SubtitleFacts, VideoFacts
from telecine.probe.headers import (
    audio_facts,
    chapter,
    container,
    read_headers,
    subtitle_facts,
    video_facts,
)
from telecine.probe.integrity import inspect
from telecine.probe.scan import scan, scan_mpeg

__all__ = ["AudioFacts", "Chapter", "MediaFacts", "SubtitleFacts", "VideoFacts", "probe"]

MAX_DURATION_S = 24 * 3600.0
_CUT = re.compile(r"partial file|File ended prematurely|stream \d+, offset 0x[0-9a-f]+: ", re.IGNORECASE)
_ENCRYPTION = re.compile(r"sub-sample encryption|encryption info|senc|saio|decryption", re.IGNORECASE)
_TOO_LARGE = re.compile(r"Picture size \d+x\d+ is invalid|\[IMGUTILS", re.IGNORECASE)
# A cut-off file is refused when more than this is missing; less is small damage, worth a warning.
_MISSING_S, _MISSING_SHARE = 1.0, 0.02
_MPEG_STREAMS = ("mpegts", "mpeg")
_CUT_WARNING = "The end of the file is missing; what is there was used."


def probe(path: Path, cancel: threading.Event | None = None) -> MediaFacts:
    """Everything that is known about a media file.

    Args:
        path: a file in scratch.

    Raises:
        InputError: EMPTY_FILE, UNSUPPORTED_MEDIA, CORRUPT_MEDIA, TRUNCATED_MEDIA, ENCRYPTED_MEDIA, NO_MEDIA_STREAMS
            or LIMIT_EXCEEDED.
        TelecineError: what `telecine.process.run` raises.
    """
    size = path.stat().st_size
    if size == 0:
        raise InputError(ErrorCode.EMPTY_FILE, "the file holds no bytes")
    boxes = inspect(path)
    if boxes.protected:
        raise InputError(ErrorCode.ENCRYPTED_MEDIA, "the tracks are encrypted (DRM) and there is no key")
    if boxes.index_missing:
        raise InputError(
            ErrorCode.TRUNCATED_MEDIA,
            "the file has no index (moov box): the upload or the recording was cut off before it was written",
        )
    try:
        data, header_complaints = read_headers(path, cancel)
    except InputError as e:
        if _ENCRYPTION.search(e.details or ""):
            raise InputError(
                ErrorCode.ENCRYPTED_MEDIA, "the tracks are encrypted (DRM) and there is no key", e.details
            ) from None
        if e.code is ErrorCode.TRUNCATED_MEDIA:  # no moov, but no box of an ISO file either: taken for one by its name
            raise InputError(
                ErrorCode.UNSUPPORTED_MEDIA, "the first bytes of the file match no video or audio format", e.details
            ) from None
        raise
    container_data = data.get("format", {})
    name = container(container_data, path)
    streams = data.get("streams", [])
    start = _float(container_data.get("start_time")) or 0.0
    indexes = [s["index"] for s in streams if s.get("codec_type") in ("video", "audio") and s.get("codec_name")]
    if name in _MPEG_STREAMS and indexes:
        tracks, scan_complaints = scan_mpeg(path, indexes, start, cancel)
    else:
        tracks, scan_complaints = scan(path, cancel)
    videos = tuple(video_facts(s, tracks.get(s["index"])) for s in streams if s.get("codec_type") == "video")
    audios = tuple(audio_facts(s, tracks.get(s["index"])) for s in streams if s.get("codec_type") == "audio")
    complaints = f"{header_complaints}\n{scan_complaints}"
    cut = boxes.missing_bytes > 0 or bool(_CUT.search(complaints))
    video, audio = choose_video(videos), choose_audio(audios)
    warnings = _check_tracks(videos, audios, video, audio, cut, complaints)
    facts = MediaFacts(
        format=name,
        size_bytes=size,
        start_s=start,
        header_duration_s=_float(container_data.get("duration")),
        bitrate_bps=round(_float(container_data.get("bit_rate")) or 0) or None,
        videos=videos,
        audios=audios,
        subtitles=tuple(subtitle_facts(s) for s in streams if s.get("codec_type") == "subtitle"),
        chapters=tuple(chapter(c) for c in data.get("chapters", [])),
        video=video,
        audio=audio,
        warnings=(*warnings, *((_CUT_WARNING,) if cut else ())),
    )
    return _check_times(facts, cut, boxes.missing_bytes)


def choose_video(videos: tuple[VideoFacts, ...]) -> VideoFacts | None:
    """The picture to use: not cover art, not empty, the default one, the fullest, the largest, the first."""
    usable = [v for v in videos if not v.picture and v.frames and v.codec != "unknown" and v.width and v.height]
    if not usable:
        return None
    most = max(v.frames for v in usable)
    # A second track with a few large stills (burst shots beside a moving picture) isn't the film.
    return max(usable, key=lambda v: (v.frames * 4 >= most, v.default, v.width * v.height, -v.index))


def choose_audio(audios: tuple[AudioFacts, ...]) -> AudioFacts | None:
    """The sound to use: not empty, not a commentary, the default one, the one with most channels, the first."""
    usable = [a for a in audios if a.packets and a.codec != "unknown" and a.channels and a.sample_rate]
    return max(usable, key=lambda a: (not a.secondary, a.default, a.channels, -a.index), default=None)


def _check_tracks(
    videos: tuple[VideoFacts, ...],
    audios: tuple[AudioFacts, ...],
    video: VideoFacts | None,
    audio: AudioFacts | None,
    cut: bool,
    complaints: str,
) -> tuple[str, ...]:
    """Refuse a file without a track to use; say which tracks were left out."""
    moving = [v for v in videos if not v.picture and v.frames]
    if any(v.width * v.height > MAX_PIXELS for v in moving) or (not video and _TOO_LARGE.search(complaints)):
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED, f"the picture has more than {MAX_PIXELS // 10**6} megapixels", complaints
        )
    if video is None and moving:
        codec = moving[0].codec
        if codec == "unknown":
            raise InputError(ErrorCode.UNSUPPORTED_MEDIA, "the picture's codec is not known to ffmpeg", complaints)
        raise InputError(
            ErrorCode.CORRUPT_MEDIA, f"the {codec} picture can't be decoded: its headers are damaged", complaints
        )
    if video is None and audio is None:
        if cut:
            raise InputError(ErrorCode.TRUNCATED_MEDIA, "the file was cut off before its first frame", complaints)
        raise InputError(
            ErrorCode.NO_MEDIA_STREAMS, "the file holds no picture or sound that can be decoded", complaints
        )
    if audio is None and any(a.packets for a in audios):
        return ("The sound track has no usable description and was left out.",)
    return ()


def _check_times(facts: MediaFacts, cut: bool, missing_bytes: int) -> MediaFacts:
    """Refuse a clearly cut-off or endless file."""
    measured, promised = facts.duration_s, facts.header_duration_s
    if measured > MAX_DURATION_S:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"the file lasts {measured / 3600:.1f} hours; at most {MAX_DURATION_S / 3600:.0f} are processed",
        )
    if cut and promised and promised - measured > max(_MISSING_S, promised * _MISSING_SHARE):
        raise InputError(
            ErrorCode.TRUNCATED_MEDIA,
            f"the header promises {promised:.1f} s but the file ends after {measured:.1f} s: the upload was cut off",
        )
    # AVI and WAV headers give no length of their own: it is reckoned from the bytes that are there.
    whole = facts.size_bytes + missing_bytes
    if missing_bytes > whole * _MISSING_SHARE:
        raise InputError(
            ErrorCode.TRUNCATED_MEDIA,
            f"the last {missing_bytes} of {whole} bytes are missing: the upload was cut off",
        )
    return facts


def _float(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
