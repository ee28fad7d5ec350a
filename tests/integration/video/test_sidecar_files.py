"""Caption files beside a video in a real bucket, from the drop to the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import RECIPE, Bench
from mpegdash.parser import MPEGDASHParser
from test_partial_publishing import STREAMS

from telecine.acceptance import Order, accept_file, accept_object
from telecine.recipe import load_recipe
from telecine.sidecar import fetch_sidecars
from telecine.stream import hls
from telecine.submission import find_files, hand_over
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

GOOD = "WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n"
BAD = "WEBVTT\n\n00:01.000 --> soon\nHello\n"


def test_captions_beside_a_video_are_in_both_streams_and_on_their_own(bench: Bench, base: Path) -> None:
    srt = "1\n00:00:00,500 --> 00:00:01,500\nNur dies\n"
    useless = {".English.srt": srt, ".en.ttml": "<tt/>", ".txt": "no captions", "-2.fr.vtt": GOOD}
    job = bench.accept(base, beside={".en.vtt": GOOD, ".de.forced.srt": srt, **useless})
    outcome = bench.attempt(job)
    assert (outcome.status, outcome.error_code) == ("COMPLETED", None)
    told = [warning for warning in bench.manifest(job)["warnings"] if "Not among the captions" in warning]
    assert [(".English.srt (a name" in warning, ".en.ttml (what" in warning) for warning in told] == [
        (True, False),
        (False, True),
    ]
    bucket, outputs = bench.config.output_bucket, bench.manifest(job)["outputs"]
    found = {o["name"]: o for o in outputs if o["mime"] == "text/vtt"}
    assert set(found) == {"captions-en", "captions-de-forced"}
    assert {o["asset"] for o in found.values()} == {"video/hls"}
    assert b"Nur dies" in bench.store.read(bucket, found["captions-de-forced"]["key"])
    streams = {o["asset"]: o for o in outputs if o["files"]}
    entry = hls.parse_multivariant(bench.store.read(bucket, streams["video/hls"]["key"]).decode())
    assert [(m["LANGUAGE"], m["FORCED"]) for m in entry.media if m["TYPE"] == "SUBTITLES"] == [
        ("de", "YES"),
        ("en", "NO"),
    ]
    manifest = MPEGDASHParser.parse(bench.store.read(bucket, streams["video/dash"]["key"]).decode())
    texts = [a for a in manifest.periods[0].adaptation_sets if a.content_type == "text"]
    files = [a.representations[0].base_urls[0].base_url_value for a in texts]
    assert files == ["captions-de-forced.vtt", "captions-en.vtt"]
    for asset in STREAMS:
        listed = json.loads(bench.store.read(bucket, f"{job.partition}/{streams[asset]['files']}"))["files"]
        assert {f["mime"] for f in listed if f["path"].endswith(".vtt")} == {"text/vtt"}


def test_a_caption_file_that_does_not_parse_fails_the_job_before_it_is_encoded(bench: Bench, base: Path) -> None:
    job = bench.accept(base, beside={".en.vtt": BAD})
    outcome = bench.attempt(job)
    assert (outcome.status, outcome.error_code) == ("FAILED", "INVALID_CAPTIONS")
    assert ".en.vtt, line 3: not the times of a cue" in str(outcome.error_message)
    assert get(bench.ledger, job.job_id).progress < 20


def test_where_captions_are_optional_a_wrong_file_is_a_warning(bench: Bench, base: Path) -> None:
    outputs = tuple(o.model_copy(update={"captions": "optional"}) if o.kind == "streams" else o for o in RECIPE.outputs)
    recipe = RECIPE.model_copy(update={"outputs": outputs})
    job = bench.accept(base, beside={".en.vtt": BAD, ".de.vtt": GOOD}, recipe=recipe)
    assert bench.attempt(job).status == "COMPLETED"
    manifest = bench.manifest(job)
    assert [o["name"] for o in manifest["outputs"] if o["mime"] == "text/vtt"] == ["captions-de"]
    assert any(".en.vtt were left out: line 3" in warning for warning in manifest["warnings"])


def test_caption_files_go_along_with_a_file_that_is_handed_over(bench: Bench, base: Path, tmp_path: Path) -> None:
    clip, copied = tmp_path / "clip [1].mp4", bench.config.model_copy(update={"output_bucket": "none"})
    clip.write_bytes(base.read_bytes())
    for name in ("clip [1].en.vtt", "clip [1].txt", "clip 1.de.vtt"):
        (tmp_path / name).write_text(GOOD)
    recipe = load_recipe("default")
    accepted = accept_file(bench.ledger, bench.store, copied, clip, Order(recipe))
    (submission,) = hand_over(bench.ledger, bench.store, copied, find_files([str(clip)]), recipe, 5)
    keys = {get(bench.ledger, job_id).key for job_id in (accepted.job_id, str(submission.job_id))}
    again = f"s3://{copied.input_bucket}/{sorted(keys)[0].replace(' ', '%20')}"
    third = accept_object(bench.ledger, bench.store, copied, again, Order(recipe))
    keys |= {get(bench.ledger, third.job_id).key}
    assert len(keys) == 3
    for key in keys:
        found, _ = fetch_sidecars(bench.store, copied.input_bucket, key, tmp_path)
        assert [(file.name, file.language) for file in found] == [("clip [1].en.vtt", "en")]
