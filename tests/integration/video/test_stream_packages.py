"""Real packages of generated media: every form of them, read by libraries that aren't ours."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import m3u8
import pytest
from conftest import RECIPE, Made, ffmpeg
from mpegdash.parser import MPEGDASHParser

from telecine.errors import ErrorCode
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.stream import hls, webvtt
from telecine.stream.package import Content, Form, package
from telecine.stream.tracks import Picture, Rendition, Sound, Text
from telecine.stream.verify import Expected, Gate
from telecine.tools import ffprobe_path
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

GOP_S, SEGMENT_S = 60 * 1001 / 30000, 180 * 1001 / 30000
ENGLISH = Rendition("audio", "en", "English", default=True)
GERMAN = Rendition("audio-1", "de", "Deutsch", role="dub")
BLIND = Rendition("audio-2", "en", "English (audio description)", role="description")
SAID = webvtt.parse("WEBVTT\n\n00:04.000 --> 00:07.000 line:0\nAcross the cut\n")


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Two rungs, three sounds and two captions of 14 s at 29.97 frames a second."""
    folder = tmp_path_factory.mktemp("tracks")
    words = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=14", "-f", "lavfi", "-i", "sine=d=14"]
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-sc_threshold", "0", "-bf", "2", "-an")
    words += ["-map", "0:v", "-s", "160x90", *coded, str(folder / "90p.mp4")]
    words += ["-map", "0:v", *coded, str(folder / "180p.mp4")]
    for name, rate in (("audio", 128_000), ("audio-1", 64_000), ("audio-2", 48_000)):
        words += ["-map", "1:a", "-ac", "2", "-c:a", "aac", "-b:a", str(rate), str(folder / f"{name}.m4a")]
    ffmpeg(*words)
    return Content(
        (Picture("90p", folder / "90p.mp4"), Picture("180p", folder / "180p.mp4")),
        tuple(Sound(r, folder / f"{r.name}.m4a") for r in (ENGLISH, GERMAN, BLIND)),
        (
            Text(Rendition("captions-en-sdh", "en", "English (SDH)", "caption"), SAID),
            Text(Rendition("captions-de-forced", "de", "Deutsch (forced)", "forced-subtitle"), SAID),
        ),
    )


def packaged(content: Content, tmp_path: Path, **form: object) -> Path:
    directory = tmp_path / "stream"
    package(content, replace(Form(SEGMENT_S, GOP_S), **form), directory)  # type: ignore[arg-type]
    assert not list(directory.rglob("*.input")) + list(directory.rglob("*.unfinished"))
    return directory


