"""Whole pictures through `process_image`: what comes out is upright, in sRGB, the right size and anonymous."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageOps, ImageStat, PngImagePlugin

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode, InputError
from telecine.image import ImageLimits, inspect, process_image
from telecine.recipe import load_recipe
from telecine.recipe.image import ImageOutput
from telecine.samples import oriented_jpeg, photo
from telecine.sniff import sniff

SIZE = (480, 320)


def run(path: Path, *outputs: ImageOutput, limits: ImageLimits | None = None) -> tuple[MediaResult, Path]:
    out = path.parent / f"{path.name}.out"
    out.mkdir()
    chosen = outputs or load_recipe("default").images()
    return process_image(path, sniff(path.read_bytes()[:65536]), chosen, out, limits), out


def spec(name: str = "x", **fields: Any) -> ImageOutput:
    return ImageOutput(kind="image", name=name, **fields)


def opened(out: Path, result: MediaResult, name: str) -> Image.Image:
    return Image.open(out / next(a.path for a in result.artifacts if a.name == name))


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(a.convert("RGB"), b.convert("RGB"))).mean) / 3


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return photo(7, SIZE, "up")


def saved(image: Image.Image, path: Path, format: str, **options: Any) -> Path:
    image.save(path, format, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright_in_every_output(
    orientation: int, scene: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "in.jpg"
    oriented_jpeg(scene, path, orientation, quality=95)
    result, out = run(
        path, spec("full"), spec("small", width=160, height=160), spec("cut", mode="crop", width=90, height=90)
    )
    assert (result.facts["width"], result.facts["height"], result.facts["orientation"]) == (*SIZE, orientation)
    assert difference(opened(out, result, "full"), scene) < 6
    assert difference(opened(out, result, "small"), scene.resize((160, 107), Image.Resampling.LANCZOS)) < 6
    middle = scene.crop((80, 0, 400, 320)).resize((90, 90), Image.Resampling.LANCZOS)
    assert difference(opened(out, result, "cut"), middle) < 6
    assert "exif" not in opened(out, result, "full").info


@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
@pytest.mark.parametrize("size", [(2001, 1503), (3997, 2999)])
def test_a_reduced_decode_moves_nothing(orientation: int, size: tuple[int, int], tmp_path: Path) -> None:
    """Sides that no power of two divides, decoded at 1/2 to 1/8: the frame must not shift by the rounding."""
    big = photo(3, size)
    path = tmp_path / "in.jpg"
    oriented_jpeg(big, path, orientation)
    result, out = run(path, spec(width=200, height=200))
    made = opened(out, result, "x").convert("L")
    expected = big.resize(made.size, Image.Resampling.LANCZOS).convert("L")
    straight = difference(made, expected)
    shifted = difference(ImageChops.offset(made, 1, 1), expected)
    assert straight < 4
    assert straight < shifted / 1.3


@pytest.mark.parametrize("format", ["TIFF", "PNG", "WEBP", "AVIF", "HEIF"])
def test_orientation_is_obeyed_in_other_formats(format: str, scene: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = scene.transpose(Image.Transpose.ROTATE_90)
    path = saved(turned, tmp_path / "in", format, exif=exif.tobytes() if format != "TIFF" else exif)
    result, out = run(path, spec())
    assert (result.facts["width"], result.facts["height"]) == SIZE
    assert difference(opened(out, result, "x"), scene) < 8


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize(
    "said",
    ['tiff:Orientation="8"/>', "tiff:Orientation='8'/>", "><tiff:Orientation>8</tiff:Orientation></rdf:Description>"],
)
def test_an_orientation_that_only_xmp_knows_is_obeyed(
    format: str, said: str, scene: Image.Image, tmp_path: Path
) -> None:
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {said}</x:xmpmeta>'
    options: dict[str, Any] = {"xmp": xmp.encode(), "quality": 95}
    if format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", xmp)
        options = {"pnginfo": texts}
    if format == "TIFF":
        options = {"tiffinfo": {700: xmp.encode()}}
    path = saved(scene.transpose(Image.Transpose.ROTATE_270), tmp_path / "in", format, **options)
    result, out = run(path, spec())
    assert (result.facts["width"], result.facts["height"]) == SIZE
    assert difference(opened(out, result, "x"), scene) < 8


def test_a_png_with_exif_behind_its_pixels_is_turned_and_measured_right(scene: Image.Image, tmp_path: Path) -> None:
    path = saved(scene.transpose(Image.Transpose.ROTATE_90), tmp_path / "in", "PNG")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    payload = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(payload) - 4) + payload + struct.pack(">I", zlib.crc32(payload))
    data = path.read_bytes()
    path.write_bytes(data[:-12] + chunk + data[-12:])
    result, out = run(path, spec())
    assert (result.facts["width"], result.facts["height"]) == SIZE
    assert difference(opened(out, result, "x"), scene) < 6


def test_default_outputs_have_the_sizes_they_promise(tmp_path: Path) -> None:
    path = saved(photo(1, (2400, 1600)), tmp_path / "in", "JPEG")
    result, out = run(path)
    sizes = {a.name: (a.width, a.height) for a in result.artifacts}
    assert sizes == {
        "thumbnail": (150, 150),
        "1920.webp": (1920, 1280),
        "1920.jpg": (1920, 1280),
        "1280.webp": (1280, 853),
        "1280.jpg": (1280, 853),
        "640.webp": (640, 427),
        "640.jpg": (640, 427),
    }
    for artifact in result.artifacts:
        data = (out / artifact.path).read_bytes()
        assert (artifact.size_bytes, artifact.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        with Image.open(out / artifact.path) as made:
            assert made.size == (artifact.width, artifact.height)
            assert Image.MIME[made.format or ""] == artifact.mime
    assert [a.name for a in result.artifacts] == [o.name for o in load_recipe("default").images()]
    assert result.artifacts[0].path == "thumbnails/thumbnail.jpg"
    assert result.artifacts[0].asset == "image/thumbnails"
    assert Image.open(io.BytesIO((out / "renditions/640.jpg").read_bytes())).info.get("progressive")


def test_small_sources_are_not_enlarged_and_twins_share_one_file(scene: Image.Image, tmp_path: Path) -> None:
    result, out = run(saved(scene, tmp_path / "in", "JPEG"))
    webps = [a for a in result.artifacts if a.mime == "image/webp"]
    assert {(a.width, a.height) for a in webps} == {SIZE}
    assert len({a.path for a in webps}) == 1
    assert len({a.name for a in webps}) == 3
    assert len(list((out / "renditions").iterdir())) == 2


def test_different_quality_makes_no_twins(scene: Image.Image, tmp_path: Path) -> None:
    result, _ = run(saved(scene, tmp_path / "in", "JPEG"), spec("a", quality=40), spec("b", quality=90))
    assert len({a.path for a in result.artifacts}) == 2


def test_outputs_carry_no_metadata(scene: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SECRETCAMERA"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 30.0, 0.0)
    path = tmp_path / "in"
    scene.save(path, "JPEG", exif=exif, comment=b"SECRETCOMMENT", xmp=b"<x>SECRETXMP</x>", dpi=(300, 300))
    outputs = [spec(f, format=f) for f in ("jpeg", "png", "webp", "avif")]
    result, out = run(path, *outputs)
    assert inspect(path, sniff(path.read_bytes())).has_gps
    for file in out.rglob("*.*"):
        assert b"SECRET" not in file.read_bytes(), file.name
    for artifact in result.artifacts:
        with Image.open(out / artifact.path) as made:
            assert not {"exif", "xmp", "icc_profile", "comment"} & {k for k, v in made.info.items() if v}
    assert b"SECRET" not in (result.preview or b"")
    assert "SECRET" not in str(result.facts)


def test_the_preview_is_small(tmp_path: Path) -> None:
    noise = Image.effect_noise((1200, 900), 100).convert("RGB")
    result, _ = run(saved(noise, tmp_path / "in", "JPEG"), spec(width=300))
    assert result.preview is not None
    assert len(result.preview) <= 10_000
    with Image.open(io.BytesIO(result.preview)) as made:
        assert max(made.size) == 240


def test_alpha_is_kept_where_it_can_be_and_flattened_on_the_background_for_jpeg(tmp_path: Path) -> None:
    image = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 50, 100))
    result, out = run(
        saved(image, tmp_path / "in", "PNG"),
        spec("w", format="webp", lossless=True),
        spec("j", format="jpeg", quality=95, background="#00ff00"),
    )
    webp, jpeg = opened(out, result, "w").convert("RGBA"), opened(out, result, "j").convert("RGB")
    assert webp.getpixel((90, 50))[3] == 0  # type: ignore[index]
    assert webp.getpixel((10, 50)) == (0, 0, 255, 255)
    assert jpeg.getpixel((90, 50))[1] > 240  # type: ignore[index,operator]


def test_shrinking_transparent_edges_leaves_no_fringe_of_the_hidden_colour(tmp_path: Path) -> None:
    image = Image.new("RGBA", (400, 400), (0, 255, 0, 0))  # invisible green
    image.paste((255, 0, 0, 255), (0, 0, 203, 400))
    result, out = run(saved(image, tmp_path / "in", "PNG"), spec(width=50, format="webp", lossless=True))
    made = opened(out, result, "x").convert("RGBA")
    visible = [p for p in made.get_flattened_data() if p[3] > 8]  # type: ignore[index,operator]
    assert visible
    assert max(p[1] for p in visible) < 16  # type: ignore[index]


def test_letterbox_bars_have_the_background_colour(scene: Image.Image, tmp_path: Path) -> None:
    result, out = run(
        saved(scene, tmp_path / "in", "JPEG"),
        spec(mode="fill", width=300, height=300, background="#102030", format="png"),
    )
    made = opened(out, result, "x").convert("RGB")
    assert made.size == (300, 300)
    assert made.getpixel((150, 5)) == made.getpixel((150, 295)) == (0x10, 0x20, 0x30)


def display_p3() -> bytes:
    """A wide-gamut profile, made from lcms' own XYZ profile machinery: sRGB's, its red moved to P3's."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag, xyz in {b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189)}.items():
        at = profile.index(tag) + 4
        offset = int.from_bytes(profile[at : at + 4], "big") + 8
        profile[offset : offset + 12] = b"".join(struct.pack(">i", round(v * 65536)) for v in xyz)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


