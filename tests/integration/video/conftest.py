"""Clips generated with lavfi, and the whole way from a file to its outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from telecine.artifact import Artifact, MediaResult
from telecine.probe import MediaFacts, probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.tools import ffmpeg_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import VideoPlan, plan_video

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


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """probe -> plan -> encode -> finish of a file."""

    def make(source: Path, *, rungs: tuple[int, ...] = (240,), segment_s: float = 6.0) -> Made:
        recipe = parse_recipe(
            {
                "name": "test",
                "outputs": [
                    {"kind": "video_ladder", "rungs": rungs, "preset": "ultrafast"},
                    {"kind": "streams", "segment_s": segment_s},
                    {"kind": "video_still"},
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
