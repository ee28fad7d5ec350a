"""Photos made on the spot, for the demo, the benchmarks and the tests: no two alike, the same for the same seed.

Belongs here: pictures that look and compress like photographs (sky, hills, haze, grain), in the formats, layouts and
orientations that people really drop. Doesn't belong here: damaged files (tests make those from these).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from telecine.image.orient import UPRIGHT, displayed_size, upright

pillow_heif.register_heif_opener()

_SIZES = ((1600, 1200), (1600, 1067), (1200, 1600), (2048, 1365), (1280, 720), (1080, 1350))
_INVERSE = {6: 8, 8: 6}  # what undoes each orientation; the others undo themselves
_DETAIL = 4  # the scene is painted at a quarter of its size; grain and label are added at full size
_GRAIN_SIDE = 512


@dataclass(frozen=True, slots=True)
class Sample:
    """One way of storing a photo.

    Attributes:
        label: part of the file name.
        extension: with the dot.
        save: writes the upright picture to a path.
    """

    label: str
    extension: str
    save: Callable[[Image.Image, Path], None]


def photo(seed: int, size: tuple[int, int] = (1600, 1200), label: str | None = None) -> Image.Image:
    """One upright RGB landscape: sky above, hills below, sun, haze and film grain.

    Args:
        label: text written on it; left out, none.
    """
    rng = random.Random(seed)
    width, height = max(1, size[0] // _DETAIL), max(1, size[1] // _DETAIL)
    scene = _sky(rng, width, height)
    _sun(scene, rng)
    for depth in range(4):
        _hills(scene, rng, depth)
    scene = scene.filter(ImageFilter.GaussianBlur(0.6)).resize(size, Image.Resampling.BILINEAR)
    scene = _grained(scene, rng)
    if label:
        draw = ImageDraw.Draw(scene)
        font = ImageFont.load_default(max(10, size[1] // 16))
        draw.text(
            (size[0] // 2, size[1] * 5 // 6), label, "white", font, anchor="mm", stroke_width=2, stroke_fill="black"
        )
    return scene


def write_photos(folder: Path, count: int | None = None, seed: int = 1) -> list[Path]:
    """Write distinct photos into a folder, created when missing.

    Args:
        count: how many; left out, one of every format, layout and orientation there is. Above that number, further
            ones are ordinary JPEGs.

    Returns:
        The files in the order they were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = list(_samples())
    written = []
    for number in range(len(samples) if count is None else count):
        sample = samples[number] if number < len(samples) else _JPEG
        size = _SIZES[(seed + number) % len(_SIZES)]
        path = folder / f"photo-{number + 1:03d}-{sample.label}{sample.extension}"
        # Neighbouring seeds would share numbers otherwise.
        sample.save(photo(seed * 1_000_003 + number, size, f"{number + 1} {sample.label}"), path)
        written.append(path)
    return written


def oriented_jpeg(image: Image.Image, path: Path, orientation: int, quality: int = 88) -> None:
    """Store an upright picture turned, with the EXIF orientation that turns it back."""
    stored = upright(image, _INVERSE.get(orientation, orientation))
    assert displayed_size(stored.size, orientation) == image.size
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(path, "JPEG", quality=quality, exif=exif)


def _samples() -> Iterator[Sample]:
    """Every way of storing a photo that the demo shows; the plain ones first."""
    yield _JPEG
    yield Sample("png", ".png", lambda image, path: image.save(path, "PNG", compress_level=1))
    yield Sample("webp", ".webp", lambda image, path: image.save(path, "WEBP", quality=85, method=0))
    for orientation in range(UPRIGHT, 9):
        yield Sample(
            f"orientation-{orientation}",
            ".jpg",
            lambda image, path, turn=orientation: oriented_jpeg(image, path, turn),  # type: ignore[misc]
        )
    yield Sample("png-alpha", ".png", lambda image, path: _vignetted(image).save(path, "PNG", compress_level=1))
    yield Sample("gif", ".gif", lambda image, path: image.reduce(3).quantize(128).save(path, "GIF"))
    yield Sample("animated", ".gif", _save_animation)
    yield Sample("tiff", ".tiff", lambda image, path: image.reduce(2).save(path, "TIFF", compression="tiff_lzw"))
    yield Sample("cmyk", ".jpg", lambda image, path: image.convert("CMYK").save(path, "JPEG", quality=88))
    yield Sample("grey", ".jpg", lambda image, path: image.convert("L").save(path, "JPEG", quality=88))
    yield Sample("bmp", ".bmp", lambda image, path: image.reduce(4).save(path, "BMP"))
    yield Sample("avif", ".avif", lambda image, path: image.reduce(2).save(path, "AVIF", quality=70, speed=10))
    yield Sample("heic", ".heic", lambda image, path: image.reduce(2).save(path, "HEIF", quality=70))
    yield Sample("png-palette", ".png", lambda image, path: image.reduce(2).quantize(64).save(path, "PNG"))
    yield Sample("progressive", ".jpeg", lambda image, path: image.save(path, "JPEG", quality=88, progressive=True))
    yield Sample("no-extension", "", lambda image, path: image.save(path, "JPEG", quality=88))
    yield Sample("really-a-png", ".jpg", lambda image, path: image.save(path, "PNG", compress_level=1))


