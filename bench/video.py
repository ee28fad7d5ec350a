"""How long our encodes take, as ratios to what a person would run instead, in one go on the same clip.

`python bench/video.py --smoke` measures once on a short clip made on the spot; without it three times, best of each.

- A ladder of four rungs up to 1080p (`ladder_s`: probing, encoding, verifying every frame, measuring quality, muxing,
  hashing; beside it the encode alone, which is all that a command does) against the best hand-written single ffmpeg
  command for the same MP4s (every rung scaled from the source, or each from the next larger one, whichever is faster),
  and against one ffmpeg command for each rung.
- The same ladder as HLS and DASH against shaka-streamer at its preset (slow), profiles and keyframe distance and at
  equal bit rates, with the quality (XPSNR of the top rung); when `shaka-streamer` (PyPI) isn't installed the report
  says so. Ours verifies every frame in that time; shaka-streamer doesn't.
- The `web_video` preset: times real time.

Processor seconds stand beside wall seconds, for machines that have other things to do.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from telecine.probe import probe
from telecine.process import Limits, run
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.samples_video import write_clip
from telecine.tools import ffmpeg_path
from telecine.video.encode import Encoded, encode
from telecine.video.estimate import estimate_seconds
from telecine.video.finish import finish
from telecine.video.ladder import Rung
from telecine.video.plan import DASH, HLS, RENDITIONS, VideoPlan, plan_video

RUNGS = (360, 480, 720, 1080)
LADDER = {"kind": "video_ladder", "rungs": RUNGS}
STREAMS = {"kind": "streams"}
# For shaka-streamer, which has no capped quality: bit rates in the middle of the ladder's ranges.
SHAKA_BPS = {"360p": 650_000, "480p": 1_000_000, "720p": 2_250_000, "1080p": 4_500_000}
SEGMENT_S = 6.0
SHAKA_S = 30  # seconds of the clip for it: the preset is slow
Cost = tuple[float, float]
"""Wall and processor seconds."""


def source_clip(directory: Path, seconds: int) -> Path:
    """A 1080p clip made on the spot."""
    return write_clip(directory / f"{seconds}-seconds.mp4", seconds=seconds, width=1920, height=1080)


def timed(work: Callable[[], object]) -> Cost:
    """What a piece of work costs."""

    def used() -> float:
        children, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        return children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime

    wall, cpu = time.monotonic(), used()
    work()
    return time.monotonic() - wall, used() - cpu


def niced(command: list[str]) -> None:
    """Through our runner, which makes every encode step back for others: so both sides wait alike."""
    run(command, limits=Limits(wall_s=7200))


def by_hand(plan: VideoPlan, rungs: tuple[Rung, ...], source: Path, directory: Path, *, cascade: bool) -> list[str]:
    """The one command that a person would write for these rungs."""
    rungs = rungs[::-1]
    if cascade:
        graph, last = [], "0:v"
        for n, rung in enumerate(rungs):
            more = f",split[r{n}][s{n}]" if n < len(rungs) - 1 else f"[r{n}]"
            graph.append(f"[{last}]scale={rung.width}:{rung.height}{more}")
            last = f"s{n}"
    else:
        graph = [f"[0:v]split={len(rungs)}" + "".join(f"[s{n}]" for n in range(len(rungs)))]
        graph += [f"[s{n}]scale={rung.width}:{rung.height}[r{n}]" for n, rung in enumerate(rungs)]
    command = [
        str(ffmpeg_path()),
        "-v",
        "error",
        "-nostdin",
        "-y",
        "-i",
        str(source),
        "-filter_complex",
        ";".join(graph),
    ]
    gop = str(plan.timing.gop_frames)
    for n, rung in enumerate(rungs):
        command += ["-map", f"[r{n}]", "-map", "0:a", "-c:v", "libx264", "-preset", rung.coding.preset, "-crf", "23"]
        command += ["-maxrate", str(rung.max_bitrate_bps), "-bufsize", str(rung.max_bitrate_bps * 3 // 2)]
        command += ["-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-c:a", "aac"]
        command += ["-b:a", str(rung.audio_bitrate_bps), "-movflags", "+faststart", str(directory / f"{rung.name}.mp4")]
    return command


def ours(plan: VideoPlan, source: Path, directory: Path, assets: set[str]) -> Cost:
    """Encode, verify every frame, measure quality, finish; what the encode alone cost."""
    work, out = directory / "work", directory / "out"
    for path in (work, out):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    encoded: list[Encoded] = []
    alone = timed(lambda: encoded.append(encode(plan, source, work, Quiet(), threading.Event(), select=assets)))
    made = finish(plan, encoded[0], source, out, Quiet(), threading.Event(), select=assets)
    assert made.failures == (), made.failures
    return alone


def planned(source: Path, *outputs: dict[str, Any]) -> VideoPlan:
    """Probing counts as part of the work."""
    return plan_video(probe(source), parse_recipe({"name": "bench", "outputs": outputs}, "the bench"))


def ladder_report(source: Path, directory: Path, seconds: int, runs: int) -> dict[str, Any]:
    """Ours against one command, and against one command for each rung."""
    plan = planned(source, LADDER)
    made, encodes, hand, alone = [], list[Cost](), [], []
    for _ in range(runs):
        for cascade in (False, True):
            command = by_hand(plan, plan.rungs, source, directory, cascade=cascade)
            hand.append(timed(lambda command=command: niced(command)))  # type: ignore[misc]
        made.append(timed(lambda: encodes.append(ours(planned(source, LADDER), source, directory, {RENDITIONS}))))
        each = [by_hand(plan, (rung,), source, directory, cascade=False) for rung in plan.rungs]
        alone.append(timed(lambda each=each: [niced(command) for command in each]))  # type: ignore[misc]
    sizes = [(directory / f"{rung.name}.mp4").stat().st_size for rung in plan.rungs]
    mine = [(directory / "out" / "renditions" / f"{rung.name}.mp4").stat().st_size for rung in plan.rungs]
    return {
        "rungs": [rung.name for rung in plan.rungs],
        "ladder_s": round(min(made)[0], 1),
        "by_hand_s": round(min(hand)[0], 1),
        "one_command_each_s": round(min(alone)[0], 1),
        "ratio_to_by_hand": ratio(made, hand),
        "ratio_of_the_encode_alone": ratio(encodes, hand),
        "ratio_to_one_command_each": ratio(made, alone),
        "bytes_ratio": round(sum(mine) / sum(sizes), 3),
        "times_real_time": round(seconds / min(made)[0], 2),
        "estimate_core_s": plan.estimate_seconds,
    }


def ratio(mine: list[Cost], theirs: list[Cost]) -> dict[str, float]:
    """The best of each, by the wall clock and in processor seconds."""
    return {
        "wall": round(min(mine)[0] / min(theirs)[0], 3),
        "processor": round(min(cpu for _, cpu in mine) / min(cpu for _, cpu in theirs), 3),
    }


def shaka_report(source: Path, directory: Path, runs: int) -> dict[str, Any]:
    """Ours against shaka-streamer: the same preset and bit rates, to HLS and DASH."""
    if importlib.util.find_spec("streamer") is None:
        return {"not_measured": "`pip install shaka-streamer` first"}
    plan = as_shaka_encodes(planned(source, {**LADDER, "preset": "slow"}, STREAMS))
    made, theirs, encodes = [], [], list[Cost]()

    def work() -> None:  # shaka-streamer probes, too
        now = as_shaka_encodes(planned(source, {**LADDER, "preset": "slow"}, STREAMS))
        encodes.append(ours(now, source, directory, {HLS, DASH}))

    for _ in range(runs):
        theirs.append(timed(lambda: niced(shaka(source, directory, plan))))
        made.append(timed(work))
    top = plan.rungs[-1]
    files = sorted((directory / "shaka").glob(f"video_{top.name}_*.mp4"), key=lambda path: (len(path.name), path.name))
    segments, init = [f for f in files if "_init" not in f.name], [f for f in files if "_init" in f.name]
    own = directory / "out" / "stream" / top.name
    return {
        "ladder_s": round(min(made)[0], 1),
        "shaka_streamer_s": round(min(theirs)[0], 1),
        "ratio": ratio(made, theirs),
        "ratio_of_the_encode_alone": ratio(encodes, theirs),
        "turns_s": [[round(cost[0], 1) for cost in costs] for costs in (made, theirs)],
        "xpsnr_db": xpsnr(joined([own / "init.mp4", *sorted(own.glob("*.m4s"))], directory / "own.mp4"), source),
        "shaka_xpsnr_db": xpsnr(joined(init + segments, directory / "theirs.mp4"), source),
        "bytes": sum(path.stat().st_size for path in own.glob("*.m4s")),
        "shaka_bytes": sum(path.stat().st_size for path in segments),
    }


def as_shaka_encodes(plan: VideoPlan) -> VideoPlan:
    """Its bit rates, one keyframe a segment, and its profiles: Main below 720 lines, else High."""

    def alike(rung: Rung) -> Rung:
        rate = {"crf": None, "max_bitrate_bps": None, "bitrate_bps": SHAKA_BPS[rung.name]}
        profile = "high" if rung.height >= 720 else "main"
        return replace(rung, gop_s=SEGMENT_S, coding=replace(rung.coding, profile=profile, **rate))

    return replace(plan, rungs=tuple(map(alike, plan.rungs)))


def shaka(source: Path, directory: Path, plan: VideoPlan) -> list[str]:
    """shaka-streamer's command, with its three files."""
    track = {"name": str(source), "input_type": "file"}
    inputs = {"inputs": [{**track, "media_type": "video"}, {**track, "media_type": "audio"}]}
    pipeline = {
        "streaming_mode": "vod",
        "resolutions": [rung.name for rung in plan.rungs],
        "channel_layouts": ["stereo"],
        "audio_codecs": ["aac"],
        "video_codecs": ["h264"],
        "manifest_format": ["dash", "hls"],
        "segment_size": SEGMENT_S,
        "segment_per_file": True,
    }
    sizes = {"360p": 640, "480p": 854, "720p": 1280, "1080p": 1920}
    rates = {
        "video_resolutions": {
            rung.name: {
                "max_width": sizes[rung.name],
                "max_height": int(rung.name[:-1]),
                "bitrates": {"h264": f"{SHAKA_BPS[rung.name] / 1e6:g}M"},
            }
            for rung in plan.rungs
        },
        "audio_channel_layouts": {"stereo": {"max_channels": 2, "bitrates": {"aac": "128k"}}},
    }
    for name, content in (("inputs", inputs), ("pipeline", pipeline), ("rates", rates)):
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content))
    shutil.rmtree(directory / "shaka", ignore_errors=True)
    # Our runner hands no PYTHONPATH on, and the program of a `pip install --target` has no good first line.
    main = (
        "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    package = importlib.util.find_spec("streamer")
    assert package is not None
    assert package.origin is not None
    place = Path(package.origin).parents[1]
    program = next(path for path in (place / "bin", Path(sys.executable).parent) if (path / "shaka-streamer").exists())
    script = program / "shaka-streamer"
    files = ["-i", "inputs.yaml", "-p", "pipeline.yaml", "-b", "rates.yaml"]
    words = [word if word.startswith("-") else str(directory / word) for word in files]
    return [sys.executable, "-c", main, str(place), str(script), *words, "-o", str(directory / "shaka")]


def joined(parts: list[Path], target: Path) -> Path:
    """Init segment and segments as one file."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def xpsnr(made: Path, source: Path) -> float | None:
    """Mean luma XPSNR in dB of a picture against its source."""
    # Both tagged alike: ffmpeg would convert what is untagged to the other's colours.
    alike = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv,settb=AVTB,setpts=N"
    graph = f"[0:v]{alike}[a];[1:v]{alike}[b];[a][b]xpsnr"
    words = ["-nostdin", "-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run([str(ffmpeg_path()), *words], check=True, capture_output=True, text=True).stderr
    found = re.search(r"XPSNR\s+y:\s*([\d.]+)", said)
    return round(float(found[1]), 2) if found else None


def web_report(source: Path, directory: Path, seconds: int, runs: int) -> dict[str, Any]:
    """The `web_video` preset, everything counted."""
    recipe = load_recipe("web_video")
    plan = plan_video(probe(source), recipe)
    plan = replace(plan, singles=tuple(replace(rung, copied=False) for rung in plan.singles))
    made = [timed(lambda: ours(plan, source, directory, {RENDITIONS})) for _ in range(runs)]
    return {
        "preset": plan.singles[0].coding.preset,
        "times_real_time": round(seconds / min(made)[0], 2),
        "estimate_core_s": estimate_seconds(plan.video, plan.pictures, plan.timing),
        "core_s": round(min(cpu for _, cpu in made), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="measure once on a short clip")
    parser.add_argument("--seconds", type=int, help="length of the clip")
    parser.add_argument("--only", choices=["ladder", "shaka", "web"], help="one of the three")
    options = parser.parse_args()
    seconds, runs = options.seconds or (20 if options.smoke else 60), 1 if options.smoke else 3
    with tempfile.TemporaryDirectory(prefix="telecine-bench-") as name:
        directory = Path(name)
        source = source_clip(directory, seconds)
        report: dict[str, Any] = {"clip": f"{seconds} s, 1920x1080, 30 fps, with sound"}
        if options.only in (None, "ladder"):
            report["ladder"] = ladder_report(source, directory, seconds, runs)
        if options.only in (None, "shaka"):
            short = min(seconds, SHAKA_S)
            clip = source if short == seconds else source_clip(directory, short)
            report["shaka_streamer"] = {"clip": f"{short} s", **shaka_report(clip, directory, runs)}
        if options.only in (None, "web"):
            report["web_video"] = web_report(source, directory, seconds, runs)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