def test_wide_gamut_colours_are_converted_to_srgb(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), (200, 100, 80))
    path = saved(image, tmp_path / "in", "PNG", icc_profile=display_p3())
    result, out = run(path, spec(format="png"))
    red, green, _ = opened(out, result, "x").convert("RGB").getpixel((30, 30))  # type: ignore[misc]
    assert red > 206  # P3's red is redder than sRGB's, so the same colour needs a larger number
    assert green < 100
    assert result.facts["icc_profile"]


def test_a_colour_space_that_is_only_named_is_obeyed(tmp_path: Path) -> None:
    """Adobe RGB in a camera's EXIF, Display P3 in an AVIF's code points; neither embeds a profile."""
    image = Image.new("RGB", (64, 64), (200, 100, 80))
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 0xFFFF
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {1: "R03"}
    adobe = saved(image, tmp_path / "adobe.jpg", "JPEG", quality=95, exif=exif)
    avif = saved(image, tmp_path / "p3.avif", "AVIF", quality=95)
    data = avif.read_bytes()
    avif.write_bytes(data.replace(b"colrnclx\0\x01", b"colrnclx\0\x0c"))
    for path, name, expected in ((adobe, "Adobe RGB (1998)", (227, 100, 78)), (avif, "Display P3", (215, 93, 73))):
        result, out = run(path, spec(format="png"))
        found = opened(out, result, "x").convert("RGB").getpixel((30, 30))
        assert all(abs(a - b) <= 3 for a, b in zip(found, expected, strict=True)), name  # type: ignore[arg-type]
        assert result.facts["icc_profile"] == name


