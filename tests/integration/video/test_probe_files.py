"""Probing real files: every track with its labels, odd containers, and the choice among tracks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import X264, ffmpeg
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.errors import ErrorCode, InputError
from telecine.probe import probe
from telecine.probe.tracks import Edit

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2:r=48000")
SUBTITLES = "1\n00:00:00,200 --> 00:00:00,900\nHello\n\n2\n00:00:01,000 --> 00:00:01,500\nBye\n"
CHAPTER = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
CHAPTERS = ";FFMETADATA1\n" + CHAPTER.format(0, 900, "One") + CHAPTER.format(900, 2000, "Two")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Matroska file with a picture, two sounds, two subtitle tracks, chapters and a font."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "a.srt").write_text(SUBTITLES)
    (folder / "chapters").write_text(CHAPTERS)
    (folder / "a.ttf").write_bytes(b"no real font")
    path = folder / "film.mkv"
    ffmpeg(
        *(*PICTURE, *SOUND, "-i", str(folder / "a.srt"), "-i", str(folder / "chapters")),
        *("-map", "0", "-map", "1", "-map", "1", "-map", "2", "-map", "2", "-map_metadata", "3", "-map_chapters", "3"),
        *(*X264, "-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"),
        *("-c:a", "flac", "-c:s", "srt"),
        *("-metadata:s:a:0", "title=Commentary by the cutter", "-metadata:s:a:0", "language=eng"),
        *("-metadata:s:a:1", "language=fre", "-disposition:a:0", "default", "-disposition:a:1", "0"),
        *("-metadata:s:s:0", "language=ger", "-disposition:s:0", "forced+default"),
        *("-metadata:s:s:1", "language=eng", "-disposition:s:1", "hearing_impaired"),
        *("-attach", str(folder / "a.ttf"), "-metadata:s:t:0", "mimetype=font/ttf", str(path)),
    )
    return path


def test_everything_that_a_file_says_of_its_tracks_is_known(film: Path) -> None:
    facts = probe(film)
    video = facts.video
    assert video is not None
    assert (video.width, video.height, video.frames, video.keyframes) == (160, 120, 50, 1)
    assert (video.colour_primaries, video.colour_transfer, video.colour_space) == ("bt709", "bt709", "bt709")
    assert (video.field_order, video.dar) == ("progressive", (4, 3))
    assert [(a.language, a.commentary) for a in facts.audios] == [("eng", True), ("fre", False)]
    assert facts.audio == facts.audios[1]
    assert [(s.kind, s.language, s.default, s.forced, s.hearing_impaired, s.packets) for s in facts.subtitles] == [
        ("text", "ger", True, True, False, 2),
        ("text", "eng", False, False, True, 2),
    ]
    assert [(c.title, c.start_s, c.end_s) for c in facts.chapters] == [("One", 0.0, 0.9), ("Two", 0.9, 2.0)]
    assert [d.what for d in facts.data] == ["font"]
    measured = film.stat().st_size * 8 / facts.duration_s
    assert sum(t.bitrate_bps or 0 for t in (*facts.videos, *facts.audios)) == pytest.approx(measured, rel=0.1)


def test_the_command_shows_a_table_to_people_and_json_to_programs(film: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["probe", str(film)])
    assert shown.exit_code == 0
    for word in ("h264", "Commentary by the cutter", "SDH", "forced", "font", "25 fps", "One (0.0 s)", "bt709"):
        assert word in shown.stdout, word
    (tmp_path / "empty.mp4").touch()
    told = CliRunner().invoke(app, ["probe", str(film), str(tmp_path / "empty.mp4"), str(tmp_path / "no"), "--json"])
    assert told.exit_code == 3
    good, empty, absent = json.loads(told.stdout)
    assert good["video_tracks"][0]["used"]
    assert good["audio_tracks"][1]["missing"].keys() >= {"profile"}
    assert (empty["error"]["code"], absent["error"]["code"]) == ("EMPTY_FILE", "SOURCE_MISSING")


def test_a_sound_that_can_not_be_decoded_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg(
        *(*PICTURE, *SOUND, "-map", "0", "-map", "1", "-map", "1", *X264, "-c:a", "flac", "-disposition:a:1", "0"),
        *("-bsf:a:0", "noise=amount=1", "-disposition:a:0", "default", str(path)),
    )
    facts = probe(path)
    assert facts.audio == facts.audios[1]
    assert facts.audios[0].unusable == "nothing of it can be decoded"


def test_a_codec_that_is_not_decoded_costs_only_its_track(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg(*PICTURE, *SOUND, *X264, "-c:a", "real_144", "-ar", "8000", "-ac", "1", str(path))
    facts = probe(path)
    assert facts.video is not None
    assert facts.video.frames == 50
    assert facts.audios[0].unusable == "there is no decoder for ra_144"
    assert facts.warnings == ("The sound was left out: there is no decoder for ra_144.",)


def test_closed_captions_in_a_track_of_their_own_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "a.scc").write_text("Scenarist_SCC V1.0\n\n00:00:00:10\t9420 9420 9470 9470 c8e5 ecec ef80 942f 942f\n")
    path = tmp_path / "a.mov"
    ffmpeg(*PICTURE, "-i", str(tmp_path / "a.scc"), "-map", "0", "-map", "1", *X264, "-c:s", "copy", str(path))
    facts = probe(path)
    assert facts.video is not None
    assert [s.codec for s in facts.subtitles] == ["eia_608"]


@pytest.mark.parametrize("codec", ["bmp", "tiff"])
def test_a_song_may_have_a_cover_of_an_old_kind(tmp_path: Path, codec: str) -> None:
    picture, path = tmp_path / f"a.{codec}", tmp_path / "a.mp3"
    ffmpeg(*PICTURE, "-frames:v", "1", "-update", "1", str(picture))
    ffmpeg(*SOUND, "-i", str(picture), *("-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "libmp3lame"), str(path))
    facts = probe(path)
    assert facts.kind == "audio"
    assert facts.cover is not None
    assert facts.cover.codec == codec


@pytest.mark.parametrize(("codec", "suffix", "pixels"), [("flashsv", ".flv", "bgr24"), ("png", ".mov", "rgb24")])
def test_a_picture_that_only_ffmpeg_can_decode_is_described(
    tmp_path: Path, codec: str, suffix: str, pixels: str
) -> None:
    path = tmp_path / f"a{suffix}"
    ffmpeg(*PICTURE, "-frames:v", "3", "-c:v", codec, "-pix_fmt", pixels, str(path))
    facts = probe(path)
    assert facts.video is not None
    assert (facts.video.width, facts.video.height, facts.video.pixel_format) == (160, 120, pixels)


def test_a_clock_that_starts_at_ten_seconds_and_an_edit_list_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(*PICTURE, *SOUND, *X264, "-bf", "2", "-c:a", "aac", "-output_ts_offset", "10", str(path))
    facts = probe(path)
    assert facts.video is not None
    assert facts.begin_s == pytest.approx(10.0, abs=0.05)
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)
    assert facts.video.edits[0] == Edit(None, pytest.approx(10.0, abs=0.05))


def test_forty_tracks_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg(*PICTURE, *SOUND, "-map", "0", *(("-map", "1") * 39), *X264, "-c:a", "flac", str(path))
    facts = probe(path)
    assert len(facts.audios) == 39
    assert facts.audio == facts.audios[0]


def test_interlaced_pictures_name_their_first_field(tmp_path: Path) -> None:
    path = tmp_path / "a.mpg"
    fields = ("-vf", "setfield=tff", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-f", "mpeg")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.4", *fields, str(path))
    facts = probe(path)
    assert facts.video is not None
    assert (facts.video.interlaced, facts.video.field_order) == (True, "top_first")


def test_hdr10_metadata_is_found_in_the_bitstream(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    hdr = f"hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display={screen}:max-cll=900,200"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.2,format=yuv420p10le", "-c:v", "libx265"),
        *("-preset", "ultrafast", "-x265-params", f"log-level=none:{hdr}", str(path)),
    )
    facts = probe(path)
    assert facts.video is not None
    assert (facts.video.hdr, facts.video.bit_depth) == ("pq", 10)
    assert facts.video.mastering_display is not None
    assert facts.video.mastering_display.max_nits == 1000
    assert facts.video.content_light is not None
    assert facts.video.content_light.max_cll == 900


def in_every_parent(content: bytes, parents: tuple[bytes, ...], box: bytes) -> bytes:
    """Put a box at the end of the last of these nested ISO boxes, the first of which is the file's last."""
    made, at = bytearray(content), 0
    for kind in parents:
        at = made.index(kind, at) - 4
        made[at : at + 4] = (length := int.from_bytes(made[at : at + 4]) + len(box)).to_bytes(4)
        end = at + length - len(box)
        at += 8
    return bytes(made[:end] + box + made[end:])


