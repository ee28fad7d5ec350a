"""Sound files: every codec and container, tags, loudness, waveforms, covers; and files that are odd or hostile."""

from __future__ import annotations

import json
import re
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import ffmpeg
from PIL import Image

from telecine.artifact import MediaResult, sha256_of
from telecine.errors import ErrorCode, TelecineError
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.sound.files import process_audio
from telecine.sound.loudness import loudness_of, measure_argv
from telecine.tools import ffmpeg_path, ffprobe_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

TONE = ("-f", "lavfi", "-i", "aevalsrc='0.1*sin(2*PI*440*t)|0.05*sin(2*PI*660*t)':s=44100:d=3")


def made(source: Path, out: Path, *outputs: dict[str, Any]) -> MediaResult:
    """Everything that a recipe of these outputs makes of a file; the default recipe without any."""
    out.mkdir(exist_ok=True)
    recipe = parse_recipe({"name": "x", "outputs": outputs}, "test") if outputs else load_recipe("default")
    result = process_audio(probe(source), source, recipe, out, Quiet(), threading.Event())
    listed = {artifact.path for artifact in result.artifacts}
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == listed
    for artifact in result.artifacts:
        assert sha256_of(out / artifact.path) == artifact.sha256
    return result


def file(name: str, codec: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "audio", "name": name, "codec": codec} | fields


def tags_of(path: Path) -> dict[str, str]:
    argv = [str(ffprobe_path()), "-v", "error", "-of", "json", "-show_entries", "format_tags:stream_tags", str(path)]
    data: Mapping[str, Any] = json.loads(run(argv).stdout)
    found = dict(data["format"].get("tags", {}))
    for stream in data["streams"]:
        found |= stream.get("tags", {})
    return {name.lower(): value for name, value in found.items()}


def lufs(path: Path) -> float | None:
    return loudness_of(run(measure_argv(ffmpeg_path(), path, 0, [])).stderr).integrated_lufs


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises so much; its pixels aren't there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def with_cover(path: Path, picture: bytes, mime: bytes = b"image/png") -> Path:
    """An MP3 with an attached picture (ID3v2.3 APIC)."""
    body = b"\0" + mime + b"\0\x03\0" + picture
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    ffmpeg(*TONE, "-c:a", "libmp3lame", "-id3v2_version", "0", "-f", "mp3", str(path))
    path.write_bytes(b"ID3\x03\0\0" + size + frame + path.read_bytes())
    return path


def test_every_codec_and_container_comes_out_as_promised(tmp_path: Path) -> None:
    source, out = tmp_path / "a.wav", tmp_path / "out"
    ffmpeg(*TONE, str(source))
    homes = {"aac": ("m4a", "mkv"), "opus": ("ogg", "webm"), "mp3": ("mp3", "m4a")}
    homes |= {"vorbis": ("ogg", "webm"), "flac": ("flac", "m4a")}
    specs = [file(f"{c}-{h}", c, container=h) for c, containers in homes.items() for h in containers]
    result = made(source, out, *specs, file("best", "vorbis", quality="maximum"), file("low", "mp3", quality="low"))
    assert result.failures == ()
    assert {
        (a.name, a.codecs) for a in result.artifacts if a.name in ("aac-m4a", "opus-ogg", "mp3-m4a", "mp3-mp3")
    } == {
        ("aac-m4a", "mp4a.40.2"),
        ("opus-ogg", "opus"),
        ("mp3-m4a", "mp4a.6B"),
        ("mp3-mp3", "mp3"),
    }
    for artifact in result.artifacts:
        assert artifact.duration_s == pytest.approx(3.0, abs=0.08), artifact.name
        assert artifact.mime.startswith("audio/")
    loud = lufs(source)
    for name in ("aac-m4a", "opus-ogg", "mp3-mp3", "vorbis-ogg", "flac-flac"):
        path = next(out / a.path for a in result.artifacts if a.name == name)
        assert lufs(path) == pytest.approx(loud, abs=0.5), name


