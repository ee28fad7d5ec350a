"""Photos a second through the whole house, as a ratio to a bare process pool on the same object store.

`python bench/images.py --smoke` drops 60 photos once; `--files N --times T` drops N and keeps the best of T turns. The
photos are mixed: 1 to 12 megapixels, JPEG mostly, one in eight a PNG, WebP, HEIC or turned JPEG; four outputs each. The
bare pool is what a person would write in an afternoon: as many processes, the same decoding and encoding
(telecine.image.process_image), reading from and writing to the same store; no ledger, no claims, no manifest, no UI.
Its time runs from the pool's start to its last upload. Ours is measured twice: from the start of the first run to the
last materialization, and from the moment the drop could be seen (the pick-up between the two is a sensor's tick and a
process's start, the same for one photo and for a thousand). Files lie in the bucket before the watch is told of them,
so that the drop itself isn't measured. Heavy imports stand inside functions: the bare pool's processes import this
module, and its user wouldn't import Dagster in them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import ImageChops

from telecine.image import process_image
from telecine.recipe import load_recipe
from telecine.samples import oriented_jpeg, photo
from telecine.settings import settings
from telecine.sniff import HEAD_BYTES, sniff
from telecine.storage import ObjectStore

pillow_heif.register_heif_opener()
_GIVE_UP_S = 1_800.0
_RECIPE = """
name: four
outputs:
  - {kind: image, preset: thumbnail}
  - {kind: image, name: large.webp, format: webp, width: 1920, height: 1920}
  - {kind: image, name: large.jpg, format: jpeg, width: 1920, height: 1920}
  - {kind: image, name: small.webp, format: webp, width: 640, height: 640}
"""
_SIZES = ((1224, 816), (1632, 1224), (2048, 1536), (2592, 1944), (3264, 2448), (4000, 3000))  # 1, 2, 3, 5, 8, 12 MP


def write_mixed_photos(folder: Path, count: int) -> list[Path]:
    """Distinct photos of mixed sizes and kinds; painting is slow, so each scene is used several times, shifted."""
    folder.mkdir(parents=True)
    scenes = [photo(number, size) for number, size in enumerate(_SIZES)]
    written = []
    for number in range(count):
        scene = ImageChops.offset(scenes[number % len(scenes)], 37 * number, 11 * number)
        path = folder / f"photo-{number:04d}"
        match number % 32:
            case 7:
                scene.save(path, "PNG", compress_level=1)
            case 15:
                scene.save(path, "WEBP", quality=85, method=0)
            case 23:
                scene.save(path, "HEIF", quality=70)
            case 31:
                oriented_jpeg(scene, path, 6)
            case _:
                scene.save(path, "JPEG", quality=88)
        written.append(path)
    return written


@contextmanager
def private_stack(home: Path, config: Path) -> Iterator[None]:
    """A stack of this benchmark's own; the process's environment names it meanwhile."""
    from telecine import local

    for name in [n for n in os.environ if n.startswith(("TELECINE_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update({"TELECINE_HOME": str(home), "TELECINE_PORTS": "free", "TELECINE_CONFIG": str(config)})
    try:
        os.environ.update(local.up())
        settings.cache_clear()
        yield
    finally:
        local.clean()


@cache
def _store() -> ObjectStore:
    return ObjectStore.from_settings(settings())


def by_hand(key: str) -> int:
    """One photo in the bare pool; answers how many outputs it made."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        source, out_dir = directory / "source", directory / "out"
        out_dir.mkdir()
        _store().download(settings().input_bucket, key, source)
        with source.open("rb") as f:
            kind = sniff(f.read(HEAD_BYTES))
        made = process_image(source, kind, load_recipe(os.environ["BENCH_RECIPE"]).images(), out_dir)
        for artifact in made.artifacts:
            place = f"by-hand/{key}/{artifact.path}"
            _store().upload(settings().output_bucket, place, out_dir / artifact.path, mime=artifact.mime)
        return len(made.artifacts)


