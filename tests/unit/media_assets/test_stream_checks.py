"""Asset checks of streams say what verifying them said."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import dagster as dg

from media_assets.checks import VERIFIED
from media_assets.stream_checks import stream_check_specs, stream_checks
from media_assets.videos import videos
from telecine.ledger import Job
from telecine.worker import Outcome


def results(streams: dict[str, Any]) -> dict[str, dg.AssetCheckResult]:
    job = Job(**{field.name: None for field in fields(Job)})  # type: ignore[arg-type]
    found = stream_checks(Outcome(job, "COMPLETED", private_facts={"streams": streams}))
    return {result.asset_key.to_user_string(): result for result in found if result.asset_key}


def test_a_stream_that_keeps_every_rule_passes() -> None:
    found = results({"video/hls": {"pass": 46, "fail": 0, "n/a": 9, "broken": []}})
    assert found.keys() == {"video/hls"}  # nothing is claimed of a stream that wasn't made
    assert found["video/hls"].passed
    assert found["video/hls"].metadata["rules kept"].value == 46
    assert "broken" not in found["video/hls"].metadata


def test_what_should_be_kept_and_isnt_is_a_warning_and_what_must_be_an_error() -> None:
    found = results(
        {
            "video/hls": {
                "pass": 45,
                "fail": 1,
                "n/a": 9,
                "broken": ["APPLE-1.30 the peak is at most twice: 360p.m3u8"],
            },
            "video/dash": {"refused": ["TC-FILES every referenced object exists: 240p/1.m4s, measured isn't there"]},
        }
    )
    warned, refused = found["video/hls"], found["video/dash"]
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "APPLE-1.30" in warned.metadata["broken"].value  # type: ignore[operator]
    assert (refused.passed, refused.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "240p/1.m4s" in refused.metadata["broken"].value  # type: ignore[operator]


def test_a_run_without_streams_says_nothing() -> None:
    assert results({}) == {}


def test_the_checks_belong_to_the_assets() -> None:
    keys = {(key.asset_key.to_user_string(), key.name) for key in videos.check_keys}
    assert {("video/hls", VERIFIED), ("video/dash", VERIFIED)} <= keys
    assert len(stream_check_specs) == 2