def test_loudness_is_hit_however_peaky_the_sound_is(tmp_path: Path) -> None:
    quiet, peaky, silent = tmp_path / "quiet.wav", tmp_path / "peaky.wav", tmp_path / "silent.wav"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=3:c=pink:a=0.05:r=48000", str(quiet))
    clicks = "aevalsrc='0.03*sin(2*PI*440*t)+0.9*lt(mod(t,0.5),0.001)':s=48000:d=3"
    ffmpeg("-f", "lavfi", "-i", clicks, str(peaky))
    ffmpeg("-f", "lavfi", "-i", "anullsrc=d=2", "-t", "2", str(silent))
    spec = file("a", "aac", loudness_lufs=-16, bitrate_bps=256_000)
    for source in (quiet, peaky):
        result = made(source, tmp_path / source.stem, spec, file("mono", "mp3", loudness_lufs=-20, channels="mono"))
        assert result.warnings == ()
        assert lufs(tmp_path / source.stem / "audio/a.m4a") == pytest.approx(-16, abs=1)
        assert lufs(tmp_path / source.stem / "audio/mono.mp3") == pytest.approx(-20, abs=1)
    assert any("no sound whose loudness" in warning for warning in made(silent, tmp_path / "s", spec).warnings)


def test_tags_stay_behind_unless_safe_ones_are_asked_for(tmp_path: Path) -> None:
    source, out = tmp_path / "a.mp3", tmp_path / "out"
    tags = {
        "title": "A \u202esong\x07: 'one'; two=2",
        "artist": "Somebody",
        "track": "3/12",
        "date": "2019-05-06 11:22",
        "comment": "Secret",
        "location": "+48.1+11.5/",
        "lyrics": "Secret words",
    }
    ffmpeg(*TONE, *(word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")), str(source))
    kinds = {"aac": "m4a", "mp3": "mp3", "opus": "opus", "vorbis": "ogg", "flac": "flac"}
    specs = [file(f"{mode}-{c}", c, metadata=mode) for c in kinds for mode in ("strip_all", "safe")]
    made(source, out, *specs)
    for codec, extension in kinds.items():
        safe, bare = out / f"audio/safe-{codec}.{extension}", out / f"audio/strip_all-{codec}.{extension}"
        found = tags_of(safe)
        assert found["title"] == "A song : 'one'; two=2"
        assert (found["artist"], found["track"], found["date"]) == ("Somebody", "3/12", "2019-05-06")
        assert not {"title", "artist", "track", "date"} & tags_of(bare).keys()
        for path in (safe, bare):
            assert b"Secret" not in path.read_bytes()
            assert b"+48" not in path.read_bytes()


def test_a_waveform_shows_where_it_is_loud(tmp_path: Path) -> None:
    source, out = tmp_path / "a.flac", tmp_path / "out"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc='0.8*sin(2*PI*440*t)*gte(t,1)*lt(t,2)':s=8000:d=4", str(source))
    small = {"kind": "waveform", "width": 200, "height": 40}
    result = made(
        source,
        out,
        small | {"color": "#ff0000"},
        small | {"name": "webp", "format": "webp", "background": "#ffffff"},
        small | {"name": "points", "format": "json"},
    )
    assert [(a.name, a.mime, a.width) for a in result.artifacts] == [
        ("waveform", "image/png", 200),
        ("webp", "image/webp", 200),
        ("points", "application/json", None),
    ]
    with Image.open(out / "thumbnails/waveform.png") as image:
        drawn = image.convert("RGBA")
    heights = [sum(drawn.getpixel((x, y))[3] > 0 for y in range(40)) for x in (25, 75, 125, 175)]  # type: ignore[index]
    assert heights == [1, 40, 1, 1]
    points = json.loads((out / "thumbnails/points.json").read_text())
    assert points["length"] * 2 == len(points["data"])
    assert points["length"] * points["samples_per_pixel"] / points["sample_rate"] == pytest.approx(4.0, abs=0.05)
    assert max(points["data"]) == pytest.approx(0.8 * 127, abs=2)
    assert result.preview is not None


def test_a_cover_becomes_a_picture_of_the_wanted_size(tmp_path: Path) -> None:
    out, picture = tmp_path / "out", tmp_path / "cover.png"
    Image.new("RGB", (1400, 700), "#336699").save(picture)
    source = with_cover(tmp_path / "a.mp3", picture.read_bytes())
    result = made(
        source, out, {"kind": "cover", "width": 300}, {"kind": "cover", "name": "small", "format": "webp", "width": 64}
    )
    assert [(a.asset, a.path, a.width, a.height, a.mime) for a in result.artifacts] == [
        ("audio/thumbnails", "thumbnails/cover.jpg", 300, 150, "image/jpeg"),
        ("audio/thumbnails", "thumbnails/small.webp", 64, 32, "image/webp"),
    ]
    assert result.preview is not None
    assert len(result.preview) <= 20_000


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (png(60_000, 60_000), "megapixels"),
        (png(400, 300), ""),
        (b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 400, "not a picture"),
    ],
    ids=["bomb", "cut off", "sound"],
)
def test_a_cover_that_is_a_bomb_or_broken_costs_nothing_but_itself(tmp_path: Path, picture: bytes, said: str) -> None:
    source = with_cover(tmp_path / "a.mp3", picture)
    result = made(source, tmp_path / "out", file("aac", "aac"), {"kind": "cover"})
    assert [a.name for a in result.artifacts] == ["aac"]
    assert result.failures == ()
    assert any("cover art was left out" in w and said in w for w in result.warnings) or not probe(source).videos


