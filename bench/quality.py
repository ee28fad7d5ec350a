"""The table of quality words in telecine/image/quality.py, measured: `python bench/quality.py PHOTOS...`.

For each format and word, the lowest quality whose mean SSIM over the photos reaches the word's target; photos are made
at most 1280 pixels wide first, which is what the web shows. Use real photos: drawings and noise need other numbers.
Prints the table as Python, what each entry reaches, and its bytes as a share of JPEG's.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from telecine.image.encode import encode, encoder_settings
from telecine.image.metadata import Carried
from telecine.image.quality import QUALITIES, TARGETS
from telecine.image.similarity import ssim
from telecine.recipe.image import ImageFormat, ImageOutput
from telecine.samples import write_photos

WIDTH = 1280


def loaded(path: Path) -> Image.Image:
    """A photo as the web would show it."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    return upright


def reached(path: Path, format: ImageFormat, quality: int) -> tuple[float, int]:
    """SSIM and bytes of one photo at one quality."""
    image = loaded(path)
    data = encode(image, ImageOutput(kind="image", name="x", format=format, quality=quality), Carried())
    with Image.open(io.BytesIO(data)) as made:
        return ssim(made, image), len(data)


def lowest(target: float, measure: Callable[[int], float]) -> int:
    """The lowest quality from 1 to 100 that reaches a target; 100 when none does."""
    low, high = 1, 100
    while low < high:
        middle = (low + high) // 2
        if measure(middle) >= target:
            high = middle
        else:
            low = middle + 1
    return low


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--smoke", action="store_true", help="two made-up photos, to see that it runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = write_photos(Path(folder), 2) if arguments.smoke else arguments.photos
        if not photos:
            parser.error("name some photos")
        print_table(photos)


def print_table(photos: list[Path]) -> None:
    """Search and print."""
    known: dict[tuple[ImageFormat, int], tuple[float, float]] = {}
    with ProcessPoolExecutor() as pool:

        def mean(format: ImageFormat, quality: int) -> tuple[float, float]:
            if (format, quality) not in known:
                found = list(pool.map(partial(reached, format=format, quality=quality), photos))
                known[format, quality] = (
                    sum(alike for alike, _ in found) / len(found),
                    sum(size for _, size in found) / len(found),
                )
            return known[format, quality]

        table = {
            format: {word: lowest(target, lambda q, f=format: mean(f, q)[0]) for word, target in TARGETS.items()}
            for format in QUALITIES
        }
        print(f"{len(photos)} photos, at most {WIDTH} pixels")
        for format in table:
            print(format, "at 82:", encoder_settings(ImageOutput(kind="image", name="x", format=format), 82))
        for format, words in table.items():
            print(f"    ImageFormat.{format.name}: {{{', '.join(f'{w.value!r}: {q}' for w, q in words.items())}}},")
        for word, target in TARGETS.items():
            jpeg = mean(ImageFormat.JPEG, table[ImageFormat.JPEG][word])[1]
            for format in table:
                quality = table[format][word]
                alike, size = mean(format, quality)
                share = f"{size / jpeg:.2f} of JPEG's bytes"
                print(f"{word.value:8} {format.value:5} q{quality:<3} SSIM {alike:.4f} (target {target}) {share}")


if __name__ == "__main__":
    main()
