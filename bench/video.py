"""How long our ladder takes, as a ratio to the best single ffmpeg command that a person would write for the same MP4s.

`python bench/video.py --smoke` measures once on a 60 s 1080p clip made on the spot; without --smoke three times, best
of each. The hand-written command is tried in both usual forms (every rung scaled from the source, and each from the
next larger one) and the faster counts. Ours includes probing, verifying and hashing; streams are timed apart, because
one ffmpeg command can't make them from the same encodes with right playlists. Processor seconds stand beside wall
seconds, for machines that have other things to do.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe
from telecine.samples_video import write_clip
from telecine.tools import ffmpeg_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import DASH, HLS, RENDITIONS, VideoPlan, plan_video


def source_clip(directory: Path, seconds: int) -> Path:
    """A 1080p clip of ten generated seconds, repeated without encoding again."""
    ten, clip = directory / "ten.mp4", directory / "source.mp4"
    write_clip(ten, seconds=min(10, seconds), width=1920, height=1080)
    loops = ["-stream_loop", str(max(0, seconds // 10 - 1))]
    command = [str(ffmpeg_path()), "-v", "error", "-y", *loops, "-i", str(ten), "-c", "copy", str(clip)]
    subprocess.run(command, check=True)
    return clip


def by_hand(plan: VideoPlan, source: Path, directory: Path, *, cascade: bool) -> list[str]:
    """The command that a person would write."""
    rungs = plan.rungs[::-1]
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
        command += ["-map", f"[r{n}]", "-map", "0:a", "-c:v", "libx264", "-preset", plan.preset, "-crf", "23"]
        command += ["-maxrate", str(rung.max_bitrate_bps), "-bufsize", str(rung.max_bitrate_bps * 3 // 2)]
        command += ["-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-c:a", "aac"]
        command += ["-b:a", str(rung.audio_bitrate_bps), "-movflags", "+faststart", str(directory / f"{rung.name}.mp4")]
    return command


def now() -> tuple[float, float]:
    """Wall clock, and processor seconds of all programs that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), used.ru_utime + used.ru_stime


def since(before: tuple[float, float]) -> tuple[float, float]:
    """Wall and processor seconds since `before`."""
    wall, cpu = now()
    return wall - before[0], cpu - before[1]


def timed_by_hand(plan: VideoPlan, source: Path, directory: Path, *, cascade: bool) -> tuple[float, float]:
    started = now()
    subprocess.run(["nice", "-n", "10", *by_hand(plan, source, directory, cascade=cascade)], check=True)
    return since(started)


def timed_ours(source: Path, directory: Path) -> tuple[tuple[float, float], float, int]:
    """Wall and processor seconds for the MP4s, wall seconds for HLS and DASH on top, and bytes of all MP4s."""
    work, out = directory / "work", directory / "out"
    for path in (work, out):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    cancel, started = threading.Event(), now()
    plan = plan_video(probe(source), load_recipe("default"))
    encoded = encode(plan, source, work, Quiet(), cancel)
    made = finish(plan, encoded, source, out, Quiet(), cancel, select={RENDITIONS})
    ladder, began = since(started), now()
    finish(plan, encoded, source, out, Quiet(), cancel, select={HLS, DASH})
    return ladder, since(began)[0], sum(a.size_bytes for a in made.artifacts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="measure once instead of three times")
    parser.add_argument("--seconds", type=int, default=60, help="length of the clip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="telecine-bench-") as name:
        directory = Path(name)
        source = source_clip(directory, options.seconds)
        plan = plan_video(probe(source), load_recipe("default"))
        hand, ours, streams, size, hand_size = [], [], [], 0, 0
        for _ in range(1 if options.smoke else 3):
            for cascade in (False, True):
                hand.append(timed_by_hand(plan, source, directory, cascade=cascade))
            hand_size = sum((directory / f"{rung.name}.mp4").stat().st_size for rung in plan.rungs)
            ladder, extra, size = timed_ours(source, directory)
            ours.append(ladder)
            streams.append(extra)
    report = {
        "clip": f"{options.seconds} s, 1920x1080, 30 fps, with sound",
        "rungs": [rung.name for rung in plan.rungs],
        "ladder_s": round(min(ours)[0], 1),
        "by_hand_s": round(min(hand)[0], 1),
        "ratio_to_by_hand": round(min(ours)[0] / min(hand)[0], 3),
        "processor_ratio_to_by_hand": round(min(cpu for _, cpu in ours) / min(cpu for _, cpu in hand), 3),
        "streams_on_top_s": round(min(streams), 1),
        "times_real_time": round(options.seconds / min(ours)[0], 2),
        "bytes_ratio": round(size / hand_size, 3),
        "estimate_core_s": plan.estimate_seconds,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
