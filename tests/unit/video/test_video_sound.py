"""The sound of videos: tracks, versions, levels and downmixes, and ffmpeg's words for them; all pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from facts_made_up import AUDIO, media

from telecine.codecs import AudioCodec
from telecine.errors import ConfigurationError
from telecine.probe import MediaFacts
from telecine.recipe import Recipe, load_recipe, parse_recipe
from telecine.recipe.audio import AudioMap
from telecine.sound.shape import at_loudness, plan_shape
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.sound import Take, takes
from telecine.video.sound_argv import Levelled, levelled_argv, sounds_argv

SOURCE, WORK = Path("/scratch/job/source"), Path("/scratch/job")


def tracks(*changes: dict[str, Any]) -> MediaFacts:
    """A video with these sound tracks; the first is the one to use."""
    audios = tuple(replace(AUDIO, index=n, default=n == 1, **given) for n, given in enumerate(changes, start=1))
    return media(audios=audios, audio=audios[0])


def recipe(*outputs: dict[str, Any]) -> Recipe:
    return parse_recipe({"name": "x", "outputs": outputs}, "test")


def taken(plan: VideoPlan) -> tuple[Take, ...]:
    """All that a plan takes of its sounds."""
    return takes(plan.sounds, renditions=plan.pictures, ladder=plan.rungs, streams=plan.streams is not None)


def graphs(plan: VideoPlan, *levelled: Levelled) -> list[str]:
    """Each track's filter graph."""
    argv = sounds_argv(plan, taken(plan), WORK, levelled)
    return [argv[n + 1] for n, word in enumerate(argv) if word == "-filter_complex"]


def test_streams_have_every_language_and_role_once_and_say_what_was_left_out() -> None:
    facts = tracks(
        {"language": "eng"},
        {"language": "ger", "title": "Deutsch", "channels": 6},
        {"language": "eng", "commentary": True},
        {"language": "eng"},
        {"language": "fra", "packets": 0, "unusable": "it is empty"},
        {"language": "spa", "codec": "unknown", "unusable": "its codec isn't known"},
        {"language": "ger", "dubbed": True},
        {"language": "eng", "descriptions": True},
    )
    plan = plan_video(facts, load_recipe("default"))
    assert [(s.number, s.track.index, s.track.language, s.role, s.default) for s in plan.sounds] == [
        (0, 1, "eng", "main", True),
        (1, 2, "ger", "dub", False),
        (2, 3, "eng", "commentary", False),
        (3, 8, "eng", "description", False),
    ]
    assert [[v.name for v in take.versions] for take in taken(plan)[1:]] == [["aac-128k"]] * 3
    assert sorted(warning.split("(")[0].strip() for warning in plan.warnings) == [
        f"Sound track {n}" for n in (4, 5, 6, 7)
    ]
    assert VideoPlan.from_json(plan.to_json()) == plan


def test_titles_tell_tracks_without_a_language_apart() -> None:
    nameless: dict[str, Any] = {"language": None}
    plan = plan_video(tracks(nameless, nameless, nameless | {"title": "Français"}), load_recipe("default"))
    assert [(s.track.index, s.role) for s in plan.sounds] == [(1, "main"), (3, "alternate")]


def test_renditions_alone_have_one_sound_and_say_nothing_of_the_others() -> None:
    facts = tracks({"language": "eng"}, {"language": "ger"}, {"unusable": "it is empty"})
    plan = plan_video(facts, recipe({"kind": "video_ladder", "rungs": [360]}))
    assert [s.track.index for s in plan.sounds] == [1]
    assert plan.warnings == ()
    (main,) = taken(plan)
    assert [v.name for v in main.versions] == ["aac-96k"]


def test_a_hundred_tracks_are_not_encoded() -> None:
    many = tracks(*({"language": f"q{a}{b}"} for a in "abcdefghij" for b in "abcde"))
    plan = plan_video(many, load_recipe("default"))
    assert len(plan.sounds) == 16
    assert any("34 sound track(s) were left out" in warning for warning in plan.warnings)


def test_each_version_is_encoded_once() -> None:
    (main,) = taken(plan_video(media(), load_recipe("default")))
    assert [v.name for v in main.versions] == ["aac-64k", "aac-96k", "aac-128k", "aac-192k"]
    assert {v.codec for v in main.versions} == {AudioCodec.AAC}


def test_a_silent_source_has_no_sound() -> None:
    assert plan_video(media(sound=None), load_recipe("default")).sounds == ()