def first_packet(path: Path, init: Path | None = None) -> tuple[float, bool]:
    """Time stamp of a segment's first packet, and whether it is a keyframe."""
    whole = path.with_name("whole.tmp")
    whole.write_bytes((init.read_bytes() if init else b"") + path.read_bytes())
    argv = [str(ffprobe_path()), "-v", "error", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", str(whole)]
    time, flags = run(argv).stdout.decode().splitlines()[0].split(",")[:2]
    whole.unlink()
    return float(time), flags.startswith("K")


def test_hls_declares_every_track_and_what_was_measured(content: Content, tmp_path: Path) -> None:
    directory = packaged(content, tmp_path, dash=False)
    entry = m3u8.load(str(directory / "multivariant.m3u8"))
    assert entry.is_independent_segments
    told = {m.uri: m for m in entry.media}
    sounds = [told[f"{r.name}.m3u8"] for r in (ENGLISH, GERMAN, BLIND)]
    assert [(m.language, m.name, m.default, m.autoselect, m.channels) for m in sounds] == [
        ("en", "English", "YES", "YES", "2"),
        ("de", "Deutsch", "NO", "YES", "2"),
        ("en", "English (audio description)", "NO", "YES", "2"),
    ]
    assert [m.characteristics for m in sounds] == [None, None, "public.accessibility.describes-video"]
    sdh, forced = told["captions-en-sdh.m3u8"], told["captions-de-forced.m3u8"]
    assert (sdh.forced, forced.forced, sdh.default, sdh.autoselect) == ("NO", "YES", "NO", "YES")
    assert "transcribes-spoken-dialog" in sdh.characteristics
    for variant in entry.playlists:
        info = variant.stream_info
        assert (info.frame_rate, info.video_range, info.closed_captions) == (29.97, "SDR", "NONE")
        assert {m.group_id for m in variant.media} == {"audio-aac", "captions"}
        sizes = [s.stat().st_size for s in sorted((directory / variant.uri.removesuffix(".m3u8")).glob("*.m4s"))]
        loudest = sorted((directory / "audio").glob("*.m4s"))
        assert info.bandwidth >= info.average_bandwidth
        assert info.bandwidth == pytest.approx(
            max(sizes[:2]) * 8 / SEGMENT_S + max(s.stat().st_size for s in loudest) * 8 / 6, rel=0.02
        )
    media = m3u8.load(str(directory / "180p.m3u8"))
    assert (media.target_duration, media.playlist_type, media.is_endlist) == (6, "vod", True)
    assert [round(s.duration, 3) for s in media.segments] == [6.006, 6.006, 2.002]
    for number in (1, 2, 3):
        at, keyframe = first_packet(directory / f"180p/{number:05d}.m4s", directory / "180p/init.mp4")
        assert (round(at, 3), keyframe) == (round((number - 1) * SEGMENT_S, 3), True)


@pytest.mark.parametrize("container", ["cmaf", "ts"])
def test_every_entry_of_an_iframe_playlist_is_a_keyframe_on_its_own(
    content: Content, tmp_path: Path, container: str
) -> None:
    directory = packaged(replace(content, sounds=(), captions=()), tmp_path, dash=False, container=container)
    playlist = m3u8.load(str(directory / "180p-iframes.m3u8"))
    assert (playlist.is_i_frames_only, len(playlist.segments), playlist.target_duration) == (True, 7, 2)
    section = playlist.segment_map[0]
    head = (directory / section.uri).read_bytes()
    if section.byterange:
        length, offset = map(int, section.byterange.split("@"))
        head = head[offset : offset + length]
    for segment in playlist.segments:
        length, offset = map(int, segment.byterange.split("@"))
        alone = tmp_path / "alone"
        alone.write_bytes(head + (directory / segment.uri).read_bytes()[offset : offset + length])
        shown = "frame=pict_type,width"
        argv = [str(ffprobe_path()), "-v", "quiet", "-show_entries", shown, "-of", "csv=p=0", str(alone)]
        assert run(argv).stdout.decode().splitlines()[0].startswith("320,I")


@pytest.mark.parametrize(("container", "fps", "gop"), [("cmaf", Fraction(5), 10), ("ts", Fraction(10000, 1001), 21)])
def test_lengths_of_ten_minutes_add_up_to_them_in_every_playlist(
    tmp_path: Path, container: str, fps: Fraction, gop: int
) -> None:
    frames, picture, sound = int(600 * fps), tmp_path / "36p.mp4", tmp_path / "audio.m4a"
    words = ["-f", "lavfi", "-i", f"color=s=64x36:r={fps}", "-f", "lavfi", "-i", "anullsrc=r=48000:d=600"]
    words += ["-map", "0:v", "-frames:v", str(frames), "-c:v", "libx264", "-preset", "ultrafast", "-g", str(gop)]
    ffmpeg(*words, "-sc_threshold", "0", str(picture), "-map", "1:a", "-t", "600", "-b:a", "16k", str(sound))
    captions = Text(Rendition("captions-en", "en", "English", "subtitle"), SAID)
    content = Content((Picture("36p", picture),), (Sound(ENGLISH, sound),), (captions,))
    gop_s = float(gop / fps)
    directory = packaged(content, tmp_path, segment_s=3 * gop_s, gop_s=gop_s, container=container)
    gate = Gate(directory, Expected(600, pictures=1, sounds=1, texts=1))
    assert [gate.check(entry).warnings for entry in ("multivariant.m3u8", "manifest.mpd")] == [(), ()]
    added = {p.name: sum(s.duration for s in m3u8.load(str(p)).segments) for p in directory.glob("*[!t].m3u8")}
    heard = added.pop("audio.m3u8") * 48000 / 1024
    assert heard == pytest.approx(round(heard), abs=0.05), "whole frames"
    assert heard == pytest.approx(28125, abs=1.05), "in a transport stream with the one before the first"
    assert added == {
        name: pytest.approx(float(frames / fps), abs=0.001)
        for name in ("36p.m3u8", "36p-iframes.m3u8", "captions-en.m3u8")
    }


def test_captions_are_on_the_clock_of_the_transport_stream(content: Content, tmp_path: Path) -> None:
    directory = packaged(content, tmp_path, container="ts")
    first, _ = first_packet(directory / "180p/00001.ts")
    document = (directory / "captions-en-sdh/00001.vtt").read_text()
    assert f"X-TIMESTAMP-MAP=MPEGTS:{round(first * 90_000)},LOCAL:00:00:00.000" in document
    cut = [(directory / f"captions-en-sdh/{n:05d}.vtt").read_text().count("Across the cut") for n in (1, 2, 3)]
    assert cut == [1, 1, 0]
    assert (directory / "180p/00001.m4s").exists(), "DASH has segments of its own"


@pytest.mark.parametrize("as_list", [False, True])
def test_the_mpd_parses_elsewhere_and_describes_every_track(content: Content, tmp_path: Path, as_list: bool) -> None:
    directory = packaged(content, tmp_path, hls=False, as_list=as_list)
    read = MPEGDASHParser.parse(str(directory / "manifest.mpd"))
    period = read.periods[0]
    assert period.duration == read.media_presentation_duration == "PT14.014S"
    tracks = sorted(
        (s.content_type, s.lang or "", [role.value for role in s.roles or ()]) for s in period.adaptation_sets
    )
    assert tracks == [
        ("audio", "de", ["dub"]),
        ("audio", "en", ["description"]),
        ("audio", "en", ["main"]),
        ("text", "de", ["forced-subtitle"]),
        ("text", "en", ["caption"]),
        ("video", "", []),
        ("video", "", ["main"]),
    ]
    name = "{urn:mpeg:dash:schema:mpd:2011}Label"  # mpegdash reads none
    labels = {element.text for element in ET.parse(directory / "manifest.mpd").iter(name)}
    assert labels == {t.rendition.label for t in (*content.sounds, *content.captions)}
    trick = [p.scheme_id_uri for s in period.adaptation_sets for p in s.essential_properties or ()]
    assert trick == ["http://dashif.org/guidelines/trickmode"]
    listed = [r.segment_lists for s in period.adaptation_sets for r in s.representations if s.content_type == "video"]
    assert all(listed) is as_list
    assert read.profiles == f"urn:mpeg:dash:profile:isoff-{'main' if as_list else 'live'}:2011"


def test_sound_alone_is_a_stream_with_a_variant_for_each_rate(content: Content, tmp_path: Path) -> None:
    versions = (Rendition("audio", "en", "English", default=True), Rendition("audio-1", "en", "English", default=True))
    sounds = tuple(replace(sound, rendition=r) for sound, r in zip(content.sounds, versions, strict=False))
    directory = packaged(Content((), sounds), tmp_path)
    entry = m3u8.load(str(directory / "multivariant.m3u8"))
    assert [(p.uri, p.stream_info.codecs) for p in entry.playlists] == [
        ("audio.m3u8", "mp4a.40.2"),
        ("audio-1.m3u8", "mp4a.40.2"),
    ]
    (only,) = MPEGDASHParser.parse(str(directory / "manifest.mpd")).periods[0].adaptation_sets
    assert len(only.representations) == 2


@pytest.mark.parametrize(("start", "first"), [("auto", 180), ("lowest", 90), ("highest", 180), (120, 90), (90, 90)])
def test_the_variant_to_start_with_comes_first(content: Content, tmp_path: Path, start: object, first: int) -> None:
    directory = packaged(replace(content, sounds=(), captions=()), tmp_path, dash=False, start=start)
    lines = (directory / "multivariant.m3u8").read_text().splitlines()
    variants = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]
    assert f"x{first}," in variants[0]
    assert {("x180," in line, line.rsplit("SCORE=", 1)[1]) for line in variants} == {(True, "2.0"), (False, "1.0")}


