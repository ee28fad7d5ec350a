"""Encoder settings: levels by the standards, profiles for a target, and what stands in for a missing encoder."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from facts_made_up import media, video
from hypothesis import given
from hypothesis import strategies as st

from telecine.codecs import Container, VideoCodec
from telecine.recipe import load_recipe, parse_recipe
from telecine.video.coding import Coding, without
from telecine.video.encoder import encoder_options
from telecine.video.ladder import range_of, size_of
from telecine.video.level import level_for
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.timing import Pace

FAST: dict[str, Any] = {"r_fps": 60.0, "avg_fps": 60.0, "measured_fps": 60.0, "typical_fps": 60.0}


def planned(*outputs: dict[str, Any], lacking: frozenset[str] = frozenset(), **facts: Any) -> VideoPlan:
    recipe = parse_recipe({"name": "test", "outputs": outputs}, "test")
    return plan_video(media(video(**facts)), recipe, lacking=lacking)


@pytest.mark.parametrize(
    ("codec", "size", "fps", "bitrate", "level"),
    [
        (VideoCodec.H264, (1920, 1080), 30, 6_000_000, 4.0),
        (VideoCodec.H264, (1920, 1080), 60, 6_000_000, 4.2),
        (VideoCodec.H264, (1280, 720), 30, 3_000_000, 3.1),
        (VideoCodec.H264, (1280, 720), 30, 60_000_000, 4.1),
        (VideoCodec.H264, (3840, 2160), 60, None, 5.2),
        (VideoCodec.H264, (352, 288), 30, None, 1.3),
        (VideoCodec.H264, (4096, 16), 1, None, 4.0),  # a side of at most the root of eight pictures
        (VideoCodec.H265, (1920, 1080), 30, 6_000_000, 4.0),
        (VideoCodec.H265, (3840, 2160), 60, 30_000_000, 5.1),
        (VideoCodec.VP9, (1920, 1080), 60, None, 4.1),
        (VideoCodec.AV1, (1920, 1080), 60, None, 4.1),
        (VideoCodec.FFV1, (1920, 1080), 30, None, None),
        (VideoCodec.H264, (16384, 16384), 60, None, None),
    ],
)
def test_levels_are_the_standards(
    codec: VideoCodec, size: tuple[int, int], fps: int, bitrate: int | None, level: float | None
) -> None:
    assert level_for(codec, *size, Fraction(fps), bitrate) == level


@given(st.integers(2, 8000), st.integers(2, 8000), st.integers(1, 9000))
def test_a_picture_of_any_short_side_is_even_and_inside_its_source(width: int, height: int, side: int) -> None:
    across, down = size_of(width, height, side)
    assert across % 2 == down % 2 == 0
    assert across <= width
    assert down <= height
    assert min(across, down) <= max(2, side)


def test_ranges_are_the_table_and_grow_with_the_area_above_it() -> None:
    assert range_of(720) == (1_500_000, 3_000_000, 128_000)
    assert range_of(1440) == (6_000_000, 12_000_000, 256_000)
    assert range_of(500) == range_of(720)
    assert range_of(2160)[1] == 27_000_000


def test_an_iphone_gets_half_the_frames_rather_than_a_level_it_can_not_play() -> None:
    (rung,) = planned({"kind": "video", "name": "a", "target": "ios_safari"}, **FAST).pictures
    assert (rung.width, rung.height, rung.fps_divisor, rung.coding.level) == (1920, 1080, 2, 4.0)


def test_what_even_half_the_frames_can_not_save_is_made_smaller() -> None:
    (rung,) = planned({"kind": "video", "name": "a", "level": "3.1"}, **FAST).pictures
    assert (rung.width, rung.height, rung.coding.level) == (1280, 720, 3.1)


def test_rungs_above_the_targets_level_are_left_out() -> None:
    plan = planned({"kind": "video_ladder", "target": "ios_safari"}, width=2560, height=1440)
    assert [rung.name for rung in plan.rungs] == ["240p", "360p", "480p", "720p", "1080p"]
    assert max(rung.coding.level or 9 for rung in plan.rungs) <= 4.0


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({}, "high"),
        ({"target": "smart_tv"}, "main"),
        ({"quality": "mobile"}, "baseline"),
        ({"pixel_format": "yuv420p10le"}, "high10"),
        ({"codec": "h265"}, "main"),
        ({"codec": "h265", "pixel_format": "yuv420p10le"}, "main10"),
        ({"codec": "vp9", "pixel_format": "yuv420p10le"}, "2"),
        ({"codec": "ffv1"}, None),
    ],
)
def test_the_profile_follows_from_pixels_target_and_quality(fields: dict[str, Any], profile: str | None) -> None:
    (rung,) = planned({"kind": "video", "name": "a", **fields}).pictures
    assert rung.coding.profile == profile


@pytest.mark.parametrize(
    ("quality", "codec", "crf", "preset"),
    [
        ("web", "h264", 22, "medium"),
        ("high", "h265", 20, "slow"),
        ("mobile", "av1", 38, "fast"),
        (None, "vp9", 32, "veryfast"),
    ],
)
def test_a_quality_means_alike_on_every_codecs_scale(quality: str | None, codec: str, crf: float, preset: str) -> None:
    (rung,) = planned({"kind": "video", "name": "a", "codec": codec, "quality": quality}).pictures
    assert (rung.coding.crf, rung.coding.preset) == (crf, preset)


def test_a_missing_encoder_is_stood_in_for_down_the_chain_with_a_warning() -> None:
    wanted = {"kind": "video", "name": "a", "codec": "av1", "container": "webm"}
    plan = planned(wanted, lacking=frozenset({"libsvtav1"}))
    assert (plan.singles[0].coding.codec, plan.singles[0].coding.container) == (VideoCodec.VP9, Container.WEBM)
    plan = planned(wanted, lacking=frozenset({"libsvtav1", "libvpx-vp9"}))
    coding = plan.singles[0].coding
    assert (coding.codec, coding.container, coding.crf) == (VideoCodec.H264, Container.MP4, 23)
    assert plan.warnings == ("a is h264 in mp4: the encoder for av1 is missing or failed.",)


def test_what_would_take_longer_than_the_job_may_is_encoded_sooner() -> None:
    plan = planned({"kind": "video", "name": "a", "codec": "av1", "preset": "slow"}, {"kind": "video", "name": "b"})
    assert plan.within(plan.estimate_seconds, 1) == plan
    sooner = plan.within(plan.estimate_seconds / 2, 1)
    assert sooner.singles[0].coding.codec in (VideoCodec.VP9, VideoCodec.H264)
    assert sooner.estimate_seconds < plan.estimate_seconds
    assert "would take longer than the job may" in sooner.warnings[0]
    soonest = plan.within(0.1, 1)
    assert {rung.coding.codec for rung in soonest.pictures} == {VideoCodec.H264}
    assert plan.within(plan.estimate_seconds / 2, 4) == plan, "with more cores there is time enough"


def test_what_nothing_stands_in_for_stays_as_it_was() -> None:
    everything = frozenset(codec.encoder for codec in VideoCodec)
    for codec in VideoCodec:
        coding = Coding(codec=codec)
        assert without(coding, everything) == coding
    assert without(Coding(codec=VideoCodec.FFV1), frozenset({"ffv1"})).codec is VideoCodec.FFV1


def test_a_range_that_was_to_be_kept_is_tone_mapped_when_only_h264_is_left() -> None:
    plan = planned(
        {"kind": "video", "name": "a", "codec": "h265", "hdr": "keep"},
        lacking=frozenset({"libx265"}),
        colour_transfer="smpte2084",
        colour_primaries="bt2020",
        colour_space="bt2020nc",
        pixel_format="yuv420p10le",
        bit_depth=10,
    )
    assert plan.singles[0].look.hdr is None
    assert plan.singles[0].coding.pixel_format == "yuv420p"


@pytest.mark.parametrize(
    ("facts", "copied"),
    [
        ({}, True),
        ({"bitrate_bps": 9_000_000}, False),
        ({"rotation": 90}, False),
        ({"vfr": True}, False),
        ({"interlaced": True}, False),
        ({"pixel_format": "yuv422p"}, False),
        ({"sar": (4, 3)}, False),
        ({"codec": "hevc"}, False),
        ({"profile": "High 4:2:2"}, False),
        ({"keyframe_interval_s": 60.0}, False),
        ({"start_s": 0.5}, False),
        ({"colour_primaries": "smpte432"}, False),
        ({"width": 1918}, True),
        ({"width": 1917}, False),
    ],
)
def test_the_sources_own_picture_is_taken_only_when_it_is_what_would_be_made(
    facts: dict[str, Any], copied: bool
) -> None:
    plan = planned({"kind": "video", "name": "a", "max_bitrate_bps": 5_000_000}, **facts)
    assert plan.singles[0].copied is copied
    assert len(plan.encodes) == (0 if copied else 1)


def test_a_smaller_or_slower_rendition_is_encoded() -> None:
    assert not planned({"kind": "video", "name": "a", "height": 720}).singles[0].copied
    assert not planned({"kind": "video", "name": "a", "fps": 25}).singles[0].copied
    assert not planned({"kind": "video", "name": "a", "max_fps": 15}).singles[0].copied
    assert not planned({"kind": "video", "name": "a", "stream_copy": "never"}).singles[0].copied


def test_a_frame_rate_means_what_people_mean() -> None:
    (rung,) = planned({"kind": "video", "name": "a", "fps": 23.976}).singles
    assert rung.fps == (24000, 1001)
    (half,) = planned({"kind": "video", "name": "a", "fps": 30}, **FAST).singles
    assert (half.fps, half.fps_divisor) == (None, 2), "every second frame, not a resampled rate"


@pytest.mark.parametrize(("most", "rate"), [(29.97, 30000 / 1001), (59.94, 60000 / 1001), (23.976, 24000 / 1001)])
def test_a_highest_rate_with_decimals_keeps_the_frames_of_a_source_of_that_rate(most: float, rate: float) -> None:
    source = {"r_fps": rate, "avg_fps": rate, "measured_fps": rate, "typical_fps": rate}
    plan = planned({"kind": "video_ladder", "max_fps": most}, {"kind": "video", "name": "a", "max_fps": most}, **source)
    assert float(plan.timing.fps) == pytest.approx(rate)
    assert {rung.pace(plan.timing).fps for rung in plan.pictures if rung.height >= 720} == {plan.timing.fps}


def test_a_rate_that_is_asked_for_needs_the_sources_frames_whatever_the_highest_rate_is() -> None:
    fast = {"r_fps": 120.0, "avg_fps": 120.0, "measured_fps": 120.0, "typical_fps": 120.0}
    plan = planned({"kind": "video", "name": "a", "fps": 120}, {"kind": "video", "name": "b"}, **fast)
    assert plan.timing.fps == 120
    assert [rung.pace(plan.timing).fps for rung in plan.singles] == [120, 60]


def test_what_stands_in_for_h265_plays_on_the_television_too() -> None:
    wanted = {"kind": "video", "name": "a", "codec": "h265", "target": "smart_tv", "stream_copy": "never"}
    lacking = frozenset({"libx265"})
    coding = planned(wanted, lacking=lacking).singles[0].coding
    assert (coding.codec, coding.profile, coding.level) == (VideoCodec.H264, "main", 4.0)
    (large,) = planned(wanted, lacking=lacking, width=3840, height=2160).singles
    assert (large.width, large.height, large.coding.level) == (1920, 1080, 4.0)


@pytest.mark.parametrize(
    ("preset", "size", "rates"),
    [
        ("web_video", (320, 240), (500_000, 750_000)),
        ("web_video", (1280, 720), (3_000_000, 4_500_000)),
        ("web_video", (1920, 1080), (3_000_000, 4_500_000)),
        ("mobile_video", (640, 360), (800_000, 1_200_000)),
    ],
)
def test_a_source_smaller_than_what_was_asked_gets_no_more_bits_than_its_size_needs(
    preset: str, size: tuple[int, int], rates: tuple[int, int]
) -> None:
    coding = plan_video(media(video(width=size[0], height=size[1])), load_recipe(preset)).singles[0].coding
    assert (coding.bitrate_bps, coding.max_bitrate_bps) == rates


def test_a_rate_for_no_height_in_particular_is_taken_at_its_word() -> None:
    (rung,) = planned({"kind": "video", "name": "a", "bitrate_bps": 3_000_000}, width=320, height=240).singles
    assert rung.coding.bitrate_bps == 3_000_000


@pytest.mark.parametrize(
    ("source", "depth", "wish", "pixels"),
    [
        ("yuv420p", 8, {"codec": "h265"}, "yuv420p"),
        ("yuvj422p", 8, {"codec": "h265"}, "yuv422p"),
        ("yuv422p10le", 10, {"codec": "h265"}, "yuv422p10le"),
        ("yuv444p12le", 12, {"codec": "ffv1"}, "yuv422p10le"),
        ("yuv422p10le", 10, {"codec": "av1"}, "yuv420p10le"),
        ("gbrp", 8, {"codec": "h264"}, "yuv422p"),
        ("yuv422p10le", 10, {"codec": "h265", "target": "smart_tv"}, "yuv420p10le"),
        ("yuv422p10le", 10, {"codec": "h264", "target": "desktop"}, "yuv420p"),
        ("yuv422p10le", 10, {"codec": "h265", "profile": "main"}, "yuv420p"),
        (None, None, {"codec": "h265"}, "yuv420p"),
    ],
)
def test_pixels_like_the_sources_are_the_nearest_that_can_be_had(
    source: str | None, depth: int | None, wish: dict[str, Any], pixels: str
) -> None:
    wanted = {"kind": "video", "name": "a", "pixel_format": "source", **wish}
    assert planned(wanted, pixel_format=source, bit_depth=depth).singles[0].coding.pixel_format == pixels


def test_a_picture_in_another_codec_is_taken_over_only_when_any_will_do() -> None:
    wanted = {"kind": "video", "name": "a", "codec": "h265", "container": "mkv", "metadata": "preserve_all"}
    assert not planned(wanted).singles[0].copied
    (taken,) = planned(wanted | {"stream_copy": "any_codec"}).singles
    assert (taken.copied, taken.coding.codec) == (True, VideoCodec.H264)
    (made,) = planned(wanted | {"stream_copy": "any_codec"}, codec="prores").singles
    assert (made.copied, made.coding.codec) == (False, VideoCodec.H265)
    assert not planned(wanted | {"stream_copy": "any_codec", "target": "smart_tv"}).singles[0].copied


@pytest.mark.parametrize(
    ("coding", "psy_rd"),
    [
        (Coding(crf=23, max_bitrate_bps=6_000_000), "0.5:0"),
        (Coding(crf=None, bitrate_bps=4_500_000), "0.5:0"),
        (Coding(crf=13), None),  # constant quality keeps x264's own
        (Coding(crf=23, max_bitrate_bps=6_000_000, tune="grain"), None),  # so does what the recipe asked for
        (Coding(codec=VideoCodec.H265, crf=25, max_bitrate_bps=6_000_000), None),
    ],
)
def test_where_a_rate_binds_sharpness_is_not_bought_with_errors(coding: Coding, psy_rd: str | None) -> None:
    assert encoder_options(coding, Pace(30, 1, 300, 60), 1920).get("psy-rd") == psy_rd
