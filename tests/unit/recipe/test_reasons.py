"""What a recipe that is wrong says: one sentence for each field, whatever pydantic tried for it."""

from __future__ import annotations

from typing import Any

import pytest

from telecine.errors import ConfigurationError
from telecine.recipe import parse_recipe


def said(*outputs: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_recipe({"name": "test", "outputs": outputs}, "test")
    return caught.value.message.removeprefix("recipe test: ").split("; ")


@pytest.mark.parametrize(
    ("output", "place", "words"),
    [
        ({"kind": "video_still", "offsets": [-3]}, "outputs.0.video_still.offsets", "greater than or equal to 0"),
        ({"kind": "storyboard", "columns": 0}, "outputs.0.storyboard.columns", "greater than or equal to 1"),
        ({"kind": "image", "name": "a", "width": "wide"}, "outputs.0.image.width", "valid integer"),
        ({"kind": "pikture"}, "outputs.0", "'storyboard'"),
        (
            {"kind": "video", "name": "a", "audio": {"loudnes": 3}},
            "outputs.0.video.audio.loudnes",
            "did you mean 'loudness_lufs'",
        ),
        ({"kind": "streams", "segment": 4}, "outputs.0.streams.segment", "did you mean 'segment_s'"),
    ],
)
def test_one_wrong_field_is_one_sentence(output: dict[str, Any], place: str, words: str) -> None:
    (sentence,) = said(output)
    assert sentence.startswith(f"{place}: ")
    assert words in sentence


def test_every_wrong_field_is_named() -> None:
    sentences = said({"kind": "storyboard", "columns": 0}, {"kind": "video_still", "offsets": ["half"], "quality": 0})
    assert [sentence.partition(": ")[0] for sentence in sentences] == [
        "outputs.0.storyboard.columns",
        "outputs.1.video_still.offsets",
        "outputs.1.video_still.quality",
    ]
