"""What goes together, and what plays where: codec x container x target, checked before any work.

Pure. Belongs here: the matrix and the sentences about it. Doesn't belong here: what a codec is called (codecs.py),
choosing a level (telecine/video/level.py). Sources: requirements.md section 2 (targets), Apple HLS authoring 1.2 to
1.9, caniuse.com for WebM, VP9 and AV1 in browsers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telecine.codecs import AudioCodec, Container, VideoCodec


class Target(StrEnum):
    """Where an output has to play."""

    IOS_SAFARI = "ios_safari"
    ANDROID_CHROME = "android_chrome"
    DESKTOP = "desktop"
    SMART_TV = "smart_tv"


@dataclass(frozen=True, slots=True)
class Problem:
    """Two choices that don't go together.

    Attributes:
        field: of the recipe's output.
        reason, remedy: half a sentence each.
    """

    field: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"'{self.field}': {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Playable:
    """What a target plays.

    Attributes:
        profiles: of each codec, the richest last; a codec that isn't here doesn't play.
        max_level: of H.264; None for any.
        hdr: whether high dynamic range may be kept.
    """

    profiles: dict[VideoCodec, tuple[str, ...]]
    audio: tuple[AudioCodec, ...]
    containers: tuple[Container, ...]
    max_level: float | None = None
    hdr: bool = False


_H264_TO_HIGH = ("baseline", "main", "high")
PLAYS = {
    Target.IOS_SAFARI: Playable(
        {VideoCodec.H264: _H264_TO_HIGH}, (AudioCodec.AAC, AudioCodec.MP3), (Container.MP4,), max_level=4.0
    ),
    Target.ANDROID_CHROME: Playable(
        {VideoCodec.H264: _H264_TO_HIGH, VideoCodec.VP9: ("0",), VideoCodec.AV1: ("main",)},
        (AudioCodec.AAC, AudioCodec.MP3, AudioCodec.OPUS, AudioCodec.VORBIS, AudioCodec.FLAC),
        (Container.MP4, Container.WEBM),
        max_level=5.1,
    ),
    Target.DESKTOP: Playable(
        {VideoCodec.H264: _H264_TO_HIGH, VideoCodec.VP9: ("0", "2"), VideoCodec.AV1: ("main",)},
        (AudioCodec.AAC, AudioCodec.MP3, AudioCodec.OPUS, AudioCodec.VORBIS, AudioCodec.FLAC),
        (Container.MP4, Container.WEBM),
        max_level=5.2,
        hdr=True,
    ),
    Target.SMART_TV: Playable(
        {VideoCodec.H264: ("baseline", "main"), VideoCodec.H265: ("main", "main10")},
        (AudioCodec.AAC, AudioCodec.MP3),
        (Container.MP4, Container.MKV),
        max_level=4.2,
        hdr=True,
    ),
}

# What the encoders of this ffmpeg make: profiles the plainest first, and pixel formats.
PROFILES = {
    VideoCodec.H264: ("baseline", "main", "high", "high10", "high422"),
    VideoCodec.H265: ("main", "main10", "main422-10"),
    VideoCodec.VP9: ("0", "1", "2", "3"),
    VideoCodec.AV1: ("main",),
    VideoCodec.FFV1: (),
}
_PIXELS = {
    "baseline": ("yuv420p",),
    "main": ("yuv420p",),
    "high": ("yuv420p",),
    "high10": ("yuv420p", "yuv420p10le"),
    "high422": ("yuv420p", "yuv422p", "yuv420p10le", "yuv422p10le"),
    "main10": ("yuv420p", "yuv420p10le"),
    "main422-10": ("yuv420p", "yuv422p", "yuv420p10le", "yuv422p10le"),
    "0": ("yuv420p",),
    "1": ("yuv422p",),
    "2": ("yuv420p10le",),
    "3": ("yuv422p10le",),
}
TUNES = {
    VideoCodec.H264: ("film", "animation", "grain", "zerolatency"),
    VideoCodec.H265: ("animation", "grain", "zerolatency"),
    VideoCodec.VP9: ("film", "zerolatency"),
    VideoCodec.AV1: ("grain", "zerolatency"),
    VideoCodec.FFV1: (),
}


def profiles_for(codec: VideoCodec, pixel_format: str) -> tuple[str, ...]:
    """A codec's profiles that can hold a pixel format, the plainest first."""
    if codec is VideoCodec.AV1:
        return ("main",) if pixel_format.startswith("yuv420p") else ()
    return tuple(profile for profile in PROFILES[codec] if pixel_format in _PIXELS[profile])


