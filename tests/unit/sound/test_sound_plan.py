"""Sound files: what is planned, refused, and said to ffmpeg; waveforms and tags. All pure.

After a wanted change of the golden commands run with TELECINE_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telecine.codecs import AudioCodec
from telecine.demux import input_args
from telecine.errors import ConfigurationError, InputError, SystemFault
from telecine.probe import AudioFacts, MediaFacts
from telecine.recipe import load_recipe, parse_recipe
from telecine.recipe.waveform import Waveform
from telecine.sound.command import files_argv
from telecine.sound.loudness import Loudness, loudness_of
from telecine.sound.plan import SoundPlan, plan_sound_file
from telecine.sound.verify import Heard, check
from telecine.sound.waveform import columns, draw, points, read_levels

GOLDEN = Path(__file__).with_name("golden")
SOURCE, OUT, LEVELS = Path("/scratch/job/source"), Path("/scratch/job/out"), Path("/scratch/job/levels")
TRACK = AudioFacts(
    index=0,
    codec="flac",
    profile=None,
    channels=2,
    layout="stereo",
    sample_rate=44_100,
    start_s=0.0,
    end_s=60.0,
    packets=1000,
    bitrate_bps=900_000,
    default=True,
)


def song(**changes: Any) -> MediaFacts:
    """A song with some of its track's fields changed."""
    track = replace(TRACK, **changes)
    return MediaFacts(
        format="flac",
        size_bytes=6_000_000,
        start_s=0.0,
        header_duration_s=60.0,
        bitrate_bps=900_000,
        videos=(),
        audios=(track,),
        subtitles=(),
        chapters=(),
        video=None,
        audio=track,
    )


def planned(facts: MediaFacts, *outputs: dict[str, Any]) -> SoundPlan:
    whole = [{"kind": "audio", "name": f"out{n}"} | output for n, output in enumerate(outputs)]
    return plan_sound_file(facts, parse_recipe({"name": "x", "outputs": whole}, "test"))


