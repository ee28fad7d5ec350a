"""manifest.json: every key there, URLs that work relative to it, and nothing else in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from telecine.artifact import Artifact, StreamFile
from telecine.errors import SystemFault
from telecine.manifest import SourceRef, build_manifest, manifest_output, parse_manifest

WHEN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHA = "0" * 64
STILL = Artifact("image/renditions", "1920.webp", "renditions/1920.webp", "image/webp", 1234, SHA, 1920, 1280)
STREAM = Artifact(
    asset="video/hls",
    name="multivariant",
    path="hls/multivariant.m3u8",
    mime="application/vnd.apple.mpegurl",
    size_bytes=400,
    sha256=SHA,
    stream_files=(StreamFile("hls/multivariant.m3u8", "x/y", 400, SHA), StreamFile("cmaf/1.m4s", "x/y", 9600, SHA)),
)
SOURCE = SourceRef("media-incoming", "a b/ü.jpg", "etag", 99, "image", {"format": "jpeg", "width": 3, "height": 2})


def built(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "partition": "a-1234",
        "generation": 3,
        "created_at": WHEN,
        "recipe_name": "default",
        "recipe_hash": "abc",
        "source": SOURCE,
        "outputs": [manifest_output(STILL, "a-1234", 3), manifest_output(STREAM, "a-1234", 3, "g3/hls/files.json")],
        "warnings": ["A sentence."],
    }
    return build_manifest(**{**fields, **changes})


def test_the_manifest_has_every_key_null_rather_than_absent() -> None:
    manifest = built()
    assert list(manifest) == [
        "schema", "partition", "generation", "created_at", "recipe", "source", "outputs", "warnings"
    ]  # fmt: skip
    assert manifest["schema"] == 1
    assert manifest["created_at"] == "2026-11-21T12:00:00Z"
    assert manifest["source"]["duration_s"] is None
    still, stream = manifest["outputs"]
    assert still == {
        "asset": "image/renditions",
        "name": "1920.webp",
        "url": "g3/renditions/1920.webp",
        "key": "a-1234/g3/renditions/1920.webp",
        "mime": "image/webp",
        "size_bytes": 1234,
        "sha256": SHA,
        "width": 1920,
        "height": 1280,
        "duration_s": None,
        "offset_s": None,
        "bitrate_bps": None,
        "codecs": None,
        "total_bytes": None,
        "files": None,
    }
    assert list(stream) == list(still)
    assert (stream["total_bytes"], stream["files"]) == (10_000, "g3/hls/files.json")


def test_urls_are_percent_encoded_and_keys_are_not() -> None:
    odd = Artifact("image/renditions", "a", "renditions/50% ü.webp", "image/webp", 1, SHA, 1, 1)
    output = manifest_output(odd, "p", 1)
    assert output["url"] == "g1/renditions/50%25%20%C3%BC.webp"
    assert output["key"] == "p/g1/renditions/50% ü.webp"


def test_a_written_manifest_reads_back_and_its_outputs_can_be_carried_forward() -> None:
    first = parse_manifest(json.dumps(built()).encode())
    again = built(generation=4, outputs=first.outputs)
    assert again["outputs"] == built()["outputs"]
    assert again["outputs"][0]["url"].startswith("g3/")


def test_facts_of_the_source_are_kept_and_times_are_written_in_utc() -> None:
    source = SourceRef("b", "k", None, 1, "audio", {"format": "mp3", "duration_s": 2.5, "channels": 2})
    local = WHEN.astimezone(timezone(timedelta(hours=5)))
    manifest = built(source=source, created_at=local)
    assert manifest["source"]["channels"] == 2
    assert manifest["source"]["width"] is None
    assert manifest["created_at"].startswith("2026-11-21T12:00:00")


@pytest.mark.parametrize(
    "change", [{"generation": 0}, {"outputs": [{"asset": "x"}]}, {"source": SourceRef("b", "k", "", 1, "image")}]
)
def test_what_is_no_manifest_is_never_built(change: dict[str, Any]) -> None:
    with pytest.raises(SystemFault):
        built(**change)


def test_what_is_no_manifest_is_not_read() -> None:
    with pytest.raises(SystemFault):
        parse_manifest(b'{"schema": 2}')
