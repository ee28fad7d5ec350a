"""Damaged pictures of every format: always a result or one of our errors, nothing else, and soon."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from telecine.errors import ErrorCode, InputError, TelecineError
from telecine.image import process_image
from telecine.image.icc import srgb_profile
from telecine.recipe.image import ImageOutput
from telecine.samples import photo
from telecine.sniff import sniff

OUTPUTS = [
    ImageOutput(kind="image", name="a", width=48, height=48, metadata="preserve_all", keep_details=True),
    ImageOutput(kind="image", name="b", format="jpeg", mode="crop", width=60, height=10, anchor="smart"),
    ImageOutput(kind="image", name="c", format="png", width=40, metadata="preserve_technical", color_profile="keep"),
    ImageOutput(kind="image", name="d", format="gif", width=30, animated="keep"),
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

    exif[ExifTags.Base.Make], exif[ExifTags.Base.DateTime] = "Canon", "2021:05:06 07:08:09"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"Canon\0" + bytes(40)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 30.0, 36.0)
    add("jpeg", image, "JPEG", exif=exif, icc_profile=srgb_profile(), xmp=b"<x tiff:Orientation='6'/>")
    add("jpeg-progressive", image, "JPEG", progressive=True)
    add("jpeg-cmyk", image.convert("CMYK"), "JPEG")
    add("png", image, "PNG", exif=exif, icc_profile=srgb_profile())
    add("png-animated", image, "PNG", save_all=True, append_images=[image.rotate(9)])
    add("webp-animated", image, "WEBP", save_all=True, append_images=[image.rotate(9)], method=0)
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
EXAMPLES = 500 if os.environ.get("TELECINE_LONG_TESTS") else 15


def attempt(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_bytes(data)
        with suppress(TelecineError):
            process_image(path, sniff(data[:65536]), OUTPUTS, Path(folder))


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
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


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(size: tuple[int, int], extra: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    pixels = zlib.compress((b"\0" + bytes(size[0])) * min(size[1], 4), 9)
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bombs() -> dict[str, bytes]:
    """Small files that announce or unpack to much."""
    jpeg, gif, bmp = bytearray(SEEDS["jpeg"]), bytearray(SEEDS["gif"]), bytearray(SEEDS["bmp"])
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    bmp[18:26] = struct.pack("<ii", 30_000, 30_000)
    avif = bytearray(SEEDS["avif"])
    at = avif.index(b"ispe") + 8
    avif[at : at + 8] = struct.pack(">II", 17_000, 17_000)
    return {"jpeg": jpeg, "gif": gif, "bmp": bmp, "avif": avif, "png": bytearray(png((30_000, 30_000)))}


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_by_what_its_header_announces(name: str, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(bombs()[name])
    with pytest.raises(InputError) as refused:
        process_image(path, sniff(path.read_bytes()[:65536]), OUTPUTS, tmp_path)
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
    assert "limit" in refused.value.message


def test_a_tiff_that_pillow_would_misread_is_refused(tmp_path: Path) -> None:
    """Three planes of 16 bits: Pillow would show noise, without an error."""
    tags = [(256, 3, 1, 4), (257, 3, 1, 2), (258, 3, 3, 146), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 3, 152)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 2), (279, 4, 3, 164), (284, 3, 1, 2)]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)
    data = data.ljust(146, b"\0") + struct.pack("<3H3I3I", 16, 16, 16, 176, 192, 208, 16, 16, 16) + bytes(range(48))
    path = tmp_path / "in"
    path.write_bytes(data)
    with pytest.raises(InputError, match="separate planes") as refused:
        process_image(path, sniff(data), OUTPUTS, tmp_path)
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_png_chunk_that_unpacks_to_gigabytes_is_ignored(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(png((4, 4), chunk(kind, b"k\0\0" + zlib.compress(bytes(40 << 20), 9))))
    result = process_image(path, sniff(path.read_bytes()[:65536]), OUTPUTS, tmp_path)
    assert len(result.artifacts) == len(OUTPUTS)
    assert any("ignored" in w for w in result.warnings)


@pytest.mark.parametrize("size", [(65_535, 4), (4, 65_535)])
def test_pictures_as_long_as_the_limit_are_made(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "in"
    Image.new("L", size, 99).save(path, "PNG")
    result = process_image(path, sniff(path.read_bytes()[:65536]), OUTPUTS[:2], tmp_path)
    assert all(min(a.width or 0, a.height or 0) >= 1 for a in result.artifacts)