def test_unusual_sample_rates_become_48_khz() -> None:
    (main,) = taken(plan_video(media(sound=replace(AUDIO, sample_rate=8000)), load_recipe("default")))
    assert {v.sample_rate for v in main.versions} == {48_000}


def test_a_container_has_the_codec_that_belongs_in_it_unless_the_recipe_says_another() -> None:
    webm = {"kind": "video", "name": "a", "codec": "vp9"}
    mkv = {"kind": "video", "name": "b", "container": "mkv", "audio": {"codec": "flac"}}
    mp3 = {"kind": "video", "name": "c", "audio": {"codec": "mp3", "bitrate_bps": 96_000, "channels": "mono"}}
    plan = plan_video(media(), recipe(webm, mkv, mp3))
    versions = {rung.name: plan.sounds[0].for_rung(rung) for rung in plan.singles}
    assert [versions[name].codec.value for name in "abc"] == ["opus", "flac", "mp3"]
    assert versions["b"].bitrate_bps is None
    assert (versions["c"].bitrate_bps, versions["c"].shape.channels) == (96_000, 1)
    argv = sounds_argv(plan, taken(plan), WORK)
    files = [Path(word).name for word in argv if word.startswith("file:")]
    assert sorted(files) == sorted({"audio-0-flac.mka", "audio-0-opus-192k.mka", f"audio-0-{versions['c'].name}.mka"})


def test_a_sound_that_a_container_can_not_hold_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="aac"):
        recipe({"kind": "video", "name": "a", "codec": "vp9", "audio": {"codec": "aac"}})


@pytest.mark.parametrize(
    ("channels", "layout", "wish", "expected"),
    [
        (2, "stereo", "auto", ["aformat"]),
        (1, "mono", "auto", ["aformat", "pan"]),
        (1, "mono", "left", ["aformat"]),
        (6, "5.1(side)", "auto", ["aresample", "aformat", "alimiter"]),
        (8, "7.1", "mono", ["aresample", "aformat", "pan", "alimiter"]),
        (6, None, "auto", ["pan", "aformat", "alimiter"]),
        (2, "stereo", "right", ["aformat", "pan"]),
        (6, "5.1(side)", "keep", ["aformat"]),
        (3, "2.1", "keep", ["aresample", "aformat", "alimiter"]),
        (2, "stereo", "keep", ["aformat"]),
    ],
)
def test_each_layout_has_its_way_to_the_wanted_channels(
    channels: int, layout: str | None, wish: Any, expected: list[str]
) -> None:
    shape = plan_shape(
        replace(AUDIO, channels=channels, layout=layout), AudioMap(channels=wish), stereo=True, codec=AudioCodec.FLAC
    )
    assert [name for name, _ in shape.filters()] == expected


def test_a_gain_is_what_is_missing_and_comes_with_a_ceiling() -> None:
    wish = AudioMap(loudness_lufs=-16)
    shape = at_loudness(plan_shape(AUDIO, wish, stereo=True), wish, -23.4)
    assert (shape.gain_db, shape.ceiling_db) == (7.4, -2.0)
    assert [name for name, _ in shape.filters()] == ["aformat", "volume", "alimiter"]
    assert at_loudness(shape, wish, -16.6).gain_db == 8.0, "what a limiter took is given back"
    assert at_loudness(shape, wish, -69.0).gain_db == 40.0, "noise is not made music"


def test_every_track_has_a_graph_of_its_own_and_versions_of_one_shape_share_it() -> None:
    plan = plan_video(tracks({"language": "eng"}, {"language": "ger", "channels": 1}), load_recipe("default"))
    main, dub = graphs(plan)
    assert main.startswith("[0:1]aformat=")
    assert "asplit=4" in main
    assert "[a0s" in main
    assert "pan=args=stereo" in dub
    assert "[a1s" in dub
    assert "asplit" not in dub


def test_levelled_tracks_keep_their_place_on_the_clock() -> None:
    late = media(start_s=3600.4, sound=replace(AUDIO, channels=6, layout="5.1(side)"))
    plan = plan_video(late, load_recipe("default"))
    (graph,) = graphs(plan, Levelled(WORK / "sound-0.nut", 1.0))
    shift = plan.timing.shift_s - 1.0
    assert graph.startswith(f"[1:a:0]asetpts=expr=PTS-({shift:.6f})/TB[")
    assert "center_mix_level" not in graph
    argv = levelled_argv(plan, taken(plan), SOURCE, [WORK / "sound-0.nut"])
    assert "center_mix_level=0.707107" in argv[argv.index("-af") + 1]
    assert argv[-5:] == ["-c", "copy", "-f", "null", "-"]
