"""A video in mid-encode when something is killed or somebody cancels: no orphan, no scratch, the right state."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest

from media_assets.checks import VERIFIED
from telecine.ledger import Job, attempts
from telecine.ledger import jobs as job_rows
from telecine.samples_video import write_clip
from tests.e2e.house import House, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_TERMINATE = """mutation ($id: String!) { terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
PATIENCE_S = 600.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that its encode can be met in the middle: progress is written once a second."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=8)


def encoder(worker: psutil.Process) -> psutil.Process | None:
    """The ffmpeg that works for a run process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in worker.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name().startswith("ffmpeg"):
                    return child
    return None


def mid_encode(house: House, clip: Path) -> tuple[Job, psutil.Process, psutil.Process]:
    """Drop the clip and wait for the middle of its encode; answers the job, the run's process and ffmpeg."""
    house.drop([clip])
    worker = house.worker()

    def encoding() -> tuple[Job, psutil.Process] | None:
        (job,) = house.jobs()
        ffmpeg = encoder(worker)
        if job.stage == "ENCODING" and job.progress > 22 and ffmpeg is not None:
            return job, ffmpeg
        assert not job.status.is_final, "the encode was over before it was met; make the clip longer"
        return None

    job, ffmpeg = eventually(encoding, "the middle of the encode", PATIENCE_S, pause_s=0.05)
    return job, worker, ffmpeg


def gone_after_s(process: psutil.Process, patience_s: float = 60) -> float:
    """Seconds until a process is gone."""
    started = time.monotonic()
    psutil.wait_procs([process], timeout=patience_s)
    assert not process.is_running(), process
    return time.monotonic() - started


def outcomes(house: House, job: Job) -> list[str]:
    return [attempt.outcome for attempt in house.ledger.do(attempts.of_job, job.job_id)]


def check_made(house: House, job: Job, attempts: list[str]) -> None:
    (done,) = house.wait_until_over(1, PATIENCE_S)
    assert outcomes(house, done) == attempts
    house.assert_nothing_lost_or_twice([done])
    house.wait_until_shown("video", {job.partition: "MATERIALIZED"})
    made = {output["asset"] for output in house.manifest(job.partition)["outputs"]}
    assert {"video/renditions", "video/hls", "video/dash", "video/thumbnails"} <= made
    for stream in ("hls", "dash"):
        verified = house.instance.get_latest_asset_check_evaluation_record(
            dg.AssetCheckKey(dg.AssetKey(["video", stream]), VERIFIED)
        )
        assert verified is not None
        assert verified.evaluation is not None
        assert verified.evaluation.passed, verified.evaluation.metadata
        assert verified.evaluation.metadata["rules kept"].value > 20


def no_scratch(house: House) -> bool:
    return house.scratch() == []


def test_a_killed_encoder_means_another_try(house: House, clip: Path) -> None:
    job, _, ffmpeg = mid_encode(house, clip)
    ffmpeg.kill()
    check_made(house, job, ["retry", "completed"])
    eventually(lambda: no_scratch(house), "scratch to be empty", 30)


def test_a_killed_worker_takes_its_encoder_along_and_another_attempt_succeeds(house: House, clip: Path) -> None:
    job, worker, ffmpeg = mid_encode(house, clip)
    worker.kill()
    assert gone_after_s(ffmpeg) < 10
    check_made(house, job, ["lost", "completed"])
    eventually(lambda: no_scratch(house), "what the dead worker left to be swept", 150)


def test_terminating_the_run_cancels_the_job(house: House, clip: Path) -> None:
    job, worker, ffmpeg = mid_encode(house, clip)
    (claim,) = house.claims()
    answer = house.graphql(_TERMINATE, id=claim.run_id)["terminateRun"]
    assert answer["__typename"] == "TerminateRunSuccess", answer
    print(f"ffmpeg gone {gone_after_s(ffmpeg):.1f} s after the termination")
    (done,) = house.wait_until_over(1)
    assert (done.status, done.error_code) == ("CANCELED", "CANCELED")
    assert outcomes(house, job) == ["canceled"]
    gone_after_s(worker)
    eventually(lambda: no_scratch(house), "scratch to be empty", 30)
    run = house.instance.get_run_by_id(claim.run_id)
    assert run is not None
    eventually(lambda: house.instance.get_run_by_id(claim.run_id).status.value == "CANCELED", "the run to be CANCELED")  # type: ignore[union-attr]
    assert len(house.jobs()) == 1
    assert house.rows("SELECT 1 FROM telecine.generations WHERE partition = :p", p=job.partition) == []


def test_canceling_the_job_stops_its_encoder(house: House, clip: Path) -> None:
    job, _, ffmpeg = mid_encode(house, clip)
    asked = time.monotonic()
    house.ledger.do(job_rows.request_cancel, job.job_id, "not wanted any more")
    gone_after_s(ffmpeg)
    (done,) = house.wait_until_over(1)
    print(f"canceled {time.monotonic() - asked:.1f} s after the request")
    assert (done.status, done.error_code) == ("CANCELED", "CANCELED")
    assert outcomes(house, job) == ["canceled"]
    eventually(lambda: no_scratch(house), "scratch to be empty", 30)
    # Somebody may want it after all: a new upload is a new job.
    time.sleep(1.1)
    house.drop([clip])
    eventually(lambda: len(house.jobs()) == 2, "the new upload to be accepted")
    eventually(lambda: house.jobs()[-1].stage == "ENCODING", "the new upload to be worked on", PATIENCE_S)
    house.ledger.do(job_rows.request_cancel, house.jobs()[-1].job_id, "seen enough")
    eventually(lambda: house.jobs()[-1].status == "CANCELED", "the new upload to be canceled")
