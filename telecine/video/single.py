"""Single renditions: a recipe's `video` outputs made definite for a source, each a rung that stands alone.

Pure. Belongs here: size, frame rate, and whether the source's own picture will do. Doesn't belong here: encoder
settings (coding.py), the ladder (ladder.py).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from telecine.codecs import VideoCodec
from telecine.compatibility import PROFILES
from telecine.probe import MediaFacts, VideoFacts
from telecine.recipe.video import VideoRendition
from telecine.video.coding import Coding, most_capable, plan_coding
from telecine.video.ladder import Rung, range_of, size_of
from telecine.video.timing import exact_fps, output_fps

_STANDARD = (2160, 1440, 1080, 720, 480, 360, 240)
_COPYABLE = ("mp4", "mov", "mkv", "webm")  # containers whose clock runs through
_LONGEST_GOP_S = 10.0  # players seek to keyframes
_HELD_S = 0.5
_LOSSLESS_TO_THE_EYE = 15  # crf; encoding again could only lose
# Private messages (SEI, metadata OBUs) may lie in their files' headers, too, where ffmpeg can't take them out.
_TALKATIVE = (VideoCodec.H265, VideoCodec.AV1)
_OUR_PROFILE = {"constrained baseline": "baseline", "baseline": "baseline", "main": "main", "high": "high"}
_OUR_PROFILE |= {"main 10": "main10", "profile 0": "0", "profile 2": "2", "high 10": "high10"}


def single(spec: VideoRendition, facts: MediaFacts, fps: Fraction) -> Rung:
    """What one `video` output asks of a source.

    Args:
        fps: of the clock.
    """
    video = facts.video
    assert video is not None
    whole = min(video.displayed_size)
    asked = min(spec.height or whole, whole)
    wanted = exact_fps(spec.fps) if spec.fps is not None else fps / -(-fps // exact_fps(spec.max_fps))
    ratio = fps / wanted
    divisor = int(ratio) if ratio.denominator == 1 else 1
    rung = _within_level(spec, video, asked, wanted)
    divisor *= rung.fps_divisor
    own = None if ratio.denominator == 1 else (wanted / rung.fps_divisor).as_integer_ratio()
    rung = replace(rung, fps_divisor=1 if own else divisor, fps=own, gop_s=spec.gop_s)
    alike = _in_its_codec(rung, video) if spec.stream_copy == "any_codec" else None
    if alike is not None and _will_do(spec, facts, alike, wanted):
        return replace(alike, copied=True)
    return replace(rung, copied=_will_do(spec, facts, rung, wanted))


def _in_its_codec(rung: Rung, video: VideoFacts) -> Rung | None:
    """The same in the source's codec, where the container holds it and a player isn't named; None where not."""
    coding = rung.coding
    own = next((c for c in coding.container.video_codecs if c.ffprobe_name == video.codec), None)
    if own is None or own is coding.codec or coding.target is not None:
        return None
    return replace(rung, coding=replace(coding, codec=own, profile=None, level=None, tune=None))


def late_s(facts: MediaFacts, rung: Rung) -> float:
    """How long after the sound a picture begins: a copied one where it did, any other at once."""
    return facts.video.start_s - facts.begin_s if rung.copied and facts.video and facts.audio else 0.0


def _within_level(spec: VideoRendition, video: VideoFacts, side: int, fps: Fraction) -> Rung:
    """The largest picture within the level that is allowed: with half the frames rather than smaller."""
    most = most_capable(spec)
    smaller = [s for s in _STANDARD if s < side]
    rung = _at(spec, video, side, fps, 1)
    if most is None:
        return rung
    for attempt in (side, *smaller):
        for divisor in (1, 2):
            rung = _at(spec, video, attempt, fps, divisor)
            if rung.coding.level is not None and rung.coding.level <= most:
                return rung
    return rung


def _at(spec: VideoRendition, video: VideoFacts, side: int, fps: Fraction, divisor: int) -> Rung:
    width, height = size_of(*video.displayed_size, side)
    lower, upper, audio = range_of(side)
    average, cap = spec.bitrate_bps, spec.max_bitrate_bps
    if average is not None and average > upper and spec.height is not None and side < spec.height:
        average, cap = upper, None if cap is None else round(cap * upper / average)
    coding = plan_coding(
        spec,
        (width, height),
        fps / divisor,
        video,
        bitrate_bps=average,
        max_bitrate_bps=cap,
        two_pass=spec.two_pass,
    )
    return Rung(
        spec.name,
        width,
        height,
        lower,
        upper,
        audio,
        divisor,
        kept=spec.kept,
        coding=coding,
    )


def _will_do(spec: VideoRendition, facts: MediaFacts, rung: Rung, fps: Fraction) -> bool:
    """Whether the source's picture is what would be made: same size, rate, colours, and no more bits than allowed."""
    video, coding = facts.video, rung.coding
    assert video is not None
    if spec.stream_copy == "never" or coding.codec.lossless or video.codec != coding.codec.ffprobe_name:
        return False
    if not spec.kept.everything and coding.codec in _TALKATIVE:
        return False
    same_shape = (video.width, video.height) == (rung.width, rung.height) and video.sar == (1, 1)
    upright = video.rotation == 0 and not video.mirrored and not video.interlaced
    same_pixels = video.pixel_format == coding.pixel_format and video.hdr == coding.hdr
    plain = coding.hdr is not None or video.colour_primaries in (None, "bt709")
    constant = not video.vfr and rung.fps is None and output_fps(video, 1000) == fps / rung.fps_divisor
    whole = facts.format in _COPYABLE and not facts.warnings and abs(video.start_s - facts.begin_s) < 1 / fps
    ends_with_sound = facts.duration_s - (video.end_s - video.start_s) < _HELD_S  # players hold the last frame so long
    seekable = (video.keyframe_interval_s or 0.0) <= _LONGEST_GOP_S
    cap = coding.max_bitrate_bps or coding.bitrate_bps or rung.max_bitrate_bps
    rate = video.bitrate_bps or facts.bitrate_bps
    lavish = coding.crf is not None and coding.crf <= _LOSSLESS_TO_THE_EYE and coding.max_bitrate_bps is None
    small = lavish or (rate is not None and rate <= cap)
    looks_right = same_shape and upright and same_pixels and plain
    runs_right = constant and whole and ends_with_sound and seekable
    return looks_right and runs_right and small and _profile_fits(video, coding)


def _profile_fits(video: VideoFacts, coding: Coding) -> bool:
    """Whether a player of what was planned plays the source's profile."""
    ours = _OUR_PROFILE.get((video.profile or "").lower())
    known = PROFILES[coding.codec]
    if coding.codec is VideoCodec.AV1 or coding.profile is None:
        return True
    return ours in known and known.index(ours) <= known.index(coding.profile)
