"""The pure parts of probing: rhythm, boxes, orientation, and the choice of tracks."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from telecine.probe import AudioFacts, VideoFacts
from telecine.probe.choice import choose_audio, choose_video, judged_audio, judged_video
from telecine.probe.headers import audio_facts, video_facts
from telecine.probe.integrity import inspect
from telecine.probe.scan import Track, rhythm


def test_a_constant_rate_is_recognised_through_millisecond_rounding() -> None:
    beat = rhythm([round(n * 1001 / 30000, 3) for n in range(300)], [0.0, 2.002, 4.004])
    assert not beat.vfr
    assert beat.measured_fps == pytest.approx(29.97, abs=0.01)
    assert beat.keyframe_interval_s == pytest.approx(2.002)


def test_one_dropped_frame_does_not_make_a_rate_variable() -> None:
    times = [n / 25 for n in range(100) if n != 50]
    assert not rhythm(times, []).vfr


def test_bursts_and_pauses_are_a_variable_rate() -> None:
    times = [n / 30 for n in range(60)] + [10 + n for n in range(20)]
    beat = rhythm(times, [])
    assert beat.vfr
    assert beat.typical_fps == pytest.approx(30)


def test_the_order_of_packets_does_not_matter() -> None:
    times = [n / 25 for n in range(50)]
    shuffled = random.Random(1).sample(times, len(times))
    assert rhythm(shuffled, []) == rhythm(times, [])


@pytest.mark.parametrize("times", [[], [1.0], [2.0, 2.0]])
def test_too_few_frames_have_no_rhythm(times: list[float]) -> None:
    assert rhythm(times, []).measured_fps is None


def box(kind: bytes, body: bytes = b"", *, claims: int | None = None) -> bytes:
    return struct.pack(">I4s", len(body) + 8 if claims is None else claims, kind) + body


FTYP = box(b"ftyp", b"isom\0\0\2\0isom")


def test_a_whole_mp4_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FTYP + box(b"moov", b"x" * 50) + box(b"mdat", b"y" * 500))
    found = inspect(path)
    assert (found.missing_bytes, found.index_missing, found.tracks) == (0, False, ())


def test_a_cut_mp4_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FTYP + box(b"moov", b"x" * 50) + box(b"mdat", b"y" * 500, claims=2508))
    assert inspect(path).missing_bytes == 2000


def test_an_mp4_without_its_index_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FTYP + box(b"mdat", b"y" * 500))
    assert inspect(path).index_missing


def test_garbage_behind_the_last_box_is_no_cut(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FTYP + box(b"moov", b"x" * 50) + box(b"mdat", b"y" * 500) + b"\0\0\0\3oops" + b"z" * 40)
    found = inspect(path)
    assert (found.missing_bytes, found.index_missing) == (0, False)


@pytest.mark.parametrize(("promised", "missing"), [(1000, 508), (0xFFFFFFFF, 0), (0, 0), (492, 0)])
def test_riff_files_are_measured_unless_their_size_is_unknown(tmp_path: Path, promised: int, missing: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"RIFF" + struct.pack("<I", promised) + b"WAVE" + b"x" * 488)
    assert inspect(path).missing_bytes == missing


def stream(index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "codec_name": "h264", "width": 640, "height": 360, "disposition": {}} | more


def track(frames: int) -> Track:
    made = Track()
    for n in range(frames):
        made.add(n / 25, n / 25, 1 / 25, n % 50 == 0)
    return made


def facts(index: int, frames: int, **more: Any) -> VideoFacts:
    return judged_video(video_facts(stream(index, **more), track(frames)))


def sound(index: int, codec: str = "aac", **disposition: int) -> AudioFacts:
    header = {"index": index, "codec_name": codec, "channels": 2, "sample_rate": "48000", "disposition": disposition}
    return judged_audio(audio_facts(header, track(5)))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), (False, 0)),
        ((0, 1, -1, 0), (False, 90)),
        ((-1, 0, 0, -1), (False, 180)),
        ((0, -1, 1, 0), (False, 270)),
        ((-1, 0, 0, 1), (True, 0)),
        ((1, 0, 0, -1), (True, 180)),
        ((0, -1, -1, 0), (True, 90)),
        ((0, 1, 1, 0), (True, 270)),
    ],
)
def test_all_eight_orientations_are_read(matrix: tuple[int, int, int, int], expected: tuple[bool, int]) -> None:
    a, b, c, d = (value * 65536 for value in matrix)
    text = f"\n00000000: {a:11d} {b:11d} 0\n00000001: {c:11d} {d:11d} 0\n00000002: 0 0 1073741824\n"
    side = {"side_data_type": "Display Matrix", "displaymatrix": text}
    found = video_facts(stream(side_data_list=[side]), track(2))
    assert (found.mirrored, found.rotation) == expected


def test_cover_art_is_not_chosen() -> None:
    assert choose_video((facts(0, 1, disposition={"attached_pic": 1}),)) is None


def test_a_few_large_stills_are_not_chosen_over_a_moving_picture() -> None:
    moving, stills = facts(0, 50, disposition={"default": 1}), facts(1, 2, width=4000, height=3000)
    assert choose_video((stills, moving)) == moving
    assert choose_video((facts(1, 2, width=4000, height=3000, disposition={"default": 1}), moving)) == moving


def test_an_empty_track_is_not_chosen() -> None:
    assert choose_video((facts(0, 0, disposition={"default": 1}), facts(1, 9))) == facts(1, 9)


def test_a_commentary_is_not_chosen_over_the_sound() -> None:
    assert choose_audio((sound(1, comment=1, default=1), sound(2))) == sound(2)
    assert choose_audio((sound(1), sound(2, default=1))) == sound(2, default=1)
    assert choose_audio(()) is None


def test_what_can_not_be_decoded_is_never_chosen() -> None:
    spatial = sound(1, codec="apac", default=1)
    assert spatial.unusable is not None
    assert choose_audio((spatial, sound(2))) == sound(2)
    assert choose_video((facts(0, 9, codec_name="unknown", disposition={"default": 1}), facts(1, 9))) == facts(1, 9)
    assert choose_video((facts(0, 9, width=0, height=0), facts(1, 9))) == facts(1, 9)


@pytest.mark.parametrize(
    ("name", "depth"), [("yuv420p", 8), ("yuv420p10le", 10), ("yuv422p12be", 12), ("p010le", 10), ("gray16le", 16)]
)
def test_bit_depth_is_read_from_the_pixel_format(name: str, depth: int) -> None:
    assert video_facts(stream(pix_fmt=name), track(2)).bit_depth == depth


def test_nonsense_numbers_are_no_facts() -> None:
    found = video_facts(
        stream(sample_aspect_ratio="0:1", avg_frame_rate="0/0", r_frame_rate="90000/1", bit_rate="N/A"), track(2)
    )
    assert (found.sar, found.avg_fps, found.r_fps) == (None, None, None)
    assert found.missing.keys() >= {"sar", "avg_fps", "r_fps"}
    assert found.upright_size == (640, 360)