@pytest.mark.parametrize(("profile", "compatibility", "refused"), [(5, 0, True), (8, 1, False)])
def test_dolby_vision_without_a_base_layer_is_refused(
    tmp_path: Path, profile: int, compatibility: int, refused: bool
) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(*PICTURE, "-frames:v", "2", "-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1", str(path))
    flags = profile << 9 | 1 << 3 | 0b101  # level 1; metadata and base layer
    record = bytes((1, 0)) + flags.to_bytes(2) + (compatibility << 28).to_bytes(4) + bytes(16)
    parents = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1")
    path.write_bytes(in_every_parent(path.read_bytes(), parents, (len(record) + 8).to_bytes(4) + b"dvcC" + record))
    if refused:
        with pytest.raises(InputError, match="Dolby Vision profile 5, which has no base layer") as caught:
            probe(path)
        assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA
    else:
        facts = probe(path)
        assert facts.video is not None
        assert facts.video.dolby_vision is not None
        assert facts.video.dolby_vision.profile == profile


def test_an_encrypted_file_is_refused_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "11" * 16, "-encryption_kid", "22" * 16)
    ffmpeg(*PICTURE, *SOUND, *X264, "-c:a", "aac", *key, str(path))
    with pytest.raises(InputError) as caught:
        probe(path)
    assert caught.value.code is ErrorCode.ENCRYPTED_MEDIA


@pytest.mark.parametrize("name", ["a.jpg", "a.mp3", "a"])
def test_a_wrong_name_changes_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "right.mp4"
    ffmpeg(*PICTURE, *X264, str(path))
    wrong = path.rename(tmp_path / name)
    assert probe(wrong).format == "mp4"
