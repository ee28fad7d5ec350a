"""Each encoder's words for a picture's settings.

Pure: options for ffmpeg-python's `output`, which sorts and spells them. Belongs here: what a preset, a tune and a rate
are called by x264, x265, libvpx, SVT-AV1 and FFV1. Doesn't belong here: deciding them (coding.py). Sources:
ffmpeg-codecs(1), x264's documentation of keyint, min-keyint and scenecut, x265.readthedocs.io, the SVT-AV1 parameters
guide, libvpx's multi-threading guide.
"""

from __future__ import annotations

from pathlib import Path

from telecine.codecs import Container, VideoCodec
from telecine.probe import VideoFacts
from telecine.video.coding import BUFFER_S, Coding
from telecine.video.timing import Pace

Options = dict[str, str | int | float]

# x264's words for effort on the others' scales, roughly alike in time relative to the encoder's own default.
_CPU_USED = {"ultrafast": 8, "superfast": 5, "veryfast": 5, "faster": 4, "fast": 3, "medium": 2, "slow": 1}
_GOOD_MOST = 5  # of cpu-used with a deadline that isn't realtime
_SVT = {"ultrafast": 10, "superfast": 9, "veryfast": 8, "faster": 7, "fast": 6, "medium": 5, "slow": 4}
_FILM_GRAIN = 8  # SVT-AV1: denoised before, synthesised after
# Half of x264's own strength, where a bit rate binds and so sharpness is paid for elsewhere. At equal bit rate (preset
# slow, 10 s of each) XPSNR, SSIM and VMAF were better or the same on four clips: XPSNR by 0.07 dB (drawn), 0.32 (Big
# Buck Bunny), 0.20 (filmed) and at 1.8 % fewer bytes the same (a screen). It bears on presets from fast on.
_PSY_RD = "0.5:0"


def encoder_options(
    coding: Coding, pace: Pace, width: int, *, threads: int | None = None, source: VideoFacts | None = None
) -> Options:
    """Options of one output's picture.

    Args:
        width: of the picture in pixels, for tiles.
        threads: cores to use; None for all.
        source: whose screen and brightest light are said again where its range is kept: ffmpeg's `split` hands such
            side data on to its first output only (seen with 9.0). libvpx has no words for them.
    """
    options: Options = {"c:v": coding.codec.encoder, "pix_fmt": coding.pixel_format}
    options |= {
        VideoCodec.H264: _x264,
        VideoCodec.H265: _x265,
        VideoCodec.VP9: _vpx,
        VideoCodec.AV1: _svt,
        VideoCodec.FFV1: _ffv1,
    }[coding.codec](coding, pace, width)
    if coding.hdr == "pq" and source is not None:
        for name, words in _light(coding.codec, source).items():
            options[name] = f"{options[name]}:{words}"
    if (
        threads is not None and coding.codec is not VideoCodec.H265
    ):  # x265: frame threads, of which it knows the best number
        options["threads"] = threads
    return options


def with_pass(coding: Coding, options: Options, number: int, log: Path) -> Options:
    """Options of one of two passes; `log` is the same for both, and each encoder's own."""
    if coding.codec is VideoCodec.H265:
        escaped = str(log).replace("\\", "\\\\").replace(":", "\\:")
        return options | {"x265-params": f"{options['x265-params']}:pass={number}:stats={escaped}"}
    return options | {"pass": number, "passlogfile": str(log)}


def container_options(coding: Coding) -> Options:
    """Options of the file that holds one output's picture and nothing else, before it is finished."""
    options: Options = {"f": working_container(coding).muxer}
    if coding.codec is VideoCodec.H265:
        options["tag:v"] = "hvc1"  # Apple HLS authoring 1.10: parameter sets out of band
    return options


def working_container(coding: Coding) -> Container:
    """What a picture lies in until it is finished: MP4, which the packager reads, for all that it can hold."""
    return Container.MP4 if coding.codec in Container.MP4.video_codecs else Container.MKV


