"""Asset checks of streams say what verifying them said."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import dagster as dg
import pytest

from media_assets.audio import audio
from media_assets.checks import VERIFIED
from media_assets.stream_checks import (
    AUDIO_STREAMS,
    VIDEO_STREAMS,
    StreamChecks,
    stream_check_specs,
    stream_checks,
)
from media_assets.videos import videos
from telecine.ledger import Job
from telecine.worker import Outcome


def outcome(streams: dict[str, Any], key: str = "") -> Outcome:
    job = Job(**{field.name: None for field in fields(Job)} | {"key": key})  # type: ignore[arg-type]
    return Outcome(job, "COMPLETED", private_facts={"streams": streams})


def results(streams: dict[str, Any]) -> dict[str, dg.AssetCheckResult]:
    found = stream_checks(outcome(streams))
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


def test_the_streams_of_many_sound_files_are_summed_up_each_by_its_name() -> None:
    checks = StreamChecks(AUDIO_STREAMS)
    good = {"pass": 30, "fail": 0, "n/a": 20, "broken": []}
    checks.add(outcome({"audio/hls": good, "audio/dash": good}, "a.mp3"))
    checks.add(outcome({"audio/hls": {**good, "pass": 29, "fail": 1, "broken": ["APPLE-1.30 peak"]}}, "b.mp3"))
    checks.add(outcome({"audio/hls": {"refused": ["TC-FILES missing"]}}, "c.mp3"))
    checks.add(outcome({}, "d.mp3"))
    found = {e.asset_key.to_user_string(): e for e in checks.evaluations()}
    assert (found["audio/dash"].passed, found["audio/dash"].metadata["rules kept"].value) == (True, 30)
    hls = found["audio/hls"]
    assert (hls.passed, hls.severity, hls.metadata["rules kept"].value) == (False, dg.AssetCheckSeverity.ERROR, 59)
    assert hls.metadata["broken"].value == "- c.mp3: TC-FILES missing\n- b.mp3: APPLE-1.30 peak"
    assert list(StreamChecks(AUDIO_STREAMS).evaluations()) == []


@pytest.mark.parametrize(("assets", "streams"), [(videos, VIDEO_STREAMS), (audio, AUDIO_STREAMS)])
def test_the_checks_belong_to_the_assets(assets: dg.AssetsDefinition, streams: tuple[str, ...]) -> None:
    keys = {(key.asset_key.to_user_string(), key.name) for key in assets.check_keys}
    assert {(stream, VERIFIED) for stream in streams} <= keys
    assert len(stream_check_specs(streams)) == 2


def test_sound_files_without_streams_are_a_run_without_results() -> None:
    assert not [out.name for out in audio.op.output_defs if out.is_required]