def check_golden(name: str, plan: SoundPlan, **tags: str) -> None:
    whitelists = input_args(SOURCE)[3:6:2]
    argv = files_argv(Path("/bin/ffmpeg"), plan, SOURCE, OUT, LEVELS, tags)
    text = "\n".join("<whitelist>" if word in whitelists else word for word in argv) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("TELECINE_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_default_recipe_is_one_run_with_a_waveform() -> None:
    check_golden("default", plan_sound_file(song(), load_recipe("default")))


def test_every_codec_has_its_words() -> None:
    surround = song(channels=6, layout="5.1", sample_rate=96_000)
    check_golden(
        "codecs",
        planned(
            surround,
            {"codec": "aac", "quality": "high"},
            {"codec": "mp3", "quality": "high", "metadata": "safe"},
            {"codec": "vorbis", "container": "webm", "channels": "mono"},
            {"codec": "opus", "container": "mkv", "bitrate_bps": 512_000, "compression": "light"},
            {"codec": "flac"},
        ),
        title="A=B: 'C'",
    )


@pytest.mark.parametrize(
    ("output", "file", "mime"),
    [
        ({"codec": "aac"}, "a.m4a", "audio/mp4"),
        ({"codec": "opus"}, "a.opus", "audio/ogg"),
        ({"codec": "vorbis"}, "a.ogg", "audio/ogg"),
        ({"codec": "mp3"}, "a.mp3", "audio/mpeg"),
        ({"codec": "flac"}, "a.flac", "audio/flac"),
        ({"codec": "opus", "container": "webm"}, "a.webm", "audio/webm"),
        ({"codec": "mp3", "container": "mkv"}, "a.mka", "audio/matroska"),
        ({"codec": "aac", "name": "b.m4a"}, "b.m4a", "audio/mp4"),
    ],
)
def test_a_file_is_named_after_what_it_holds(output: dict[str, Any], file: str, mime: str) -> None:
    (made,) = planned(song(), {"name": "a"} | output).files
    assert (made.file, made.mime) == (file, mime)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"codec": "aac", "container": "ogg"}, "aac goes into mkv, m4a, not ogg"),
        ({"codec": "mp3", "container": "webm"}, "mp3 goes into"),
        ({"codec": "opus", "quality": "low", "bitrate_bps": 64_000}, "'quality' or 'bitrate_bps', not both"),
        ({"codec": "flac", "bitrate_bps": 64_000}, "flac keeps every sample"),
        ({"codec": "aac", "loudness_lufs": 3}, "loudness_lufs"),
        ({"codec": "wma"}, "codec"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(output: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        planned(song(), output)


@pytest.mark.parametrize(
    ("codec", "source", "asked", "bitrate", "expected"),
    [
        ("aac", 96_000, None, 128_000, (48_000, 128_000)),
        ("aac", 8_000, None, 16_000, (8_000, 16_000)),
        ("opus", 44_100, None, 512_000, (48_000, 512_000)),
        ("opus", 11_025, None, 32_000, (12_000, 32_000)),
        ("mp3", 96_000, None, 512_000, (48_000, 320_000)),
        ("mp3", 48_000, 16_000, 320_000, (16_000, 160_000)),
        ("mp3", 44_100, None, 16_000, (44_100, 32_000)),
        ("vorbis", 8_000, None, 512_000, (32_000, 380_000)),
        ("flac", 96_000, None, None, (96_000, None)),
    ],
)
def test_rates_are_those_that_the_codec_has(
    codec: str, source: int, asked: int | None, bitrate: int | None, expected: tuple[int, int | None]
) -> None:
    given = {"sample_rate": asked, "bitrate_bps": bitrate}
    spec = {"codec": codec} | {name: value for name, value in given.items() if value is not None}
    (made,) = planned(song(sample_rate=source), spec).files
    assert (made.sample_rate, made.bitrate_bps) == expected


def test_quality_means_less_for_mono() -> None:
    stereo, mono = (planned(song(channels=n), {"codec": "opus", "quality": "medium"}).files[0] for n in (2, 1))
    assert (stereo.bitrate_bps, mono.bitrate_bps) == (96_000, 57_600)
    assert planned(song(), {"codec": "mp3", "quality": "maximum"}).files[0].quality == 0


def test_what_was_made_before_is_not_planned_again() -> None:
    plan = plan_sound_file(song(), load_recipe("default"))
    assert plan.places == (
        ("audio/renditions", "aac"),
        ("audio/renditions", "opus"),
        ("audio/thumbnails", "waveform"),
    ), "no cover without a picture"
    left = plan.missing(None, {("audio/renditions", "aac")})
    assert left.places == plan.places[1:]
    assert plan.missing({"audio/thumbnails"}, ()).files == ()


def test_a_recipe_for_covers_alone_says_that_there_is_none() -> None:
    with pytest.raises(ConfigurationError, match="carries no cover"):
        plan_sound_file(song(), parse_recipe({"name": "x", "outputs": [{"kind": "cover"}]}, "test"))


def test_levels_are_read_as_ffmpeg_writes_them(tmp_path: Path) -> None:
    key = "lavfi.astats.Overall"
    said = "\n".join(
        f"frame:{n} pts:0\n{key}.Min_level={low}\n{key}.Max_level={high}"
        for n, (low, high) in enumerate([(-0.5, 0.25), ("nan", "nan"), (-3.0, 1.5)])
    )
    (tmp_path / "levels").write_text(said)
    assert read_levels(tmp_path / "levels") == [(-0.5, 0.25), (0.0, 0.0), (-1.0, 1.0)]


def test_columns_keep_the_extremes_of_what_is_below_them() -> None:
    levels = [(-n / 10, n / 10) for n in range(10)]
    assert columns(levels, 5) == [(-n / 10, n / 10) for n in (1, 3, 5, 7, 9)]
    assert columns(levels[:2], 4) == [(0.0, 0.0), (0.0, 0.0), (-0.1, 0.1), (-0.1, 0.1)]
    assert columns([], 3) == [(0.0, 0.0)] * 3


def test_points_are_what_web_players_read() -> None:
    told = points([(-1.0, 1.0), (-0.5, 0.25), (0.0, 0.0)], 2, 44_100, 512)
    assert told == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "samples_per_pixel": 1024,
        "bits": 8,
        "length": 2,
        "data": [-127, 127, 0, 0],
    }


def test_a_waveform_is_as_high_as_its_loudest_sample_and_silence_is_a_line() -> None:
    spec = Waveform(kind="waveform", width=16, height=21, color="#ff0000", background="#00000000")
    drawn = draw([(-0.1, 0.1)] * 8 + [(-0.05, 0.05)] * 8, (spec.width, spec.height), spec.color, spec.background)
    heights = [sum(drawn.getpixel((x, y))[3] > 0 for y in range(21)) for x in range(16)]  # type: ignore[index]
    assert heights == [21] * 8 + [11] * 8
    silent = draw([(0.0, 0.0)], (16, 21), spec.color, spec.background)
    assert [y for y in range(21) if silent.getpixel((3, y))[3]] == [10]  # type: ignore[index]


SUMMARY = """[Parsed_ebur128_2 @ 0x1] Summary:

  Integrated loudness:
    I:         {lufs} LUFS
    Threshold: -33.5 LUFS

  Loudness range:
    LRA:         4.0 LU

  True peak:
    Peak:       {peak} dBFS
"""


@pytest.mark.parametrize(
    ("lufs", "peak", "expected"),
    [
        ("-23.4", "-1.2", Loudness(-23.4, -1.2)),
        ("-70.0", "-inf", Loudness(None, None)),
        ("-inf", "-inf", Loudness(None, None)),
        ("-70.0", "-20.0", Loudness(None, -20.0)),
    ],
)
def test_loudness_is_read_as_ffmpeg_says_it(lufs: str, peak: str, expected: Loudness) -> None:
    assert loudness_of(SUMMARY.format(lufs=lufs, peak=peak)) == expected


def test_of_a_track_that_changes_its_layout_the_louder_part_counts() -> None:
    parts = SUMMARY.format(lufs="-30.0", peak="-9.0") + SUMMARY.format(lufs="-20.0", peak="-3.0")
    assert loudness_of(parts) == Loudness(-20.0, -3.0)


def test_ffmpeg_without_a_word_about_loudness_is_a_fault() -> None:
    with pytest.raises(SystemFault):
        loudness_of("nothing")


GOOD = Heard("aac", 2, 44_100, 60.02, 1_000_000, Loudness(-16.4, -3.0))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, ()),
        ({"duration_s": 57.0}, "3.0 s of the source's sound are damaged"),
        ({"duration_s": 20.0}, InputError),
        ({"duration_s": 130.0}, SystemFault),
        ({"channels": 1}, SystemFault),
        ({"codec": "mp3"}, SystemFault),
        ({"sample_rate": 48_000}, SystemFault),
        ({"loudness": Loudness(-17.2, -1.6)}, "1.2 LU quieter than asked"),
        ({"loudness": Loudness(-17.2, -6.0)}, SystemFault),
        ({"loudness": Loudness(-14.5, -1.6)}, SystemFault),
        ({"loudness": Loudness(None, None)}, "no sound whose loudness"),
    ],
)
def test_a_file_that_is_not_what_was_planned_is_refused(changes: dict[str, Any], outcome: Any) -> None:
    (file,) = planned(song(), {"codec": "aac", "loudness_lufs": -16}).files
    heard = replace(GOOD, **changes)
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            check(file, heard, 60.0, "")
        return
    said = check(file, heard, 60.0, "")
    assert said == () if outcome == () else outcome in said[0]


def test_opus_plays_at_48_khz_whatever_went_in() -> None:
    (file,) = planned(song(sample_rate=16_000), {"codec": "opus"}).files
    assert (file.codec, file.sample_rate) == (AudioCodec.OPUS, 16_000)
    assert check(file, Heard("opus", 2, 48_000, 60.0, 1, None), 60.0, "") == ()