def test_a_damaged_colour_profile_is_a_warning_not_a_failure(scene: Image.Image, tmp_path: Path) -> None:
    path = saved(scene, tmp_path / "in", "JPEG", icc_profile=b"not a profile", quality=95)
    result, out = run(path, spec())
    assert any("colour profile is damaged" in w for w in result.warnings)
    assert difference(opened(out, result, "x"), scene) < 6


def test_damaged_exif_is_a_warning_not_a_failure(scene: Image.Image, tmp_path: Path) -> None:
    path = saved(scene, tmp_path / "in", "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x01")
    result, _ = run(path, spec())
    assert result.artifacts
    assert result.facts["orientation"] == 1


def test_damaged_extra_chunks_of_a_png_are_a_warning_not_a_failure(scene: Image.Image, tmp_path: Path) -> None:
    path = saved(scene, tmp_path / "in", "PNG", icc_profile=display_p3())
    data = bytearray(path.read_bytes())
    data[data.index(b"iCCP") + 40] ^= 0xFF
    path.write_bytes(data)
    result, out = run(path, spec())
    assert any("damaged" in w for w in result.warnings)
    assert difference(opened(out, result, "x"), scene) < 6


def test_cmyk_with_and_without_adobe_marker_has_the_right_sense(tmp_path: Path) -> None:
    """Pillow writes Adobe's inverted CMYK; without the marker the same bytes mean the opposite."""
    image = Image.new("CMYK", (64, 64), (0, 200, 200, 0))  # red
    path = saved(image, tmp_path / "adobe.jpg", "JPEG", quality=95)
    data = path.read_bytes()
    at = data.index(b"\xff\xee")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    plain = tmp_path / "plain.jpg"
    plain.write_bytes(data[:at] + data[at + 2 + length :])
    for file, expected in ((path, (255, 55, 55)), (plain, (0, 145, 145))):
        result, out = run(file, spec(format="png"))
        colour = opened(out, result, "x").convert("RGB").getpixel((30, 30))
        if file is path:
            assert all(abs(a - b) < 8 for a, b in zip(colour, expected, strict=True)), file  # type: ignore[arg-type]
        else:
            assert colour[0] < 80  # type: ignore[index,operator]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = Image.frombytes("I;16", (256, 4), b"".join(struct.pack("<H", v * 257) for v in range(256)) * 4)
    result, out = run(saved(ramp, tmp_path / "in", "PNG"), spec(format="png"))
    made = opened(out, result, "x").convert("L")
    assert [made.getpixel((x, 1)) for x in (0, 128, 255)] == [0, 128, 255]
    assert result.facts["bit_depth"] == 16


