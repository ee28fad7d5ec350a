"""Playlists and manifests: parsed and put right."""

from __future__ import annotations

from pathlib import Path

import pytest
from mpegdash.parser import MPEGDASHParser

from telecine.stream import hls, mpd, multivariant, rates
from telecine.stream.package import Content, Form, package_argv
from telecine.stream.tracks import Picture, Rendition, Sound

MEDIA = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="{name}/init.mp4"
#EXTINF:6.000,
{name}/00001.m4s
#EXTINF:2.000,
{name}/00002.m4s
#EXT-X-ENDLIST
"""
IFRAMES = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI="{name}/init.mp4"
#EXTINF:6.000,
#EXT-X-BYTERANGE:100@84
{name}/00001.m4s
#EXTINF:2.000,
#EXT-X-BYTERANGE:100@84
{name}/00002.m4s
#EXT-X-ENDLIST
"""
PACKAGED = """#EXTM3U
## Generated with https://example.org/packager

#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",GROUP-ID="audio",NAME="audio",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2"

#EXT-X-STREAM-INF:BANDWIDTH=5,AVERAGE-BANDWIDTH=9,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO="audio"
360p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5,AVERAGE-BANDWIDTH=9,CODECS="avc1.640015,mp4a.40.2",RESOLUTION=426x240,FRAME-RATE=25.000,AUDIO="audio"
240p.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=2,CODECS="avc1.64001e",RESOLUTION=640x360,URI="360p-iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=2,CODECS="avc1.640015",URI="240p-iframes.m3u8"
"""
SET = """<Representation id="{name}" bandwidth="{rate}" codecs="avc1.64001e" mimeType="video/mp4" width="64">
<SegmentTemplate timescale="1000" initialization="{name}/init.mp4" media="{name}/$Number%05d$.m4s" startNumber="1">
<SegmentTimeline><S t="0" d="6000"/><S t="6000" d="2000"/></SegmentTimeline></SegmentTemplate></Representation>"""
MPD = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT8S"><Period id="0">
<AdaptationSet contentType="video">{video}</AdaptationSet><AdaptationSet contentType="audio">{audio}</AdaptationSet>
</Period></MPD>"""


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A small stream of made-up bytes with right texts."""
    measured = {}
    for name, size in (("360p", 60_000), ("240p", 30_000), ("audio", 12_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "init.mp4").write_bytes(b"i" * 100)
        (tmp_path / name / "00001.m4s").write_bytes(b"s" * size)
        (tmp_path / name / "00002.m4s").write_bytes(b"s" * (size // 3))
        (tmp_path / f"{name}.m3u8").write_text(MEDIA.format(name=name))
        if name != "audio":
            (tmp_path / f"{name}-iframes.m3u8").write_text(IFRAMES.format(name=name))
    for playlist in tmp_path.glob("*.m3u8"):
        measured[playlist.name] = hls.rates(
            hls.parse_media(playlist.read_text()), lambda uri: (tmp_path / uri).stat().st_size
        )
    sounds = [Rendition("audio", "en", "English", default=True)]
    (tmp_path / "multivariant.m3u8").write_text(multivariant.completed(PACKAGED, measured, sounds, ()))
    sets = {name: SET.format(name=name, rate=1) for name in ("360p", "240p", "audio")}
    text = MPD.format(video=sets["360p"] + sets["240p"], audio=sets["audio"])
    (tmp_path / "manifest.mpd").write_text(
        mpd.completed(text, lambda name: (tmp_path / name).stat().st_size, sounds, ())
    )
    return tmp_path


def test_declared_rates_are_the_measured_ones_with_the_sound(stream: Path) -> None:
    entry = hls.parse_multivariant((stream / "multivariant.m3u8").read_text())
    given, uri = entry.variants[0]
    assert uri == "360p.m3u8"
    assert int(given["BANDWIDTH"]) == pytest.approx(80_000 + 16_000, abs=3)
    assert int(given["AVERAGE-BANDWIDTH"]) == pytest.approx(80_000 + 16_000, abs=3)
    assert given["VIDEO-RANGE"] == "SDR"
    assert entry.media[0]["DEFAULT"] == "YES"


def test_the_manifest_gets_its_period_duration(stream: Path) -> None:
    manifest = MPEGDASHParser.parse(str(stream / "manifest.mpd"))
    (period,) = manifest.periods
    assert period.duration == manifest.media_presentation_duration == "PT8S"
    rates = [r.bandwidth for adaptation in period.adaptation_sets for r in adaptation.representations]
    assert rates == [80_001, 40_001, 16_001]


def test_the_packager_sees_names_of_ours_only() -> None:
    sound = Sound(Rendition("audio", "de", "Deutsch", default=True), Path("/home/a,b=c/a.m4a"))
    content = Content((Picture("240p", Path("/home/a,b=c/x.mp4")),), (sound,))
    argv = package_argv(Path("/bin/packager"), content, Form(segment_s=6.006, gop_s=2.002, dash=False), "cmaf")
    assert argv == [
        "/bin/packager",
        "in=240p.input,stream=video,init_segment=240p/init.mp4,segment_template=240p/$Number%05d$.m4s,"
        "playlist_name=240p.m3u8,iframe_playlist_name=240p-iframes.m3u8",
        "in=audio.input,stream=audio,init_segment=audio/init.mp4,segment_template=audio/$Number%05d$.m4s,"
        "dash_label=audio,hls_group_id=audio-aac,hls_name=audio,playlist_name=audio.m3u8",
        *("--segment_duration", "6.005900", "--fragment_duration", "2.001900", "--min_buffer_time", "4", "--quiet"),
        *("--hls_master_playlist_output", "multivariant.m3u8.unfinished", "--hls_playlist_type", "VOD"),
    ]


def test_the_declared_rate_is_enough_for_a_short_heavy_end() -> None:
    # 6 s of a still screen, then 2.7 s of motion: as the peak it counts only together with what is before it.
    sizes, durations = [6_000, 46_000], [6.0, 2.7]
    assert rates.rates_of(sizes, durations, 6.0).peak_bps == 47_817
    assert rates.sustaining_bps(sizes, durations, 4.0) == 54_926  # 46,000 bytes in 4 + 2.7 s
    text = MPD.format(video=SET.format(name="360p", rate=1), audio="").replace("2000", "2700")
    made = mpd.completed(text, lambda name: sizes[int(name[-5]) - 1], (), ())
    assert 'bandwidth="54926"' in made


@pytest.mark.parametrize("buffer_s", [0.0, 4.0])
def test_what_sustains_is_no_more_than_the_heaviest_segment(buffer_s: float) -> None:
    assert rates.sustaining_bps([1000, 3000, 1000], [2.0, 2.0, 2.0], buffer_s) <= 12_001
    assert rates.sustaining_bps([], [], buffer_s) == 1
