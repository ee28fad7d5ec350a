"""Clips generated with lavfi, and the whole way from a file to its outputs."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import get_contextvars

from telecine.artifact import Artifact, MediaResult
from telecine.assets import VIDEO_ASSETS
from telecine.file_job import JobFailed, begin
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, media
from telecine.ledger.jobs import Terms
from telecine.limits import JobLimits
from telecine.partition import manifest_key
from telecine.priority import Lane
from telecine.probe import MediaFacts, probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import Recipe, parse_recipe
from telecine.settings import Settings, settings
from telecine.sniff import Sniffed
from telecine.stages import VIDEO
from telecine.storage import ObjectStore
from telecine.tools import ffmpeg_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import VideoPlan, plan_video
from telecine.video_job import Baton, resume
from telecine.video_steps import encode_step, finish_step, plan_step
from telecine.worker import Outcome, hold_claim
from tests.integration.conftest import get

FLASH_S = 1.0  # when the picture turns white and the tone starts, in clips of `flash`
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p")


@dataclass(frozen=True)
class Made:
    """Everything made from one file."""

    facts: MediaFacts
    plan: VideoPlan
    result: MediaResult
    out: Path

    def artifact(self, asset: str, name: str) -> Artifact:
        return next(a for a in self.result.artifacts if (a.asset, a.name) == (asset, name))

    def file(self, asset: str, name: str) -> Path:
        return self.out / self.artifact(asset, name).path


def ffmpeg(*words: str) -> None:
    """Run our ffmpeg; the last word is the target."""
    run([str(ffmpeg_path()), "-v", "error", "-nostdin", "-y", *words])


def flash(frame_rate: str = "25", size: str = "320x240", seconds: float = 3) -> list[str]:
    """Inputs for a black picture that turns white, and a silence that turns into a tone, at the same instant."""
    picture = f"color=black:s={size}:r={frame_rate}:d={seconds},format=gray,geq=lum='255*gte(T,{FLASH_S - 0.0001})'"
    tone = f"aevalsrc='0.5*sin(2*PI*880*t)*gte(t,{FLASH_S})':s=48000:d={seconds}"
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]


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


class Bench:
    """Works on videos as the steps of a run do, in this process."""

    def __init__(self, ledger: Ledger, store: ObjectStore, config: Settings, claimed: Callable[..., str]) -> None:
        self.ledger, self.store, self.config, self.claimed = ledger, store, config, claimed

    def accept(
        self,
        path: Path,
        limits: JobLimits | None = None,
        recipe: Recipe = RECIPE,
        beside: Mapping[str, str] | None = None,
    ) -> Job:
        """Upload a clip and accept it as a job; `beside` are texts by what follows the clip's name."""
        bucket, name = self.config.input_bucket, uuid.uuid4().hex[:8]
        key = f"{name}.mp4"
        self.store.upload(bucket, key, path, mime="video/mp4")
        for ending, text in (beside or {}).items():
            self.store.write(bucket, f"{name}{ending}", text.encode(), mime="text/plain")
        info = self.store.stat(bucket, key)
        assert info is not None
        job_id = self.ledger.do(
            media.accept,
            info,
            Sniffed(kind="video", format="mp4", mime="video/mp4"),
            recipe,
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


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """probe -> plan -> encode -> finish of a file."""

    def make(
        source: Path, *, rungs: tuple[int, ...] = (240,), segment_s: float = 6.0, storyboard: bool = False
    ) -> Made:
        recipe = parse_recipe(
            {
                "name": "test",
                "quality_check": "off",  # test_quality_figures.py
                "outputs": [
                    {"kind": "video_ladder", "rungs": rungs, "preset": "ultrafast"},
                    {"kind": "streams", "segment_s": segment_s},
                    {"kind": "video_still"},
                    *([{"kind": "storyboard"}] if storyboard else []),
                ],
            },
            "test",
        )
        work, out = tmp_path / "work", tmp_path / "out"
        work.mkdir()
        out.mkdir()
        facts = probe(source)
        plan = plan_video(facts, recipe)
        cancel = threading.Event()
        encoded = encode(plan, source, work, Quiet(), cancel)
        return Made(facts, plan, finish(plan, encoded, source, out, Quiet(), cancel), out)

    return make


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four ordinary seconds with sound."""
    path = tmp_path_factory.mktemp("clips") / "base.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4"),
        *(*X264, "-c:a", "aac", "-movflags", "+faststart", str(path)),
    )
    return path