def test_one_transparent_level_of_sixteen_bit_grey_stays_transparent(tmp_path: Path) -> None:
    path = tmp_path / "in"
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0)),
        (b"tRNS", struct.pack(">H", 1000)),
        (b"IDAT", zlib.compress(b"\0" + struct.pack(">HH", 1000, 50_000))),
        (b"IEND", b""),
    ]
    packed = [struct.pack(">I", len(p)) + k + p + struct.pack(">I", zlib.crc32(k + p)) for k, p in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    result, out = run(path, spec(format="png"))
    assert list(opened(out, result, "x").convert("LA").getchannel("A").get_flattened_data()) == [0, 255]


def test_a_profile_is_judged_by_its_colours_not_by_its_name(tmp_path: Path) -> None:
    """Linear light under a name with sRGB in it."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = srgb.index(b"rTRC")
    offset = int.from_bytes(srgb[at + 4 : at + 8], "big")
    linear = bytearray(srgb)
    linear[offset : offset + 12] = b"curv" + bytes(8)  # no entries: the identity
    image = Image.new("RGB", (32, 32), (60, 60, 60))
    result, out = run(saved(image, tmp_path / "in", "PNG", icc_profile=bytes(linear)), spec(format="png"))
    assert opened(out, result, "x").convert("RGB").getpixel((5, 5))[0] > 120  # type: ignore[index,operator]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F", "CMYK", "YCbCr", "LAB"])
def test_every_pixel_layout_comes_through(mode: str, tmp_path: Path) -> None:
    base = photo(5, (96, 64))
    grey = base.convert("L")
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(base, srgb, lab, outputMode="LAB")
    elif mode in ("I", "I;16", "F"):
        image = grey.convert("I").point(lambda value: value * 256 + 0).convert(mode)
    else:
        image = base.convert(mode)
    assert image is not None
    expected = image.convert("RGB") if mode in ("1", "P") else grey if mode in ("L", "LA") else base
    if mode in ("I", "I;16", "F"):
        expected = grey if mode == "I;16" else ImageOps.autocontrast(grey)
    result, out = run(saved(image, tmp_path / "in", "TIFF"), spec("p", format="png"), spec("j", format="jpeg"))
    assert difference(opened(out, result, "p"), expected) < 4
    assert difference(opened(out, result, "j"), expected) < 20


def test_the_first_frame_of_an_animation_is_the_still(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (60, 40), c) for c in ("red", "green", "blue")]
    for format in ("GIF", "WEBP", "PNG", "AVIF"):
        path = tmp_path / f"in.{format}"
        frames[0].save(path, format, save_all=True, append_images=frames[1:], duration=100)
        result, out = run(path, spec(format="png"))
        assert result.facts["frames"] == 3, format
        red, green, blue = opened(out, result, "x").convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red > 240, format
        assert max(green, blue) < 16, format


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_cut_off_upload_is_refused_with_a_sentence(
    format: str, part: float, scene: Image.Image, tmp_path: Path
) -> None:
    options = {"compression": "tiff_lzw"} if format == "TIFF" else {}
    path = saved(scene, tmp_path / "in", format, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InputError) as refused:
        run(path)
    # LZW data in a TIFF looks damaged rather than short to libtiff.
    allowed = {ErrorCode.TRUNCATED_MEDIA, *([ErrorCode.CORRUPT_MEDIA] if format == "TIFF" else [])}
    assert refused.value.code in allowed
    assert refused.value.message.endswith(".")


def test_a_jpeg_that_lacks_only_its_end_marker_is_good(scene: Image.Image, tmp_path: Path) -> None:
    path = saved(scene, tmp_path / "in", "JPEG", quality=95)
    data = path.read_bytes()
    path.write_bytes(data[:-2])
    result, out = run(path, spec())
    assert any("end marker" in w for w in result.warnings)
    assert difference(opened(out, result, "x"), scene) < 6
    path = tmp_path / "shorter"
    path.write_bytes(data[:-60])
    with pytest.raises(InputError) as refused:
        run(path, spec())
    assert refused.value.code is ErrorCode.TRUNCATED_MEDIA


def png_header(width: int, height: int) -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr)) + b"\0\0\0\0IDAT"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((20_000, 20_000), "400 megapixels .* limit is 300"),
        ((70_000, 10), "65,535"),
        ((100_000, 100_000), "megapixels"),
    ],
)
def test_pictures_beyond_the_limits_are_refused_before_decoding(
    size: tuple[int, int], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "in.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(InputError, match=said) as refused:
        run(path)
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED


def test_the_memory_limit_is_checked_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    path.write_bytes(png_header(3000, 2000))
    with pytest.raises(InputError, match="72 MB of memory; the limit is 50 MB"):
        run(path, limits=ImageLimits(max_memory_bytes=50_000_000))


def test_a_huge_jpeg_is_decoded_reduced_and_says_so_when_an_output_wanted_more(tmp_path: Path) -> None:
    big = Image.linear_gradient("L").resize((9000, 6000))
    path = saved(big, tmp_path / "in", "JPEG", quality=50)
    result, _ = run(path, spec("all", format="jpeg"), spec("web", width=640))
    assert [(a.width, a.height) for a in result.artifacts] == [(4500, 3000), (640, 427)]
    assert result.facts["width"] == 9000
    assert any("'all'" in w and "1/2" in w for w in result.warnings)


def test_an_output_too_large_to_encode_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(photo(2, (1200, 800)), tmp_path / "in", "JPEG")
    with pytest.raises(InputError, match="'whole' of 1200 x 800 pixels"):
        run(path, spec("whole", lossless=True), limits=ImageLimits(max_memory_bytes=20_000_000))


def test_a_progressive_jpeg_counts_its_coefficients(tmp_path: Path) -> None:
    path = saved(photo(2, (1200, 800)), tmp_path / "in", "JPEG", progressive=True)
    with pytest.raises(InputError, match="13 MB of memory"):
        run(path, limits=ImageLimits(max_memory_bytes=12_000_000))


def test_interpolation_can_be_chosen(tmp_path: Path) -> None:
    checks = Image.new("L", (64, 64))
    checks.putdata([255 * ((x + y) % 2) for y in range(64) for x in range(64)])
    path = saved(checks, tmp_path / "in", "PNG")
    for name, extremes in (("nearest", True), ("lanczos", False), ("auto", False)):
        run_dir = tmp_path / name
        run_dir.mkdir()
        source = run_dir / "in"
        source.write_bytes(path.read_bytes())
        result, out = run(source, spec(width=21, format="png", interpolation=name))
        low, high = opened(out, result, "x").convert("L").getextrema()
        assert ((low, high) == (0, 255)) is extremes, name
