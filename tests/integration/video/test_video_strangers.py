"""Files as strangers send them: odd, damaged, cut off, hostile. Each comes out well or fails with a code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import X264, Made, ffmpeg

from telecine.errors import ErrorCode, InputError, TelecineError
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe
from telecine.sound.files import process_audio

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1")
SOUND = ("-f", "lavfi", "-i", "sine=d=1")


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        probe(path)
    assert len(caught.value.message) > 20
    return caught.value


def test_a_playlist_in_disguise_is_refused(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{base}\n#EXT-X-ENDLIST\n")
    assert refused(path).code is ErrorCode.UNSUPPORTED_MEDIA
    path.write_text(f"ffconcat version 1.0\nfile {base}\n")
    assert refused(path).code is ErrorCode.UNSUPPORTED_MEDIA


@pytest.mark.parametrize("content", [b"\0" * 5000, b"random text, nothing else. " * 300, bytes(range(256)) * 40])
def test_noise_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert refused(tmp_path / "a.mp4").code in (ErrorCode.CORRUPT_MEDIA, ErrorCode.UNSUPPORTED_MEDIA)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert refused(tmp_path / "a.mp4").code is ErrorCode.EMPTY_FILE


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_an_upload_cut_in_the_middle_is_refused(base: Path, tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    ffmpeg("-i", str(base), "-c:v", "copy", "-c:a", "mp3", "-movflags", "+faststart", str(whole))
    content = whole.read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut").code is ErrorCode.TRUNCATED_MEDIA


def test_a_recording_without_its_index_is_refused_as_cut_off(base: Path, tmp_path: Path) -> None:
    ffmpeg("-i", str(base), "-c", "copy", str(tmp_path / "moov-last.mp4"))
    content = (tmp_path / "moov-last.mp4").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut").code is ErrorCode.TRUNCATED_MEDIA


def test_a_little_missing_at_the_end_is_a_warning(made: Callable[..., Made], base: Path, tmp_path: Path) -> None:
    content = base.read_bytes()
    (tmp_path / "cut").write_bytes(content[: -len(content) // 120])
    outputs = made(tmp_path / "cut")
    assert any("missing" in warning for warning in outputs.result.warnings)
    assert outputs.plan.timing.duration_s > 3.5


def test_flipped_bits_are_a_warning(made: Callable[..., Made], base: Path, tmp_path: Path) -> None:
    content = bytearray(base.read_bytes())
    start = content.index(b"mdat") + 200
    for place in range(start, len(content) - 100, (len(content) - start) // 40):
        content[place] ^= 0xFF
    (tmp_path / "rot").write_bytes(content)
    assert any("damaged" in warning for warning in made(tmp_path / "rot").result.warnings)


def test_a_picture_that_is_all_noise_is_corrupt(made: Callable[..., Made], base: Path, tmp_path: Path) -> None:
    content = bytearray(base.read_bytes())
    start = content.index(b"mdat") + 8
    content[start:] = bytes((n * 7919) % 251 for n in range(len(content) - start))
    (tmp_path / "rot").write_bytes(content)
    with pytest.raises(InputError) as caught:
        made(tmp_path / "rot")
    assert caught.value.code is ErrorCode.CORRUPT_MEDIA


def test_a_browser_recording_without_duration_is_measured(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(
        *(*PICTURE, *SOUND, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm", "-live", "1"),
        str(tmp_path / "a.webm"),
    )
    outputs = made(tmp_path / "a.webm")
    assert outputs.facts.header_duration_s is None
    assert outputs.result.facts["duration_s"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("size", ["2x2", "18x10", "600x4"])
def test_tiny_pictures_come_out(made: Callable[..., Made], tmp_path: Path, size: str) -> None:
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.4", *X264, str(tmp_path / "a.mp4"))
    artifact = made(tmp_path / "a.mp4").artifact("video/renditions", "240p")
    assert f"{artifact.width}x{artifact.height}" == size


def test_one_frame_is_a_video(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(*PICTURE, "-frames:v", "1", *X264, str(tmp_path / "a.mp4"))
    assert made(tmp_path / "a.mp4").plan.timing.frames == 1


@pytest.mark.parametrize(("rate", "expected"), [("1", 5), ("240", 60), ("1/4", 5)])
def test_extreme_frame_rates_come_out_playable(
    made: Callable[..., Made], tmp_path: Path, rate: str, expected: int
) -> None:
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=320x240:r={rate}:d=8", *X264, str(tmp_path / "a.mp4"))
    outputs = made(tmp_path / "a.mp4")
    assert outputs.plan.timing.fps == expected
    assert outputs.artifact("video/renditions", "240p").duration_s == pytest.approx(8.0, abs=0.2)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(1, 3), (3, 1)])
def test_the_shorter_track_is_held_to_the_end(
    made: Callable[..., Made], tmp_path: Path, picture_s: int, sound_s: int
) -> None:
    picture, sound = f"testsrc2=s=320x240:r=25:d={picture_s}", f"sine=d={sound_s}"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *X264, "-c:a", "aac", str(tmp_path / "a.mp4"))
    assert made(tmp_path / "a.mp4").artifact("video/renditions", "240p").duration_s == pytest.approx(3.0, abs=0.05)


def test_a_picture_that_changes_size_goes_on(made: Callable[..., Made], tmp_path: Path) -> None:
    parts = []
    for size in ("320x240", "240x320"):
        part = tmp_path / f"{size}.ts"
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1", *SOUND, *X264, "-c:a", "aac", str(part))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    assert made(tmp_path / "a.ts").plan.timing.duration_s == pytest.approx(2.0, abs=0.15)


def test_a_sound_that_changes_layout_goes_on(made: Callable[..., Made], tmp_path: Path) -> None:
    parts = []
    for channels in ("6", "2"):
        part = tmp_path / f"{channels}.ts"
        ffmpeg(*PICTURE, *SOUND, *X264, "-ac", channels, "-c:a", "ac3", str(part))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    outputs = made(tmp_path / "a.ts")
    assert any(a.codec == "ac3" for a in outputs.facts.audios)
    assert ",mp4a.40.2" in (outputs.artifact("video/renditions", "240p").codecs or "")


@pytest.mark.parametrize(
    ("source", "codec"),
    [
        ("sine=d=1:r=8000", "pcm_mulaw"),
        ("sine=d=1,pan=7.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0|c6=c0|c7=c0", "pcm_s24le"),
        ("aevalsrc=0:c=16c:d=1", "pcm_s16le"),
        ("sine=d=1:r=96000", "flac"),
    ],
)
def test_unusual_sounds_become_stereo(made: Callable[..., Made], tmp_path: Path, source: str, codec: str) -> None:
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", source, *X264, "-c:a", codec, str(tmp_path / "a.mkv"))
    assert ",mp4a.40.2" in (made(tmp_path / "a.mkv").artifact("video/renditions", "240p").codecs or "")


def test_an_encoder_that_is_canceled_leaves_at_once(base: Path, tmp_path: Path, made: Callable[..., Made]) -> None:
    from telecine.video.encode import encode
    from telecine.video.plan import plan_video

    long = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=50:d=8", *X264, str(long))
    plan = plan_video(probe(long), load_recipe("default"))
    cancel = threading.Event()
    threading.Timer(1.0, cancel.set).start()
    with pytest.raises(TelecineError) as caught:
        encode(plan, long, tmp_path, Quiet(), cancel)
    assert caught.value.code is ErrorCode.CANCELED


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")])
def test_a_song_with_cover_art_is_sound(tmp_path: Path, suffix: str, codec: str) -> None:
    cover, song, out = tmp_path / "cover.jpg", tmp_path / f"song.{suffix}", tmp_path / "out"
    ffmpeg(*PICTURE, "-frames:v", "1", str(cover))
    ffmpeg(
        *(*SOUND, "-i", str(cover), "-map", "0", "-map", "1", "-c:a", codec, "-c:v", "mjpeg"),
        *("-disposition:v", "attached_pic", "-metadata", "artist=SecretArtist", str(song)),
    )
    out.mkdir()
    facts = probe(song)
    assert facts.kind == "audio"
    result = process_audio(facts, song, load_recipe("default"), out, Quiet(), threading.Event())
    assert [(a.name, a.path, a.mime) for a in result.artifacts] == [
        ("aac", "audio/aac.m4a", "audio/mp4"),
        ("opus", "audio/opus.opus", "audio/ogg"),
        ("waveform", "thumbnails/waveform.png", "image/png"),
        ("cover", "thumbnails/cover.jpg", "image/jpeg"),
    ]
    for artifact in result.artifacts:
        assert artifact.duration_s is None or artifact.duration_s == pytest.approx(1.0, abs=0.06)
        assert b"SecretArtist" not in (out / artifact.path).read_bytes()
    assert result.facts["width"] is None
