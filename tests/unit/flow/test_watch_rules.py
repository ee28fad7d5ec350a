"""telecine.toml: which objects which rule takes (telecine/config.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from telecine.config import Rule, is_own_output, is_temporary, load_config
from telecine.errors import ConfigurationError
from telecine.partition import generation_prefix, manifest_key, partition_key
from telecine.priority import Lane, Priority


def config_of(folder: Path, text: str) -> Path:
    path = folder / "telecine.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_input_bucket_is_watched_with_the_default_recipe(tmp_path: Path) -> None:
    (rule,) = load_config(tmp_path / "missing.toml", "incoming").rules
    assert (rule.bucket, rule.prefix, rule.recipe, rule.priority, rule.lane) == (
        "incoming",
        "",
        "default",
        Priority.NORMAL,
        Lane.LIVE,
    )


def test_the_file_that_is_shipped_loads() -> None:
    assert load_config(Path(__file__).parents[3] / "telecine.toml", "incoming").rules


@pytest.mark.parametrize("written", ['"high"', '"HIGH"', "10", '"10"'])
def test_priorities_may_be_named_or_numbered(tmp_path: Path, written: str) -> None:
    path = config_of(tmp_path, f'[[rules]]\nbucket = "b"\npriority = {written}\n')
    assert load_config(path, "b").rules[0].priority is Priority.HIGH


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[[rules]]\nbucket = "b"\nprefx = "x"\n', "rules.0.prefx"),
        ('[[rules]]\nprefix = "x"\n', "rules.0.bucket"),
        ('[[rules]]\nbucket = ""\n', "rules.0.bucket"),
        ('[[rules]]\nbucket = "b"\npriority = "soon"\n', "soon"),
        ('[[rules]]\nbucket = "b"\nlane = "slow"\n', "rules.0.lane"),
        ('[[rules]]\nbucket = "b"\nrecipe = "no-such-recipe"\n', "no-such-recipe"),
        ("[[rules]\n", "telecine.toml"),
        ("\x00", "telecine.toml"),
    ],
)
def test_a_mistake_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config(config_of(tmp_path, text), "b")
    assert named in caught.value.message


def test_a_file_that_is_not_text_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "telecine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError):
        load_config(path, "b")


@pytest.mark.parametrize(
    "key",
    [
        "a.part", "a/b.jpg.tmp", "a/.hidden.jpg", ".DS_Store", "x/~lock.jpg", "photo.jpg~", "Thumbs.db",
        "a/desktop.ini", "a.CRDOWNLOAD", "__MACOSX/a.jpg", "zip/__MACOSX/._a.jpg", "folder/", "movie.mp4.filepart",
        ".part",
    ],
)  # fmt: skip
def test_temporary_names(key: str) -> None:
    assert is_temporary(key)
    assert not Rule(bucket="b").matches(key)


@pytest.mark.parametrize(
    "key", ["a.jpg", "part", "a.parts/x.jpg", "tmp/x.jpg", "a~b.jpg", "template.png", "ü/日本.heic", "no-extension"]
)
def test_names_that_only_look_temporary(key: str) -> None:
    assert not is_temporary(key)
    assert Rule(bucket="b").matches(key)


def test_a_rule_takes_its_prefix_only_and_never_what_telecine_process_uploads() -> None:
    rule = Rule(bucket="b", prefix="photos/")
    assert rule.matches("photos/a.jpg")
    assert not rule.matches("photo/a.jpg")
    assert not rule.matches("Photos/a.jpg")
    assert not Rule(bucket="b").matches("uploads/0123456789ab/a.jpg")
    assert not Rule(bucket="b", prefix="uploads/").matches("uploads/0123456789ab/a.jpg")
    assert Rule(bucket="b").matches("my/uploads/a.jpg")


@pytest.mark.parametrize("key", ["a.jpg", "deep/folder/ü b.png", "x" * 300 + ".jpg", "?#%.gif"])
def test_what_publishing_writes_is_recognised_as_its_own(key: str) -> None:
    partition = partition_key("b", key)
    assert is_own_output(manifest_key(partition))
    assert is_own_output(generation_prefix(partition, 12) + "renditions/1920.webp")
    assert not is_own_output(key)
    assert not is_own_output(f"{partition}/manifest.json.bak")
    assert not is_own_output(f"{partition}/photo.jpg")
