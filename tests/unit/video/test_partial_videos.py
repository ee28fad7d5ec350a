"""What is left to make of a plan, what one failed output costs, and what an encode needs."""

from __future__ import annotations

import errno

import pytest
from facts_made_up import media, video

from telecine.artifact import Artifact
from telecine.errors import ConfigurationError, ErrorCode, InputError, NotOurs, ResourceError, SystemFault
from telecine.process import Ceiling, under
from telecine.recipe import load_recipe, parse_recipe
from telecine.video.gather import Gathering
from telecine.video.memory import cores_that_fit, estimate_bytes
from telecine.video.missing import missing, outputs_of
from telecine.video.plan import ASSETS, VideoPlan, plan_video

HLS, DASH = ("video/hls", "multivariant"), ("video/dash", "mpd")
POSTER = ("video/thumbnails", "poster")
SMALL = ("video/renditions", "240p")


def plan(width: int = 1920, height: int = 1080) -> VideoPlan:
    return plan_video(media(video(width=width, height=height)), load_recipe("default"))


def an_artifact() -> Artifact:
    return Artifact("video/hls", "multivariant", "stream/x", "text/plain", 1, "0" * 64)


def test_with_nothing_made_everything_is_missing() -> None:
    left_plan, left = missing(plan(), ASSETS, ())
    assert left_plan == plan()
    assert left == outputs_of(plan()) >= {HLS, DASH, POSTER, SMALL, ("video/metadata", "metadata")}


def test_a_missing_still_needs_no_encode() -> None:
    left_plan, left = missing(plan(), ASSETS, outputs_of(plan()) - {POSTER})
    assert left == {POSTER}
    assert left_plan.rungs == ()
    assert [still.name for still in left_plan.stills] == ["poster"]


def test_a_missing_stream_needs_every_rung_but_no_rendition() -> None:
    left_plan, left = missing(plan(), ASSETS, outputs_of(plan()) - {HLS})
    assert left == {HLS}
    assert left_plan.rungs == plan().rungs
    assert left_plan.stills == ()


def test_streams_alone_are_not_compared_with_what_they_were_made_from() -> None:
    assert missing(plan(), ASSETS, ())[0].samples == plan().samples != ()
    assert missing(plan(), {"video/hls", "video/dash"}, ())[0].samples == ()


def test_dash_needs_the_storyboard_that_it_shows_again_and_hls_does_not() -> None:
    assert missing(plan(), ASSETS, outputs_of(plan()) - {DASH})[0].storyboard == plan().storyboard is not None
    assert missing(plan(), ASSETS, outputs_of(plan()) - {HLS})[0].storyboard is None


def test_a_missing_rendition_needs_only_its_own_rung() -> None:
    left_plan, left = missing(plan(), ASSETS, outputs_of(plan()) - {SMALL})
    assert left == {SMALL}
    assert [rung.name for rung in left_plan.rungs] == ["240p"]


def test_what_was_not_asked_for_is_not_missing() -> None:
    _, left = missing(plan(), frozenset({"video/hls"}), ())
    assert left == {HLS}


def test_one_failed_output_leaves_the_others() -> None:
    gathered = Gathering()
    with gathered.output(HLS, DASH):
        raise SystemFault(ErrorCode.ENCODE_FAILED, "the packager stopped")
    with gathered.output(POSTER):
        raise OSError(errno.ENOSPC, "full")
    with gathered.output(SMALL):
        raise KeyError("URI")
    with gathered.output(SMALL):
        gathered.artifacts.append(an_artifact())
    gathered.check()
    assert [(f.asset, f.error.code) for f in gathered.failures] == [
        ("video/hls", ErrorCode.ENCODE_FAILED),
        ("video/dash", ErrorCode.ENCODE_FAILED),
        ("video/thumbnails", ErrorCode.DISK_FULL),
        ("video/renditions", ErrorCode.VERIFY_FAILED),
    ]


def test_a_cancel_stops_all_outputs() -> None:
    gathered = Gathering()
    with pytest.raises(NotOurs), gathered.output(POSTER):
        raise NotOurs(ErrorCode.CANCELED, "canceled")
    assert gathered.failures == []


