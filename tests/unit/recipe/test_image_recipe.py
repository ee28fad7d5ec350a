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
