"""Golden argument lists: every word that ffmpeg is told for a plan, one a line in golden/.

After a wanted change run with TELECINE_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from facts_made_up import AUDIO, media, video

from telecine.demux import input_args
from telecine.probe import MediaFacts
from telecine.recipe import load_recipe
from telecine.video.audio import audio_argv, plan_audio
from telecine.video.command import Levelled, audio_graph, encode_argv, levelled_argv, mux_argv
from telecine.video.picture import upright
from telecine.video.plan import plan_video
from telecine.video.still import still_argv

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
    plan = plan_video(facts, load_recipe("default"))
    rates = plan.sound.rates_bps if plan.sound else ()
    check(f"encode-{name}", encode_argv(FFMPEG, plan, SOURCE, WORK, rates_bps=rates, threads=2))


def test_a_still_looks_like_the_video() -> None:
    plan = plan_video(PHONE, load_recipe("default"))
    argv = still_argv(FFMPEG, plan, plan.stills[0], SOURCE, 2.0)
    check("still-phone", argv)
    assert "transpose=clock" in ",".join(argv)


def test_sound_files_are_made_by_one_run() -> None:
    sound = replace(AUDIO, channels=6, layout=None, sample_rate=96_000)
    check("audio", audio_argv(FFMPEG, sound, plan_audio(sound, load_recipe("default")), SOURCE, WORK))


def test_a_finished_mp4_has_its_index_first_and_no_tags() -> None:
    argv = mux_argv(FFMPEG, WORK / "v.mp4", WORK / "a.m4a", WORK / "out.mp4", "de")
    assert "+faststart" in argv
    assert argv[argv.index("-map_metadata") + 1] == "-1"
    assert argv[argv.index("-map_chapters") + 1] == "-1"
    assert "language=de" in argv


def test_a_levelled_sound_keeps_its_place_on_the_clock() -> None:
    plan = plan_video(BROADCAST, load_recipe("default"))
    assert plan.sound is not None
    graph = audio_graph(plan.sound, plan, (128_000,), Levelled(WORK / "sound.nut", 1.0))
    assert graph.startswith("[1:a:0]asetpts=PTS-(-0.500000)/TB,")  # 0.5 s shift less the 1.0 s it starts at
    argv = levelled_argv(FFMPEG, plan, plan.sound, SOURCE, WORK / "sound.nut")
    assert argv[-6:] == ["-map", "0:0", "-c", "copy", "-f", "null", "-"][-6:]


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
        (90, False, ["transpose=clock"]),
        (180, False, ["hflip", "vflip"]),
        (270, False, ["transpose=cclock"]),
        (0, True, ["hflip"]),
        (90, True, ["hflip", "transpose=clock"]),
        (180, True, ["hflip", "hflip", "vflip"]),
        (270, True, ["hflip", "transpose=cclock"]),
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
