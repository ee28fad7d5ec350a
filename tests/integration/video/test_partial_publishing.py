"""A video of which some outputs can't be made, from claim to manifest; and a job's own limits."""

from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Bench, ffmpeg

from telecine.assets import VIDEO_ASSETS
from telecine.errors import ErrorCode
from telecine.ledger import attempts
from telecine.limits import JobLimits
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe
from telecine.sound.files import process_audio
from telecine.tools import ffmpeg_path
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

STREAMS = {"video/hls", "video/dash"}


def program(path: Path, script: str) -> str:
    """A program of our own in the place of another."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_packager_that_fails_costs_the_streams_and_a_retry_makes_only_them(
    bench: Bench, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.accept(base)
    monkeypatch.setenv("TELECINE_PACKAGER", program(tmp_path / "packager", "echo no luck >&2; exit 1"))
    first = bench.attempt(job)
    assert (first.status, first.error_code) == ("PENDING", "ENCODE_FAILED")
    assert first.made == set(VIDEO_ASSETS) - STREAMS
    assert first.manifest == bench.manifest(job)
    assert {output["asset"] for output in bench.manifest(job)["outputs"]} == set(VIDEO_ASSETS) - STREAMS
    waiting = get(bench.ledger, job.job_id)
    assert {(o["asset"], o["status"]) for o in waiting.outputs if o["asset"] in STREAMS} == {
        (asset, "FAILED") for asset in STREAMS
    }

    monkeypatch.delenv("TELECINE_PACKAGER")
    second = bench.attempt(job)
    assert (second.status, second.error_code) == ("COMPLETED", None)
    assert second.made == STREAMS
    manifest = bench.manifest(job)
    assert {o["asset"]: o["url"].split("/")[0] for o in manifest["outputs"]} == {
        asset: "g2" if asset in STREAMS else "g1" for asset in VIDEO_ASSETS
    }
    done = get(bench.ledger, job.job_id)
    assert (done.status, done.partial, done.progress) == ("COMPLETED", False, 100.0)
    assert {output["status"] for output in done.outputs} == {"COMPLETED"}
    assert [a.outcome for a in bench.ledger.do(attempts.of_job, job.job_id)] == ["partial", "completed"]
    assert not any(bench.config.scratch.rglob("*"))


def test_the_last_attempt_leaves_a_job_that_failed_in_part(
    bench: Bench, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.accept(base, JobLimits(max_attempts=1))
    monkeypatch.setenv("TELECINE_PACKAGER", program(tmp_path / "packager", "exit 1"))
    outcome = bench.attempt(job)
    assert outcome.status == "FAILED"
    assert outcome.manifest is not None
    failed = get(bench.ledger, job.job_id)
    assert (failed.status, failed.partial) == ("FAILED", True)


def test_a_job_that_takes_longer_than_it_may_says_whose_limit_it_was(bench: Bench, base: Path) -> None:
    outcome = bench.attempt(bench.accept(base, JobLimits(max_processing_time_seconds=0.2)))
    assert (outcome.status, outcome.error_code) == ("PENDING", "TIMED_OUT")
    assert "limits.max_processing_time_seconds" in str(outcome.error_message)


def test_a_job_past_its_deadline_fails_for_good(bench: Bench, base: Path) -> None:
    late = JobLimits(deadline=datetime.now(UTC) - timedelta(seconds=1))
    outcome = bench.attempt(bench.accept(base, late))
    assert (outcome.status, outcome.error_code) == ("FAILED", "DEADLINE_PASSED")


def test_a_job_that_can_not_fit_into_its_memory_is_refused_from_its_header(bench: Bench, base: Path) -> None:
    outcome = bench.attempt(bench.accept(base, JobLimits(max_memory_mb=256)))
    assert (outcome.status, outcome.error_code) == ("FAILED", "LIMIT_EXCEEDED")
    assert "256 MB (limits.max_memory_mb)" in str(outcome.error_message)


def test_a_sound_format_that_can_not_be_made_does_not_cost_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song, out = tmp_path / "song.wav", tmp_path / "out"
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", str(song))
    out.mkdir()
    without_opus = (
        'for word; do [ "$word" = libopus ] && { echo "Unknown encoder libopus" >&2; exit 1; }; done\n'
        f'exec {ffmpeg_path()} "$@"'
    )
    facts = probe(song)
    monkeypatch.setenv("TELECINE_FFMPEG", program(tmp_path / "ffmpeg", without_opus))
    recipe = load_recipe("default")
    result = process_audio(facts, song, recipe, out, Quiet(), threading.Event())
    assert [artifact.path.rsplit(".", 1)[1] for artifact in result.artifacts] == ["m4a", "png"]
    (failure,) = result.failures
    assert failure.error.code is ErrorCode.TOOL_MISSING
    monkeypatch.delenv("TELECINE_FFMPEG")
    made = {(artifact.asset, artifact.name) for artifact in result.artifacts}
    rest = process_audio(facts, song, recipe, out, Quiet(), threading.Event(), made=made)
    assert {(artifact.asset, artifact.name) for artifact in rest.artifacts} == {(failure.asset, failure.name)}
