"""Choosing the tracks to use as a player would, but never one that can't be decoded.

Belongs here: what makes a track unusable, and the order of preference. Doesn't belong here: refusing a file (probe).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from telecine.demux import decodable, input_args
from telecine.errors import InputError, SystemFault
from telecine.probe.tracks import AudioFacts, SubtitleFacts, TrackFacts, VideoFacts
from telecine.process import Limits, run
from telecine.tools import ffmpeg_path

ENCRYPTED = "it is encrypted (DRM) and there is no key"
_SAMPLE_S = 2.0
# ffmpeg's closing words at verbose level (fftools/ffmpeg.c, print_stream_stats).
_DECODED = re.compile(r"Input stream #0:(\d+) \([a-z]+\): (\d+) packets read.*?; (\d+) frames decoded", re.DOTALL)

Track = TypeVar("Track", bound=TrackFacts)


def choose_video(videos: Sequence[VideoFacts]) -> VideoFacts | None:
    """The picture to use: not cover art, the default one, the fullest, the largest, the first."""
    usable = [v for v in videos if not v.picture and v.unusable is None]
    if not usable:
        return None
    most = max(v.frames for v in usable)
    # A second track with a few large stills (burst shots beside a moving picture) isn't the film.
    return max(usable, key=lambda v: (v.frames * 4 >= most, v.default, v.width * v.height, -v.index))


def choose_audio(audios: Sequence[AudioFacts]) -> AudioFacts | None:
    """The sound to use: not a commentary, the default one, the one with most channels, the first."""
    usable = [a for a in audios if a.unusable is None]
    return max(usable, key=lambda a: (not a.secondary, a.default, a.channels, -a.index), default=None)


def judged_video(video: VideoFacts) -> VideoFacts:
    """The track with the reason why it can't be used, if there is one."""
    reason = _hidden(video) or (None if video.frames else "it is empty")
    if reason is None and not (video.width and video.height):
        reason = "its headers are damaged: the picture has no size"
    if reason is None and video.dolby_vision is not None and not video.dolby_vision.base_layer:
        reason = (
            f"it is Dolby Vision profile {video.dolby_vision.profile}, which has no base layer that others can show"
        )
    return replace(video, unusable=reason)


def judged_audio(audio: AudioFacts) -> AudioFacts:
    """The track with the reason why it can't be used, if there is one."""
    silent = "it is empty" if audio.sample_rate else "it is empty, or starts very late"
    reason = _hidden(audio) or (None if audio.packets else silent)
    if reason is None and not (audio.channels and audio.sample_rate):
        reason = "it has no usable description: neither channels nor sample rate are known"
    return replace(audio, unusable=reason)


def judged_subtitle(subtitle: SubtitleFacts) -> SubtitleFacts:
    """The track with the reason why it can't be used, if there is one."""
    return replace(subtitle, unusable=_hidden(subtitle) or (None if subtitle.packets else "it is empty"))


def without_undecodable(
    path: Path, tracks: Sequence[Track], cancel: threading.Event | None = None
) -> tuple[Track, ...]:
    """The same tracks; those of which nothing in the first seconds can be decoded become unusable.

    For files in which there is a choice: a single track is found out by the encode itself.
    """
    candidates = [track for track in tracks if track.unusable is None]
    if len(candidates) < 2:
        return tuple(tracks)
    argv = [str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "verbose"]
    argv += input_args(path, before_input=("-t", str(_SAMPLE_S)))
    for track in candidates:
        argv += ["-map", f"0:{track.index}", "-f", "null", "-"]
    try:
        said = run(argv, limits=Limits(wall_s=60), cancel=cancel).stderr
    except (InputError, SystemFault) as e:  # one broken track ends the whole run; what it counted is said all the same
        said = e.details or ""
    silent = {int(index) for index, read, decoded in _DECODED.findall(said) if int(read) and not int(decoded)}
    return tuple(replace(t, unusable="nothing of it can be decoded") if t.index in silent else t for t in tracks)


def _hidden(track: TrackFacts) -> str | None:
    if track.encrypted:
        return ENCRYPTED
    if track.codec == "unknown":
        return "its codec is not known to ffmpeg"
    return None if decodable(track.codec) else f"there is no decoder for {track.codec}"
