"""Video outputs of a recipe: what goes together, what is refused and with which words, and presets."""

from __future__ import annotations

from typing import Any

import pytest

from telecine.codecs import AudioCodec, Container, VideoCodec
from telecine.compatibility import PLAYS, PROFILES, Target, problems, profiles_for
from telecine.errors import ConfigurationError, ErrorCode
from telecine.recipe import Recipe, load_recipe, parse_recipe
from telecine.recipe.video import VideoRendition


def recipe(*outputs: dict[str, Any]) -> Recipe:
    return parse_recipe({"name": "test", "outputs": outputs}, "test")


def refused(**fields: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        recipe({"kind": "video", "name": "a", **fields})
    assert caught.value.code is ErrorCode.INVALID_RECIPE
    return caught.value.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"codec": "h264", "container": "webm"}, ["'container'", "webm doesn't hold h264", "mp4 or mkv"]),
        ({"codec": "ffv1", "container": "mp4"}, ["mp4 doesn't hold ffv1", "use mkv"]),
        ({"codec": "vp9", "target": "ios_safari"}, ["'codec'", "ios_safari doesn't play vp9", "use h264", "webm"]),
        ({"target": "smart_tv", "profile": "high"}, ["'profile'", "smart_tv plays no h264 high", "baseline or main"]),
        ({"target": "ios_safari", "level": "5.1"}, ["'level'", "up to level 4.0"]),
        ({"codec": "h265", "profile": "high"}, ["h265 has no profile high", "main or main10"]),
        ({"profile": "main", "pixel_format": "yuv422p"}, ["main can't hold yuv422p", "high422"]),
        ({"codec": "av1", "pixel_format": "yuv422p"}, ["'pixel_format'", "av1 can't hold yuv422p"]),
        ({"codec": "av1", "tune": "film"}, ["'tune'", "can't be tuned for film", "grain"]),
        ({"codec": "av1", "two_pass": True, "bitrate_bps": 900_000}, ["'two_pass'", "one pass only"]),
        ({"two_pass": True}, ["'two_pass'", "add 'bitrate_bps'"]),
        (
            {"two_pass": True, "bitrate_bps": 900_000, "quality": "low_latency", "tune": "zerolatency"},
            ["no frame twice"],
        ),
        ({"crf": 20, "bitrate_bps": 900_000}, ["'crf'", "one of crf and bitrate_bps"]),
        ({"bitrate_bps": 900_000, "max_bitrate_bps": 800_000}, ["below 'bitrate_bps'"]),
        ({"crf": 60}, ["h264's scale ends at 51"]),
        ({"codec": "ffv1", "crf": 10}, ["keeps every pixel"]),
        ({"codec": "ffv1", "bitrate_bps": 900_000}, ["'bitrate_bps'", "keeps every pixel"]),
        ({"hdr": "keep"}, ["'hdr'", "use h265, vp9 or av1"]),
        ({"codec": "h265", "hdr": "keep", "pixel_format": "yuv420p"}, ["'pixel_format'", "use yuv420p10le"]),
        ({"codec": "mpeg2"}, ["codec", "h264"]),
        ({"codecs": "h264"}, ["did you mean 'codec'"]),
    ],
)
def test_what_does_not_go_together_is_refused_with_field_reason_and_remedy(
    fields: dict[str, Any], words: list[str]
) -> None:
    message = refused(**fields)
    for word in words:
        assert word in message


def test_every_fault_of_an_output_is_named_at_once() -> None:
    message = refused(codec="vp9", container="mp4", target="ios_safari", tune="animation", two_pass=True)
    assert all(f"'{field}'" in message for field in ("codec", "tune", "two_pass"))


@pytest.mark.parametrize("codec", VideoCodec)
@pytest.mark.parametrize("container", [Container.MP4, Container.WEBM, Container.MKV])
@pytest.mark.parametrize("target", [None, *Target])
def test_the_matrix_and_the_recipe_agree(codec: VideoCodec, container: Container, target: Target | None) -> None:
    found = problems(codec, container, None, target=target)
    output = {"kind": "video", "name": "a", "codec": codec, "container": container, "target": target}
    if not found:
        (spec,) = recipe(output).outputs
        assert isinstance(spec, VideoRendition)
        assert spec.used_container is container
    else:
        with pytest.raises(ConfigurationError) as caught:
            recipe(output)
        assert all(str(problem) in caught.value.message for problem in found)
    playable = target is None or (codec in PLAYS[target].profiles and container in PLAYS[target].containers)
    assert (not found) == (playable and codec in container.video_codecs)


