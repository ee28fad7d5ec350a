"""Finding out what a file is: `probe` and the facts it answers with.

Belongs here: putting headers, packets, frames and box structure together, and deciding whether a damaged file is worth
working on. Doesn't belong here: choosing among tracks (choice.py), what is made of the file.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from telecine.demux import MAX_PIXELS, decodable
from telecine.errors import ErrorCode, InputError
from telecine.probe.boxes import IsoTrack
from telecine.probe.choice import (
    choose_audio,
    choose_video,
    judged_audio,
    judged_subtitle,
    judged_video,
    without_undecodable,
)
from telecine.probe.closed_captions import holds_captions
from telecine.probe.facts import Chapter, MediaFacts
from telecine.probe.frames import leaves_open, looked_at
from telecine.probe.headers import (
    audio_facts,
    chapter,
    container,
    data_facts,
    is_described,
    read_headers,
    subtitle_facts,
    video_facts,
)
from telecine.probe.integrity import inspect
from telecine.probe.programmes import programmes, together
from telecine.probe.scan import Track, scan, scan_restarting
from telecine.probe.tracks import AudioFacts, DataFacts, Edit, SubtitleFacts, TrackFacts, VideoFacts
from telecine.probe.undescribed import described
from telecine.probe.values import Gaps, integer, number

__all__ = [
    "AudioFacts",
    "Chapter",
    "DataFacts",
    "Edit",
    "MediaFacts",
    "SubtitleFacts",
    "TrackFacts",
    "VideoFacts",
    "probe",
]

MAX_DURATION_S = 24 * 3600.0
_CUT = re.compile(r"partial file|File ended prematurely|stream \d+, offset 0x[0-9a-f]+: ", re.IGNORECASE)
_ENCRYPTION = re.compile(r"sub-sample encryption|encryption info|senc|saio|decryption", re.IGNORECASE)
_TOO_LARGE = re.compile(r"Picture size \d+x\d+ is invalid|\[IMGUTILS", re.IGNORECASE)
# A cut-off file is refused when more than this is missing; less is small damage, worth a warning.
_MISSING_S, _MISSING_SHARE = 1.0, 0.02
_MPEG_STREAMS, _READ_FROM_MPEG = ("mpegts", "mpeg"), ("video", "audio", "subtitle")
_CUT_WARNING = "The end of the file is missing; what is there was used."
_ENCRYPTED = "the tracks are encrypted (DRM) and there is no key"


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
    if boxes.scrambled or (boxes.tracks and all(track.protected for track in boxes.tracks)):
        raise InputError(ErrorCode.ENCRYPTED_MEDIA, _ENCRYPTED)
    if boxes.index_missing:
        raise InputError(
            ErrorCode.TRUNCATED_MEDIA,
            "the file has no index (moov box): the upload or the recording was cut off before it was written",
        )
    try:
        data, header_complaints, far = read_headers(path, cancel)
    except InputError as e:
        if _ENCRYPTION.search(e.details or ""):
            raise InputError(ErrorCode.ENCRYPTED_MEDIA, _ENCRYPTED, e.details) from None
        if e.code is ErrorCode.TRUNCATED_MEDIA:  # no moov, but no box of an ISO file either: taken for one by its name
            raise InputError(
                ErrorCode.UNSUPPORTED_MEDIA, "the first bytes of the file match no video or audio format", e.details
            ) from None
        raise
    container_data, known = data.get("format", {}), Gaps()
    name = container(container_data, path)
    streams = data.get("streams", [])
    start = number(container_data.get("start_time")) or 0.0
    packets, scan_complaints = _packets(path, name, streams, start, far, cancel)
    streams = [described(path, stream, cancel) if stream["index"] in packets else stream for stream in streams]
    boxed = {track.track_id: track for track in boxes.tracks}

    def place(stream: dict[str, Any]) -> tuple[dict[str, Any], Track | None, IsoTrack | None]:
        return stream, packets.get(stream["index"]), boxed.get(_track_id(stream))

    videos = tuple(judged_video(video_facts(*place(s))) for s in streams if s.get("codec_type") == "video")
    audios = tuple(judged_audio(audio_facts(*place(s))) for s in streams if s.get("codec_type") == "audio")
    subtitles = tuple(judged_subtitle(subtitle_facts(*place(s))) for s in streams if s.get("codec_type") == "subtitle")
    others = tuple(s for s in streams if s.get("codec_type") not in ("video", "audio", "subtitle"))
    films = without_undecodable(path, [v for v in videos if not v.picture], cancel)
    videos = tuple({v.index: v for v in (*videos, *films)}.values())
    audios = without_undecodable(path, audios, cancel)
    complaints = f"{header_complaints}\n{scan_complaints}"
    cut = boxes.missing_bytes > 0 or bool(_CUT.search(complaints))
    video, groups = choose_video(videos), programmes(data)
    audio = choose_audio(together(audios, video, groups))
    audios = together(audios, video or audio, groups)
    subtitles = together(subtitles, video or audio, groups)
    warnings = _check_tracks(videos, audios, video, audio, cut, complaints)
    broadcast = name in _MPEG_STREAMS
    if video is not None and leaves_open(video, broadcast=broadcast):
        video = looked_at(path, video, cancel, broadcast=broadcast)
    if video is not None:
        video = replace(video, closed_captions=holds_captions(path, video))
        videos = tuple(video if v.index == video.index else v for v in videos)
    facts = MediaFacts(
        format=name,
        size_bytes=size,
        start_s=start,
        header_duration_s=known(
            "header_duration_s", number(container_data.get("duration")), "the header doesn't say; it was measured"
        ),
        bitrate_bps=known("bitrate_bps", integer(container_data.get("bit_rate")), "the header doesn't say"),
        videos=videos,
        audios=audios,
        subtitles=subtitles,
        chapters=tuple(chapter(c) for c in data.get("chapters", [])),
        video=known("video", video, _why_none(videos, "moving picture")),
        audio=known("audio", audio, _why_none(audios, "sound")),
        warnings=(*warnings, *((_CUT_WARNING,) if cut else ())),
        data=tuple(data_facts(*place(s)) for s in others),
        missing=known.reasons,
    )
    return _check_times(facts, cut, boxes.missing_bytes)


def _packets(
    path: Path,
    container_name: str,
    streams: Sequence[dict[str, Any]],
    start_s: float,
    far: bool,
    cancel: threading.Event | None,
) -> tuple[dict[int, Track], str]:
    """Every packet of the file, read once; twice when its clock restarts."""
    # A broadcast may announce tracks that never come.
    read = [s for s in streams if s.get("codec_type") in _READ_FROM_MPEG and s.get("codec_name") and is_described(s)]
    indexes = [s["index"] for s in read]
    if container_name in _MPEG_STREAMS and indexes:
        return scan_restarting(path, indexes, start_s, cancel, far=far)
    tracks, complaints = scan(path, cancel)
    # Recordings of web radio are Ogg files one behind the other (RFC 3533 section 4, "chained").
    if container_name == "ogg" and indexes and any(track.restarts for track in tracks.values()):
        return scan_restarting(path, indexes, start_s, cancel)
    return tracks, complaints


def _track_id(stream: dict[str, Any]) -> int:
    """ffprobe's `id` of a stream, such as 0x1."""
    try:
        return int(str(stream.get("id", "")), 0)
    except ValueError:
        return -1


