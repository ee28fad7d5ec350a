"""Sound files as HLS and DASH, from the file to the streams."""

from __future__ import annotations

import threading
from pathlib import Path

import m3u8
import pytest
from conftest import ffmpeg
from mpegdash.parser import MPEGDASHParser

from telecine.artifact import MediaResult
from telecine.errors import ConfigurationError
from telecine.probe import MediaFacts, probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.sound.files import process_audio
from telecine.video.audio_streams import add_streams, without_inputs

TWO_RATES = {
    "name": "radio",
    "outputs": [
        {"kind": "audio", "name": "small", "codec": "aac", "bitrate_bps": 48_000},
        {"kind": "audio", "name": "large", "codec": "aac", "bitrate_bps": 128_000},
        {"kind": "audio", "name": "opus", "codec": "opus"},
        {"kind": "audio", "name": "voice", "codec": "aac", "channels": "mono", "sample_rate": 22_050},
        {"kind": "streams", "segment_s": 2},
    ],
}
PLACES = {("audio/hls", "multivariant"), ("audio/dash", "mpd")}


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=d=7:r=44100", "-ac", "2", str(path))
    return path


def made_of(song: Path, facts: MediaFacts, recipe_data: dict[str, object], out: Path, made: object = ()) -> MediaResult:
    out.mkdir()
    recipe, cancel = parse_recipe(recipe_data, "test"), threading.Event()
    places = frozenset(made)  # type: ignore[call-overload]
    result = process_audio(facts, song, recipe, out, Quiet(), cancel, made=without_inputs(recipe, places))
    return add_streams(result, facts, recipe, out, places, cancel)


def test_a_sound_file_gets_a_variant_for_each_aac_rate(song: Path, tmp_path: Path) -> None:
    facts, out = probe(song), tmp_path / "out"
    result = made_of(song, facts, TWO_RATES, out)
    assert result.failures == ()
    assert {(a.asset, a.name) for a in result.artifacts} > PLACES
    entry = m3u8.load(str(out / "stream/multivariant.m3u8"))
    assert [(p.uri, p.stream_info.codecs, p.stream_info.resolution) for p in entry.playlists] == [
        ("audio-1.m3u8", "mp4a.40.2", None),
        ("audio.m3u8", "mp4a.40.2", None),
    ]
    playlists = [m3u8.load(str(out / f"stream/{p.uri}")) for p in entry.playlists]
    assert len({tuple(s.duration for s in p.segments) for p in playlists}) == 1, "cut at the same instants"
    assert sum(s.duration for s in playlists[0].segments) == pytest.approx(7.0, abs=0.1)
    (adaptation,) = MPEGDASHParser.parse(str(out / "stream/manifest.mpd")).periods[0].adaptation_sets
    assert len(adaptation.representations) == 2
    files = {f.path: f.mime for a in result.artifacts for f in a.stream_files or ()}
    assert files["stream/audio/00001.m4s"] == "audio/mp4"


def test_a_retry_of_the_streams_makes_the_files_again_that_they_need(song: Path, tmp_path: Path) -> None:
    facts = probe(song)
    earlier = {("audio/renditions", name) for name in ("small", "large", "opus", "voice")}
    result = made_of(song, facts, TWO_RATES, tmp_path / "out", earlier)
    assert {(a.asset, a.name) for a in result.artifacts} == PLACES | {
        ("audio/renditions", "small"),
        ("audio/renditions", "large"),
    }
    nothing = made_of(song, facts, TWO_RATES, tmp_path / "again", earlier | PLACES)
    assert nothing.artifacts == ()


def test_the_default_recipe_streams_sound_files() -> None:
    assert {place for place in PLACES if place not in without_inputs(load_recipe("default"), PLACES)} == set()
    assert without_inputs(load_recipe("default"), {("audio/renditions", "aac"), ("audio/renditions", "opus")}) == {
        ("audio/renditions", "opus")
    }


def test_streams_need_something_to_be_packaged_from() -> None:
    opus = {"kind": "audio", "name": "opus", "codec": "opus"}
    with pytest.raises(ConfigurationError, match="add a 'video_ladder', or AAC 'audio'"):
        parse_recipe({"name": "x", "outputs": [opus, {"kind": "streams"}]}, "test")