def _light(codec: VideoCodec, source: VideoFacts) -> Options:
    """What the picture was graded on (SMPTE ST 2086) and how bright it gets (CTA-861.3), for HDR10."""
    words, screen, light = [], source.mastering_display, source.content_light
    x265 = codec is VideoCodec.H265  # which counts in the standard's steps, the others in fractions

    def value(number: float, steps: int) -> str:
        return str(round(number * steps)) if x265 else f"{number:g}"

    if screen and screen.red and screen.green and screen.blue and screen.white and screen.max_nits:
        points = {"G": screen.green, "B": screen.blue, "R": screen.red, "WP": screen.white}
        said = "".join(f"{name}({value(x, 50_000)},{value(y, 50_000)})" for name, (x, y) in points.items())
        nits = f"{value(screen.max_nits, 10_000)},{value(screen.min_nits or 0, 10_000)}"
        words.append((f"{said}L({nits})", "display"))
    if light:
        words.append((f"{light.max_cll},{light.max_fall}", "light"))
    names = {
        VideoCodec.H265: ("x265-params", {"display": "master-display", "light": "max-cll"}),
        VideoCodec.AV1: ("svtav1-params", {"display": "mastering-display", "light": "content-light"}),
    }
    if codec not in names or not words:
        return {}
    option, called = names[codec]
    return {option: ":".join(f"{called[what]}={said}" for said, what in words)}


def _rate(coding: Coding) -> Options:
    """Constant quality, or a bit rate, under a cap for a player's buffer."""
    options: Options = {}
    if coding.crf is not None:
        options["crf"] = f"{coding.crf:g}"
    if coding.bitrate_bps is not None:
        options["b:v"] = coding.bitrate_bps
    if coding.max_bitrate_bps is not None:
        options |= {"maxrate": coding.max_bitrate_bps, "bufsize": round(coding.max_bitrate_bps * BUFFER_S)}
    return options


def _x264(coding: Coding, pace: Pace, _width: int) -> Options:
    # Closed GOPs, and no keyframe but where the clock has one: at the same instants on every rung.
    options: Options = {"preset": coding.preset, "g": pace.gop_frames, "keyint_min": pace.gop_frames}
    options |= {"sc_threshold": 0, "flags": "+cgop", **_rate(coding)}
    if coding.profile:
        options["profile:v"] = coding.profile
    if coding.level:
        options["level"] = f"{coding.level:.1f}"
    if coding.tune:
        options["tune"] = coding.tune
    elif coding.bitrate_bps or coding.max_bitrate_bps:
        options["psy-rd"] = _PSY_RD
    return options


def _x265(coding: Coding, pace: Pace, _width: int) -> Options:
    gop = pace.gop_frames
    words = [f"keyint={gop}", f"min-keyint={gop}", "scenecut=0", "open-gop=0", "log-level=error"]
    if coding.level:
        words.append(f"level-idc={coding.level:.1f}")
    options: Options = {"preset": coding.preset, **_rate(coding)}
    if coding.profile:
        options["profile:v"] = coding.profile
    if coding.tune:
        options["tune"] = coding.tune
    return options | {"x265-params": ":".join(words)}


def _vpx(coding: Coding, pace: Pace, width: int) -> Options:
    options: Options = {"g": pace.gop_frames, "keyint_min": pace.gop_frames, **_rate(coding)}
    fastest = coding.preset == "ultrafast" or coding.tune == "zerolatency"
    if fastest and not coding.two_pass:  # realtime has one pass only
        options |= {"deadline": "realtime", "cpu-used": _CPU_USED["ultrafast"]}
    else:
        options |= {"deadline": "good", "cpu-used": min(_GOOD_MOST, _CPU_USED[coding.preset])}
    # Tiles are at least 256 pixels wide; rows in parallel make up for the rest.
    options |= {"row-mt": 1, "tile-columns": max(0, min(4, (width // 256).bit_length() - 1))}
    options |= {"lag-in-frames": 0} if coding.tune == "zerolatency" else {"lag-in-frames": 25, "auto-alt-ref": 1}
    if coding.tune == "film":
        options["tune-content"] = "film"
    if coding.crf is not None:
        # Constrained quality: the target is the cap; zero for none.
        options["b:v"] = coding.max_bitrate_bps or 0
    if coding.profile:
        options["profile:v"] = coding.profile
    return options


def _svt(coding: Coding, pace: Pace, _width: int) -> Options:
    words = ["scd=0"]
    words += [f"film-grain={_FILM_GRAIN}"] if coding.tune == "grain" else []
    words += ["pred-struct=1"] if coding.tune == "zerolatency" else []
    return {"preset": _SVT[coding.preset], "g": pace.gop_frames, "svtav1-params": ":".join(words), **_rate(coding)}


def _ffv1(_coding: Coding, _pace: Pace, _width: int) -> Options:
    # Every frame a keyframe, with checksums: what archives ask for (RFC 9043, FADGI).
    return {"level": 3, "g": 1, "slices": 4, "slicecrc": 1}
