"""Broadcasts: tracks that never come or come late, several programmes in one stream, fields that come and go."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import X264, Made, ffmpeg

from telecine.probe import probe
from telecine.process import run
from telecine.tools import ffmpeg_path

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


def test_a_sound_that_starts_after_seventeen_seconds_is_in_every_output(
    made: Callable[..., Made], tmp_path: Path
) -> None:
    path = tmp_path / "a.ts"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=18")
    ffmpeg(*picture, "-itsoffset", "17", *SOUND, *X264, "-c:a", "mp2", "-muxdelay", "0", str(path))
    outputs = made(path)
    assert outputs.facts.audio is not None
    assert (outputs.facts.audio.channels, outputs.facts.audio.sample_rate) == (1, 48000)
    assert outputs.facts.audio.start_s - outputs.facts.begin_s == pytest.approx(17.0, abs=0.1)
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


def part(folder: Path, starts_s: float, seconds: float, *, size: str = "160x120", fields: bool) -> bytes:
    """A piece of an MPEG-2 broadcast of bars that move fast."""
    bars = f"nullsrc=s={size}:r={50 if fields else 25}:d={seconds},format=gray,geq=lum='255*lt(mod(X+N*5,40),20)'"
    woven = ",tinterlace=interleave_top,fieldorder=tff" if fields else ""
    flags = ("-flags", "+ildct+ilme") if fields else ()
    path = folder / "part.ts"
    ffmpeg(
        *("-f", "lavfi", "-i", f"{bars}{woven},format=yuv420p", "-c:v", "mpeg2video", *flags, "-g", "12", "-b:v", "3M"),
        *("-muxdelay", "0", "-output_ts_offset", str(starts_s), str(path)),
    )
    return path.read_bytes()


def combed(path: Path) -> int:
    """How many frames show two moments at once, by ffmpeg's detector."""
    argv = [str(ffmpeg_path()), "-nostdin", "-hide_banner", "-i", f"file:{path}", "-vf", "idet", "-f", "null", "-"]
    found = re.findall(r"Single frame detection: *TFF: *(\d+) *BFF: *(\d+)", run(argv).stderr)
    return sum(map(int, found[-1]))


def test_a_film_that_turns_into_an_interlaced_programme_shows_no_combs(
    made: Callable[..., Made], tmp_path: Path
) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(part(tmp_path, 0, 1, fields=False) + part(tmp_path, 1, 3, fields=True))
    assert combed(path) > 60
    outputs = made(path)
    assert outputs.facts.video is not None
    assert (outputs.facts.video.interlaced, outputs.facts.video.field_order) == (True, "top_first")
    assert combed(outputs.file("video/renditions", "240p")) == 0


def test_fields_that_no_look_finds_are_made_frames_all_the_same(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    programme = part(tmp_path, 0, 2, fields=False) + part(tmp_path, 2, 0.4, fields=True)
    path.write_bytes(programme + part(tmp_path, 2.4, 1, fields=False))
    outputs = made(path)
    assert outputs.facts.video is not None
    assert not outputs.facts.video.interlaced
    assert combed(outputs.file("video/renditions", "240p")) < combed(path) / 2


def test_an_interlaced_picture_that_changes_size_goes_on(made: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    sizes = ("160x120", "240x160", "160x192")
    path.write_bytes(b"".join(part(tmp_path, n, 1, size=size, fields=True) for n, size in enumerate(sizes)))
    outputs = made(path)
    artifact = outputs.artifact("video/renditions", "240p")
    assert artifact.duration_s == pytest.approx(3.0, abs=0.1)
    assert outputs.artifact("video/thumbnails", "poster")
