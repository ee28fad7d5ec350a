"""Packages that other programs made are read, whatever their containers and addressing, and judged sensibly."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import report_of
from strangers import STRANGERS

from telecine.process import Limits, run
from telecine.stream.verify import Level, Verdict
from telecine.tools import ffmpeg_path

# What is really wrong with them; ffmpeg's muxers guess where a timeline isn't asked for.
KNOWN = {
    "ffmpeg-hls-groups": {"APPLE-9.12", "APPLE-9.15"},
    "packed-aac": {"APPLE-8.6"},
}
SEEN = {  # rules that must have been looked at, so that nothing passes for want of a look
    "hls": {"TC-FILES", "TC-WHOLE", "RFC8216-4.3.3.1", "APPLE-8.1"},
    "dash": {"TC-FILES", "TC-WHOLE", "APPLE-7.4", "APPLE-7.3", "DASH-7.2.1", "DASH-5.3.7.2", "DASH-5.3.5.2"},
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_strangers_package_is_read_and_judged(clip: Path, tmp_path: Path, name: str) -> None:
    entry = STRANGERS[name](clip, tmp_path)
    report = report_of(tmp_path, entry)
    verdicts = {line.rule.id: line.verdict for line in report.lines}
    if "sealed" in name:
        assert verdicts["TC-FILES"] is Verdict.PASS
        reasons = {line.rule.id: line.reason for line in report.lines}
        assert "AES-128" in reasons["APPLE-7.4"]
        assert "AES-128" in reasons["TC-WHOLE"]
        return
    looked_at = {rule for rule, verdict in verdicts.items() if verdict is not Verdict.NOT_APPLICABLE}
    assert SEEN["dash" if entry.endswith(".mpd") else "hls"] <= looked_at
    assert {line.rule.id for line in report.failed(Level.MUST)} == KNOWN.get(name, set()), [
        str(line) for line in report.failed(Level.MUST)
    ]


def test_transport_streams_are_looked_into(clip: Path, tmp_path: Path) -> None:
    report = report_of(tmp_path, STRANGERS["ffmpeg-hls-ts"](clip, tmp_path))
    looked_at = {line.rule.id: line.looked_at for line in report.lines}
    assert looked_at["APPLE-7.4"] == looked_at["TC-WHOLE"] == 4
    assert looked_at["APPLE-7.2"] == 6  # three joints of picture and of sound
    assert looked_at["APPLE-8.3"] == 1


def test_a_lost_packet_of_a_transport_stream_is_found(clip: Path, tmp_path: Path) -> None:
    report_of(tmp_path, STRANGERS["ffmpeg-hls-ts"](clip, tmp_path))
    segment = tmp_path / "a1.ts"
    data = segment.read_bytes()
    segment.write_bytes(data[: 188 * 40] + data[188 * 41 :])
    assert "APPLE-7.2" in {line.rule.id for line in report_of(tmp_path, "a.m3u8").failed()}


@pytest.mark.parametrize("options", [{"hls": {"container": "ts"}}, {"dash": {"segments": "list"}}], ids=["ts", "list"])
def test_our_other_forms_keep_every_rule(make: object, options: dict[str, object]) -> None:
    assert callable(make)
    report = report_of(make(**options))
    # In MPEG-TS, playlists and MPD have files of their own, so that there is nothing to compare.
    assert [str(line) for line in report.failed()] == []


def made_by_ffmpeg(directory: Path, *words: str) -> list[str]:
    """Rules that an HLS package of six seconds breaks."""
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=6", *words]
    run([*argv, "-hls_time", "6", "-hls_playlist_type", "vod", "a.m3u8"], cwd=directory, limits=Limits(wall_s=60))
    return [line.rule.id for line in report_of(directory, "a.m3u8").failed()]


def test_keyframes_far_apart_are_noticed(tmp_path: Path) -> None:
    assert made_by_ffmpeg(tmp_path, "-c:v", "libx264", "-preset", "ultrafast", "-g", "60") == ["APPLE-1.13"]


def test_hevc_belongs_in_fmp4(tmp_path: Path) -> None:
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=20:log-level=none")
    made_by_ffmpeg(tmp_path, *hevc, "-master_pl_name", "master.m3u8")
    lines = {line.rule.id: line for line in report_of(tmp_path, "master.m3u8").lines}
    assert lines["APPLE-1.5"].verdict is Verdict.FAIL
    assert lines["APPLE-7.4"].verdict is Verdict.PASS
