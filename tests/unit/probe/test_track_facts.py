"""What ffprobe and a file's boxes say of tracks, as facts: labels, gaps, edits, protection, HDR."""

from __future__ import annotations

import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from telecine.probe.boxes import iso_tracks
from telecine.probe.facts import MediaFacts
from telecine.probe.frames import leaves_open, with_frames
from telecine.probe.hdr import ContentLight, DolbyVision, MasteringDisplay
from telecine.probe.headers import audio_facts, data_facts, subtitle_facts, video_facts
from telecine.probe.integrity import inspect
from telecine.probe.scan import Track
from telecine.probe.sheet import COLUMNS, colour_rows, time_rows, track_rows
from telecine.probe.tracks import Edit, TrackFacts

NO_REASON_NEEDED = {"title", "mastering_display", "content_light", "dolby_vision", "unusable"}


def packets(number: int, size: int = 1000) -> Track:
    made = Track()
    for n in range(number):
        made.add(n / 25, n / 25, 1 / 25, n % 50 == 0, size)
    return made


def unexplained(track: TrackFacts) -> set[str]:
    """Fields that are None and don't say why."""
    silent = {f.name for f in fields(track) if getattr(track, f.name) is None}
    return silent - NO_REASON_NEEDED - set(track.missing)


def test_nothing_is_missing_without_a_reason() -> None:
    bare = {"index": 0}
    for track in (
        video_facts(bare, None),
        audio_facts(bare, None),
        subtitle_facts(bare, None),
        data_facts(bare, None),
        video_facts({**bare, "codec_name": "h264", "pix_fmt": "yuv420p"}, packets(100)),
    ):
        assert unexplained(track) == set()
        assert all(reason for reason in track.missing.values())


def test_a_known_value_has_no_reason_beside_it() -> None:
    header = {"index": 0, "codec_name": "h264", "profile": "High", "sample_aspect_ratio": "64:45", "pix_fmt": "yuv420p"}
    found = video_facts(header, packets(100))
    assert found.sar == (64, 45)
    assert not {"sar", "profile", "pixel_format", "bit_depth", "measured_fps", "bitrate_bps"} & set(found.missing)


def test_a_bit_rate_is_measured_whatever_the_header_says() -> None:
    found = video_facts({"index": 0, "codec_name": "h264", "bit_rate": "99"}, packets(50, size=4000))
    assert found.bitrate_bps == 800_000


@pytest.mark.parametrize(
    ("title", "flags", "expected"),
    [
        ("English", {}, set()),
        ("English [SDH]", {}, {"hearing_impaired"}),
        ("Forced", {}, {"forced"}),
        ("Director's commentary", {}, {"commentary"}),
        ("Audio Description", {}, {"descriptions"}),
        ("", {"forced": 1, "hearing_impaired": 1}, {"forced", "hearing_impaired"}),
        ("", {"comment": 1}, {"commentary"}),
        ("", {"visual_impaired": 1}, {"descriptions"}),
        ("Concerto for CCTV", {}, set()),
    ],
)
def test_flags_are_read_from_dispositions_and_from_titles(
    title: str, flags: dict[str, int], expected: set[str]
) -> None:
    header = {"index": 1, "codec_name": "subrip", "tags": {"title": title}, "disposition": flags}
    found = subtitle_facts(header, packets(3))
    up = {name for name in ("forced", "hearing_impaired", "commentary", "descriptions") if getattr(found, name)}
    assert up == expected
    assert found.title == (title or None)


@pytest.mark.parametrize(
    ("codec", "kind"), [("subrip", "text"), ("mov_text", "text"), ("hdmv_pgs_subtitle", "image"), ("qoi_text", None)]
)
def test_subtitles_are_text_or_pictures(codec: str, kind: str | None) -> None:
    assert subtitle_facts({"index": 1, "codec_name": codec}, packets(1)).kind == kind


def test_data_tracks_are_named_for_people() -> None:
    assert data_facts({"index": 2, "codec_type": "data", "codec_tag_string": "tmcd"}, None).what == "timecode"
    assert data_facts({"index": 2, "codec_type": "attachment", "codec_name": "ttf"}, None).what == "font"
    assert data_facts({"index": 2, "codec_type": "data"}, None).what == "data"