def test_without_any_output_the_error_that_may_pass_comes_out() -> None:
    gathered = Gathering()
    with gathered.output(POSTER):
        raise InputError(ErrorCode.CORRUPT_MEDIA, "no frame")
    with gathered.output(HLS):
        raise ResourceError(ErrorCode.OUT_OF_MEMORY, "no room")
    with pytest.raises(ResourceError):
        gathered.check()


def test_memory_grows_with_pixels_rungs_and_cores() -> None:
    small, large, huge = plan(640, 360), plan(), plan(3840, 2160)
    assert estimate_bytes(small, 2) < estimate_bytes(large, 2) < estimate_bytes(huge, 2)
    assert estimate_bytes(large, 2) < estimate_bytes(large, 8)
    # Measured with ffmpeg 7: 1,317 MB of address space for 1080p on two cores.
    assert estimate_bytes(large, 2) / 2**20 == pytest.approx(1317, rel=0.15)


def test_an_encode_that_can_not_fit_is_refused_before_it_begins() -> None:
    with under(Ceiling(memory_bytes=512 * 2**20)), pytest.raises(InputError, match="512 MB") as caught:
        cores_that_fit(plan())
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    with under(Ceiling(memory_bytes=512 * 2**20)):
        cores_that_fit(missing(plan(), ASSETS, outputs_of(plan()) - {POSTER})[0])  # needs no encode


def test_an_encode_gets_as_many_cores_as_its_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telecine.video.memory.cores_here", lambda: 64)
    with under(Ceiling(memory_bytes=8192 * 2**20)):
        cores = cores_that_fit(plan())
        assert cores is not None
        assert estimate_bytes(plan(), cores) <= 8192 * 2**20 < estimate_bytes(plan(), cores + 1)
    with under(Ceiling(memory_bytes=2**40)):
        assert cores_that_fit(plan()) is None, "all of them"
    with under(Ceiling(memory_bytes=2**40, threads=3)):
        assert cores_that_fit(plan()) == 3


PODCAST = {"kind": "audio", "name": "podcast", "codec": "mp3"}


def test_sound_files_of_a_video_are_renditions_that_need_no_picture() -> None:
    made = plan_video(media(), parse_recipe({"name": "x", "outputs": [PODCAST]}, "x"))
    assert outputs_of(made) == {("video/metadata", "metadata"), ("video/renditions", "podcast")}
    assert made.assets == {"video/metadata", "video/renditions"}
    assert made.pictures == ()
    assert VideoPlan.from_json(made.to_json()) == made
    both = plan_video(media(), parse_recipe({"name": "x", "outputs": [PODCAST, {"kind": "video", "name": "a"}]}, "x"))
    left_plan, _ = missing(both, ASSETS, {("video/renditions", "a")})
    assert (left_plan.pictures, [file.name for file in left_plan.audio]) == ((), ["podcast"])
    left_plan, _ = missing(both, ASSETS, {("video/renditions", "podcast")})
    assert (len(left_plan.pictures), left_plan.audio) == (1, ())


def test_a_silent_video_has_no_sound_files_and_says_so() -> None:
    outputs = [PODCAST, {"kind": "video", "name": "a"}]
    silent = plan_video(media(sound=None), parse_recipe({"name": "x", "outputs": outputs}, "x"))
    assert silent.audio == ()
    assert silent.warnings == ("podcast was left out: the video has no sound.",)
    with pytest.raises(ConfigurationError, match="the video has no sound") as caught:
        plan_video(media(sound=None), parse_recipe({"name": "x", "outputs": [PODCAST]}, "x"))
    assert caught.value.code is ErrorCode.NO_OUTPUTS


def test_sound_files_can_be_kept_to_sound_files_and_else_share_the_names_of_renditions() -> None:
    assert plan_video(media(), load_recipe("default")).audio == ()
    with pytest.raises(ConfigurationError, match="asks for nothing made from videos"):
        plan_video(media(), parse_recipe({"name": "x", "outputs": [PODCAST | {"from_videos": False}]}, "x"))
    alike = [PODCAST, {"kind": "video", "name": "podcast"}]
    with pytest.raises(ConfigurationError, match="two outputs are named 'podcast'"):
        parse_recipe({"name": "x", "outputs": alike}, "x")
    parse_recipe({"name": "x", "outputs": [PODCAST | {"from_videos": False}, alike[1]]}, "x")
