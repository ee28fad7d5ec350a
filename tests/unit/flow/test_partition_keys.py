"""Partition keys: safe everywhere, one per object (telecine/partition.py)."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import example, given, settings
from hypothesis import strategies as st

from telecine.partition import partition_key

_SAFE = re.compile(r"[a-z0-9._-]{1,80}-[0-9a-f]{8}")


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=150))
@example("...")
@example("a...b....c")
@example("/")
@example("\x00\x1f")
@example("日本語")
@example("-.-")
@example("a" * 79 + ".." + "b" * 79)
@example("x" * 78 + "..")
def test_a_key_is_safe_in_urls_file_names_and_dagster(key: str) -> None:
    made = partition_key("bucket", key)
    assert _SAFE.fullmatch(made)
    assert "..." not in made  # Dagster's range syntax
    assert quote(made) == made
    assert made not in (".", "..")
    assert not made.startswith((".", "-"))  # hidden files and command line options
    assert partition_key("bucket", key) == made


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_objects_have_different_keys(one: str, other: str) -> None:
    if one != other:
        assert partition_key("bucket", one) != partition_key("bucket", other)
        assert partition_key(f"b{one}".replace("/", "_"), "k") != partition_key(f"b{other}".replace("/", "_"), "k") or (
            one.replace("/", "_") == other.replace("/", "_")
        )


def test_names_that_differ_only_in_case_or_in_what_a_slug_drops_stay_apart() -> None:
    assert len({partition_key("b", key) for key in ("a b.jpg", "a-b.jpg", "A-B.jpg", "a/b.jpg", "a.b.jpg")}) == 5


def test_the_file_name_can_be_read_in_the_key() -> None:
    assert partition_key("b", "2024/Trip to Rome/IMG_0042.JPG").startswith("2024.trip-to-rome.img_0042.jpg-")
    assert "img_0042.jpg" in partition_key("b", "very/" * 60 + "IMG_0042.JPG")
