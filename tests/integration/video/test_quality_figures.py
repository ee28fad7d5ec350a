"""Quality figures of real encodes: high where all is well, low where it isn't, none where nobody asks."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from conftest import X264, ffmpeg

from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.picture_argv import video_file
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.quality import below_floors, measure_quality

LADDER = {"kind": "video_ladder", "rungs": [240, 720], "preset": "ultrafast"}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoPlan, Encoded, Path]:
    """A turned, mirrored clip at 50 frames a second, whose small rung has half of them."""
    folder = tmp_path_factory.mktemp("quality")
    plain, source, work = folder / "plain.mp4", folder / "a.mp4", folder / "work"
    ffmpeg("-f", "lavfi", "-i", "mandelbrot=s=1280x720:r=50,trim=duration=2", *X264, "-crf", "12", str(plain))
    ffmpeg("-display_rotation", "90", "-display_hflip", "-i", str(plain), "-c", "copy", str(source))
    work.mkdir()
    plan = plan_video(probe(source), parse_recipe({"name": "x", "outputs": [LADDER]}, "x"))
    return plan, encode(plan, source, work, Quiet(), threading.Event()), source


def test_a_good_encode_has_good_figures_at_every_size(encoded: tuple[VideoPlan, Encoded, Path]) -> None:
    plan, made, _ = encoded
    assert [(rung.name, rung.fps_divisor) for rung in plan.rungs] == [("240p", 2), ("720p", 1)]
    small, large = measure_quality(plan, made, threading.Event())
    assert min(small.ssim, large.ssim) > 0.93
    assert min(small.xpsnr_db, large.xpsnr_db) > 28
    assert small.vmaf is not None
    assert large.vmaf is not None
    assert large.vmaf > max(80, small.vmaf)
    assert below_floors([small, large], "720p") == ()


def test_another_picture_in_the_place_of_a_rung_is_noticed(
    encoded: tuple[VideoPlan, Encoded, Path], tmp_path: Path
) -> None:
    plan, made, _ = encoded
    shutil.copytree(made.work_dir, tmp_path / "work")
    rung = plan.rungs[1]
    target = tmp_path / "work" / video_file(rung)
    ffmpeg("-i", str(Path(made.work_dir) / target.name), "-vf", "hflip", *X264, "-bf", "0", str(target))
    wrong = Encoded(str(tmp_path / "work"), made.videos, made.sounds, encoded=made.encoded)
    said = below_floors(measure_quality(plan, wrong, threading.Event()), rung.name)
    assert {line.split(":")[0] for line in said} == {rung.name}
    assert any("SSIM" in line for line in said)


def test_the_figures_reach_dagster_and_nobody_else(encoded: tuple[VideoPlan, Encoded, Path], tmp_path: Path) -> None:
    plan, made, source = encoded
    result = finish(plan, made, source, tmp_path, Quiet(), threading.Event())
    assert result.private_facts["quality"]["below"] == []
    assert result.private_facts["renditions"]["720p"]["vmaf"] > 80
    assert result.private_facts["renditions"]["240p"]["fps"] == 25
    assert result.private_facts["sheet"]["tracks"][0]["codec"].startswith("h264")
    assert result.plot is not None
    assert b"720p" in result.plot
    assert "quality" not in str(result.facts)
    assert not any("reference" in a.path for a in result.artifacts)
