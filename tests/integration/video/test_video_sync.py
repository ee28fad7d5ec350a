"""Picture and sound stay within 40 ms of each other, in every output, whatever the source's clock did."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FLASH_S, X264, Made, ffmpeg, flash

from telecine.process import run
from telecine.tools import ffmpeg_path

SYNC_S = 0.04


def flash_and_tone(path: Path) -> tuple[float, float]:
    """When the picture turns white and when the tone starts, in seconds of the output's clock."""
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "info", "-copyts", "-allowed_extensions", "ALL", "-i", str(path)]
    if path.suffix != ".m3u8":
        argv.remove("-allowed_extensions")
        argv.remove("ALL")
    seen = run([*argv, "-map", "0:v:0", "-vf", "signalstats,metadata=print:file=-", "-f", "null", "-"]).stdout.decode()
    frames = re.findall(r"pts_time:([\d.-]+).*?YAVG=([\d.]+)", seen, re.DOTALL)
    white = next(float(time) for time, luma in frames if float(luma) > 100)
    sound = run([*argv, "-map", "0:a:0", "-af", "aresample=48000:first_pts=0", "-ac", "1", "-f", "s16le", "-"]).stdout
    samples = array("h", sound)
    loud = next(n for n, value in enumerate(samples) if abs(value) > 3000)
    return white, loud / 48000


def check_sync(made: Made, at_s: float) -> None:
    """Flash and tone of the MP4 and of the HLS stream."""
    for path in (made.file("video/renditions", "240p"), made.file("video/hls", "multivariant")):
        white, loud = flash_and_tone(path)
        assert abs(white - loud) <= SYNC_S, path.name
        assert white == pytest.approx(at_s, abs=0.07), path.name


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60000/1001", "25"])
def test_usual_rates(made: Callable[..., Made], tmp_path: Path, rate: str) -> None:
    ffmpeg(*flash(rate), *X264, "-bf", "3", "-c:a", "aac", str(tmp_path / "a.mp4"))
    check_sync(made(tmp_path / "a.mp4"), FLASH_S)


def test_a_clock_that_starts_hours_in(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(*flash(), *X264, "-c:a", "mp2", "-output_ts_offset", "36000", str(tmp_path / "a.ts"))
    check_sync(made(tmp_path / "a.ts"), FLASH_S)


def test_a_clock_that_wraps_in_the_middle(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(*flash(), *X264, "-c:a", "mp2", "-output_ts_offset", "95442", str(tmp_path / "a.ts"))
    check_sync(made(tmp_path / "a.ts"), FLASH_S)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_that_starts_late(made: Callable[..., Made], tmp_path: Path, suffix: str) -> None:
    picture, sound = flash()[:4], flash()[4:]
    trimmed = ["-itsoffset", "0.6", *sound[:3], sound[3] + ",atrim=start=0.6"]
    ffmpeg(*picture, *trimmed, *X264, "-c:a", "aac", str(tmp_path / f"a.{suffix}"))
    made_from = made(tmp_path / f"a.{suffix}")
    assert made_from.facts.audio is not None
    assert made_from.facts.audio.start_s - made_from.facts.begin_s == pytest.approx(0.6, abs=0.05)
    check_sync(made_from, FLASH_S)


def test_picture_that_starts_late(made: Callable[..., Made], tmp_path: Path) -> None:
    picture, sound = flash()[:4], flash()[4:]
    trimmed = ["-itsoffset", "0.6", *picture[:3], picture[3] + ",trim=start=0.6"]
    ffmpeg(*trimmed, *sound, *X264, "-c:a", "aac", str(tmp_path / "a.mp4"))
    check_sync(made(tmp_path / "a.mp4"), FLASH_S)


def test_a_cut_by_edit_list(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(*flash(), *X264, "-c:a", "aac", str(tmp_path / "long.mp4"))
    ffmpeg("-ss", "0.5", "-i", str(tmp_path / "long.mp4"), "-c", "copy", str(tmp_path / "a.mp4"))
    check_sync(made(tmp_path / "a.mp4"), FLASH_S - 0.5)


def test_a_hole_in_the_sound(made: Callable[..., Made], tmp_path: Path) -> None:
    picture, sound = flash()[:4], flash()[4:]
    holed = [*sound[:3], sound[3] + ",aselect='not(between(t,0.3,0.7))'"]
    ffmpeg(*picture, *holed, *X264, "-c:a", "pcm_s16le", str(tmp_path / "a.mkv"))
    check_sync(made(tmp_path / "a.mkv"), FLASH_S)


def test_a_variable_frame_rate(made: Callable[..., Made], tmp_path: Path) -> None:
    picture, sound = flash("50")[:4], flash()[4:]
    uneven = [*picture[:3], picture[3] + ",select='eq(mod(n,7),0)+eq(mod(n,7),2)+between(t,0.98,1.1)'"]
    ffmpeg(*uneven, *sound, *X264, "-fps_mode", "vfr", "-c:a", "aac", str(tmp_path / "a.mp4"))
    made_from = made(tmp_path / "a.mp4")
    assert made_from.facts.video is not None
    assert made_from.facts.video.vfr
    check_sync(made_from, FLASH_S)