def _why_none(tracks: Sequence[TrackFacts], what: str) -> str:
    """Why no track of a kind is used."""
    reasons = dict.fromkeys(t.unusable for t in tracks if t.unusable is not None)
    return f"the {what} can't be used: {'; '.join(reasons)}" if reasons else f"the file holds no {what}"


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
        raise _refused_picture(moving[0], complaints)
    if video is None and audio is None:
        if cut:
            raise InputError(ErrorCode.TRUNCATED_MEDIA, "the file was cut off before its first frame", complaints)
        if any(a.encrypted for a in audios):
            raise InputError(ErrorCode.ENCRYPTED_MEDIA, _ENCRYPTED, complaints)
        raise InputError(
            ErrorCode.NO_MEDIA_STREAMS, "the file holds no picture or sound that can be decoded", complaints
        )
    lost = next((a for a in audios if a.packets), None) if audio is None else None
    return (f"The sound was left out: {lost.unusable}.",) if lost is not None else ()


def _refused_picture(video: VideoFacts, complaints: str) -> InputError:
    """Why a file is refused whose picture can't be used."""
    if video.encrypted:
        return InputError(ErrorCode.ENCRYPTED_MEDIA, "the picture is encrypted (DRM) and there is no key", complaints)
    if video.codec == "unknown":
        return InputError(ErrorCode.UNSUPPORTED_MEDIA, "the picture's codec is not known to ffmpeg", complaints)
    if not decodable(video.codec):
        return InputError(ErrorCode.UNSUPPORTED_MEDIA, f"there is no decoder for {video.codec}", complaints)
    if video.dolby_vision is not None and not video.dolby_vision.base_layer:
        return InputError(ErrorCode.UNSUPPORTED_MEDIA, f"the picture can't be used: {video.unusable}", complaints)
    return InputError(
        ErrorCode.CORRUPT_MEDIA, f"the {video.codec} picture can't be decoded: {video.unusable}", complaints
    )


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
