"""Golden argument lists: every word that ffmpeg is told for a plan, one a line in golden/.

After a wanted change run with TELECINE_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from facts_made_up import AUDIO, media, video

from telecine.demux import input_args
from telecine.probe import MediaFacts
from telecine.recipe import load_recipe
from telecine.video.coding import Coding
from telecine.video.command import encode_argv
from telecine.video.frame_command import Footage, exact_argv, samples_argv, sheets_argv
from telecine.video.mux import mux_argv
from telecine.video.picture import upright
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.sound import Take, takes

GOLDEN = Path(__file__).with_name("golden")
FFMPEG, SOURCE, WORK = Path("/bin/ffmpeg"), Path("/scratch/job/source"), Path("/scratch/job")

PLAIN = media()
PHONE = media(
    video(
        rotation=90,
        colour_transfer="arib-std-b67",
        colour_primaries="bt2020",
        colour_space="bt2020nc",
        pixel_format="yuv420p10le",
        bit_depth=10,
    )
)
BROADCAST = media(
    video(
        width=720,
        height=576,
        sar=(64, 45),
        interlaced=True,
        colour_space=None,
        r_fps=25.0,
        avg_fps=25.0,
        measured_fps=25.0,
        typical_fps=25.0,
        start_s=3600.9,
        end_s=3620.9,
    ),
    replace(AUDIO, channels=6, layout="5.1(side)", start_s=3601.4, end_s=3620.9),
    format="mpegts",
    start_s=3600.4,
)
MIRROR = media(video(width=160, height=120, mirrored=True, rotation=270, pixel_format="rgb24", colour_space=None), None)


def everything(plan: VideoPlan) -> tuple[Take, ...]:
    """All of a plan's sounds."""
    return takes(plan.sounds, renditions=plan.pictures, ladder=plan.rungs, streams=plan.streams is not None)


def check(name: str, argv: list[str]) -> None:
    """Compare with the golden file, without the long whitelists that are the same everywhere."""
    whitelists = input_args(SOURCE)[2:6]
    text = "\n".join("<whitelist>" if word in whitelists[1::2] else word for word in argv) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("TELECINE_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize(
    ("name", "facts"), [("plain", PLAIN), ("phone-hlg-portrait", PHONE), ("broadcast", BROADCAST), ("mirror", MIRROR)]
)
def test_the_encode_is_told_what_was_planned(name: str, facts: MediaFacts) -> None:
    plan = replace(plan_video(facts, load_recipe("default")), samples=())
    check(f"encode-{name}", encode_argv(FFMPEG, plan, SOURCE, WORK, taken=everything(plan), threads=2))


def test_what_the_encoders_get_is_sampled_for_quality_figures() -> None:
    plan = plan_video(PLAIN, load_recipe("default"))
    check("encode-sampled", encode_argv(FFMPEG, plan, SOURCE, WORK, taken=everything(plan), threads=2))


def test_a_still_looks_like_the_video() -> None:
    plan = plan_video(PHONE, load_recipe("default"))
    fps = plan.timing.fps
    still = {"start": 60 / fps, "fps": fps, "count": 1, "scaled": (720, 1280)}
    argv = exact_argv(FFMPEG, plan, Footage(SOURCE, rung=False, keyframe_s=2.0), **still)
    check("still-phone", argv)
    assert "transpose=dir=clock" in ",".join(argv)


def test_a_still_that_no_seek_finds_is_taken_from_the_beginning_like_the_rungs() -> None:
    plan = plan_video(BROADCAST, load_recipe("default"))
    footage = Footage(SOURCE, rung=False, keyframe_s=2.0)
    still = {"start": Fraction(75, 25), "fps": Fraction(25), "count": 1, "scaled": (320, 180), "crop": (180, 180)}
    check("still-broadcast", exact_argv(FFMPEG, plan, footage, **still))
    check("still-broadcast-unsought", exact_argv(FFMPEG, plan, footage, **still, back_s=None))


def test_storyboards_and_candidates_come_from_keyframes_where_these_are_dense_enough() -> None:
    plan = plan_video(BROADCAST, load_recipe("default"))
    rung, source = Footage(WORK / "video-240p.mp4", rung=True, keyframe_s=6.0), Footage(SOURCE, False, 0.5)
    sheets = {"count": 12, "tile": (160, 90), "grid": (5, 3), "pattern": WORK / "%03d.ppm"}
    check("sheets-rung", sheets_argv(FFMPEG, plan, rung, interval_ms=2000, **sheets))
    check("sheets-source", sheets_argv(FFMPEG, plan, source, interval_ms=2000, **sheets))
    assert "nokey" in sheets_argv(FFMPEG, plan, rung, interval_ms=4000, **sheets)
    span = {"first_s": 1.0, "last_s": 18.0, "scaled": (320, 180), "pattern": WORK / "%d.ppm"}
    check("samples-rung", samples_argv(FFMPEG, plan, rung, interval_s=0.5, **span))
    assert "nokey" in samples_argv(FFMPEG, plan, source, interval_s=0.5, **span)
    check("samples-sought", samples_argv(FFMPEG, plan, source, interval_s=20.0, sought=True, **span))


def test_a_finished_mp4_has_its_index_first_and_no_tags() -> None:
    argv = mux_argv(FFMPEG, Coding(), WORK / "v.mp4", WORK / "a.m4a", WORK / "out.mp4", language="de")
    assert "+faststart" in argv
    assert argv[argv.index("-map_metadata") + 1] == "-1"
    assert argv[argv.index("-map_chapters") + 1] == "-1"
    assert "language=de" in argv


def test_every_input_is_opened_with_its_guards() -> None:
    words = input_args(Path("relative:name.mp4"))
    for guard in ("-protocol_whitelist", "-format_whitelist", "-codec_whitelist", "-max_pixels", "-max_streams"):
        assert guard in words
    assert words[-1].startswith("file:/")
    formats = words[words.index("-format_whitelist") + 1].split(",")
    assert not {"hls", "concat", "dash", "image2", "sdp", "rtsp", "lavfi", "tty", "s337m"} & set(formats)


@pytest.mark.parametrize(
    ("rotation", "mirrored", "expected"),
    [
        (0, False, []),
        (90, False, ["transpose=dir=clock"]),
        (180, False, ["hflip", "vflip"]),
        (270, False, ["transpose=dir=cclock"]),
        (0, True, ["hflip"]),
        (90, True, ["hflip", "transpose=dir=clock"]),
        (180, True, ["hflip", "hflip", "vflip"]),
        (270, True, ["hflip", "transpose=dir=cclock"]),
    ],
)
def test_each_orientation_has_its_turns(rotation: int, mirrored: bool, expected: list[str]) -> None:
    filters = upright(video(rotation=rotation, mirrored=mirrored), 640, 360)
    assert [f for f in filters if f.startswith(("transpose", "hflip", "vflip"))] == expected


def test_untagged_colours_are_read_as_players_read_them() -> None:
    untagged = {"colour_space": None, "colour_primaries": None, "colour_transfer": None}
    small, large = video(width=640, height=480, **untagged), video(**untagged)
    assert "in_color_matrix=smpte170m" in upright(small, 320, 240)[0]
    assert "in_color_matrix=bt709" in upright(large, 320, 240)[0]
    assert "in_color_matrix" not in upright(video(pixel_format="rgb24", **untagged), 320, 240)[0]