def test_the_storyboard_is_an_adaptation_set(made: Callable[..., Made], base: Path) -> None:
    outputs = made(base, storyboard=True)
    directory = outputs.file("video/dash", "mpd").parent
    sets = MPEGDASHParser.parse(str(directory / "manifest.mpd")).periods[0].adaptation_sets
    (tiles,) = [s.segment_templates[0] for s in sets if s.content_type == "image"]
    sheet = directory / tiles.media.replace("$Number%03d$", "001")
    assert sheet.read_bytes() == (outputs.out / "thumbnails/storyboard/001.jpg").read_bytes()


def test_a_rung_that_failed_leaves_no_half_package(base: Path, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()
    plan = plan_video(probe(base), RECIPE)
    encoded = encode(plan, base, work, Quiet(), threading.Event())
    lost = Encoded.from_json(encoded.to_json())
    (work / lost.videos["240p"]).write_bytes(b"")
    result = finish(plan, lost, base, out, Quiet(), threading.Event())
    failed = {f.asset for f in result.failures}
    assert {"video/hls", "video/dash"} <= failed
    assert all(f.error.code in (ErrorCode.VERIFY_FAILED, ErrorCode.ENCODE_FAILED) for f in result.failures)
    assert not [a for a in result.artifacts if a.stream_files and a.asset in ("video/hls", "video/dash")]
    assert not [f for a in result.artifacts for f in a.stream_files or () if f.path.startswith("stream/")]


def test_embedded_tracks_keep_their_times_beside_a_late_clock(made: Callable[..., Made], tmp_path: Path) -> None:
    text, late = tmp_path / "text.vtt", tmp_path / "late.mkv"
    text.write_text("WEBVTT\n\n00:01.000 --> 00:02.500 line:0\nOne & <i>two</i>\n")
    words = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-i", str(text), "-c:v", "libx264", "-c:s", "srt"]
    ffmpeg(*words, "-preset", "ultrafast", "-metadata:s:s:0", "language=ger", "-output_ts_offset", "100", str(late))
    outputs = made(late)
    captions = webvtt.parse(outputs.file("video/hls", "captions-de").read_text())
    assert [(c.start_s, c.end_s, c.text) for c in captions.cues] == [(1.0, 2.5, "One &amp; <i>two</i>")]
    directory = outputs.file("video/hls", "multivariant").parent
    playlist = hls.parse_media((directory / "captions-de.m3u8").read_text())
    assert playlist.duration_s == pytest.approx(outputs.plan.timing.duration_s, abs=0.01)
