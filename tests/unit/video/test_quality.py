"""Which frames are compared, the command that compares them, and what its words mean."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from facts_made_up import media, video

from telecine.recipe import load_recipe, parse_recipe
from telecine.video.command import encode_argv
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.quality import Quality, below_floors, parse_quality, quality_argv
from telecine.video.quality_plot import Point, plot
from telecine.video.sampling import comparable, reference_bytes, selection, spare_frames, windows

FFMPEG, WORK = Path("/bin/ffmpeg"), Path("/scratch/job")
PLAIN = plan_video(media(), load_recipe("default"))


def long(frames: int) -> VideoPlan:
    return plan_video(media(video(end_s=frames / 30, frames=frames), None), load_recipe("default"))


@pytest.mark.parametrize("frames", [1, 2, 7, 60, 600, 5_000, 400_000])
def test_windows_lie_within_the_video_and_are_few(frames: int) -> None:
    clock = replace(PLAIN.timing, frames=frames)
    for divisor in (1, 2):
        found = windows(clock, divisor)
        assert found
        assert sum(w.frames for w in found) <= max(6, 48)
        for window in found:
            assert window.first % divisor == 0
            assert 0 <= window.first <= window.first + window.frames <= max(frames, 1)
            assert window.frames >= 1


def test_long_videos_are_sampled_in_several_places() -> None:
    found = windows(replace(PLAIN.timing, frames=20_000), 1)
    assert len(found) == 3
    assert found[0].first < 20_000 / 3 < found[1].first < 2 * 20_000 / 3 < found[2].first


def test_a_rung_with_half_the_frames_is_sampled_at_the_same_time() -> None:
    plan = plan_video(
        media(video(r_fps=60.0, avg_fps=60.0, measured_fps=60.0, typical_fps=60.0)), load_recipe("default")
    )
    small = plan.rungs[0]
    assert small.fps_divisor == 2
    for window in plan.samples:
        assert window.of(small, plan.timing).first * 2 == window.first
        assert window.of(small, plan.timing).frames * 2 == window.frames


def test_references_are_written_while_encoding_unless_nobody_wants_them() -> None:
    def words(plan: VideoPlan) -> str:
        return " ".join(encode_argv(FFMPEG, plan, Path("/s"), WORK, taken=()))

    recipe = load_recipe("default")
    assert words(PLAIN).count("reference-") == len(PLAIN.rungs)
    assert "reference-" not in words(plan_video(media(), recipe.model_copy(update={"quality_check": "off"})))
    assert "reference-" not in words(plan_video(media(video(width=100, height=60)), recipe))
    assert reference_bytes(PLAIN.rungs, PLAIN.samples) >= 1920 * 1080 * 3


def test_every_reference_begins_with_the_first_frame_because_ffmpeg_is_silent_until_all_outputs_have_begun() -> None:
    far = windows(replace(PLAIN.timing, frames=20_000), 1)
    assert selection(far).startswith("eq(n,0)+between(n,")
    assert spare_frames(far) == 1
    assert spare_frames(windows(replace(PLAIN.timing, frames=2), 1)) == 0


def test_off_is_a_word_in_yaml_too_and_changes_no_hash() -> None:
    outputs = [{"kind": "video_still"}]
    off = parse_recipe({"name": "x", "outputs": outputs, "quality_check": False}, "x")
    assert off.quality_check == "off"
    assert off.hash == parse_recipe({"name": "x", "outputs": outputs, "quality_check": "sample"}, "x").hash


def test_each_rung_is_compared_with_what_its_encoder_got_and_vmaf_looks_at_the_largest_size() -> None:
    plan = long(6_000)
    assert all(comparable(rung) for rung in plan.rungs)
    argv = quality_argv(FFMPEG, plan, plan.rungs, WORK, cores=2, with_vmaf=True)
    assert argv.count("-i") == len(plan.rungs) * (len(plan.samples) + 1)
    graph = argv[argv.index("-filter_complex") + 1]
    assert graph.count("libvmaf@") == graph.count("ssim@") == graph.count("xpsnr@") == len(plan.rungs)
    assert graph.count("scale=1920:1080") == len(plan.rungs)
    assert argv.count("-map") == len(plan.rungs)
    without = " ".join(quality_argv(FFMPEG, plan, plan.rungs, WORK, cores=2, with_vmaf=False))
    assert "libvmaf" not in without
    assert "scale" not in without


SAID = """
[ssim@q0 @ 0x7f5ac4001cc0] SSIM Y:0.990521 (20.232161) U:0.994996 (23.0) V:0.994950 (22.9) All:0.992005 (20.971649)
[xpsnr@q0 @ 0x7fbaec001b40] XPSNR  y: 52.2942  u: 57.4245  v: 57.3965  (minimum: 52.2942)
[libvmaf@q0 @ 0x7f71fc001c80] VMAF score: 94.585555
[ssim@q1 @ 0x1] SSIM Y:1.0 (inf) U:1.0 (inf) V:1.0 (inf) All:1.000000 (inf)
[xpsnr@q1 @ 0x1] XPSNR  y: inf  u: inf  v: inf  (minimum: inf)
[ssim@q2 @ 0x1] SSIM Y:0.5 (1) U:0.5 (1) V:0.5 (1) All:0.500000 (3.0)
"""


def test_figures_are_read_from_what_ffmpeg_says() -> None:
    first, second = parse_quality(PLAIN, PLAIN.rungs, SAID)
    assert (first.name, first.ssim, first.xpsnr_db, first.vmaf) == ("240p", 0.992, 52.29, 94.6)
    assert (second.ssim, second.xpsnr_db, second.vmaf) == (1.0, 100.0, None)


def test_only_what_is_below_a_floor_is_named() -> None:
    good = Quality("1080p", 0.95, 36.0, 91.0, 6)
    blurred = Quality("240p", 0.95, 34.0, 25.0, 6)
    assert below_floors([good, blurred], "1080p") == ()
    said = below_floors([replace(good, ssim=0.5, xpsnr_db=12.0, vmaf=10.0)], "1080p")
    assert said == (
        "1080p: SSIM 0.5 is below 0.88",
        "1080p: XPSNR 12.0 dB is below 25 dB",
        "1080p: VMAF 10.0 is below 60",
    )


@pytest.mark.parametrize("figures", [[35.8, 55.8, 91.4], [90.0, 90.0], [0.0, 100.0]])
def test_the_plot_is_a_small_svg_with_every_rung_in_it(figures: list[float]) -> None:
    points = [Point(f"r{n}<", 200_000 * 3**n, figure) for n, figure in enumerate(figures)]
    drawing = plot(points, "VMAF")
    assert len(drawing) < 8_000
    root = ET.fromstring(drawing)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"VMAF", "kbit/s", *(point.name for point in points)} <= set(texts)
    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 52 <= float(circle.get("cx", "0")) <= 440
        assert 18 <= float(circle.get("cy", "0")) <= 220