def test_sound_has_to_fit_into_the_container_and_the_target() -> None:
    assert not problems(VideoCodec.VP9, Container.WEBM, AudioCodec.OPUS)
    (wrong,) = problems(VideoCodec.VP9, Container.WEBM, AudioCodec.AAC)
    assert str(wrong) == "'audio': webm doesn't hold aac sound; use opus or vorbis"
    (unheard,) = problems(VideoCodec.H264, Container.MP4, AudioCodec.OPUS, target=Target.IOS_SAFARI)
    assert "ios_safari doesn't play opus" in str(unheard)


@pytest.mark.parametrize("target", Target)
def test_each_target_has_a_codec_a_container_and_a_sound_that_go_together(target: Target) -> None:
    plays = PLAYS[target]
    for codec, profiles in plays.profiles.items():
        assert set(profiles) <= set(PROFILES[codec])
        assert set(profiles) & set(profiles_for(codec, "yuv420p"))
        homes = [c for c in plays.containers if codec in c.video_codecs]
        assert any(a in home.audio_codecs for home in homes for a in plays.audio)


def test_an_average_of_av1_has_no_cap_because_its_encoder_refuses_both() -> None:
    recipe({"kind": "video", "name": "a", "codec": "av1", "max_bitrate_bps": 900_000})
    with pytest.raises(ConfigurationError, match="caps a constant quality only"):
        recipe({"kind": "video", "name": "a", "codec": "av1", "bitrate_bps": 600_000, "max_bitrate_bps": 900_000})


def test_tags_to_keep_are_named_and_known() -> None:
    video = {"kind": "video", "name": "a", "metadata": "selective"}
    recipe(video | {"metadata_fields": ["title", "creation_time", "GPS", "CHAPTERS"]})
    for wrong, said in (
        (video, "give both or none"),
        (video | {"metadata": "preserve_all", "metadata_fields": ["title"]}, "give both or none"),
        (video | {"metadata_fields": ["titel"]}, "did you mean 'title'"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            recipe(wrong)


def test_a_ladder_takes_the_same_settings() -> None:
    recipe({"kind": "video_ladder", "codec": "h265", "crf": 24, "profile": "main10", "pixel_format": "yuv420p10le"})
    with pytest.raises(ConfigurationError, match="use kind 'video'"):
        recipe({"kind": "video_ladder", "codec": "ffv1"})


def test_a_rendition_must_not_be_named_like_a_rung() -> None:
    with pytest.raises(ConfigurationError, match="two outputs are named '720p'"):
        recipe({"kind": "video_ladder"}, {"kind": "video", "name": "720p"})
    with pytest.raises(ConfigurationError, match="two outputs are named 'web'"):
        recipe({"kind": "video", "name": "web"}, {"kind": "video", "name": "web"})


@pytest.mark.parametrize(
    ("name", "height", "bitrate"), [("mobile_video", 720, 1_500_000), ("web_video", 1080, 3_000_000)]
)
def test_presets_are_what_the_requirements_say(name: str, height: int, bitrate: int) -> None:
    (output,) = load_recipe(name).outputs
    assert isinstance(output, VideoRendition)
    assert (output.codec, output.height, output.bitrate_bps) == (VideoCodec.H264, height, bitrate)


def test_the_archive_preset_still_serves_images_as_a_start() -> None:
    kinds = [output.kind for output in load_recipe("archive_quality").outputs]
    assert kinds == ["image", "video"]
    (picture,) = recipe({"kind": "image", "preset": "archive_quality"}).images()
    assert picture.lossless


def test_new_fields_make_nothing_stale() -> None:
    plain = recipe({"kind": "video_ladder", "rungs": [360]})
    assert plain.hash == recipe({"kind": "video_ladder", "rungs": [360], "codec": "h264", "hdr": "to_sdr"}).hash
    assert plain.hash != recipe({"kind": "video_ladder", "rungs": [360], "codec": "vp9"}).hash
