"""Any size, layout, format and box: outputs have the promised sizes, and the promised part of the source in them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from telecine.image import process_image
from telecine.image.geometry import place
from telecine.image.orient import displayed_size, upright
from telecine.image.resize import filter_for
from telecine.recipe.image import ImageFormat, ImageOutput
from telecine.samples import oriented_jpeg
from telecine.sniff import sniff

SIDES = st.integers(1, 300)
ANCHORS = st.sampled_from(["center", "top", "bottom", "left", "right"])
MODES = st.sampled_from(["fit", "fill", "crop", "stretch"])
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


def gradient(size: tuple[int, int]) -> Image.Image:
    """Every place has a colour of its own: red grows to the right, green downwards."""
    ramp = Image.linear_gradient("L")
    red = ramp.transpose(Image.Transpose.ROTATE_90).resize(size, Image.Resampling.BILINEAR)
    return Image.merge("RGB", (red, ramp.resize(size, Image.Resampling.BILINEAR), Image.new("L", size, 128)))


def outputs_of(image: Image.Image, stored_as: str, *outputs: ImageOutput, orientation: int = 1) -> list[Image.Image]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        if stored_as == "JPEG" and orientation > 1:
            oriented_jpeg(image, path, orientation, quality=95)
        else:
            options = {"quality": 95} if stored_as in ("JPEG", "HEIF", "AVIF") else {}
            image.save(path, stored_as, **({"lossless": True} if stored_as == "WEBP" else options))
        result = process_image(path, sniff(path.read_bytes()[:65536]), outputs, Path(folder))
        assert not result.failures
        made = []
        for artifact in result.artifacts:
            with Image.open(Path(folder) / artifact.path) as opened:
                assert opened.size == (artifact.width, artifact.height)
                made.append(opened.convert("RGBA" if opened.has_transparency_data else "RGB"))
        return made


@settings(RELAXED, max_examples=60)
@given(
    size=st.tuples(SIDES, SIDES),
    box=st.tuples(SIDES, SIDES),
    mode=MODES,
    anchor=ANCHORS,
    enlarge=st.booleans(),
    layout=st.sampled_from(["RGB", "L", "RGBA", "LA", "P", "1", "CMYK"]),
    format=st.sampled_from(list(ImageFormat)),
)
def test_any_picture_gives_an_output_of_the_promised_size(
    size: tuple[int, int],
    box: tuple[int, int],
    mode: str,
    anchor: str,
    enlarge: bool,
    layout: str,
    format: ImageFormat,
) -> None:
    output = ImageOutput.model_validate(
        {"kind": "image", "name": "x", "mode": mode, "anchor": anchor, "width": box[0], "height": box[1]}
        | {"enlarge": enlarge, "format": format, "avif_speed": 10 if format == "avif" else None}
    )
    image = gradient(size).convert(layout)
    [made] = outputs_of(image, "TIFF" if layout == "CMYK" else "PNG", output)
    width, height = made.size
    if mode == "fill":
        assert made.size == box
    elif mode == "fit":
        assert width <= box[0]
        assert height <= box[1]
    elif enlarge:
        assert made.size == box
    if not enlarge and mode != "fill":
        assert width <= size[0]
        assert height <= size[1]


@settings(RELAXED, max_examples=25)
@given(
    size=st.tuples(st.integers(40, 300), st.integers(40, 300)),
    box=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    mode=st.sampled_from(["fit", "crop", "stretch"]),
    anchor=ANCHORS,
    stored_as=st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF"]),
    orientation=st.integers(1, 8),
)
def test_an_output_shows_the_part_it_promises(
    size: tuple[int, int], box: tuple[int, int], mode: str, anchor: str, stored_as: str, orientation: int
) -> None:
    """Compared with the same crop done by Pillow on the upright picture."""
    output = ImageOutput.model_validate(
        {"kind": "image", "name": "x", "mode": mode, "anchor": anchor, "width": box[0], "height": box[1]}
        | {"format": "png", "enlarge": True}
    )
    image = gradient(size)
    [made] = outputs_of(image, stored_as, output, orientation=orientation if stored_as == "JPEG" else 1)
    placement = place(size, output)
    expected = image.resize(placement.size, filter_for("auto", placement.scale), box=placement.crop)
    assert made.size == expected.size
    difference = ImageStat.Stat(ImageChops.difference(made.convert("RGB"), expected)).mean
    assert max(difference) < 4


@settings(RELAXED, max_examples=40)
@given(size=st.tuples(SIDES, SIDES), orientation=st.integers(1, 8))
def test_turning_back_what_was_turned_gives_the_same_picture(size: tuple[int, int], orientation: int) -> None:
    image = gradient(size)
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    turned = upright(image, inverse)
    assert displayed_size(turned.size, orientation) == size
    assert upright(turned, orientation).tobytes() == image.tobytes()
