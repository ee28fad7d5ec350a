"""Sources and what became of them side by side, for a person to look at.

`python bench/contact_sheet.py FOLDER_OR_FILES... --out DIR [--recipe NAME]` writes sheet-1.png, sheet-2.png, ... A row
is one source as a plain Pillow program would show it (upright, nothing else done), then every output of the recipe on
grey, so that transparency can be seen; names, sizes and warnings stand below. What is refused says why.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFile, ImageFont, ImageOps

from telecine.artifact import MediaResult
from telecine.errors import TelecineError
from telecine.image import process_image
from telecine.recipe import load_recipe, parse_recipe
from telecine.recipe.image import ImageOutput
from telecine.samples import write_photos
from telecine.sniff import HEAD_BYTES, sniff

CELL = 230
TEXT = 74
ROWS = 7
BACKGROUND = "#8a8a8a"
SHOWN = [
    {"kind": "image", "name": "jpeg", "format": "jpeg", "width": 460, "height": 460},
    {"kind": "image", "name": "webp", "format": "webp", "width": 460, "height": 460, "quality": "medium"},
    {"kind": "image", "name": "avif", "format": "avif", "width": 460, "height": 460, "quality": "medium"},
    {"kind": "image", "name": "png16", "format": "png", "width": 460, "height": 460, "max_colors": 16},
    {"kind": "image", "name": "smart", "mode": "crop", "width": 300, "height": 300, "anchor": "smart"},
    {"kind": "image", "name": "fill", "format": "png", "mode": "fill", "width": 300, "height": 300,
     "background": "#203040"},
]  # fmt: skip


def cells(path: Path, outputs: tuple[ImageOutput, ...], out: Path) -> Iterator[tuple[Image.Image | None, str]]:
    """Pictures and captions of one row."""
    yield plainly(path), path.name
    try:
        with path.open("rb") as f:
            result = process_image(path, sniff(f.read(HEAD_BYTES)), outputs, out)
    except TelecineError as e:
        yield None, str(e)
        return
    yield None, described(result)
    for artifact in result.artifacts:
        with Image.open(out / artifact.path) as made:
            yield made.convert("RGBA"), f"{artifact.name} {artifact.width}x{artifact.height} {artifact.size_bytes:,} B"


def described(result: MediaResult) -> str:
    """Facts and warnings in a few lines."""
    facts = result.facts
    shown = f"{facts['format']} {facts['mode']} {facts['width']}x{facts['height']} o{facts['orientation']} "
    return f"{shown}{facts['icc_profile'] or ''}\n" + "\n".join(result.warnings)


def plainly(path: Path) -> Image.Image | None:
    """The source as Pillow alone shows it; None when it can't."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(path) as image:
            image.draft("RGB", (CELL * 2, CELL * 2))
            shown = ImageOps.exif_transpose(image)
            shown.thumbnail((CELL * 2, CELL * 2))
            return shown.convert("RGBA")
    except Exception:  # noqa: BLE001  # anything may be in the folder
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--smoke", action="store_true", help="one sheet of made-up photos, thrown away again")
    parser.add_argument("--recipe", help="a preset or a file; left out: JPEG, WebP, AVIF, 16 colours, crop, letterbox")
    arguments = parser.parse_args()
    recipe = (
        load_recipe(arguments.recipe) if arguments.recipe else parse_recipe({"name": "s", "outputs": SHOWN}, "sheet")
    )
    outputs = recipe.images()
    if arguments.smoke:
        with tempfile.TemporaryDirectory() as folder:
            write_sheets(write_photos(Path(folder) / "photos", ROWS), outputs, Path(folder) / "sheets")
        return
    if not arguments.paths or arguments.out is None:
        parser.error("name files or folders, and --out")
    files = [f for p in arguments.paths for f in (sorted(p.iterdir()) if p.is_dir() else [p])]
    write_sheets(files, outputs, arguments.out)


def write_sheets(files: list[Path], outputs: tuple[ImageOutput, ...], out: Path) -> None:
    """Some rows a sheet."""
    out.mkdir(parents=True, exist_ok=True)
    font = ImageFont.load_default(12)
    Image.MAX_IMAGE_PIXELS = None
    for number, start in enumerate(range(0, len(files), ROWS), start=1):
        chunk = files[start : start + ROWS]
        sheet = Image.new("RGB", ((len(outputs) + 2) * CELL, len(chunk) * (CELL + TEXT)), BACKGROUND)
        draw = ImageDraw.Draw(sheet)
        for row, path in enumerate(chunk):
            with tempfile.TemporaryDirectory() as folder:
                for column, (picture, caption) in enumerate(cells(path, outputs, Path(folder))):
                    x, y = column * CELL, row * (CELL + TEXT)
                    lines = "\n".join(line for part in caption.split("\n") for line in textwrap.wrap(part, 36))
                    if picture is None:
                        draw.multiline_text((x + 4, y + 4), lines, "black", font)
                        continue
                    picture.thumbnail((CELL - 8, CELL - 8))
                    sheet.paste(picture, (x + 4, y + 4), picture)
                    draw.multiline_text((x + 4, y + CELL), lines, "black", font)
        target = out / f"sheet-{number}.png"
        sheet.save(target, compress_level=3)
        print(target)


if __name__ == "__main__":
    main()
