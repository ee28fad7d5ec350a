"""What an output asks of its encoder: palettes, effort, subsampling, quality words; and no more bytes than needed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode, SystemFault
from telecine.image import process_image
from telecine.image.encode import encode, encoder_settings
from telecine.image.metadata import Carried
from telecine.image.palette import for_gif, with_palette
from telecine.image.primaries import profile_of
from telecine.image.quality import QUALITIES, TARGETS, quality_of
from telecine.image.similarity import ssim
from telecine.image.smart_crop import smart_crop
from telecine.image.verify import Sampler, look_at, verify
from telecine.recipe import parse_recipe
from telecine.recipe.image import ImageOutput
from telecine.samples import photo
from telecine.sniff import sniff


def spec(name: str = "x", **fields: Any) -> ImageOutput:
    return ImageOutput.model_validate({"kind": "image", "name": name, **fields})


def make(path: Path, *outputs: dict[str, Any], **recipe: Any) -> MediaResult:
    parsed = parse_recipe({"name": "r", "outputs": [{"kind": "image", **o} for o in outputs], **recipe}, "here")
    return process_image(path, sniff(path.read_bytes()[:65536]), parsed.images(), path.parent)


def opened(folder: Path, result: MediaResult, name: str) -> Image.Image:
    return Image.open(folder / next(a.path for a in result.artifacts if a.name == name))


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return photo(11, (400, 300))


def test_a_quality_word_reaches_its_promise_in_every_format(scene: Image.Image) -> None:
    for word, target in TARGETS.items():
        for format in QUALITIES:
            output = spec(format=format, quality=word)
            made = Image.open(io.BytesIO(encode(scene, output, Carried())))
            # One grainy picture, not the photos the table was measured on.
            assert ssim(made, scene) > target - 0.08, (word, format)


def test_better_words_mean_higher_numbers() -> None:
    for format in QUALITIES:
        numbers = [quality_of(spec(format=format, quality=word)) for word in TARGETS]
        assert numbers == sorted(set(numbers))


def test_ssim_is_one_for_equal_pictures_and_falls_with_damage(scene: Image.Image) -> None:
    assert ssim(scene, scene) == pytest.approx(1)
    values = [
        ssim(Image.open(io.BytesIO(encode(scene, spec(format="jpeg", quality=q), Carried()))), scene)
        for q in (90, 40, 5)
    ]
    assert values == sorted(values, reverse=True)
    assert ssim(scene, scene.transpose(Image.Transpose.ROTATE_180)) < 0.6


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"format": "png", "effort": 9}, {"compress_level": 9}),
        ({"format": "png", "effort": 9, "png_level": 1}, {"compress_level": 1}),
        ({"format": "webp", "effort": 9}, {"method": 6}),
        ({"format": "webp", "webp_method": 0}, {"method": 0}),
        ({"format": "webp", "lossless": True, "effort": 9}, {"quality": 100, "method": 6, "exact": True}),
        ({"format": "avif", "effort": 0}, {"speed": 10}),
        ({"format": "avif", "avif_speed": 4, "subsampling": "4:4:4"}, {"speed": 4, "subsampling": "4:4:4"}),
        ({"format": "jpeg", "quality": 89}, {"subsampling": "4:2:0", "progressive": True}),
        ({"format": "jpeg", "quality": 90, "progressive": False}, {"subsampling": "4:4:4", "progressive": False}),
    ],
)
def test_effort_and_subsampling_reach_the_encoder(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    output = spec(**fields)
    assert expected.items() <= encoder_settings(output, quality_of(output)).items()


def test_a_palette_has_no_more_colours_than_asked(scene: Image.Image, tmp_path: Path) -> None:
    scene.reduce(2).save(tmp_path / "in", "PNG")
    made = make(
        tmp_path / "in",
        *({"name": f"{f}{n}", "format": f, "max_colors": n} for f in ("png", "gif") for n in (2, 60)),
    )
    for artifact in made.artifacts:
        with Image.open(tmp_path / artifact.path) as image:
            colors = image.convert("RGB").getcolors(257)
            assert colors is not None
            assert len(colors) <= int(artifact.name[3:])


def test_few_colours_are_kept_exactly_and_backgrounds_never_change_their_tone() -> None:
    drawing = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(drawing).rectangle((10, 10, 50, 50), fill="#12ab34")
    assert with_palette(drawing, 16).convert("RGB").tobytes() == drawing.tobytes()
    busy = drawing.copy()
    busy.paste(photo(1, (60, 60)), (55, 20))
    for colors in (8, 64):
        mapped = with_palette(busy, colors).convert("RGB")
        assert mapped.getpixel((2, 2)) == (255, 255, 255)
        assert mapped.getpixel((30, 30)) == (0x12, 0xAB, 0x34)


def test_a_gif_is_transparent_where_its_source_was() -> None:
    image = photo(2, (80, 60)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 60))
    mapped, index = for_gif(image, 256, "#ffffff")
    assert index is not None
    buffer = io.BytesIO()
    mapped.save(buffer, "GIF", transparency=index)
    made = Image.open(buffer).convert("RGBA")
    assert made.getpixel((10, 10))[3] == 0  # type: ignore[index]
    assert made.getpixel((60, 10))[3] == 255  # type: ignore[index]


def test_an_output_of_the_sources_size_takes_no_more_bytes_than_the_source(tmp_path: Path) -> None:
    path = tmp_path / "in"
    photo(3, (640, 480)).save(path, "JPEG", quality=70, optimize=True)
    size = path.stat().st_size
    made = make(path, {"name": "j", "format": "jpeg", "quality": 80}, {"name": "k", "format": "jpeg", "quality": 81,
                "allow_larger": True})  # fmt: skip
    smaller, larger = made.artifacts
    assert smaller.size_bytes <= size < larger.size_bytes
    assert not [w for w in made.warnings if "More bytes" in w]


def test_an_output_that_must_take_more_bytes_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in"
    photo(3, (320, 240)).save(path, "JPEG", quality=60)
    made = make(path, {"name": "p", "format": "png"})
    assert "More bytes than the source has at the same size: p." in made.warnings


def test_what_was_not_enlarged_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "in"
    photo(3, (320, 240)).save(path, "JPEG", quality=90)
    made = make(path, {"name": "s", "widths": [160, 640, 1280], "format": "jpeg"})
    assert [(a.width, a.height) for a in made.artifacts] == [(160, 120), (320, 240), (320, 240)]
    assert "The source is only 320 x 240 pixels; not enlarged: s-640.jpg, s-1280.jpg." in made.warnings


def test_sharpening_sharpens_colours_and_leaves_alpha_alone(tmp_path: Path) -> None:
    image = photo(4, (600, 400)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "in", "PNG")
    names = {"plain": 0, "sharp": 1, "strong": 2}
    made = make(tmp_path / "in", *({"name": n, "format": "png", "width": 200, "sharpen": s} for n, s in names.items()))
    pictures = [opened(tmp_path, made, name).convert("RGBA") for name in names]
    contrasts = []
    for picture in pictures:
        grey = picture.convert("L")
        neighbours = zip(grey.get_flattened_data(), list(grey.get_flattened_data())[1:], strict=False)
        contrasts.append(sum(abs(a - b) for a, b in neighbours))  # type: ignore[operator]
    assert contrasts == sorted(contrasts)
    assert contrasts[2] > 1.2 * contrasts[0]
    assert len({picture.getchannel("A").tobytes() for picture in pictures}) == 1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_a_smart_crop_keeps_the_part_where_something_is(place: float, turned: bool) -> None:
    image = Image.new("RGB", (1200, 300), "#8090a0")
    at = round(place * 900)
    image.paste(photo(5, (300, 300)), (at, 0))
    size, centred = (1200, 300), (450.0, 0.0, 750.0, 300.0)
    if turned:
        image, size, centred = image.transpose(Image.Transpose.TRANSPOSE), (300, 1200), (0.0, 450.0, 300.0, 750.0)
    crop = smart_crop(image, (0, 0, *size), size, centred)
    start = crop[1] if turned else crop[0]
    assert abs(start - at) < 40
    assert (crop[2] - crop[0], crop[3] - crop[1]) == (300, 300)


def test_a_smart_crop_of_a_flat_picture_is_its_centre() -> None:
    centred = (450.0, 0.0, 750.0, 300.0)
    for mode in ("RGB", "L", "RGBA"):
        crop = smart_crop(Image.new(mode, (1200, 300), "grey"), (0, 0, 1200, 300), (1200, 300), centred)
        assert crop == pytest.approx(centred, abs=5)


def test_kept_profiles_keep_the_pixels_and_say_what_they_mean(tmp_path: Path) -> None:
    image = photo(6, (120, 80))
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = profile.index(b"rXYZ") + 4
    offset = int.from_bytes(profile[at : at + 4], "big") + 8
    profile[offset : offset + 4] = round(0.51512 * 65536).to_bytes(4, "big")
    wide = bytes(profile).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    image.save(tmp_path / "in", "PNG", icc_profile=wide)
    made = make(
        tmp_path / "in", {"name": "kept", "format": "png", "color_profile": "keep"}, {"name": "srgb", "format": "png"}
    )
    kept, srgb = opened(tmp_path, made, "kept"), opened(tmp_path, made, "srgb")
    assert kept.convert("RGB").tobytes() == image.tobytes()
    assert kept.info["icc_profile"]
    assert "icc_profile" not in srgb.info
    assert srgb.convert("RGB").tobytes() != image.tobytes()


def test_a_format_that_cannot_carry_the_profile_gets_srgb_instead(tmp_path: Path) -> None:
    """GIF has no profiles and WebP no grey; a profile that goes missing would change the colours."""
    grey = bytearray(profile_of("Adobe RGB (1998)").replace(b"RGB XYZ ", b"GRAYXYZ ").replace(b"rTRC", b"kTRC"))
    image = Image.new("L", (40, 40), 60)
    image.save(tmp_path / "in", "PNG", icc_profile=bytes(grey))
    made = make(tmp_path / "in", {"name": "x", "formats": ["png", "webp", "gif", "jpeg"], "color_profile": "keep"})
    shown = {a.name: Image.open(tmp_path / a.path) for a in made.artifacts}
    assert shown["x.png"].convert("L").getpixel((5, 5)) == 60
    assert shown["x.png"].info["icc_profile"]
    for name in ("x.webp", "x.gif"):
        assert "icc_profile" not in shown[name].info
        assert 50 <= shown[name].convert("L").getpixel((5, 5)) <= 70  # type: ignore[operator]
    assert shown["x.webp"].convert("L").getpixel((5, 5)) != 60


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "HEIF", "BMP"])
def test_a_file_without_its_end_is_made_when_that_is_allowed(format: str, tmp_path: Path) -> None:
    scene, path = photo(7, (320, 240)), tmp_path / "in"
    scene.save(path, format, **({"quality": 90} if format == "JPEG" else {}))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    made = make(path, {"name": "a", "format": "png"}, allow_truncated=True)
    assert any("ends before its last pixel" in w for w in made.warnings)
    top = (0, 0, 320, 60) if format != "BMP" else (0, 180, 320, 240)  # BMP is stored from the bottom
    picture = opened(tmp_path, made, "a").convert("RGB")
    if format != "HEIF":  # its only tile is lost whole
        assert ssim(picture.crop(top), scene.crop(top)) > 0.8


def test_an_output_that_is_not_what_it_should_be_is_caught(scene: Image.Image) -> None:
    output = spec(format="jpeg")
    data = encode(scene, output, Carried())
    verify(data, output, scene.size)
    assert look_at(data, output, scene) > 0.8
    for check in (
        lambda: verify(data, output, (1, 1)),
        lambda: verify(data[:10], output, scene.size),
        lambda: verify(data, spec(format="png"), scene.size),
        lambda: verify(encode(scene, output, Carried(comment=b"where I live")), output, scene.size),
        lambda: verify(encode(scene, spec(format="png"), Carried(xmp=b"<x/>")), spec(format="png"), scene.size),
        lambda: look_at(data, output, Image.effect_noise(scene.size, 120).convert("RGB")),
        lambda: look_at(data[: len(data) // 2], output, scene),
    ):
        with pytest.raises(SystemFault) as caught:
            check()
        assert caught.value.code is ErrorCode.VERIFY_FAILED


def test_looking_at_outputs_costs_no_more_than_its_share() -> None:
    sampler = Sampler()
    spent = 0.0
    for _ in range(1000):  # an encode of 100 ms, a look of 15 ms
        sampler.earn(0.1)
        if sampler.affords("jpeg", 1_000_000):
            sampler.spend("jpeg", 1_000_000, 0.015)
            spent += 0.015
    assert 0.04 * 100 < spent < 0.052 * 100
