"""How much of a source could be decoded, from ffmpeg's closing words.

Belongs here: reading them, and when too little is left. Doesn't belong here: running ffmpeg (encode.py). Source:
fftools/ffmpeg_demux.c and ffmpeg_dec.c, at log level verbose.
"""

from __future__ import annotations

import re

from telecine.errors import ErrorCode, InputError
from telecine.video.plan import VideoPlan
from telecine.video.sound import MAIN, Take

_DAMAGE = re.compile(r"concealing \d+|error while decoding|Invalid NAL unit|corrupt", re.IGNORECASE)
_DECODED = re.compile(r"Input stream #0:(\d+) \(video\):.*?; (\d+) frames decoded(?:; (\d+) decode errors)?", re.DOTALL)
_UNHEARD = re.compile(r"Input stream #0:(\d+) \(audio\): (\d+) packets read .*?; (\d+) decode errors")
_LOST_SHARE = 2 / 3  # beyond it ffmpeg gives up by itself, and all other tracks with it
_LEAST_SHARE = 0.5  # of the frames


def heard_tracks(taken: tuple[Take, ...], stderr: str) -> tuple[tuple[Take, ...], tuple[str, ...]]:
    """The tracks of which enough could be decoded, and warnings about the others.

    Raises:
        InputError: CORRUPT_MEDIA when it is the main one.
    """
    lost = {int(i): f"{e} of {p} packets" for i, p, e in _UNHEARD.findall(stderr) if int(e) > int(p) * _LOST_SHARE}
    heard, warnings = [], []
    for take in taken:
        track = take.sound.track
        if track.index not in lost:
            heard.append(take)
        elif take.sound.number == MAIN:
            raise InputError(ErrorCode.CORRUPT_MEDIA, f"{lost[track.index]} of the sound can't be decoded", stderr)
        else:
            name = f"Sound track {track.index} ({track.language or track.title})"
            warnings.append(f"{name} was left out: {lost[track.index]} can't be decoded.")
    return tuple(heard), tuple(warnings)


def picture_warnings(plan: VideoPlan, stderr: str) -> tuple[str, ...]:
    """Sentences about damage of the picture.

    Raises:
        InputError: CORRUPT_MEDIA when not even half of it can be decoded.
    """
    for index, decoded, errors in _DECODED.findall(stderr):
        if int(index) != plan.video.index:
            continue
        frames, failed = int(decoded), int(errors or 0)
        if frames == 0:
            raise InputError(ErrorCode.CORRUPT_MEDIA, "not one frame of the picture can be decoded", stderr)
        if frames < plan.video.frames * _LEAST_SHARE:
            raise InputError(
                ErrorCode.CORRUPT_MEDIA,
                f"only {frames} of {plan.video.frames} frames of the picture can be decoded",
                stderr,
            )
        if failed:
            return (f"{failed} frame(s) of the source are damaged; what could be decoded was used.",)
    if _DAMAGE.search(stderr):
        return ("Parts of the source are damaged; what could be decoded was used.",)
    return ()
