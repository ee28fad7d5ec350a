"""Packages of real videos: verified by rule (the gate before publishing) and read by libraries that aren't ours.

Minutes of encoding, so only with TELECINE_LONG_TESTS=1; test_stream_packages.py does the same to generated media.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import m3u8
import pytest
from conftest import Made
from mpegdash.parser import MPEGDASHParser

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "video"
NAMES = (
    *("bbb_1920x1080_60fps_vp8.webm", "bbb_2500ms.ts", "bear-vp9-odd-dimensions.webm", "cockatoo.mp4"),
    *("cursed-vfr.mp4", "h264_10bits.mp4", "hdr10-video-with-sdr-container.mp4", "nasa_13013.mp4"),
    *("portrait_4k60.mp4", "sample.avi", "sample_edit_list.mp4", "sample_rotate_and_reflect.mp4"),
    *("sample_with_overlapping_srt.mkv", "sample_with_vtt_subtitles.mkv", "sar_2x1.mp4", "sowt-with-video.mov"),
)

pytestmark = [
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus isn't here"),
    pytest.mark.skipif(not os.environ.get("TELECINE_LONG_TESTS"), reason="minutes of encoding: TELECINE_LONG_TESTS=1"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_package_of_a_real_video_passes_and_parses(made: Callable[..., Made], name: str) -> None:
    outputs = made(CORPUS / name, rungs=(240, 360), storyboard=True)
    assert outputs.result.failures == ()
    entry = m3u8.load(str(outputs.file("video/hls", "multivariant")))
    rungs = {rung.name for rung in outputs.plan.rungs}
    assert {p.uri for p in entry.playlists} == {f"{rung}.m3u8" for rung in rungs}
    directory = outputs.file("video/hls", "multivariant").parent
    uris = [p.uri for p in (*entry.playlists, *entry.iframe_playlists)] + [m.uri for m in entry.media]
    for uri in uris:
        playlist = m3u8.load(str(directory / uri))
        assert playlist.segments, uri
        assert playlist.is_endlist
    period = MPEGDASHParser.parse(str(outputs.file("video/dash", "mpd"))).periods[0]
    kinds = [adaptation.content_type for adaptation in period.adaptation_sets]
    texts = len(outputs.plan.captions)
    assert (kinds.count("text"), kinds.count("image")) == (texts, 1)
    assert kinds.count("audio") == len(outputs.plan.sounds)
    if "with_overlapping_srt" in name:
        assert texts == 1
    if "with_vtt" in name:  # Matroska's S_TEXT/WEBVTT, which ffmpeg doesn't know
        assert any("is not among the captions" in warning for warning in outputs.result.warnings)
