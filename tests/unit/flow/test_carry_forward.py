"""A run that was asked for some assets keeps the others of the generation before (telecine/publish.py)."""

from __future__ import annotations

from typing import Any

from telecine.publish import carry_forward

THUMBNAILS, RENDITIONS = "image/thumbnails", "image/renditions"


def manifest(etag: str, *assets: str, kind: str = "image") -> dict[str, Any]:
    return {"source": {"etag": etag, "kind": kind}, "outputs": [{"asset": asset, "name": "x"} for asset in assets]}


def test_nothing_is_carried_into_the_first_generation() -> None:
    assert carry_forward(None, [THUMBNAILS], "image", "e") == ([], [])


def test_what_was_not_asked_for_is_kept_without_a_warning_when_the_source_is_the_same() -> None:
    kept, warnings = carry_forward(manifest("e", THUMBNAILS, RENDITIONS, RENDITIONS), [THUMBNAILS], "image", "e")
    assert [output["asset"] for output in kept] == [RENDITIONS, RENDITIONS]
    assert warnings == []


def test_outputs_of_an_older_source_are_kept_with_a_warning_that_names_them() -> None:
    kept, (warning,) = carry_forward(manifest("old", THUMBNAILS, RENDITIONS), [THUMBNAILS], "image", "new")
    assert [output["asset"] for output in kept] == [RENDITIONS]
    assert RENDITIONS in warning
    assert THUMBNAILS not in warning


def test_an_asset_that_was_asked_for_and_is_not_made_any_more_goes() -> None:
    assert carry_forward(manifest("e", THUMBNAILS, RENDITIONS), [THUMBNAILS, RENDITIONS], "image", "e") == ([], [])


def test_a_photo_replaced_by_a_video_leaves_nothing_of_the_photo() -> None:
    assert carry_forward(manifest("old", THUMBNAILS, RENDITIONS), ["video/hls"], "video", "new") == ([], [])


def test_what_the_same_job_made_before_goes_before_what_is_current() -> None:
    made = {"asset": RENDITIONS, "name": "x", "key": "g1/x"}
    kept, warnings = carry_forward(manifest("e", THUMBNAILS, RENDITIONS), [RENDITIONS], "image", "e", [made])
    assert kept == [made, {"asset": THUMBNAILS, "name": "x"}]
    assert warnings == []
