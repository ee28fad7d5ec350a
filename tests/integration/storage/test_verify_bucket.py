"""`telecine verify s3://...`: a package in a bucket, read by ranges with the store's own credentials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.errors import TelecineError
from telecine.process import Limits, run
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.tools import ffmpeg_path

pytestmark = pytest.mark.integration

TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".mp4": "video/mp4", ".m4s": "video/iso.segment"}


@pytest.fixture
def bucket(stack: dict[str, str], tmp_path: Path) -> str:
    """An HLS package of one rung in the output bucket; its prefix as s3:// without the last slash."""
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=4", "-c:v", "libx264", "-preset", "ultrafast", "-g", "20"]
    hls = ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4", "a.m3u8"]
    run([str(ffmpeg_path()), "-nostdin", "-v", "error", *source, *hls], cwd=tmp_path, limits=Limits(wall_s=60))
    store = ObjectStore.from_settings(settings())
    for path in tmp_path.iterdir():
        mime = TYPES[path.suffix]
        store.upload(settings().output_bucket, f"verified/here/{path.name}", path, mime=mime)
    return f"s3://{settings().output_bucket}/verified/here"


def verified(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["verify", *words])
    return (1, str(found.exception)) if isinstance(found.exception, TelecineError) else (found.exit_code, found.output)


def test_a_package_in_a_bucket_is_verified(bucket: str) -> None:
    code, text = verified(f"{bucket}/a.m3u8", "--json")
    rules = {rule["rule"]: rule for rule in json.loads(text)["rules"]}
    assert code == 0, [rule for rule in rules.values() if rule["verdict"] == "fail"]
    assert rules["TC-WHOLE"]["looked_at"] == 2
    assert rules["APPLE-7.4"]["verdict"] == rules["APPLE-8.1"]["verdict"] == "pass"
    assert rules["APPLE-10.4"]["verdict"] == "pass"  # what the store was told, it says again
    assert verified(f"{bucket}/a.m3u8", "--root", bucket.removesuffix("/here"))[0] == 0


def test_what_is_not_in_the_bucket_is_said(bucket: str) -> None:
    code, text = verified(f"{bucket}/b.m3u8")
    assert code == 1
    assert "b.m3u8 isn't there" in text
    store = ObjectStore.from_settings(settings())
    store.client.remove_object(settings().output_bucket, "verified/here/a1.m4s")
    code, text = verified(f"{bucket}/a.m3u8", "--json")
    files = next(rule for rule in json.loads(text)["rules"] if rule["rule"] == "TC-FILES")
    assert code == 3
    assert (files["where"], files["measured"]) == ("a1.m4s", "isn't there")
