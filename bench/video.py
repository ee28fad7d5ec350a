"""How long our encodes take, as ratios to what a person would run instead, in one go on the same clip.

`python bench/video.py --smoke` measures once on a short clip made on the spot; without it three times, best of each.
`--file` measures on a video of yours.

- A ladder of four rungs up to 1080p (`ladder_s`: probing, encoding, verifying every frame, measuring quality, muxing,
  hashing; beside it the encode alone, which is all that a command does) against the best hand-written single ffmpeg
  command for the same MP4s (every rung scaled from the source, or each from the next larger one, whichever is faster),
  and against one ffmpeg command for each rung.
- The same ladder as HLS and DASH against shaka-streamer (shaka.py) at its preset (slow), profiles and keyframe distance
  and at equal bit rates, with the quality (XPSNR of the top rung); when `shaka-streamer` (PyPI) isn't installed the
  report says so. Ours verifies every frame in that time; shaka-streamer doesn't.
- The `web_video` preset: times real time.

Processor seconds stand beside wall seconds, for machines that have other things to do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from encoding import LADDER, Cost, niced, ours, planned, ratio, source_clip, timed
from shaka import shaka_report

from telecine.probe import probe
from telecine.recipe import load_recipe
from telecine.tools import ffmpeg_path
from telecine.video.estimate import estimate_seconds
from telecine.video.ladder import Rung
from telecine.video.plan import RENDITIONS, VideoPlan, plan_video

SHAKA_S = 30  # seconds of the clip for shaka-streamer: its preset is slow


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
    parser.add_argument("--file", type=Path, help="a video to measure on instead of the clip, at least 640x360")
    parser.add_argument("--only", choices=["ladder", "shaka", "web"], help="one of the three")
    options = parser.parse_args()
    seconds, runs = options.seconds or (20 if options.smoke else 60), 1 if options.smoke else 3
    with tempfile.TemporaryDirectory(prefix="telecine-bench-") as name:
        directory = Path(name)
        source = options.file.absolute() if options.file else source_clip(directory, seconds)
        seconds = round(probe(source).duration_s or seconds)
        report: dict[str, Any] = {"clip": options.file.name if options.file else "1920x1080, 30 fps, with sound"}
        report["seconds"] = seconds
        if options.only in (None, "ladder"):
            report["ladder"] = ladder_report(source, directory, seconds, runs)
        if options.only in (None, "shaka"):
            short = seconds if options.file else min(seconds, SHAKA_S)
            clip = source if short == seconds else source_clip(directory, short)
            report["shaka_streamer"] = {"seconds": short, **shaka_report(clip, directory, runs)}
        if options.only in (None, "web"):
            report["web_video"] = web_report(source, directory, seconds, runs)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
