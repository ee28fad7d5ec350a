"""What HLS and DASH cost on top of the encode: from its last frame to the manifests in the object store.

`python bench/streaming.py --smoke` measures once on a 20 s clip; without --smoke three times on 2 minutes, best of
each. Timed is all that a job does for its streams: captions, packaging, the verifier, checksums, and the upload to a
real object store; not the decoding of every rung, which checks the encode whether there are streams or not. Goal: under
5 % of the encode for a 2-minute clip. Printed as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import tempfile
import threading
import time
from pathlib import Path

from encoding import source_clip
from images import private_stack

from telecine.probe import probe
from telecine.process import Limits, run
from telecine.progress import Quiet
from telecine.recipe import load_recipe
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.tools import ffmpeg_path
from telecine.upload import upload_artifacts
from telecine.video.captions import make_captions
from telecine.video.encode import encode
from telecine.video.gather import Gathering
from telecine.video.plan import DASH, HLS, plan_video
from telecine.video.streams import make_streams

GOAL = 0.05
STEPS = ("encode", "package", "upload")


def with_captions(clip: Path, seconds: int) -> Path:
    """The clip with a subtitle track of a sentence every three seconds."""
    text, target = clip.with_name("captions.srt"), clip.with_name("source.mkv")
    text.write_text(
        "\n".join(
            f"{n}\n00:{at // 60:02d}:{at % 60:02d},000 --> 00:{at // 60:02d}:{at % 60:02d},900\nSentence {n}\n"
            for n, at in enumerate(range(0, seconds, 3), 1)
        )
    )
    words = ["-v", "error", "-y", "-i", str(clip), "-i", str(text), "-map", "0", "-map", "1", "-c", "copy"]
    run([str(ffmpeg_path()), *words, "-metadata:s:s:0", "language=eng", str(target)], limits=Limits(wall_s=300))
    return target


def once(source: Path, directory: Path, store: ObjectStore, generation: int) -> tuple[dict[str, float], int]:
    """Seconds of each step, and how many files were uploaded."""
    work, out = directory / "work", directory / "out"
    for path in (work, out):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    cancel = threading.Event()
    plan = plan_video(probe(source), load_recipe("default"))
    times = [time.monotonic()]
    encoded = encode(plan, source, work, Quiet(), cancel)
    times.append(time.monotonic())
    made = Gathering()
    captions, _ = make_captions(plan.captions, plan.facts, plan.timing, source, work, cancel)
    make_streams(plan, encoded, captions, work, out, [(HLS, "multivariant"), (DASH, "mpd")], made, cancel)
    times.append(time.monotonic())
    assert not made.failures, made.failures
    upload_artifacts(store, settings().output_bucket, "bench", generation, out, made.artifacts)
    times.append(time.monotonic())
    files = {file.path for artifact in made.artifacts for file in artifact.stream_files or ()}
    return dict(zip(STEPS, (b - a for a, b in itertools.pairwise(times)), strict=True)), len(files)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="once, on a 20 s clip")
    parser.add_argument("--seconds", type=int, default=0, help="length of the clip (default 120, smoke 20)")
    options = parser.parse_args()
    seconds = options.seconds or (20 if options.smoke else 120)
    directory = Path(tempfile.mkdtemp(prefix="telecine-bench-"))
    directory.chmod(0o755)
    try:
        source = with_captions(source_clip(directory, seconds), seconds)
        with private_stack(directory / "home", directory / "telecine.toml"):
            store = ObjectStore.from_settings(settings())
            measured, files = [], 0
            for generation in range(1, 2 if options.smoke else 4):
                times, files = once(source, directory, store, generation)
                measured.append(times)
        best = {step: min(times[step] for times in measured) for step in STEPS}
        share = (best["package"] + best["upload"]) / best["encode"]
        report = {
            "clip": f"{seconds} s, 1920x1080, 30 fps, with sound and captions",
            **{f"{step}_s": round(best[step], 2) for step in STEPS},
            "files": files,
            "share_of_the_encode": round(share, 4),
            "goal": GOAL,
        }
        print(json.dumps(report, indent=1))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
