"""Animations: what is shown when stays the same, in WebP and in GIF; stills show the first frame."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode
from telecine.image import ImageLimits, process_image
from telecine.recipe import parse_recipe
from telecine.sniff import sniff

SIZE = (60, 40)
DELAYS = [100, 250, 40, 1000]


def frames(transparent: bool) -> list[Image.Image]:
    """A square that moves and changes its colour, on white or on nothing."""
    made = []
    for number, color in enumerate(("red", "green", "blue", "black")):
        frame = Image.new("RGBA", SIZE, (0, 0, 0, 0) if transparent else "white")
        ImageDraw.Draw(frame).rectangle((number * 12, 5, number * 12 + 10, 30), fill=color)
        made.append(frame if transparent else frame.convert("RGB"))
    return made


def saved(path: Path, format: str, transparent: bool = False, **options: Any) -> Path:
    first, *others = frames(transparent)
    first.save(path, format, save_all=True, append_images=others, duration=DELAYS, **options)
    return path


def make(path: Path, *outputs: dict[str, Any], limits: ImageLimits | None = None) -> MediaResult:
    recipe = parse_recipe({"name": "r", "outputs": [{"kind": "image", **o} for o in outputs]}, "here")
    return process_image(path, sniff(path.read_bytes()[:65536]), recipe.images(), path.parent, limits)


def timeline(path: Path) -> list[tuple[int, Image.Image]]:
    """Every frame as shown on grey, with its delay."""
    shown = []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            grey = Image.new("RGBA", image.size, "grey")
            shown.append((image.info.get("duration", 0), Image.alpha_composite(grey, image.convert("RGBA"))))
    return shown


def alike(a: Image.Image, b: Image.Image) -> bool:
    return max(ImageStat.Stat(ImageChops.difference(a.convert("RGB"), b.convert("RGB"))).mean) < 3


@pytest.mark.parametrize("transparent", [False, True], ids=["opaque", "transparent"])
@pytest.mark.parametrize("source", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("target", ["gif", "webp"])
def test_every_frame_is_shown_as_long_as_in_the_source(
    source: str, target: str, transparent: bool, tmp_path: Path
) -> None:
    options = {"disposal": 2} if source == "GIF" else {"lossless": True} if source == "WEBP" else {}
    path = saved(tmp_path / "in", source, transparent, loop=0, **options)
    result = make(path, {"name": "a", "format": target, "animated": "keep", "quality": 95})
    expected, found = timeline(path), timeline(tmp_path / result.artifacts[0].path)
    assert [delay for delay, _ in found] == [delay for delay, _ in expected] == DELAYS
    for (_, was), (_, is_now) in zip(expected, found, strict=True):
        assert alike(was, is_now)
    assert result.artifacts[0].duration_s == sum(DELAYS) / 1000


# A GIF says how often it is repeated after the first time, a WebP and a PNG how often it is shown.
@pytest.mark.parametrize(
    ("source", "loop", "webp", "gif"),
    [
        ("GIF", 0, 0, 0),
        ("GIF", None, 1, None),
        ("GIF", 2, 3, 2),
        ("WEBP", 3, 3, 2),
        ("WEBP", 1, 1, None),
        ("PNG", 4, 4, 3),
    ],
)
def test_it_is_shown_as_often_as_the_source(
    source: str, loop: int | None, webp: int, gif: int | None, tmp_path: Path
) -> None:
    path = saved(tmp_path / "in", source, **({} if loop is None else {"loop": loop}))
    made = make(path, {"name": "a", "formats": ["webp", "gif"], "animated": "keep"})
    with Image.open(tmp_path / made.artifacts[0].path) as image:
        assert image.info["loop"] == webp
    with Image.open(tmp_path / made.artifacts[1].path) as image:
        assert image.info.get("loop") == gif


def test_resizing_cropping_and_letterboxing_reach_every_frame(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", "GIF")
    box = {"width": 30, "height": 30, "animated": "keep", "format": "webp"}
    made = make(
        path, {"name": "c", "mode": "crop", **box}, {"name": "f", "mode": "fill", "background": "#ff0000", **box}
    )
    crop, fill = (timeline(tmp_path / a.path) for a in made.artifacts)
    assert len(crop) == len(fill) == 4
    assert {picture.size for _, picture in crop + fill} == {(30, 30)}
    for _, picture in fill:
        red, green, _, _ = picture.getpixel((15, 1))  # type: ignore[misc]
        assert red > 200
        assert green < 60


def test_stills_of_an_animation_show_its_first_frame_and_say_so(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", "GIF", transparent=True, disposal=2)
    made = make(path, {"name": "a", "formats": ["jpeg", "webp", "gif", "avif", "png"]})
    for artifact in made.artifacts:
        shown = timeline(tmp_path / artifact.path)
        assert len(shown) == 1
        assert artifact.duration_s is None
        red, green, _, _ = shown[0][1].getpixel((5, 15))  # type: ignore[misc]
        assert red > 200, artifact.name
        assert green < 60
    assert any("4 frames" in w for w in made.warnings)


def test_a_format_that_cannot_move_gets_a_still_from_a_set_that_keeps_animations(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", "GIF")
    made = make(path, {"name": "a", "formats": ["webp", "jpeg"], "animated": "keep"})
    assert [len(timeline(tmp_path / a.path)) for a in made.artifacts] == [4, 1]
    assert made.preview


def test_the_still_for_old_programs_is_no_frame(tmp_path: Path) -> None:
    first, *others = frames(False)
    path = tmp_path / "in"
    Image.new("RGB", SIZE, "yellow").save(
        path, "PNG", save_all=True, default_image=True, append_images=[first, *others], duration=DELAYS
    )
    made = make(path, {"name": "a", "format": "webp", "animated": "keep"})
    assert len(timeline(tmp_path / made.artifacts[0].path)) == 4


def test_an_animation_that_is_too_much_work_is_refused_but_its_stills_are_made(tmp_path: Path) -> None:
    canvas = b"GIF89a" + struct.pack("<HH", 4000, 4000) + b"\x80\0\0\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x01\0\0\0," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\x02\x02D\x01\0"
    path = tmp_path / "in"
    path.write_bytes(canvas + 500 * frame + b";")
    made = make(path, {"name": "moving", "animated": "keep", "width": 100}, {"name": "still", "width": 100})
    assert [a.name for a in made.artifacts] == ["still"]
    assert made.failures[0].error.code is ErrorCode.LIMIT_EXCEEDED
    assert "8,000 megapixels" in made.failures[0].error.message


def test_a_cut_off_animation_keeps_its_whole_frames_and_says_so(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    noise = [Image.effect_noise((80, 80), 90 + n).convert("P") for n in range(5)]
    noise[0].save(buffer, "GIF", save_all=True, append_images=noise[1:], duration=100)
    path = tmp_path / "in"
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) * 7 // 10])
    made = make(path, {"name": "a", "animated": "keep"})
    assert 2 <= len(timeline(tmp_path / made.artifacts[0].path)) < 5
    assert any("lacks its end" in w or "damaged" in w for w in made.warnings)
