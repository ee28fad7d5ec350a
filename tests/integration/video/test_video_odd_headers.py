"""Headers that mislead: what a player would show comes out, whatever they say."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import X264, Made, ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2")


def patched(path: Path, kind: bytes, offset: int, value: bytes) -> None:
    """Overwrite a field in every box of a kind; `offset` counts from the box's name."""
    content = bytearray(path.read_bytes())
    at, found = content.find(kind), 0
    while at >= 0:
        content[at + offset : at + offset + len(value)] = value
        at, found = content.find(kind, at + 4), found + 1
    assert found
    path.write_bytes(content)


def halves(path: Path, target: Path) -> list[str]:
    """Which colour prevails in the upper and in the lower half of a frame, as ffmpeg itself turns it."""
    two = "select=eq(n\\,5),scale=1:2:flags=area,format=rgb24"
    ffmpeg("-i", str(path), "-vf", two, "-frames:v", "1", "-f", "rawvideo", str(target))
    pixels = target.read_bytes()
    return ["red" if pixels[at] > pixels[at + 2] else "blue" for at in (0, 3)]


@pytest.mark.parametrize("flip", ["-display_hflip", "-display_vflip"])
def test_turned_mirrored_and_anamorphic_at_once(made: Callable[..., Made], tmp_path: Path, flip: str) -> None:
    plain, path = tmp_path / "plain.mp4", tmp_path / "a.mp4"
    picture = "color=blue:s=160x120:r=25:d=0.4,drawbox=w=80:h=120:color=red:t=fill,setsar=2/1"
    ffmpeg("-f", "lavfi", "-i", picture, *X264, str(plain))
    ffmpeg("-display_rotation", "-90", flip, "-i", str(plain), "-c", "copy", str(path))
    outputs = made(path)
    video = outputs.facts.video
    assert video is not None
    assert (video.mirrored, video.sar, video.displayed_size, video.dar) == (True, (2, 1), (120, 320), (3, 8))
    expected = halves(path, tmp_path / "expected")
    assert sorted(expected) == ["blue", "red"]
    assert halves(outputs.file("video/renditions", "240p"), tmp_path / "found") == expected


def test_a_start_at_ten_seconds_becomes_zero_with_the_sound_in_place(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(*PICTURE, *SOUND, *X264, "-bf", "2", "-c:a", "aac", "-output_ts_offset", "10", str(path))
    outputs = made(path)
    assert outputs.facts.video is not None
    assert outputs.facts.video.edits
    artifact = outputs.artifact("video/renditions", "240p")
    assert artifact.duration_s == pytest.approx(2.0, abs=0.05)


def test_57600_frames_a_second_are_no_frame_rate(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    # One frame in thirty comes a tick after the one before it; the least distance is what the header's rate is made of.
    uneven = "setpts='if(eq(mod(N,30),1),PREV_OUTPTS+1,N*2304)'"
    ffmpeg(
        *PICTURE,
        "-vf",
        f"settb=1/57600,{uneven}",
        *X264,
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1/57600",
        "-video_track_timescale",
        "57600",
        str(path),
    )
    outputs = made(path)
    assert outputs.facts.video is not None
    assert outputs.facts.video.vfr
    assert outputs.plan.timing.fps == 25
    assert outputs.artifact("video/renditions", "240p").duration_s == pytest.approx(2.0, abs=0.1)


def test_a_header_that_says_zero_seconds_is_not_believed(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(*PICTURE, *SOUND, *X264, "-bf", "0", "-c:a", "aac", "-use_editlist", "0", str(path))
    for kind, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):  # version 0: the duration
        patched(path, kind, offset, struct.pack(">I", 0))
    assert made(path).result.facts["duration_s"] == pytest.approx(2.0, abs=0.1)
