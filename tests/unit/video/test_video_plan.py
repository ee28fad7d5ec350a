"""Plans: ladder, clock, sound and stills, all pure."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from facts_made_up import AUDIO, VIDEO, media, video
from hypothesis import given
from hypothesis import strategies as st

from telecine.errors import ConfigurationError, ErrorCode
from telecine.recipe import load_recipe, parse_recipe
from telecine.video.ladder import ladder
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.timing import output_fps, timing

RUNGS = (240, 360, 480, 720, 1080)


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in ladder(width, height, RUNGS)]


def test_rungs_go_up_to_the_source() -> None:
    assert sizes(1280, 720) == [("240p", 426, 240), ("360p", 640, 360), ("480p", 854, 480), ("720p", 1280, 720)]


def test_portrait_sources_keep_their_orientation_in_every_rung() -> None:
    assert all(width < height for _, width, height in sizes(1080, 1920))
    assert sizes(1080, 1920)[-1] == ("1080p", 1080, 1920)


def test_a_small_source_gets_the_lowest_rung_at_its_own_size() -> None:
    assert sizes(161, 121) == [("240p", 160, 120)]
    assert sizes(2, 2) == [("240p", 2, 2)]
    assert sizes(1, 1) == [("240p", 2, 2)]


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_every_rung_is_even_and_none_exceeds_the_source(width: int, height: int) -> None:
    rungs = ladder(width, height, RUNGS)
    assert rungs
    for rung in rungs:
        assert rung.width % 2 == 0
        assert rung.height % 2 == 0
        assert rung.width <= max(2, width)
        assert rung.height <= max(2, height)
    assert [rung.pixels for rung in rungs] == sorted(rung.pixels for rung in rungs)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Fraction(30000, 1001)),
        (
            {"r_fps": 24000 / 1001, "avg_fps": 23.976, "measured_fps": 23.97, "typical_fps": 23.976},
            Fraction(24000, 1001),
        ),
        ({"r_fps": 60.0, "avg_fps": 60.0, "measured_fps": 60.02, "typical_fps": 58.8}, Fraction(60)),
        ({"r_fps": 120.0, "avg_fps": 120.0, "measured_fps": 120.0, "typical_fps": 120.0}, Fraction(60)),
        ({"r_fps": 90.0, "avg_fps": 90.0, "measured_fps": 90.0, "typical_fps": 90.0}, Fraction(45)),
        ({"r_fps": 1.0, "avg_fps": 1.0, "measured_fps": 1.0, "typical_fps": 1.0}, Fraction(5)),
        ({"vfr": True, "r_fps": None, "avg_fps": 7.2, "measured_fps": 8.66, "typical_fps": 30.165}, Fraction(30)),
        (
            {"vfr": True, "r_fps": 60.0, "avg_fps": 30.3, "measured_fps": 29.96, "typical_fps": 31.25},
            Fraction(30000, 1001),
        ),
        ({"r_fps": 25.0, "avg_fps": 25.0, "measured_fps": None, "typical_fps": None, "frames": 1}, Fraction(25)),
    ],
)
def test_the_output_has_the_rate_that_was_meant(changes: dict[str, float], expected: Fraction) -> None:
    assert output_fps(video(**changes), 60.0) == expected


@pytest.mark.parametrize("rate", [24000 / 1001, 25.0, 30000 / 1001, 50.0, 60000 / 1001])
def test_a_segment_is_a_whole_number_of_frames_near_six_seconds(rate: float) -> None:
    clock = timing(media(video(r_fps=rate, avg_fps=rate, measured_fps=rate, typical_fps=rate)), 60.0, 6.0)
    assert abs(clock.segment_s - 6.0) < 0.02
    assert clock.gop_frames / clock.fps == Fraction(clock.gop_frames) / clock.fps


def test_a_very_short_rest_never_makes_a_segment_of_its_own() -> None:
    fps = {"r_fps": 25.0, "avg_fps": 25.0, "measured_fps": 25.0, "typical_fps": 25.0}
    clock = timing(media(video(end_s=12.08, **fps), None), 60.0, 6.0)
    assert clock.frames % clock.gop_frames in (0, *range(25, 1000))
    assert abs(clock.segment_s - 6.0) < 0.7


def test_sound_that_goes_on_holds_the_last_frame() -> None:
    clock = timing(media(sound=replace(AUDIO, end_s=30.0)), 60.0, 6.0)
    assert clock.duration_s == pytest.approx(30.0, abs=0.02)
    assert clock.hold_s > 9.9


def test_time_stamps_that_start_late_are_shifted_to_zero() -> None:
    late = video(start_s=36001.5, end_s=36021.5)
    clock = timing(media(late, replace(AUDIO, start_s=36002.0, end_s=36021.0), start_s=36001.0), 60.0, 6.0)
    assert clock.shift_s == pytest.approx(0.5)
    assert clock.duration_s == pytest.approx(20.0, abs=0.04)


def test_a_plan_survives_json() -> None:
    plan = plan_video(media(), load_recipe("default"))
    assert VideoPlan.from_json(plan.to_json()) == plan


def test_each_audio_rate_is_encoded_once() -> None:
    plan = plan_video(media(), load_recipe("default"))
    assert plan.sound is not None
    assert plan.sound.rates_bps == (64_000, 96_000, 128_000, 192_000)


def test_a_silent_source_has_no_sound() -> None:
    assert plan_video(media(sound=None), load_recipe("default")).sound is None


def test_unusual_sample_rates_become_48_khz() -> None:
    plan = plan_video(media(sound=replace(AUDIO, sample_rate=8000)), load_recipe("default"))
    assert plan.sound is not None
    assert plan.sound.sample_rate == 48_000


def test_the_poster_is_taken_after_a_tenth_but_not_after_ten_seconds() -> None:
    recipe = load_recipe("default")
    assert plan_video(media(), recipe).stills[0].offset_s == pytest.approx(2.002, abs=0.02)
    assert plan_video(media(video(end_s=500.0)), recipe).stills[0].offset_s == 10.0


def test_an_asked_offset_behind_the_end_becomes_the_last_frame() -> None:
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "video_still", "offset_s": 99}]}, "test")
    still = plan_video(media(), recipe).stills[0]
    assert still.offset_s == pytest.approx(20.02 - 1001 / 30000, abs=0.001)
    assert still.chosen_by_person


def test_a_recipe_without_video_outputs_is_refused() -> None:
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "image", "name": "a"}]}, "test")
    with pytest.raises(ConfigurationError) as caught:
        plan_video(media(), recipe)
    assert caught.value.code is ErrorCode.NO_OUTPUTS


def test_anamorphic_and_turned_pictures_are_planned_as_they_are_seen() -> None:
    assert video(width=720, height=576, sar=(64, 45)).displayed_size == (1024, 576)
    assert video(rotation=90).displayed_size == (1080, 1920)
    assert video(sar=(1000, 1)).displayed_size == (1920, 1080)


def test_longer_and_larger_videos_are_estimated_to_take_longer() -> None:
    recipe = load_recipe("default")
    small = plan_video(media(video(width=640, height=360)), recipe)
    long = plan_video(media(video(end_s=200.2, frames=6000)), recipe)
    assert small.estimate_seconds < plan_video(media(), recipe).estimate_seconds < long.estimate_seconds


def test_cover_art_does_not_make_a_song_a_video() -> None:
    assert media(None).kind == "audio"
    assert media(VIDEO).kind == "video"