def time_bare_pool(keys: list[str]) -> float:
    """Seconds for a process pool, its start included."""
    started = time.monotonic()
    with ProcessPoolExecutor(settings().cpu_threads, mp_context=get_context("spawn")) as pool:
        made = sum(pool.map(by_hand, keys))
    assert made > len(keys)
    return time.monotonic() - started


def time_telecine(prefix: str, count: int, config: Path, ledger: Any) -> tuple[float, float, int]:
    """Seconds from the first run's start to the last materialization of what lies below `prefix`; seconds before that
    since the drop could be seen; and runs."""
    import dagster as dg

    from telecine.ledger import jobs as job_rows

    assets = (dg.AssetKey(["image", "thumbnails"]), dg.AssetKey(["image", "renditions"]))
    with dg.DagsterInstance.get() as instance:
        before, done = len(instance.get_runs()), ledger.do(job_rows.count_by_status).get("COMPLETED", 0)
        dropped = time.time()
        recipe = os.environ["BENCH_RECIPE"]
        config.write_text(
            f'[[rules]]\nbucket = "{settings().input_bucket}"\nprefix = "{prefix}"\nrecipe = "{recipe}"\n'
        )
        deadline = time.monotonic() + _GIVE_UP_S
        # Counting is cheap; reading hundreds of jobs twice a second would be a load of the benchmark's own.
        while ledger.do(job_rows.count_by_status).get("COMPLETED", 0) < done + count:
            assert time.monotonic() < deadline, "gave up"
            time.sleep(1.0)
        while any(not run.is_finished for run in instance.get_runs()):
            time.sleep(0.2)
        records = instance.get_run_records(limit=len(instance.get_runs()) - before)
        last = max(instance.fetch_materializations(key, limit=1).records[0].timestamp for key in assets)
        first = min(record.start_time or last for record in records)
        return last - first, first - dropped, len(records)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="60 photos, once")
    parser.add_argument("--files", type=int, default=200, help="how many photos (default 200)")
    parser.add_argument("--times", type=int, default=2, help="the best of how many turns (default 2)")
    arguments = parser.parse_args()
    count, times = (60, 1) if arguments.smoke else (arguments.files, arguments.times)
    directory = Path(tempfile.mkdtemp(prefix="telecine-bench-"))
    directory.chmod(0o755)
    config = directory / "telecine.toml"
    config.write_text("rules = []\n")
    try:
        photos = write_mixed_photos(directory / "photos", count)
        recipe = directory / "four.yaml"
        recipe.write_text(_RECIPE)
        os.environ["BENCH_RECIPE"] = str(recipe)
        megabytes = sum(path.stat().st_size for path in photos) / 1e6
        print(f"{count} photos, {megabytes:.0f} MB, load average {os.getloadavg()[0]:.1f} before the start")
        with private_stack(directory / "home", config):
            from telecine.ledger import Ledger

            ledger = Ledger.from_settings(settings())
            bare, ours, picked_up, runs = [], [], [], 0
            for turn in range(times):
                prefix = f"turn-{turn}/"
                keys = [prefix + path.name for path in photos]
                with ThreadPoolExecutor(8) as pool:
                    list(
                        pool.map(
                            lambda item: _store().upload(
                                settings().input_bucket, item[0], item[1], mime="application/octet-stream"
                            ),
                            zip(keys, photos, strict=True),
                        )
                    )
                bare.append(time_bare_pool(keys))
                seconds, waited, runs = time_telecine(prefix, count, config, ledger)
                ours.append(seconds)
                picked_up.append(waited)
                print(
                    f"turn {turn}: bare pool {bare[-1]:.1f} s, Telecine {seconds:.1f} s in {runs} run(s), "
                    f"picked up after {waited:.1f} s"
                )
            ledger.close()
        print(f"bare pool of {settings().cpu_threads}: {count / min(bare):.2f} photos/s")
        print(f"Telecine:       {count / min(ours):.2f} photos/s")
        print(f"ratio: {min(bare) / min(ours):.2f} of the bare pool's throughput (1.00 is as fast)")
        whole = min(a + b for a, b in zip(ours, picked_up, strict=True))
        print(f"ratio from the drop: {min(bare) / whole:.2f} (with {min(picked_up):.1f} s of pick-up)")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
