"""A video of which some outputs can't be made, from claim to manifest; and a job's own limits."""

from __future__ import annotations

import json
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import ffmpeg
from structlog.contextvars import get_contextvars

from telecine.errors import ErrorCode
from telecine.file_job import JobFailed, begin
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, attempts, media
from telecine.ledger.jobs import Terms
from telecine.limits import JobLimits
from telecine.partition import manifest_key
from telecine.priority import Lane
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.settings import Settings, settings
from telecine.sniff import Sniffed
from telecine.stages import VIDEO
from telecine.storage import ObjectStore
from telecine.tools import ffmpeg_path
from telecine.video.audio import process_audio
from telecine.video_job import VIDEO_ASSETS, Baton, encode_step, finish_step, plan_step, resume
from telecine.worker import Outcome, hold_claim
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

RECIPE = parse_recipe(
    {
        "name": "test",
        "outputs": [
            {"kind": "video_ladder", "rungs": [240], "preset": "ultrafast"},
            {"kind": "streams"},
            {"kind": "video_still"},
        ],
    },
    "test",
)
STREAMS = {"video/hls", "video/dash"}


def program(path: Path, script: str) -> str:
    """A program of our own in the place of another."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class Bench:
    """Works on videos as the steps of a run do, in this process."""

    def __init__(self, ledger: Ledger, store: ObjectStore, config: Settings, claimed: Callable[..., str]) -> None:
        self.ledger, self.store, self.config, self.claimed = ledger, store, config, claimed

    def accept(self, path: Path, limits: JobLimits | None = None) -> Job:
        """Upload a clip and accept it as a job."""
        bucket, key = self.config.input_bucket, f"{uuid.uuid4().hex[:8]}.mp4"
        self.store.upload(bucket, key, path, mime="video/mp4")
        info = self.store.stat(bucket, key)
        assert info is not None
        job_id = self.ledger.do(
            media.accept,
            info,
            Sniffed(kind="video", format="mp4", mime="video/mp4"),
            RECIPE,
            priority=5,
            lane=Lane.LIVE,
            origin="submit",
            job_id=new_id(),
            terms=Terms(limits=limits or JobLimits()),
        )
        assert job_id is not None
        return get(self.ledger, job_id)

    def attempt(self, job: Job) -> Outcome:
        """One attempt in three steps; batons cross as JSON."""
        job = get(self.ledger, job.job_id)
        wanted = set(VIDEO_ASSETS)
        with hold_claim(self.ledger, self.claimed(job), "run-1") as held:
            place = (self.ledger, self.store, self.config, held)
            work = begin(*place, job)
            try:
                with work.step(VIDEO, print) as track:
                    assert get_contextvars().items() >= {"job_id": job.job_id, "partition": job.partition}.items()
                    baton = plan_step(work, wanted, track)
                    assert baton is not None
                work = resume(*place, Baton.from_dict(json.loads(json.dumps(baton.to_dict()))))
                with work.step(VIDEO, print) as track:
                    baton = encode_step(work, baton, wanted, track)
                work = resume(*place, Baton.from_dict(json.loads(json.dumps(baton.to_dict()))))
                with work.step(VIDEO, print) as track:
                    outcome = finish_step(work, baton, wanted, track)
            except JobFailed as e:
                outcome = e.outcome
            held.release(self.config.scratch)
        return outcome

    def manifest(self, job: Job) -> dict[str, Any]:
        return dict(json.loads(self.store.read(self.config.output_bucket, manifest_key(job.partition))))


@pytest.fixture
def bench(stack: dict[str, str], ledger: Ledger, claimed: Callable[..., str], tmp_path: Path) -> Iterator[Bench]:
    store = ObjectStore.from_settings(settings())
    names = {name: f"partial-{name}-{uuid.uuid4().hex[:8]}" for name in ("in", "out")}
    for name in names.values():
        store.ensure_bucket(name)
    config = settings().model_copy(
        update={"input_bucket": names["in"], "output_bucket": names["out"], "scratch": tmp_path / "scratch"}
    )
    yield Bench(ledger, store, config, claimed)
    for name in names.values():
        for info in list(store.list(name)):
            store.remove(name, info.key)
        store.client.remove_bucket(name)


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
    assert [artifact.path.rsplit(".", 1)[1] for artifact in result.artifacts] == ["m4a"]
    (failure,) = result.failures
    assert failure.error.code is ErrorCode.TOOL_MISSING
    monkeypatch.delenv("TELECINE_FFMPEG")
    made = {(artifact.asset, artifact.name) for artifact in result.artifacts}
    rest = process_audio(facts, song, recipe, out, Quiet(), threading.Event(), made=made)
    assert {(artifact.asset, artifact.name) for artifact in rest.artifacts} == {(failure.asset, failure.name)}