def test_hdr_metadata_is_read_from_side_data() -> None:
    side = [
        {
            "side_data_type": "Mastering display metadata",
            "red_x": "34000/50000",
            "red_y": "16000/50000",
            "green_x": "13250/50000",
            "green_y": "34500/50000",
            "blue_x": "7500/50000",
            "blue_y": "3000/50000",
            "white_point_x": "15635/50000",
            "white_point_y": "16450/50000",
            "min_luminance": "50/10000",
            "max_luminance": "10000000/10000",
        },
        {"side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 180},
        {
            "side_data_type": "DOVI configuration record",
            "dv_profile": 8,
            "dv_level": 5,
            "dv_bl_signal_compatibility_id": 4,
        },
    ]
    header = {"index": 0, "codec_name": "hevc", "color_transfer": "smpte2084", "side_data_list": side}
    found = video_facts(header, packets(2))
    assert found.mastering_display == MasteringDisplay(
        red=(0.68, 0.32), green=(0.265, 0.69), blue=(0.15, 0.06), white=(0.3127, 0.329), min_nits=0.005, max_nits=1000.0
    )
    assert found.content_light == ContentLight(1000, 180)
    assert found.dolby_vision == DolbyVision(8, 5, 4)
    bare = video_facts({**header, "side_data_list": [], "field_order": "progressive"}, packets(2))
    assert leaves_open(bare)
    assert with_frames(bare, [{"side_data_list": side}]).content_light == ContentLight(1000, 180)


def test_fields_that_only_the_frames_tell_of_are_found() -> None:
    silent = video_facts({"index": 0, "codec_name": "mpeg2video"}, packets(2))
    assert leaves_open(silent)
    assert "field_order" in silent.missing
    found = with_frames(silent, [{"interlaced_frame": 1, "top_field_first": 1}])
    assert (found.interlaced, found.field_order) == (True, "top_first")
    assert "field_order" not in found.missing
    assert with_frames(silent, [{"interlaced_frame": 0}]).field_order == "progressive"


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def trak(number: int, entry: bytes = b"avc1", edits: tuple[tuple[int, int], ...] = ()) -> bytes:
    """A trak box; edits in (movie ticks, media ticks)."""
    elst = b"".join(struct.pack(">IiHH", length, at, 1, 0) for length, at in edits)
    return box(
        b"trak",
        box(b"tkhd", bytes(12) + struct.pack(">I", number) + bytes(68))
        + box(b"edts", box(b"elst", bytes(4) + struct.pack(">I", len(edits)) + elst))
        + box(
            b"mdia",
            box(b"mdhd", bytes(12) + struct.pack(">II", 12_800, 0) + bytes(4))
            + box(b"minf", box(b"stbl", box(b"stsd", bytes(8) + box(entry, bytes(78))))),
        ),
    )


MVHD = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 0) + bytes(80))


def test_edit_lists_are_read() -> None:
    delayed, cut, whole = iso_tracks(
        MVHD + trak(1, edits=((10_000, -1), (2_000, 0))) + trak(2, edits=((1_500, 6_400),)) + trak(3, edits=((9, 0),))
    )
    assert (delayed.track_id, delayed.edits) == (1, (Edit(None, 10.0), Edit(0.0, 2.0)))
    assert cut.edits == (Edit(0.5, 1.5),)
    assert whole.edits == ()


def test_each_track_says_whether_it_is_encrypted(tmp_path: Path) -> None:
    moov = MVHD + trak(1) + trak(2, entry=b"enca")
    assert [track.protected for track in iso_tracks(moov)] == [False, True]
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", moov))
    assert [track.protected for track in inspect(path).tracks] == [False, True]
    assert not iso_tracks(MVHD + box(b"udta", b"a comment that says encv"))


@pytest.mark.parametrize("damage", [b"", b"\0\0\0\7oops", trak(1)[:30], MVHD[:14], box(b"trak", box(b"tkhd"))])
def test_damaged_boxes_give_no_tracks(damage: bytes) -> None:
    assert iso_tracks(damage) == ()


def test_a_scrambled_transport_stream_is_recognised(tmp_path: Path) -> None:
    def stream(scrambling: int) -> bytes:
        return b"".join(bytes([0x47, 1, 0, scrambling << 6 | 0x10 | n % 16]) + bytes(184) for n in range(50))

    path = tmp_path / "a.ts"
    path.write_bytes(stream(0))
    assert not inspect(path).scrambled
    path.write_bytes(stream(2))
    assert inspect(path).scrambled


def test_the_sheet_has_a_line_for_each_track_and_says_what_is_unknown() -> None:
    video = video_facts({"index": 0, "codec_name": "h264", "width": 640, "height": 360}, packets(100))
    sound = audio_facts(
        {"index": 2, "codec_name": "aac", "channels": 2, "sample_rate": "48000", "tags": {"language": "eng"}},
        packets(20),
    )
    text = subtitle_facts({"index": 1, "codec_name": "subrip", "tags": {"title": "SDH"}}, packets(5))
    facts = MediaFacts(
        *("mkv", 10_000, 0.0, None, None, (video,), (sound,), (text,), (), video, sound),
        missing={"header_duration_s": "the header doesn't say; it was measured"},
    )
    rows = track_rows(facts)
    assert [row["#"] for row in rows] == ["0", "1", "2"]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert rows[1]["flags"] == "SDH"
    assert rows[2]["language"] == "eng"
    said: dict[str, Any] = dict(time_rows(facts))
    assert said["length by the header"] == "unknown: the header doesn't say; it was measured"
    assert said["frame rate"] == "25 fps"
    assert dict(colour_rows(facts))["primaries"] == "unknown: the file doesn't say"