_JPEG = Sample("jpeg", ".jpg", lambda image, path: image.save(path, "JPEG", quality=88))


def _sky(rng: random.Random, width: int, height: int) -> Image.Image:
    hue = rng.random()
    top = tuple(int(c * 255) for c in (0.1 + 0.3 * hue, 0.25 + 0.2 * rng.random(), 0.55 + 0.3 * rng.random()))
    low = tuple(int(c * 255) for c in (0.75 + 0.25 * hue, 0.65 + 0.2 * rng.random(), 0.6 + 0.3 * rng.random()))
    ramp = Image.linear_gradient("L").resize((width, height))
    sky = Image.composite(Image.new("RGB", ramp.size, low), Image.new("RGB", ramp.size, top), ramp)
    cells = max(2, width // 24), max(2, height // 12)  # clouds are wider than high
    clouds = Image.frombytes("L", cells, rng.randbytes(cells[0] * cells[1])).resize(ramp.size, Image.Resampling.BICUBIC)
    thin = clouds.point(lambda value: max(0, value - 140)).convert("L")
    return Image.composite(Image.new("RGB", ramp.size, "white"), sky, thin)


def _sun(scene: Image.Image, rng: random.Random) -> None:
    width, height = scene.size
    x, y, radius = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.4) * height, height / rng.uniform(10, 20)
    ImageDraw.Draw(scene).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 244, 214))


def _hills(scene: Image.Image, rng: random.Random, depth: int) -> None:
    """One ridge; nearer ones are lower, darker and greener."""
    width, height = scene.size
    base = height * (0.45 + 0.13 * depth)
    waves = [(rng.uniform(0.5, 3) * (depth + 1), rng.uniform(0, math.tau), rng.uniform(0.02, 0.06)) for _ in range(4)]
    ridge = [
        (x, base + height * sum(a * math.sin(f * math.tau * x / width + p) for f, p, a in waves) * 0.6)
        for x in range(0, width + 4, 4)
    ]
    shade = 0.75 - 0.17 * depth
    colour = (
        int(255 * shade * rng.uniform(0.35, 0.6)),
        int(255 * shade * rng.uniform(0.6, 0.85)),
        int(255 * shade * rng.uniform(0.35, 0.75)),
    )
    ImageDraw.Draw(scene).polygon([*ridge, (width, height), (0, height)], fill=colour)


@lru_cache(maxsize=8)
def _grain(variant: int) -> Image.Image:
    """A tile of noise around middle grey."""
    rng = random.Random(variant)
    fine = Image.frombytes("L", (_GRAIN_SIDE, _GRAIN_SIDE), rng.randbytes(_GRAIN_SIDE**2))
    coarse = Image.frombytes("L", (64, 64), rng.randbytes(4096)).resize(fine.size, Image.Resampling.BICUBIC)
    mixed = Image.blend(fine.filter(ImageFilter.GaussianBlur(0.7)), coarse, 0.5)
    return mixed.point(lambda value: 128 + (value - 128) // 5).convert("RGB")


def _grained(scene: Image.Image, rng: random.Random) -> Image.Image:
    tile = _grain(rng.randrange(8))
    grain = Image.new("RGB", scene.size)
    across, down = rng.randrange(_GRAIN_SIDE), rng.randrange(_GRAIN_SIDE)
    for y in range(-down, scene.height, _GRAIN_SIDE):
        for x in range(-across, scene.width, _GRAIN_SIDE):
            grain.paste(tile, (x, y))
    return ImageChops.add(scene, grain, offset=-128)


def _vignetted(image: Image.Image) -> Image.Image:
    """The picture fading out towards its corners."""
    fade = ImageChops.invert(Image.radial_gradient("L")).resize(image.size)
    faded = image.copy()
    faded.putalpha(fade.point(lambda value: min(255, value * 3)).convert("L"))
    return faded


def _save_animation(image: Image.Image, path: Path) -> None:
    frame = image.reduce(4)
    frames = [frame, *(ImageChops.offset(frame, step * 8, 0) for step in range(1, 6))]
    quantised = [f.quantize(64) for f in frames]
    quantised[0].save(path, "GIF", save_all=True, append_images=quantised[1:], duration=120, loop=0)
