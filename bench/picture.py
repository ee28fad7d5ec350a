"""One picture and the pool, without stack or store: `python bench/picture.py [--smoke] [--times N]`.

1. All outputs of one photo, against a hand-written Pillow script that makes the same files (same sizes, formats and
   encoder settings; upright, colour-managed, one open). The ratio is script / ours; 0.91 is 1.10x of the script's time.
2. telecine's pool against a bare process pool running the same function on the same photos.
3. Memory at the peak of a process that makes a 100-megapixel JPEG and PNG.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from telecine.image import process_image
from telecine.image.encode import AVIF_SPEED, WEBP_METHOD
from telecine.image.pool import ImagePool
from telecine.recipe import parse_recipe
from telecine.recipe.image import ImageOutput
from telecine.samples import photo, write_photos
from telecine.sniff import HEAD_BYTES, sniff

FOUR = parse_recipe(
    {
        "name": "four",
        "outputs": [
            {"kind": "image", "preset": "thumbnail"},
            {"kind": "image", "name": "large.webp", "format": "webp", "width": 1920, "height": 1920},
            {"kind": "image", "name": "large.jpg", "format": "jpeg", "width": 1920, "height": 1920},
            {"kind": "image", "name": "small.avif", "format": "avif", "width": 640, "height": 640},
        ],
    },
    "bench",
).images()


def ours(path: Path) -> int:
    """One photo through Telecine; answers how many outputs it made."""
    with tempfile.TemporaryDirectory() as folder, path.open("rb") as f:
        return len(process_image(path, sniff(f.read(HEAD_BYTES)), FOUR, Path(folder)).artifacts)


def script(path: Path, outputs: tuple[ImageOutput, ...] = FOUR) -> int:
    """The same by hand, as a good afternoon's script does it: one open, no larger than needed, upright, in sRGB."""
    with tempfile.TemporaryDirectory() as folder, Image.open(path) as opened:
        largest = max(max(output.width or 0, output.height or 0) for output in outputs)
        opened.draft("RGB", (largest, largest))
        image = ImageOps.exif_transpose(opened)
        if profile := opened.info.get("icc_profile"):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        image = image.convert("RGB")
        for output in outputs:
            assert output.width is not None
            assert output.height is not None
            box = output.width, output.height
            if output.mode == "crop":
                made = ImageOps.fit(image, box, Image.Resampling.LANCZOS)
            else:
                made = image.copy()
                made.thumbnail(box, Image.Resampling.LANCZOS)
            options = {
                "jpeg": {"quality": output.quality, "progressive": True, "optimize": True},
                "webp": {"quality": output.quality, "method": WEBP_METHOD},
                "avif": {"quality": output.quality, "speed": AVIF_SPEED, "max_threads": 1},
            }[output.format.value]
            made.save(Path(folder) / output.file_name, output.format.value, **options)
        return len(outputs)


def one_picture(times: int) -> None:
    """Against the script, the best of several turns each, turn and turn about."""
    with tempfile.TemporaryDirectory() as folder:
        for megapixels, size in ((2, (1632, 1224)), (12, (4000, 3000)), (24, (6000, 4000))):
            path = Path(folder) / "in"
            photo(5, size).save(path, "JPEG", quality=90)
            seconds: dict[str, list[float]] = {"ours": [], "script": []}
            for _ in range(times):
                for name, make in (("script", script), ("ours", ours)):
                    started = time.perf_counter()
                    make(path)
                    seconds[name].append(time.perf_counter() - started)
            best = {name: min(values) for name, values in seconds.items()}
            ratio = best["script"] / best["ours"]
            print(
                f"{megapixels:3} MP JPEG, 4 outputs: script {best['script']:.3f} s, ours {best['ours']:.3f} s, "
                f"ratio {ratio:.2f} (1.00 is as fast as the script)"
            )


def pools(count: int, times: int) -> None:
    """Against a bare pool of as many processes."""
    folder = Path(tempfile.mkdtemp(prefix="telecine-bench-"))
    # By its module's name: pool processes don't import the script again that started them.
    task = importlib.import_module(Path(__file__).stem).ours
    workers = len(os.sched_getaffinity(0))
    try:
        photos = write_photos(folder, count)
        bare, pooled = [], []
        for _ in range(times):
            started = time.perf_counter()
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                made = sum(pool.map(ours, photos))
            bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            # A bare pool isn't nice; on a busy machine that would be compared instead of the pools.
            with ImagePool(workers, 4 * 1024**3, 300, niceness=0) as ours_pool:
                results = [made for _, made in ours_pool.run(task, photos, stop=lambda _: False)]
            pooled.append(time.perf_counter() - started)
            assert sum(r for r in results if isinstance(r, int)) == made, results
        print(
            f"{count} photos on {workers} processes: bare pool {min(bare):.2f} s, ours {min(pooled):.2f} s, "
            f"ratio {min(bare) / min(pooled):.2f}"
        )
    finally:
        shutil.rmtree(folder)


def memory() -> None:
    """Peak memory of fresh processes on 100 megapixels."""
    with tempfile.TemporaryDirectory() as folder:
        scene = photo(9, (2500, 2500)).resize((10_000, 10_000), Image.Resampling.BILINEAR)
        for name, options in (("JPEG", {"quality": 90}), ("PNG", {"compress_level": 1})):
            path = Path(folder) / name
            scene.save(path, name, **options)
            child = subprocess.run(
                [sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=True
            )
            print(f"100 MP {name} ({path.stat().st_size / 1e6:.0f} MB): {child.stdout.strip()}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="fewer turns")
    parser.add_argument("--times", type=int, default=7, help="turns (default 7)")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        started = time.perf_counter()
        ours(arguments.measure)
        # Not ru_maxrss, which counts what the parent had before exec.
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
        print(f"{time.perf_counter() - started:.1f} s, {peak:.0f} MB at the peak")
        return
    print(f"load average {os.getloadavg()[0]:.1f} before the start")
    one_picture(3 if arguments.smoke else arguments.times)
    pools(24 if arguments.smoke else 80, 1 if arguments.smoke else 3)
    memory()


if __name__ == "__main__":
    main()
