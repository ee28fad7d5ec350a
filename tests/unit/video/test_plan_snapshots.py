"""Golden plans: what is decided for many sources under many recipes, and what ffmpeg is told of it.

One file for each source in golden/plans/, a section for each recipe. After a wanted change run with
TELECINE_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from facts_made_up import AUDIO, media, video

from telecine.probe import MediaFacts
from telecine.recipe import Recipe, load_recipe, parse_recipe
from telecine.video.ladder import Rung
from telecine.video.picture_argv import picture_argv
from telecine.video.plan import VideoPlan, plan_video

GOLDEN = Path(__file__).with_name("golden") / "plans"
WORK = Path("/scratch/job")


def rate(fps: float) -> dict[str, Any]:
    return {"r_fps": fps, "avg_fps": fps, "measured_fps": fps, "typical_fps": fps}


PQ = {
    "colour_transfer": "smpte2084",
    "colour_primaries": "bt2020",
    "colour_space": "bt2020nc",
    "pixel_format": "yuv420p10le",
    "bit_depth": 10,
    "codec": "hevc",
    "profile": "Main 10",
}
UNTAGGED = {"colour_space": None, "colour_primaries": None, "colour_transfer": None, "colour_range": None}
LONG = {"end_s": 20.0, "frames": 500}
SOURCES: dict[str, MediaFacts] = {
    "1080p30": media(video(bitrate_bps=12_000_000)),
    "1080p5994": media(video(**rate(60000 / 1001), bitrate_bps=20_000_000)),
    "720p25-small": media(video(width=1280, height=720, bitrate_bps=1_200_000, **LONG, **rate(25.0)), format="mp4"),
    "2160p24-pq": media(video(width=3840, height=2160, **PQ, **rate(24000 / 1001), bitrate_bps=40_000_000)),
    "portrait-4k60-hlg": media(
        video(width=3840, height=2160, rotation=90, **PQ | {"colour_transfer": "arib-std-b67"}, **rate(60.0))
    ),
    "pal-broadcast": media(
        video(width=720, height=576, sar=(64, 45), interlaced=True, codec="mpeg2video", **UNTAGGED, **rate(25.0)),
        replace(AUDIO, channels=6, layout="5.1(side)"),
        format="mpegts",
    ),
    "screen-vfr": media(
        video(width=2560, height=1440, vfr=True, r_fps=None, avg_fps=7.2, measured_fps=8.66, typical_fps=30.165), None
    ),
    "odd-and-tiny": media(video(width=161, height=121, **UNTAGGED, **rate(10.0)), None),
    "square-50": media(video(width=1000, height=1000, **rate(50.0), bitrate_bps=9_000_000)),
    "cinema-dci-p3": media(video(width=2048, height=858, colour_primaries="smpte432", **rate(24.0))),
    "vp9-webm": media(
        video(codec="vp9", profile="Profile 0", bitrate_bps=2_000_000, **rate(30.0)),
        format="webm",
        size_bytes=5_000_000,
    ),
}


def recipe(*outputs: dict[str, Any]) -> Recipe:
    return parse_recipe({"name": "test", "outputs": outputs}, "test")


RECIPES = {
    "default": load_recipe("default"),
    "web_video": load_recipe("web_video"),
    "mobile_video": load_recipe("mobile_video"),
    "archive_quality": load_recipe("archive_quality"),
    "h265 ladder, range kept": recipe({"kind": "video_ladder", "codec": "h265", "hdr": "keep", "rungs": [360, 1080]}),
    "for iPhones": recipe(
        {"kind": "video_ladder", "target": "ios_safari", "rungs": [480, 1080, 1440]},
        {"kind": "video", "name": "phone", "target": "ios_safari", "quality": "web"},
    ),
    "new codecs": recipe(
        {"kind": "video", "name": "av1", "codec": "av1", "height": 720, "max_bitrate_bps": 2_000_000},
        {"kind": "video", "name": "vp9", "codec": "vp9", "bitrate_bps": 1_500_000, "two_pass": True, "quality": "high"},
        {"kind": "video", "name": "master", "codec": "ffv1", "fps": 25, "height": 480},
    ),
}


def line(plan: VideoPlan, rung: Rung) -> str:
    """What was decided for one picture."""
    coding, pace = rung.coding, rung.pace(plan.timing)
    rates = {"crf": coding.crf, "average": coding.bitrate_bps, "most": coding.max_bitrate_bps}
    words = [
        f"{rung.name}: {rung.width}x{rung.height} at {pace.fps}",
        f"{pace.frames} frames, keyframe every {pace.gop_frames}",
        "the source's own picture" if rung.copied else f"{coding.codec} {coding.profile} {coding.level}",
        f"{coding.preset} {coding.tune or ''}".strip(),
        " ".join(f"{name} {value:g}" for name, value in rates.items() if value is not None) or "lossless",
        f"{coding.pixel_format} {coding.hdr or 'bt709'}",
        f"{coding.container} tags {rung.kept.mode}",
        *(["two passes"] if coding.two_pass else []),
    ]
    return ", ".join(words)


def said(plan: VideoPlan) -> str:
    """A plan in lines that a person can read, and each encoder's options."""
    clock = plan.timing
    lines = [
        f"clock: {clock.fps} fps, {clock.frames} frames, keyframe every {clock.gop_frames}, "
        f"segment {clock.segment_frames}, shift {clock.shift_s} s, hold {clock.hold_s} s",
        f"estimate: {plan.estimate_seconds} core seconds",
    ]
    lines += [line(plan, rung) for rung in plan.pictures]
    lines += [f"warning: {warning}" for warning in plan.warnings]
    if plan.encodes:
        # Without the samples for quality figures, which test_video_commands.py has.
        _, graph, *words = picture_argv(replace(plan, samples=()), plan.encodes, WORK, threads=2)
        lines += ["", *graph.split(";")]
        outputs = " ".join(words).split("-map ")[1:]
        assert len(outputs) == len(plan.encodes)
        lines += ["", *(output.strip() for output in outputs)]
    return "\n".join(lines)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_planned_as_before_under_every_recipe(source: str) -> None:
    sections = [f"# {name}\n\n{said(plan_video(SOURCES[source], RECIPES[name]))}\n" for name in RECIPES]
    text = "\n".join(sections)
    golden = GOLDEN / f"{source}.txt"
    if os.environ.get("TELECINE_UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_plan_survives_json() -> None:
    for facts in SOURCES.values():
        for wanted in RECIPES.values():
            plan = plan_video(facts, wanted)
            assert VideoPlan.from_json(plan.to_json()) == plan
