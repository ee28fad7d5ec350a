"""Broadcasts: tracks that never come or come late, several programmes in one stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import X264, Made, ffmpeg

from telecine.probe import probe

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2:r=48000")
PACKET = 188


def without_pid(path: Path, pid: int) -> None:
    """Take all packets of one track out of a transport stream, whose tables go on naming it."""
    content = path.read_bytes()
    packets = [content[at : at + PACKET] for at in range(0, len(content), PACKET)]
    kept = [packet for packet in packets if (packet[1] & 0x1F) << 8 | packet[2] != pid]
    assert 0 < len(kept) < len(packets)
    path.write_bytes(b"".join(kept))


def test_a_sound_that_is_announced_but_never_comes_is_left_out(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    ffmpeg(*PICTURE, *SOUND, *SOUND, *("-map", "0", "-map", "1", "-map", "2"), *X264, "-c:a", "mp2", str(path))
    without_pid(path, 0x102)
    facts = probe(path)
    assert [a.unusable for a in facts.audios] == [None, "it is empty, or starts very late"]
    without_pid(path, 0x101)
    outputs = made(path)
    assert outputs.facts.audio is None
    assert outputs.artifact("video/renditions", "240p").codecs == "avc1.42c00d"


def test_a_sound_that_starts_after_twenty_seconds_is_in_every_output(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=22")
    ffmpeg(*picture, "-itsoffset", "20", *SOUND, *X264, "-c:a", "mp2", "-muxdelay", "0", str(path))
    outputs = made(path)
    assert outputs.facts.audio is not None
    assert (outputs.facts.audio.channels, outputs.facts.audio.sample_rate) == (1, 48000)
    assert outputs.facts.audio.start_s - outputs.facts.begin_s == pytest.approx(20.0, abs=0.1)
    assert (outputs.artifact("video/renditions", "240p").codecs or "").endswith(",mp4a.40.2")
    assert outputs.artifact("video/thumbnails", "poster")


def test_picture_and_sound_are_of_one_programme(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    other = ("-f", "lavfi", "-i", "testsrc2=s=80x60:r=10:d=2")
    ffmpeg(
        *(*PICTURE, *SOUND, *other, *SOUND, "-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *(*X264, "-c:a", "ac3", "-ac:a:0", "2", "-ac:a:1", "6"),
        *("-program", "title=One:program_num=1:st=0:st=1", "-program", "title=Two:program_num=2:st=2:st=3", str(path)),
    )
    facts = probe(path)
    assert facts.video is not None
    assert facts.audio is not None
    assert (facts.video.width, facts.audio.channels) == (160, 2)
    assert facts.audios[1].unusable == "it belongs to another programme of the broadcast"
