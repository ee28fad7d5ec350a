"""ffmpeg's words for a plan: argument lists, built and never run here.

Pure functions of frozen dataclasses, so that golden snapshots can pin every word. Sources: ffmpeg(1),
ffmpeg-filters(1), x264's documentation of keyint, min-keyint and scenecut.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from telecine.demux import input_args
from telecine.video.ladder import Rung
from telecine.video.picture import deinterlaced, upright
from telecine.video.plan import Sound, VideoPlan

_CRF = 23  # requirements.md section 2: Web 20-24
_BUFFER = 1.5  # seconds at the cap: Apple HLS authoring 1.26 wants peaks within 200 % of the average
# Gaps and overlaps above 40 ms are filled or cut at once, slow drift above 10 ms is stretched away inaudibly.
_SYNC = "async=1000:min_comp=0.01:min_hard_comp=0.04:first_pts=0"
QUIET = ("-hide_banner", "-nostdin", "-y")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5", "-nostats")
CLEAN = ("-map_metadata", "-1", "-map_chapters", "-1")


@dataclass(frozen=True, slots=True)
class Levelled:
    """A sound that was decoded beforehand, because its layout changes on the way.

    Attributes:
        start_s: its first time stamp on ffmpeg's clock of the source.
    """

    path: Path
    start_s: float


def video_file(rung: Rung) -> str:
    """Name of a rung's picture in the work directory."""
    return f"video-{rung.name}.mp4"


def audio_file(rate_bps: int) -> str:
    """Name of a sound in the work directory."""
    return f"audio-{rate_bps // 1000}k.m4a"


def encode_argv(
    ffmpeg: Path,
    plan: VideoPlan,
    source: Path,
    work_dir: Path,
    *,
    rates_bps: tuple[int, ...],
    threads: int | None = None,
    levelled: Levelled | None = None,
) -> list[str]:
    """One ffmpeg for every rung and sound: the source is decoded and scaled once.

    Args:
        rates_bps: the sounds that are needed, out of `plan.sound.rates_bps`.
        threads: cores to use; None for all.
        levelled: what `levelled_argv` made, to be used instead of the source's own sound.
    """
    argv = [str(ffmpeg), *QUIET, "-loglevel", "verbose", *PROGRESS]
    # A picture whose size changes on the way goes through the same graph: its first scaler takes any size.
    argv += input_args(source, before_input=("-noautorotate", "-reinit_filter", "0", *_threads(threads)))
    argv += ["-i", f"file:{levelled.path}"] if levelled is not None else []
    argv += ["-filter_complex", video_graph(plan)]
    if plan.sound is not None and rates_bps:
        argv += ["-filter_complex", audio_graph(plan.sound, plan, rates_bps, levelled)]
    for rung in plan.rungs:
        argv += ["-map", f"[{rung.name}]", *_video_codec(plan, rung), *_threads(threads)]
        argv += [*CLEAN, "-fflags", "+bitexact", "-f", "mp4", f"file:{work_dir / video_file(rung)}"]
    if plan.sound is not None:
        for rate in rates_bps:
            argv += ["-map", f"[a{rate}]", "-c:a", "aac", "-b:a", str(rate)]
            argv += [*CLEAN, "-fflags", "+bitexact", "-f", "mp4", f"file:{work_dir / audio_file(rate)}"]
    if plan.sound is not None and levelled is not None:
        argv += _unused(plan.sound.index)
    return argv


def video_graph(plan: VideoPlan) -> str:
    """The picture's filter graph: one clock, then upright, then each rung scaled from the next larger one."""
    clock, video = plan.timing, plan.video
    top = plan.rungs[-1]
    chain = [
        *([f"setpts=PTS-{clock.shift_s:.6f}/TB"] if abs(clock.shift_s) >= 0.0005 else []),
        *deinterlaced(video),
        f"fps=fps={clock.fps_num}/{clock.fps_den}:start_time=0:round=near",
        f"tpad=stop_mode=clone:stop_duration={clock.hold_s}",
        f"trim=end_frame={clock.frames}",
        *upright(video, top.width, top.height),
    ]
    parts = [f"[0:{video.index}]{','.join(chain)}"]
    for larger, rung in zip(plan.rungs[:0:-1], plan.rungs[-2::-1], strict=True):
        parts[-1] += f",split[{larger.name}][from{larger.name}]"
        parts.append(f"[from{larger.name}]scale={rung.width}:{rung.height}:flags=bicubic,setsar=1")
    parts[-1] += f"[{plan.rungs[0].name}]"
    return ";".join(parts)


