"""Captions inside a picture's bitstream, from the probe to the streams."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Made, ffmpeg

from telecine.probe import probe
from telecine.probe.sheet import track_rows

# ATSC A/53 Part 4 in an SEI message of H.264: one pair of null bytes of CEA-608.
SEI = b"\x06\x04\x0e" + b"\xb5\x00\x31GA94\x03\x41\xff\xfc\x80\x80\xff" + b"\x80"
START = b"\0\0\0\1"


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose every frame has a caption message before its slice."""
    folder = tmp_path_factory.mktemp("closed")
    raw, marked, clip = folder / "raw.h264", folder / "marked.h264", folder / "clip.mp4"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "slices=1:threads=1", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2", *coding, "-bf", "0", str(raw))
    units = [unit for unit in re.split(rb"\x00?\x00\x00\x01", raw.read_bytes()) if unit]
    slices = (1, 5)
    marked.write_bytes(b"".join((START + SEI if u[0] & 31 in slices else b"") + START + u for u in units))
    ffmpeg("-r", "25", "-i", str(marked), "-f", "lavfi", "-i", "sine=d=2", "-c:v", "copy", str(clip))
    return clip


def test_closed_captions_are_seen_told_and_left_out(made: Callable[..., Made], captioned: Path) -> None:
    assert b"GA94" in captioned.read_bytes()
    outputs = made(captioned)
    assert outputs.facts.video is not None
    assert outputs.facts.video.closed_captions
    assert "closed captions" in track_rows(outputs.facts)[0]["flags"]
    assert any("closed captions (CEA-608" in warning for warning in outputs.plan.warnings)
    directory = outputs.file("video/hls", "multivariant").parent
    segments = [path.read_bytes() for path in directory.glob("*/*.m4s")]
    assert segments
    assert not any(b"GA94" in segment for segment in segments)


def test_an_ordinary_picture_has_none(base: Path) -> None:
    video = probe(base).video
    assert video is not None
    assert not video.closed_captions
