"""Every codec, container and way to ask for a rate, on real encodes; copies, fallbacks, and faults that are found."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import X264, ffmpeg

from telecine.artifact import Artifact, MediaResult
from telecine.errors import ErrorCode, SystemFault
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.tools import ffmpeg_path, ffprobe_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import VideoPlan, plan_video
from telecine.video.rendition import measure
from telecine.video.verify import check, check_decodes, expected, faults

X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:info=1", "-tag:v", "hvc1")
FAST = {"preset": "ultrafast", "stream_copy": "never"}


class Made:
    """What came out of one file."""

    def __init__(self, plan: VideoPlan, result: MediaResult, out: Path) -> None:
        self.plan, self.result, self.out = plan, result, out

    def __getitem__(self, name: str) -> Artifact:
        return next(a for a in self.result.artifacts if a.name == name)

    def path(self, name: str) -> Path:
        return self.out / self[name].path


def make(source: Path, tmp_path: Path, *outputs: dict[str, Any]) -> Made:
    """probe -> plan -> encode -> finish; renditions that fail fail the test."""
    recipe = parse_recipe({"name": "test", "outputs": [{"kind": "video", **o} for o in outputs]}, "test")
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()
    plan = plan_video(probe(source), recipe)
    encoded = encode(plan, source, work, Quiet(), threading.Event())
    result = finish(plan, encoded, source, out, Quiet(), threading.Event())
    assert result.failures == ()
    return Made(plan, result, out)


def undecodable(paths: list[Path]) -> set[Path]:
    """Those of these files that don't decode."""
    return set(faults({path: partial(check_decodes, path, None) for path in paths}, threading.Event()))


def asked(path: Path, entries: str, *options: str) -> Any:
    words = ["-v", "error", "-of", "json", "-show_entries", entries, *options, str(path)]
    return json.loads(run([str(ffprobe_path()), *words]).stdout)