@pytest.mark.parametrize(
    ("words", "suffix"),
    [
        (("-c:a", "flac", "-f", "ogg"), "ogg"),
        (("-ar", "96000", "-c:a", "pcm_s24le"), "wav"),
        (("-c:a", "eac3", "-movflags", "+frag_keyframe+delay_moov", "-frag_duration", "500000"), "mp4"),
        (("-c:a", "libmp3lame"), "mp3"),
        (("-c:a", "aac", "-f", "adts"), "aac"),
        (("-c:a", "pcm_u8", "-ar", "8000", "-ac", "1"), "wav"),
    ],
)
def test_unusual_sounds_come_out(tmp_path: Path, words: tuple[str, ...], suffix: str) -> None:
    source = tmp_path / f"a.{suffix}"
    ffmpeg(*TONE, *words, str(source))
    if suffix == "mp3":
        source.write_bytes(source.read_bytes() + b"\0trailing garbage\xff\xfb" * 300)
    result = made(source, tmp_path / "out")
    assert [a.name for a in result.artifacts] == ["aac", "opus", "waveform"]
    for artifact in result.artifacts[:2]:
        assert artifact.duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(("codec", "suffix"), [("libvorbis", "ogg"), ("libopus", "opus"), ("flac", "oga")])
def test_a_recording_of_web_radio_comes_out_whole(tmp_path: Path, codec: str, suffix: str) -> None:
    source, piece = tmp_path / f"a.{suffix}", tmp_path / f"piece.{suffix}"
    for pitch in (440, 660, 880):  # each title is an Ogg file of its own
        ffmpeg("-f", "lavfi", "-i", f"sine=f={pitch}:d=2:r=48000", "-c:a", codec, "-f", "ogg", str(piece))
        source.write_bytes((source.read_bytes() if source.exists() else b"") + piece.read_bytes())
    result = made(source, tmp_path / "out", file("x", "aac"))
    assert result.facts["duration_s"] == pytest.approx(6.0, abs=0.05)
    assert result.artifacts[0].duration_s == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize(
    ("head", "left_db", "right_db"), [("", -17.0, -90.0), ("|0|0.1*sin(880*2*PI*t)", -17.0, -20.0)]
)
def test_sound_from_all_around_becomes_stereo(tmp_path: Path, head: str, left_db: float, right_db: float) -> None:
    source = tmp_path / "a.mkv"
    tone = "0.1*sin(440*2*PI*t)"  # at the very left: as much in "left minus right" as all around
    aevalsrc = f"aevalsrc={tone}|{tone}|0|0{head}:c={6 if head else 4}c:d=2:s=48000"
    ffmpeg("-f", "lavfi", "-i", aevalsrc, "-c:a", "libopus", "-b:a", "512k", "-mapping_family", "2", str(source))
    made(source, tmp_path / "out", file("x", "flac"))
    argv = [
        str(ffmpeg_path()),
        "-hide_banner",
        "-i",
        str(tmp_path / "out/audio/x.flac"),
        "-af",
        "astats",
        "-f",
        "null",
        "-",
    ]
    left, right = (float(level) for level in re.findall(r"Peak level dB: (\S+)", run(argv).stderr)[:2])
    assert left == pytest.approx(left_db, abs=1.0)
    assert right < right_db + 1.0


