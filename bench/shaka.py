"""shaka-streamer (PyPI) at what we do: the same ladder as HLS and DASH at equal preset, profiles, keyframes, bit rates.

`python bench/video.py --only shaka` runs it. XPSNR is that of the top rung. Where its bytes differ, the top rung is
encoded again with the bit rate that makes them alike, outside of the time, for XPSNR at equal bit rate.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from encoding import LADDER, Cost, niced, ours, planned, ratio, timed

from telecine.tools import ffmpeg_path
from telecine.video.ladder import Rung
from telecine.video.plan import DASH, HLS, VideoPlan

STREAMS = {"kind": "streams"}
# shaka-streamer has no capped quality: bit rates in the middle of the ladder's ranges.
SHAKA_BPS = {"360p": 650_000, "480p": 1_000_000, "720p": 2_250_000, "1080p": 4_500_000}
SEGMENT_S = 6.0
ALIKE = 0.001  # bytes that differ by less are taken as equal


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
    top = plan.rungs[-1].name
    files = sorted((directory / "shaka").glob(f"video_{top}_*.mp4"), key=lambda path: (len(path.name), path.name))
    segments, init = [f for f in files if "_init" not in f.name], [f for f in files if "_init" in f.name]
    own, own_bytes = streamed(directory, top)
    their_bytes = sum(path.stat().st_size for path in segments)
    report = {
        "ladder_s": round(min(made)[0], 1),
        "shaka_streamer_s": round(min(theirs)[0], 1),
        "ratio": ratio(made, theirs),
        "ratio_of_the_encode_alone": ratio(encodes, theirs),
        "turns_s": [[round(cost[0], 1) for cost in costs] for costs in (made, theirs)],
        "xpsnr_db": xpsnr(own, source),
        "bytes": own_bytes,
        "shaka_xpsnr_db": xpsnr(joined(init + segments, directory / "theirs.mp4"), source),
        "shaka_bytes": their_bytes,
    }
    if abs(own_bytes / their_bytes - 1) > ALIKE:
        ours(as_shaka_encodes(plan, {top: their_bytes / own_bytes}), source, directory, {HLS})
        own, own_bytes = streamed(directory, top)
        report["at_shaka_bytes"] = {"xpsnr_db": xpsnr(own, source), "bytes": own_bytes}
    return report


def streamed(directory: Path, rung: str) -> tuple[Path, int]:
    """A rung of our stream as one file, and the bytes of its segments."""
    own = directory / "out" / "stream" / rung
    segments = sorted(own.glob("*.m4s"))
    return joined([own / "init.mp4", *segments], directory / "own.mp4"), sum(path.stat().st_size for path in segments)


def as_shaka_encodes(plan: VideoPlan, times: Mapping[str, float] | None = None) -> VideoPlan:
    """Its bit rates, one keyframe a segment, and its profiles: Main below 720 lines, else High.

    Args:
        times: factors of bit rates by rung, where they aren't 1.
    """

    def alike(rung: Rung) -> Rung:
        bitrate_bps = round(SHAKA_BPS[rung.name] * (times or {}).get(rung.name, 1.0))
        profile = "high" if rung.height >= 720 else "main"
        coding = replace(rung.coding, profile=profile, crf=None, max_bitrate_bps=None, bitrate_bps=bitrate_bps)
        return replace(rung, gop_s=SEGMENT_S, coding=coding)

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
