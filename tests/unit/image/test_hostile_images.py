"""Damaged pictures of every format: always a result or one of our errors, nothing else, and soon."""

from __future__ import annotations

import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from telecine.errors import TelecineError
from telecine.image import process_image
from telecine.recipe.image import ImageOutput
from telecine.samples import photo
from telecine.sniff import sniff

OUTPUTS = [
    ImageOutput(kind="image", name="a", width=48, height=48),
    ImageOutput(kind="image", name="b", format="jpeg", mode="crop", width=60, height=10),
]


def seeds() -> dict[str, bytes]:
    image = photo(1, (96, 64))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    found = {}

    def add(name: str, source: Image.Image, format: str, **options: Any) -> None:
        buffer = io.BytesIO()
        source.save(buffer, format, **options)
        found[name] = buffer.getvalue()

    add("jpeg", image, "JPEG", exif=exif)
    add("jpeg-progressive", image, "JPEG", progressive=True)
    add("jpeg-cmyk", image.convert("CMYK"), "JPEG")
    add("png", image, "PNG", exif=exif)
    add("png-palette", image.quantize(16), "PNG")
    add("webp", image, "WEBP", exif=exif.tobytes())
    add("gif", image.quantize(16), "GIF", save_all=True, append_images=[image.rotate(9).quantize(16)])
    add("bmp", image, "BMP")
    add("tiff", image, "TIFF", exif=exif)
    add("tiff-jpeg", image, "TIFF", compression="jpeg")
    add("tiff-lzw", image, "TIFF", compression="tiff_lzw")
    add("avif", image, "AVIF", exif=exif)
    add("heic", image, "HEIF")
    return found


SEEDS = seeds()


def attempt(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_bytes(data)
        with suppress(TelecineError):
            process_image(path, sniff(data[:65536]), OUTPUTS, Path(folder))


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(data=st.data())
def test_damage_is_answered_with_a_result_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    damaged = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        if not damaged:
            break
        at = data.draw(st.integers(0, min(len(damaged), 900) - 1))
        kind = data.draw(st.sampled_from(["change", "ones", "remove", "insert", "cut"]))
        if kind == "change":
            damaged[at] = data.draw(st.integers(0, 255))
        elif kind == "ones":
            damaged[at : at + 4] = b"\xff\xff\xff\xff"
        elif kind == "remove":
            del damaged[at : at + data.draw(st.integers(1, 30))]
        elif kind == "insert":
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=30))
        else:
            del damaged[max(at, 1) :]
    attempt(bytes(damaged) or b"\0")


def test_a_name_that_lies_about_the_format_does_not_choose_the_decoder(tmp_path: Path) -> None:
    """Bytes that only claim to be a PNG never reach another of Pillow's decoders (EPS runs programs, for one)."""
    path = tmp_path / "in.eps"
    path.write_bytes(SEEDS["png"][:8] + b"%!PS-Adobe-3.0 EPSF-3.0\n")
    with pytest.raises(TelecineError):
        process_image(path, sniff(path.read_bytes()), OUTPUTS, tmp_path)
