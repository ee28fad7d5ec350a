"""Image outputs of a recipe: what is refused, what is named how, and what leaves the hash alone."""

from __future__ import annotations

from typing import Any

import pytest

from telecine.errors import ConfigurationError
from telecine.recipe import Recipe, load_recipe, parse_recipe, preset_names


def recipe(*outputs: dict[str, Any], **fields: Any) -> Recipe:
    return parse_recipe({"name": "r", "outputs": [{"kind": "image", **o} for o in outputs], **fields}, "here")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"name": "a", "colour": "red"}, "colour"),
        ({"name": "a", "mode": "crop", "width": 10}, "needs both width and height"),
        ({"name": "a", "width": 20_000}, "width"),
        ({"name": "a", "quality": 0}, "quality"),
        ({"name": "../a"}, "name"),
        ({"name": "a", "background": "white"}, "background"),
        ({"name": "a", "format": "jpeg", "lossless": True}, "lossless"),
        ({"name": "a", "format": "bmp"}, "format"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(output: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        recipe(output)


def test_outputs_of_equal_file_name_are_refused_by_the_recipe() -> None:
    twice = [{"kind": "image", "name": "a"}, {"kind": "image", "name": "a.webp"}]
    with pytest.raises(ConfigurationError, match=r"a\.webp"):
        parse_recipe({"name": "r", "outputs": twice}, "here")


def test_the_extension_is_added_unless_the_name_has_it() -> None:
    names = [
        ("thumbnail", "jpeg", "thumbnail.jpg"),
        ("1920.jpg", "jpeg", "1920.jpg"),
        ("a.jpeg", "jpeg", "a.jpeg"),
        ("a.jpg", "webp", "a.jpg.webp"),
    ]
    for name, format, file_name in names:
        assert recipe({"name": name, "format": format}).images()[0].file_name == file_name


def test_writing_a_default_down_or_renaming_keeps_the_hash() -> None:
    plain = recipe({"name": "a"})
    assert recipe({"name": "a", "quality": 82, "interpolation": "auto"}, description="other").hash == plain.hash
    assert recipe({"name": "a", "quality": 83}).hash != plain.hash


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_named_like_its_file(name: str) -> None:
    assert load_recipe(name).name == name


def test_the_image_presets_exist() -> None:
    assert {"default", "thumbnail", "web_optimized", "archive_quality"} <= set(preset_names())


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"name": "a", "qualty": 3}, "there is no field 'qualty', did you mean 'quality'. Allowed: kind, name, .*"),
        ({"name": "a", "quality": "best"}, "low, medium, high, maximum"),
        ({"name": "a", "quality": 0}, "between 1 and 100"),
        ({"name": "a", "mode": "squash"}, "'fit', 'fill', 'crop' or 'stretch'"),
        ({"name": "a", "anchor": "smart"}, "'smart' is for mode 'crop'"),
        ({"name": "a", "format": "jpeg", "png_level": 3}, "'png_level' is for png; this output is jpeg"),
        ({"name": "a", "format": "jpeg", "animated": "keep"}, "kept in webp and gif"),
        ({"name": "a", "metadata": "selective"}, "'metadata_fields'"),
        ({"name": "a", "metadata": "selective", "metadata_fields": ["Artst"]}, "did you mean 'Artist'"),
        ({"name": "a", "widths": [10], "width": 10}, "'widths' takes the place of 'width'"),
        ({"preset": "thumb"}, "archive_quality, responsive, thumbnail, web_optimized"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_allowed(output: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        recipe(output)
    assert "at least 1 item" not in refused.value.message


def test_a_set_becomes_one_picture_for_each_width_and_format() -> None:
    found = recipe({"name": "hero", "widths": [320, 640, 320], "formats": ["avif", "jpeg"]}).images()
    assert [(o.file_name, o.width, o.format.value) for o in found] == [
        ("hero-320.avif", 320, "avif"),
        ("hero-320.jpg", 320, "jpeg"),
        ("hero-640.avif", 640, "avif"),
        ("hero-640.jpg", 640, "jpeg"),
    ]


def test_a_set_of_crops_keeps_the_shape_of_its_box() -> None:
    found = recipe({"name": "c", "widths": [160, 320], "mode": "crop", "width": 16, "height": 9}).images()
    assert [(o.width, o.height) for o in found] == [(160, 90), (320, 180)]


def test_a_sets_encoder_fields_go_only_to_the_formats_they_are_for() -> None:
    webp, jpeg = recipe({"name": "s", "formats": ["webp", "jpeg"], "lossless": True}).images()
    assert (webp.lossless, jpeg.lossless) == (True, False)


def test_sets_that_would_write_the_same_file_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"hero-320\.webp"):
        recipe({"name": "hero", "widths": [320]}, {"name": "hero-320", "format": "webp"})


def test_fields_beside_a_preset_replace_its_fields() -> None:
    [plain] = load_recipe("thumbnail").images()
    [changed] = recipe({"preset": "thumbnail", "width": 300, "anchor": "smart"}).images()
    assert changed == plain.model_copy(update={"width": 300, "anchor": "smart"})
    [single] = recipe({"preset": "responsive", "width": 500, "format": "png", "name": "one"}).images()
    assert (single.format, single.width, single.name) == ("png", 500, "one")
    [jpeg] = recipe({"preset": "archive_quality", "format": "jpeg", "animated": "first_frame"}).images()
    assert not jpeg.lossless


def test_what_a_preset_brought_is_stored_so_that_a_later_release_changes_nothing() -> None:
    kept = recipe({"preset": "archive_quality"})
    stored = kept.model_dump(mode="json", exclude_defaults=True)
    assert stored["outputs"][0]["lossless"]
    assert "preset" not in stored["outputs"][0]
    assert parse_recipe(stored, "stored") == kept


def test_what_holds_for_the_whole_file_reaches_every_output() -> None:
    found = recipe({"name": "a"}, {"name": "b", "widths": [1, 2]}, keep_details=True, allow_truncated=True).images()
    assert len(found) == 3
    assert all(o.keep_details and o.allow_truncated for o in found)


def test_short_colours_mean_the_long_ones() -> None:
    assert recipe({"name": "a", "background": "#fA0"}).images()[0].background == "#ffAA00"