def problems(
    codec: VideoCodec,
    container: Container,
    audio: AudioCodec | None,
    *,
    pixel_format: str = "yuv420p",
    profile: str | None = None,
    level: float | None = None,
    tune: str | None = None,
    two_pass: bool = False,
    target: Target | None = None,
) -> tuple[Problem, ...]:
    """What doesn't go together in one output; empty when all does.

    Args:
        audio: None for an output without sound, or when its codec is still to be chosen.
        level: of H.264, as a number: 4.1.
    """
    found = [*_of_container(codec, container, audio), *_of_encoder(codec, pixel_format, profile, tune, two_pass)]
    return tuple(found) + (_of_target(target, codec, container, audio, profile, level) if target else ())


def _of_container(codec: VideoCodec, container: Container, audio: AudioCodec | None) -> list[Problem]:
    found = []
    if codec not in container.video_codecs:
        homes = [c for c in (Container.MP4, Container.WEBM, Container.MKV) if codec in c.video_codecs]
        found.append(
            Problem("container", f"{container} doesn't hold {codec}", f"use {_any(homes)}, or {_codecs_of(container)}")
        )
    if audio is not None and audio not in container.audio_codecs:
        found.append(
            Problem("audio", f"{container} doesn't hold {audio} sound", f"use {_any(list(container.audio_codecs))}")
        )
    return found


def _of_encoder(
    codec: VideoCodec, pixel_format: str, profile: str | None, tune: str | None, two_pass: bool
) -> list[Problem]:
    found = []
    if profile is not None and profile not in PROFILES[codec]:
        found.append(
            Problem("profile", f"{codec} has no profile {profile}", f"use {_any(PROFILES[codec]) or 'none at all'}")
        )
    elif profile is not None and profile not in profiles_for(codec, pixel_format):
        wide = profiles_for(codec, pixel_format)
        found.append(Problem("profile", f"{profile} can't hold {pixel_format}", f"use {_any(wide) or 'yuv420p'}"))
    elif PROFILES[codec] and not profiles_for(codec, pixel_format):
        found.append(Problem("pixel_format", f"{codec} can't hold {pixel_format}", "use yuv420p or yuv420p10le"))
    if tune is not None and tune not in TUNES[codec]:
        found.append(Problem("tune", f"{codec} can't be tuned for {tune}", f"use {_any(TUNES[codec]) or 'none'}"))
    if two_pass and codec is VideoCodec.AV1:
        found.append(Problem("two_pass", "ffmpeg's AV1 encoder has one pass only", "leave it out"))
    return found


def _of_target(
    target: Target,
    codec: VideoCodec,
    container: Container,
    audio: AudioCodec | None,
    profile: str | None,
    level: float | None,
) -> tuple[Problem, ...]:
    plays = PLAYS[target]
    found = []
    if codec not in plays.profiles:
        found.append(Problem("codec", f"{target} doesn't play {codec}", f"use {_any(list(plays.profiles))}"))
    elif profile is not None and profile not in plays.profiles[codec]:
        found.append(Problem("profile", f"{target} plays no {codec} {profile}", f"use {_any(plays.profiles[codec])}"))
    if container not in plays.containers:
        found.append(Problem("container", f"{target} doesn't open {container}", f"use {_any(list(plays.containers))}"))
    if audio is not None and audio not in plays.audio:
        found.append(Problem("audio", f"{target} doesn't play {audio}", f"use {_any(list(plays.audio))}"))
    if codec is VideoCodec.H264 and level is not None and plays.max_level is not None and level > plays.max_level:
        found.append(
            Problem(
                "level", f"{target} plays H.264 up to level {plays.max_level}", f"use {plays.max_level} or leave it out"
            )
        )
    return tuple(found)


def _codecs_of(container: Container) -> str:
    return f"{_any(list(container.video_codecs))} in {container}" if container.video_codecs else "another container"


def _any(names: list[VideoCodec] | list[AudioCodec] | list[Container] | tuple[str, ...]) -> str:
    return " or ".join(str(name) for name in names)
