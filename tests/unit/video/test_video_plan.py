"""Plans: ladder, clock, sound and stills, all pure."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from facts_made_up import AUDIO, VIDEO, media, video
from hypothesis import given
from hypothesis import strategies as st

from telecine.errors import ConfigurationError, ErrorCode
from telecine.probe import MediaFacts
from telecine.recipe import load_recipe, parse_recipe
from telecine.video.ladder import ladder
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.timing import Timing, output_fps, timing

RUNGS = (240, 360, 480, 720, 1080)


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in ladder(width, height, RUNGS, Fraction(30))]


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
    rungs = ladder(width, height, RUNGS, Fraction(30))
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


RATES = [24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0]


def clock_of(facts: MediaFacts, segment_s: float = 6.0, gop_s: float = 2.0, divisor: int = 1) -> Timing:
    assert facts.video is not None
    return timing(facts, output_fps(facts.video, 60.0), segment_s, gop_s, divisor)


@pytest.mark.parametrize("rate", RATES)
def test_segments_of_six_seconds_hold_three_gops_on_every_rung(rate: float) -> None:
    facts = media(video(end_s=100.0, r_fps=rate, avg_fps=rate, measured_fps=rate, typical_fps=rate))
    plan = plan_video(facts, load_recipe("default"))
    clock = plan.timing
    assert abs(clock.segment_s - 6.0) < 0.7
    assert clock.segment_frames == 3 * clock.gop_frames
    for rung in plan.rungs:
        pace = clock.pace(rung.fps_divisor)
        assert pace.gop_frames / pace.fps == clock.gop_frames / clock.fps, "keyframes at the same instants"
        assert pace.frames / pace.fps == clock.frames / clock.fps, "the same length"


@pytest.mark.parametrize("rate", [50.0, 60000 / 1001, 60.0])
def test_low_rungs_of_fast_sources_have_half_the_frames(rate: float) -> None:
    facts = media(video(r_fps=rate, avg_fps=rate, measured_fps=rate, typical_fps=rate))
    plan = plan_video(facts, load_recipe("default"))
    assert [(rung.name, rung.fps_divisor) for rung in plan.rungs] == [
        *(("240p", 2), ("360p", 2), ("480p", 2)),
        *(("720p", 1), ("1080p", 1)),
    ]
    assert float(plan.timing.pace(2).fps) == pytest.approx(rate / 2)


def test_slow_sources_keep_every_frame() -> None:
    assert {rung.fps_divisor for rung in plan_video(media(), load_recipe("default")).rungs} == {1}


@given(st.sampled_from(RATES), st.floats(0.02, 20_000), st.floats(2, 10), st.sampled_from([1, 2]))
def test_the_clock_is_whole_numbers_for_the_slowest_rung(rate: float, end_s: float, segment_s: float, div: int) -> None:
    facts = media(video(end_s=end_s, r_fps=rate, avg_fps=rate, measured_fps=rate, typical_fps=rate), None)
    clock = clock_of(facts, segment_s, divisor=div)
    assert clock.frames % div == clock.gop_frames % div == clock.segment_frames % clock.gop_frames == 0
    assert abs(clock.segment_s - segment_s) <= segment_s * 0.1 + 2 * div / clock.fps
    assert 2 <= Fraction(clock.segment_frames) / clock.fps <= 10
    assert abs(clock.duration_s - end_s) <= div / clock.fps
    assert clock.pace(div).frames >= 1


@pytest.mark.parametrize("segment_s", [2.0, 10.0])
def test_a_segment_at_the_limit_gives_way_to_the_inside(segment_s: float) -> None:
    ntsc = dict.fromkeys(("r_fps", "avg_fps", "measured_fps", "typical_fps"), 30000 / 1001)
    lengths = {clock_of(media(video(end_s=60 + n / 5, **ntsc), None), segment_s).segment_s for n in range(60)}
    assert len(lengths) > 1, "the rest decides"
    assert all(2 <= length <= 10 for length in lengths)


def test_a_very_short_rest_never_makes_a_segment_or_gop_of_its_own() -> None:
    fps = {"r_fps": 25.0, "avg_fps": 25.0, "measured_fps": 25.0, "typical_fps": 25.0}
    clock = clock_of(media(video(end_s=12.08, **fps), None))
    assert clock.frames % clock.segment_frames in (0, *range(25, 1000))
    assert clock.frames % clock.gop_frames in (0, *range(9, 1000))
    assert abs(clock.segment_s - 6.0) < 0.7
    short = clock_of(media(video(end_s=4.04, **fps), None))
    assert short.frames % short.gop_frames in (0, *range(9, 1000)), "also when there is but one segment"


def test_sound_that_goes_on_holds_the_last_frame() -> None:
    clock = clock_of(media(sound=replace(AUDIO, end_s=30.0)))
    assert clock.duration_s == pytest.approx(30.0, abs=0.02)
    assert clock.hold_s > 9.9


def test_time_stamps_that_start_late_are_shifted_to_zero() -> None:
    late = video(start_s=36001.5, end_s=36021.5)
    clock = clock_of(media(late, replace(AUDIO, start_s=36002.0, end_s=36021.0), start_s=36001.0))
    assert clock.shift_s == pytest.approx(0.5)
    assert clock.duration_s == pytest.approx(20.0, abs=0.04)


def test_a_plan_survives_json() -> None:
    plan = plan_video(media(), load_recipe("default"))
    assert VideoPlan.from_json(plan.to_json()) == plan


def test_the_poster_is_taken_after_a_tenth_but_not_after_ten_seconds() -> None:
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "video_still"}]}, "test")
    assert plan_video(media(), recipe).stills[0].offset_s == pytest.approx(2.002, abs=0.02)
    assert plan_video(media(video(end_s=500.0)), recipe).stills[0].offset_s == pytest.approx(10.0, abs=1 / 29.97)


def test_an_asked_offset_behind_the_end_becomes_the_last_frame() -> None:
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "video_still", "offset_s": 99}]}, "test")
    still = plan_video(media(), recipe).stills[0]
    assert still.offset_s == pytest.approx(20.02 - 1001 / 30000, abs=0.001)
    assert still.choice == "asked"
    assert still.warning == "poster: asked for 99 s of a video of 20.020 s; its end was taken."


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
