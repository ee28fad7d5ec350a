"""One output that can't be made doesn't cost the others of the same file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from telecine.errors import ErrorCode, InputError, TelecineError
from telecine.image import ImageLimits, process_image
from telecine.image_task import ImagesMade
from telecine.recipe.image import ImageOutput
from telecine.samples import photo
from telecine.sniff import sniff

LIMITS = ImageLimits(max_memory_bytes=8_000_000)  # enough for decoding 800x600, too little for an AVIF of that size


def spec(name: str, **fields: object) -> ImageOutput:
    return ImageOutput.model_validate({"kind": "image", "name": name, **fields})


def source(folder: Path) -> Path:
    path = folder / "in"
    photo(2, (800, 600)).save(path, "JPEG")
    return path


def test_an_output_beyond_the_limits_is_reported_and_the_others_are_made(tmp_path: Path) -> None:
    path = source(tmp_path)
    outputs = [spec("small", width=100), spec("large", format="avif"), spec("middle", width=300)]
    result = process_image(path, sniff(path.read_bytes()), outputs, tmp_path, LIMITS)
    assert [a.name for a in result.artifacts] == ["small", "middle"]
    [failure] = result.failures
    assert (failure.asset, failure.name) == ("image/renditions", "large")
    assert failure.error.code is ErrorCode.LIMIT_EXCEEDED
    assert "'large'" in failure.error.message
    assert result.preview


def test_an_output_that_cannot_be_written_is_reported_and_the_others_are_made(tmp_path: Path) -> None:
    path = source(tmp_path)
    (tmp_path / "thumbnails").write_text("a file where a directory should be")
    outputs = [spec("t", asset="thumbnails", width=100), spec("r", width=100)]
    result = process_image(path, sniff(path.read_bytes()), outputs, tmp_path)
    assert [(a.asset, a.name) for a in result.artifacts] == [("image/renditions", "r")]
    assert [(f.asset, f.name, f.error.code) for f in result.failures] == [("image/thumbnails", "t", ErrorCode.INTERNAL)]


def test_when_no_output_can_be_made_the_first_ones_error_is_raised(tmp_path: Path) -> None:
    path = source(tmp_path)
    outputs = [spec("first", format="avif"), spec("second", format="webp", lossless=True)]
    with pytest.raises(InputError, match="'first'"):
        process_image(path, sniff(path.read_bytes()), outputs, tmp_path, LIMITS)


def test_failures_cross_process_boundaries(tmp_path: Path) -> None:
    path = source(tmp_path)
    outputs = [spec("small", width=100), spec("large", format="avif")]
    result = process_image(path, sniff(path.read_bytes()), outputs, tmp_path, LIMITS)
    made = ImagesMade(result.facts, [], (), None, result.failures)
    [failure] = pickle.loads(pickle.dumps(made)).failures
    assert isinstance(failure.error, TelecineError)
    assert failure.error.message == result.failures[0].error.message


def test_progress_is_told_stage_by_stage_and_output_by_output(tmp_path: Path) -> None:
    path = source(tmp_path)
    said: list[tuple[str, int, int]] = []
    outputs = [spec("a", width=100), spec("b", width=50)]
    process_image(path, sniff(path.read_bytes()), outputs, tmp_path, tell=lambda *word: said.append(word))
    assert said == [("DECODING", 0, 2), ("ENCODING", 0, 2), ("ENCODING", 1, 2), ("ENCODING", 2, 2)]