def test_a_header_that_promises_ten_hours_is_not_believed(tmp_path: Path) -> None:
    source = tmp_path / "a.mp3"
    ffmpeg(*TONE, "-c:a", "libmp3lame", str(source))
    content = bytearray(source.read_bytes())
    at = content.index(b"Info")
    flags, frames = struct.unpack_from(">II", content, at + 4)
    assert flags & 1
    assert frames < 1000
    struct.pack_into(">I", content, at + 8, 10 * 3600 * 44_100 // 1152)
    source.write_bytes(content)
    assert probe(source).duration_s == pytest.approx(3.0, abs=0.1)
    assert made(source, tmp_path / "out").artifacts[0].duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_zero_samples_are_refused_with_a_sentence(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"a.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=d=1", "-af", "atrim=end_sample=0", str(source))
    with pytest.raises(TelecineError) as caught:
        made(source, tmp_path / "out")
    assert caught.value.code in (
        ErrorCode.NO_MEDIA_STREAMS,
        ErrorCode.CORRUPT_MEDIA,
        ErrorCode.EMPTY_FILE,
        ErrorCode.UNSUPPORTED_MEDIA,
        ErrorCode.TRUNCATED_MEDIA,
    )
    assert len(caught.value.message) > 20


def test_progress_goes_through_every_pass_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[str, float, str]] = []

    class Sink:
        def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
            seen.append((stage, fraction, details.get("operation", "")))

    source = tmp_path / "a.wav"
    ffmpeg(*TONE, str(source))
    recipe = parse_recipe({"name": "x", "outputs": [file("a", "aac", loudness_lufs=-16), file("b", "mp3")]}, "test")
    (tmp_path / "out").mkdir()
    process_audio(probe(source), source, recipe, tmp_path / "out", Sink(), threading.Event())
    operations = [operation for _, _, operation in seen if operation]
    assert list(dict.fromkeys(operations)) == ["measuring loudness", "encoding", "verifying"]
    for stage in ("AUDIO", "STILLS_AND_CLEANUP"):
        fractions = [fraction for name, fraction, _ in seen if name == stage]
        assert fractions == sorted(fractions)
        assert fractions[-1] == pytest.approx(1.0)


def test_the_sound_of_a_video_comes_out_as_files_beside_pictures_and_alone(base: Path, tmp_path: Path) -> None:
    sounds = [
        file("podcast", "mp3", channels="mono", loudness_lufs=-16),
        file("music", "opus", bitrate_bps=64_000),
        file("kept", "flac"),
    ]
    for name, others in (("alone", []), ("beside", [{"kind": "video", "name": "small", "preset": "ultrafast"}])):
        work, out = tmp_path / f"work-{name}", tmp_path / name
        work.mkdir()
        out.mkdir()
        recipe = parse_recipe({"name": "x", "outputs": [*sounds, *others], "quality_check": "off"}, "x")
        seen: list[tuple[str, float]] = []

        class Sink:
            def report(self, stage: str, fraction: float, details: object, seen: Any = seen) -> None:
                seen.append((stage, fraction))

        plan, cancel = plan_video(probe(base), recipe), threading.Event()
        encoded = encode(plan, base, work, Sink(), cancel)
        result = finish(plan, encoded, base, out, Sink(), cancel)
        assert (result.failures, result.warnings) == ((), ())
        listed = {a.name: a for a in result.artifacts}
        assert {"metadata", "podcast", "music", "kept"} == listed.keys() - {"small"}
        assert ("small" in listed) == bool(others)
        for artifact, mime in (("podcast", "audio/mpeg"), ("music", "audio/ogg"), ("kept", "audio/flac")):
            made = listed[artifact]
            assert (made.asset, made.mime, made.width) == ("video/renditions", mime, None)
            assert made.duration_s == pytest.approx(4.0, abs=0.1)
            assert sha256_of(out / made.path) == made.sha256
        assert lufs(out / listed["podcast"].path) == pytest.approx(-16, abs=1)
        for stage in dict(seen):
            fractions = [fraction for at, fraction in seen if at == stage]
            assert fractions == sorted(fractions)
            assert fractions[-1] == 1.0
        assert not list(tmp_path.glob("sound-*"))