def audio_graph(sound: Sound, plan: VideoPlan, rates_bps: tuple[int, ...], levelled: Levelled | None = None) -> str:
    """The sound's filter graph: the same clock, stereo, exactly as long as the picture."""
    clock = plan.timing
    shift = clock.shift_s - (levelled.start_s if levelled is not None else 0.0)
    chain = [
        *([f"asetpts=PTS-({shift:.6f})/TB"] if abs(shift) >= 0.0005 else []),
        *(stereo(sound.channels, sound.known_layout) if levelled is None else []),
        f"aresample={sound.sample_rate}:{_SYNC}",
        f"aformat=sample_fmts=fltp:sample_rates={sound.sample_rate}:channel_layouts=stereo",
        f"apad=whole_dur={clock.duration_s:.6f}",
        f"atrim=end={clock.duration_s:.6f}",
    ]
    outputs = "".join(f"[a{rate}]" for rate in rates_bps)
    split = f",asplit={len(rates_bps)}" if len(rates_bps) > 1 else ""
    origin = f"0:{sound.index}" if levelled is None else "1:a:0"
    return f"[{origin}]{','.join(chain)}{split}{outputs}"


def levelled_argv(ffmpeg: Path, plan: VideoPlan, sound: Sound, source: Path, target: Path) -> list[str]:
    """The source's sound as stereo PCM with its time stamps, through a graph that is rebuilt at each change of layout.

    Recorded broadcasts go from stereo to 5.1 and back; the padding and timing of `audio_graph` can't survive a rebuild.
    """
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, *input_args(source)]
    argv += ["-map", f"0:{sound.index}", "-af", f"aresample={sound.sample_rate},aformat=channel_layouts=stereo"]
    return [*argv, "-c:a", "pcm_s16le", "-f", "nut", f"file:{target}", *_unused(plan.video.index)]


def _unused(index: int) -> list[str]:
    """Read a stream for nothing: ffmpeg judges an MPEG clock by all streams it reads, so both runs must read both."""
    return ["-map", f"0:{index}", "-c", "copy", "-f", "null", "-"]


def stereo(channels: int, known_layout: bool) -> list[str]:
    """What ffmpeg needs to be told before it can make two channels of many: nothing, when it knows the layout."""
    if known_layout or channels <= 2:
        return []
    return ["pan=stereo|c0=c0|c1=c1"]  # unlabelled tracks of recorders carry the mix on the first two


def mux_argv(ffmpeg: Path, picture: Path, sound: Path | None, target: Path, language: str | None) -> list[str]:
    """A finished MP4 from a rung and its sound, without encoding; the index comes first (faststart)."""
    argv = [str(ffmpeg), *QUIET, "-loglevel", "error", *PROGRESS, "-i", f"file:{picture}"]
    if sound is not None:
        argv += ["-i", f"file:{sound}", "-map", "0:v:0", "-map", "1:a:0"]
    argv += ["-c", "copy", *CLEAN]
    if sound is not None and language is not None:
        argv += ["-metadata:s:a:0", f"language={language}"]
    return [*argv, "-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", f"file:{target}"]


def _video_codec(plan: VideoPlan, rung: Rung) -> list[str]:
    gop = str(plan.timing.gop_frames)
    return [
        *("-c:v", "libx264", "-preset", plan.preset, "-profile:v", "high", "-crf", str(_CRF)),
        *("-maxrate", str(rung.max_bitrate_bps), "-bufsize", str(round(rung.max_bitrate_bps * _BUFFER))),
        # No keyframe but where a segment starts, on every rung alike.
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop"),
        *("-fps_mode", "passthrough"),
    ]


def _threads(threads: int | None) -> tuple[str, ...]:
    return () if threads is None else ("-threads", str(threads))