def frames(path: Path, *stream: str) -> bytes:
    """Hashes of a picture's packets."""
    words = ["-v", "error", "-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "framehash", "-hash", "crc32", "-"]
    lines = run([str(ffmpeg_path()), *words]).stdout.splitlines()
    return b"\n".join(line.rpartition(b",")[2] for line in lines if not line.startswith(b"#"))


def shown(path: Path) -> bytes:
    """Hashes of a picture's frames."""
    words = ["-v", "error", "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
    return run([str(ffmpeg_path()), *words]).stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second with sound, and tags that tell too much."""
    path = tmp_path_factory.mktemp("codecs") / "clip.mp4"
    tags = {"title": "Holiday", "make": "Maker", "location": "+48.1351+011.5820/", "artist": "Somebody"}
    words = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1", *X264),
        *(
            "-profile:v",
            "main",
            "-preset",
            "veryfast",
            "-c:a",
            "aac",
            *words,
            "-movflags",
            "use_metadata_tags",
            str(path),
        ),
    )
    return path


def test_every_codec_comes_out_in_its_containers_with_a_sound_that_fits(clip: Path, tmp_path: Path) -> None:
    made = make(
        clip,
        tmp_path,
        {"name": "a", "codec": "h265", **FAST},
        {"name": "b", "codec": "vp9", **FAST},
        {"name": "c", "codec": "av1", **FAST},
        {"name": "d", "codec": "av1", "container": "webm", "audio": {"codec": "vorbis"}, **FAST},
        {"name": "e", "codec": "ffv1", "audio": {"codec": "flac"}},
        {"name": "f", "codec": "h264", "container": "mkv", "audio": {"codec": "mp3", "bitrate_bps": 96_000}, **FAST},
        {"name": "g", "pixel_format": "yuv420p10le", "audio": {"codec": "opus"}, **FAST},
    )
    said = {name: (Path(made[name].path).name, made[name].mime, made[name].codecs) for name in "abcdefg"}
    assert said == {
        "a": ("a.mp4", "video/mp4", "hvc1.1.6.L60.90,mp4a.40.2"),
        "b": ("b.webm", "video/webm", "vp09.00.20.08,opus"),
        "c": ("c.mp4", "video/mp4", "av01.0.00M.08,mp4a.40.2"),
        "d": ("d.webm", "video/webm", "av01.0.00M.08,vorbis"),
        "e": ("e.mkv", "video/matroska", "ffv1,flac"),
        "f": ("f.mkv", "video/matroska", said["f"][2]),
        "g": ("g.mp4", "video/mp4", said["g"][2]),
    }
    assert str(said["f"][2]).startswith("avc1.42c0")
    assert str(said["f"][2]).endswith(",mp3")
    assert str(said["g"][2]).startswith("avc1.6e00")
    assert str(said["g"][2]).endswith(",Opus")
    for name in said:
        assert made[name].duration_s == pytest.approx(1.0, abs=0.05)
    tag = asked(made.path("a"), "stream=codec_tag_string", "-select_streams", "v")["streams"][0]["codec_tag_string"]
    assert tag == "hvc1"
    assert made.path("a").read_bytes().index(b"moov") < made.path("a").read_bytes().index(b"mdat")


def test_rates_are_hit_in_one_pass_or_two_and_capped(tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4,noise=alls=20:allf=t", *X264, "-crf", "10", str(noisy))
    made = make(
        noisy,
        tmp_path,
        {"name": "plain", "crf": 23, **FAST},
        {"name": "capped", "crf": 23, "max_bitrate_bps": 300_000, **FAST},
        {"name": "h264", "bitrate_bps": 300_000, "two_pass": True, **FAST},
        {"name": "h265", "codec": "h265", "bitrate_bps": 300_000, "two_pass": True, **FAST},
        {"name": "vp9", "codec": "vp9", "bitrate_bps": 300_000, "two_pass": True, **FAST},
    )
    rates = {name: made[name].bitrate_bps or 0 for name in ("plain", "capped", "h264", "h265", "vp9")}
    assert made.result.warnings == (), "no encoder was replaced"
    assert rates["plain"] > 600_000
    assert rates["capped"] < 300_000 * 1.4  # a full buffer of 1.5 s comes on top of a short clip
    for name in ("h264", "h265", "vp9"):
        assert rates[name] == pytest.approx(300_000, rel=0.25)


def test_high_dynamic_range_is_kept_with_its_tags_or_mapped_beside_it(tmp_path: Path) -> None:
    source = tmp_path / "hdr.mp4"
    tagged = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    screen = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=320x240:r=25:d=0.4,{tagged}", "-c:v", "libx265", "-preset", "ultrafast"),
        *("-x265-params", f"log-level=error:{screen}", "-tag:v", "hvc1", str(source)),
    )
    known = probe(source).video
    assert known is not None
    assert known.mastering_display is not None
    assert known.mastering_display.max_nits == 1000
    kept = {"hdr": "keep", **FAST}
    made = make(
        source,
        tmp_path,
        {"name": "h265", "codec": "h265", **kept},
        {"name": "vp9", "codec": "vp9", **kept},
        {"name": "av1", "codec": "av1", **kept},
        {"name": "sdr", **FAST},
        {"name": "copy", "codec": "h265", "hdr": "keep", "metadata": "preserve_all"},
    )
    wide = {"space": "bt2020nc", "primaries": "bt2020", "transfer": "smpte2084", "range": "tv"}
    for name in ("h265", "vp9", "av1", "copy"):
        measured = measure(made.path(name))
        assert (measured.pixel_format, measured.colours) == ("yuv420p10le", wide)
    measured = measure(made.path("sdr"))
    assert (measured.pixel_format, set(measured.colours.values())) == ("yuv420p", {"bt709", "tv"})
    assert frames(made.path("copy")) == frames(source)
    said = probe(made.path("h265")).video
    assert said is not None
    assert (said.mastering_display, said.content_light) == (known.mastering_display, known.content_light)
    for name in ("h265", "av1"):  # AV1 has it in its frames only, which the wheel's ffprobe can't decode
        shown = ["-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"]
        decoded = run([str(ffmpeg_path()), "-nostdin", "-i", str(made.path(name)), *shown]).stderr
        assert "max_luminance=1000.0" in decoded
        assert "MaxCLL=1000, MaxFALL=400" in decoded


def test_an_encoder_that_fails_on_a_file_is_stood_in_for_with_a_warning(tmp_path: Path) -> None:
    source = tmp_path / "tiny.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=18x10:r=25:d=0.4", *X264, str(source))  # x265 wants 16x16 at least
    made = make(source, tmp_path, {"name": "a", "codec": "h265", **FAST}, {"name": "b", "codec": "vp9", **FAST})
    assert (made["a"].codecs or "").startswith("avc1")
    assert (made["b"].codecs or "").startswith("vp09"), "only the one that is to blame is replaced"
    assert made.result.warnings == ("a is h264 in mp4: the encoder for h265 is missing or failed.",)


def test_a_picture_that_will_do_is_taken_over_as_it_is(clip: Path, tmp_path: Path) -> None:
    made = make(clip, tmp_path, {"name": "same"}, {"name": "small", "height": 120, "preset": "ultrafast"})
    assert made.plan.singles[0].copied
    assert shown(made.path("same")) == shown(clip)
    assert (made["small"].width, made["small"].height) == (160, 120)


def test_messages_hidden_in_a_picture_go_along_only_with_all_tags(tmp_path: Path) -> None:
    # Encoders write what they are and how they were set into such a message; a camera writes where it is.
    for codec, encoder, secret in (("h264", X264, b"x264 - core"), ("h265", X265, b"x265 (build")):
        source, place = tmp_path / f"{codec}.mp4", tmp_path / codec
        place.mkdir()
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", *encoder, "-pix_fmt", "yuv420p", str(source))
        assert secret in source.read_bytes()
        wish = {"codec": codec, "max_bitrate_bps": 9_000_000}
        made = make(source, place, {"name": "none", **wish}, {"name": "all", "metadata": "preserve_all", **wish})
        assert secret in made.path("all").read_bytes()
        assert frames(made.path("all")) == frames(source)
        none, all_ = made.plan.singles
        assert all_.copied
        assert none.copied is (codec == "h264"), "H.265 has messages in its headers, too"
        if none.copied:
            assert secret not in made.path("none").read_bytes()
            assert shown(made.path("none")) == shown(source)


def test_a_copied_picture_begins_as_long_after_its_sound_as_it_did(tmp_path: Path) -> None:
    picture, source = tmp_path / "picture.mp4", tmp_path / "source.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=3", *X264, str(picture))
    sound = ("-f", "lavfi", "-i", "sine=d=3.09")
    ffmpeg("-itsoffset", "0.09", "-i", str(picture), *sound, "-c:v", "copy", "-c:a", "aac", str(source))
    wish = {"max_bitrate_bps": 9_000_000}
    made = make(source, tmp_path, {"name": "mp4", **wish}, {"name": "mkv", "container": "mkv", **wish})
    assert made.plan.singles[0].copied
    for name in ("mp4", "mkv"):
        found = measure(made.path(name))
        assert (found.video_start_s or 0) - (found.audio_start_s or 0) == pytest.approx(0.09, abs=0.005)
        moved = replace(found, audio_start_s=found.video_start_s)
        with pytest.raises(SystemFault, match=r"starts 0\.000 s after its picture instead of -0\.090 s"):
            check(name, moved, expected(made.plan, made.plan.singles[0], sound=True))


def test_a_copy_that_does_not_come_out_right_is_encoded_after_all(clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut.mp4"  # an edit list hides frames that a copy would show
    ffmpeg("-ss", "0.48", "-i", str(clip), "-c", "copy", str(source))
    made = make(source, tmp_path, {"name": "a", "preset": "ultrafast"})
    assert made.plan.singles[0].copied, "headers say that it will do"
    assert made["a"].duration_s == pytest.approx(0.52, abs=0.05)
    assert frames(made.path("a")) != frames(source)


@pytest.mark.parametrize(("fps", "count"), [(24, 24), (30, 30), (12.5, 13), (29.97, 30)])
def test_a_frame_rate_of_its_own_has_exactly_its_frames(clip: Path, tmp_path: Path, fps: float, count: int) -> None:
    made = make(clip, tmp_path, {"name": "a", "fps": fps, **FAST}, {"name": "b", "height": 120, **FAST})
    assert measure(made.path("a")).frames == count
    assert measure(made.path("b")).frames in (25, 26)  # a whole number of both


def test_tags_go_along_only_as_far_as_asked(clip: Path, tmp_path: Path) -> None:
    made = make(
        clip,
        tmp_path,
        {"name": "none", **FAST},
        {"name": "some", "metadata": "preserve_technical", **FAST},
        {"name": "all", "metadata": "preserve_all", **FAST},
        {"name": "mkv", "metadata": "preserve_technical", "container": "mkv", **FAST},
        {"name": "chosen", "metadata": "selective", "metadata_fields": ["title", "GPS"], **FAST},
        {"name": "public", "metadata": "preserve_all", "strip_private": True},
        {"name": "careful", "metadata": "selective", "metadata_fields": ["make", "GPS"], "strip_private": True, **FAST},
    )
    assert made.plan.singles[-2].copied
    names = ("none", "some", "all", "mkv", "chosen", "public", "careful")
    content = {name: made.path(name).read_bytes() for name in names}
    for value, holders in {
        b"Holiday": {"some", "all", "mkv", "chosen", "public"},
        b"Maker": {"some", "all", "mkv", "public", "careful"},
        b"+48.1351": {"all", "chosen"},
        b"Somebody": {"all"},
    }.items():
        assert {name for name, data in content.items() if value in data} == holders
    assert b"x264 - core" in clip.read_bytes()
    assert b"x264 - core" not in content["public"], "a message of the picture is private until it is known not to be"


def test_damage_keyframes_and_sizes_that_were_not_planned_are_found(clip: Path, tmp_path: Path) -> None:
    made = make(clip, tmp_path, {"name": "a", "gop_s": 0.5, **FAST}, {"name": "b", "codec": "vp9", **FAST})
    rung, path = made.plan.singles[0], made.path("a")
    right = expected(made.plan, rung, sound=True)
    check("a", measure(path), right)
    wrong = {
        "measures 320x240 instead of 318x240": replace(right, width=318),
        "holds 25 frames instead of 24": replace(right, pace=replace(right.pace, frames=24)),
        "it has 3 keyframes instead of 2": replace(right, pace=replace(right.pace, gop_frames=20)),
        "colour transfer is bt709 instead of smpte2084": replace(right, colours={"transfer": "smpte2084"}),
        "pixels are yuv420p instead of yuv420p10le": replace(right, pixel_format="yuv420p10le"),
        "has sound where it shouldn't": replace(right, sound=False),
    }
    for words, other in wrong.items():
        with pytest.raises(SystemFault, match=words) as caught:
            check("a", measure(path), other)
        assert caught.value.code is ErrorCode.VERIFY_FAILED
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 300
    content[start : start + 4000] = bytes(n * 7919 % 251 for n in range(4000))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    assert undecodable([path, broken, made.path("b")]) == {broken}
    assert undecodable([path, made.path("b")]) == set()


def test_whatever_damage_a_whole_decode_finds_is_found_wherever_it_lies(clip: Path, tmp_path: Path) -> None:
    made = make(clip, tmp_path, {"name": "a", "audio": {"codec": "aac"}, **FAST})
    content = made.path("a").read_bytes()
    begin = content.index(b"mdat") + 4
    size = int.from_bytes(content[begin - 8 : begin - 4])
    files = []
    for n in range(24):
        damaged = bytearray(content)
        damaged[begin + (size - 8) * n // 24 + 7] ^= 0xFF
        files.append(tmp_path / f"{n}.mp4")
        files[-1].write_bytes(damaged)

    def complains(path: Path) -> bool:
        words = ["-nostdin", "-v", "error", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"]
        done = subprocess.run([str(ffmpeg_path()), *words], capture_output=True, check=False)
        return done.returncode != 0 or bool(done.stderr.strip())

    found = undecodable(files)
    assert found == {path for path in files if complains(path)}
    assert len(found) > 12


def test_a_broken_encode_costs_its_own_rendition_and_the_streams_only(clip: Path, tmp_path: Path) -> None:
    outputs = [
        {"kind": "video_ladder", "rungs": [240], "preset": "ultrafast"},
        {"kind": "streams"},
        {"kind": "video", "name": "good", **FAST},
    ]
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()
    plan = plan_video(probe(clip), parse_recipe({"name": "test", "outputs": outputs}, "test"))
    encoded = encode(plan, clip, work, Quiet(), threading.Event())
    path = work / encoded.videos["240p"]
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 300
    content[start : start + 4000] = bytes(n * 7919 % 251 for n in range(4000))
    path.write_bytes(content)
    result = finish(plan, encoded, clip, out, Quiet(), threading.Event())
    assert {(f.asset, f.name) for f in result.failures} == {
        ("video/renditions", "240p"),
        ("video/hls", "multivariant"),
        ("video/dash", "mpd"),
    }
    assert {f.error.code for f in result.failures} == {ErrorCode.VERIFY_FAILED}
    assert [a.name for a in result.artifacts if a.asset == "video/renditions"] == ["good"]


def test_the_archive_keeps_range_depth_chroma_and_channels(tmp_path: Path) -> None:
    picture = "testsrc2=s=320x240:r=25:d=1,format=yuv422p10le"
    wide = f"{picture},setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    sound = ("-f", "lavfi", "-i", "aevalsrc=" + "|".join(["0.1*sin(2764*t)"] * 6) + ":c=5.1:d=1")
    for name, shown_, transfer in (("sdr", picture, "bt709"), ("pq", wide, "smpte2084")):
        source, place = tmp_path / f"{name}.mov", tmp_path / name
        place.mkdir()
        ffmpeg("-f", "lavfi", "-i", shown_, *sound, "-c:v", "prores_ks", "-c:a", "pcm_s16le", "-t", "1", str(source))
        (place / "work").mkdir()
        (place / "out").mkdir()
        plan, cancel = plan_video(probe(source), load_recipe("archive_quality")), threading.Event()
        encoded = encode(plan, source, place / "work", Quiet(), cancel)
        result = finish(plan, encoded, source, place / "out", Quiet(), cancel)
        assert (result.failures, result.warnings) == ((), ())
        facts = probe(place / "out" / "renditions" / "archive.mkv")
        assert facts.video is not None
        assert facts.audio is not None
        kept = (facts.video.codec, facts.video.pixel_format, facts.video.colour_transfer)
        assert kept == ("hevc", "yuv422p10le", transfer)
        assert (facts.audio.codec, facts.audio.channels, facts.audio.layout) == ("flac", 6, "5.1")


def test_the_archive_takes_over_a_picture_in_another_codec_as_it_is(clip: Path, tmp_path: Path) -> None:
    made = make(
        clip,
        tmp_path,
        {"name": "a", "codec": "h265", "container": "mkv", "metadata": "preserve_all"} | {"stream_copy": "any_codec"},
    )
    assert made.plan.encodes == ()
    assert frames(made.path("a")) == frames(clip)
