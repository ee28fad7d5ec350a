"""Playlists and manifests: parsed, put right, and refused when wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from telecine.errors import ErrorCode, SystemFault
from telecine.stream import dash, hls
from telecine.stream.package import Input, package_argv
from telecine.stream.verify import verify_dash, verify_hls

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
    (tmp_path / "multivariant.m3u8").write_text(hls.with_true_rates(PACKAGED, measured, measured["audio.m3u8"]))
    sets = {name: SET.format(name=name, rate=1) for name in ("360p", "240p", "audio")}
    text = MPD.format(video=sets["360p"] + sets["240p"], audio=sets["audio"])
    rates = {f"{n}/init.mp4": r for n, r in (("360p", 80_001), ("240p", 40_001), ("audio", 16_001))}
    (tmp_path / "manifest.mpd").write_text(dash.completed(text, rates))
    return tmp_path


def test_a_right_stream_is_accepted_and_lists_every_file_with_the_entry_last(stream: Path) -> None:
    files = verify_hls(stream, 8.0, 2, sound=True)
    assert files[-1] == "multivariant.m3u8"
    assert len(files) == len(set(files)) == 9 + 5 + 1
    assert verify_dash(stream, 8.0, 2, sound=True)[-1] == "manifest.mpd"


def test_declared_rates_are_the_measured_ones_with_the_sound(stream: Path) -> None:
    entry = hls.parse_multivariant((stream / "multivariant.m3u8").read_text())
    given, uri = entry.variants[0]
    assert uri == "360p.m3u8"
    assert int(given["BANDWIDTH"]) == pytest.approx(80_000 + 16_000, abs=3)
    assert int(given["AVERAGE-BANDWIDTH"]) == pytest.approx(80_000 + 16_000, abs=3)
    assert given["VIDEO-RANGE"] == "SDR"
    assert entry.media[0]["DEFAULT"] == "YES"


def test_the_manifest_gets_its_period_duration(stream: Path) -> None:
    manifest = dash.parse((stream / "manifest.mpd").read_text())
    assert manifest.period_duration_s == manifest.duration_s == 8.0
    assert [r.bandwidth for r in manifest.representations] == [80_001, 40_001, 16_001]


def _missing(stream: Path) -> None:
    (stream / "240p" / "00002.m4s").unlink()


def _empty(stream: Path) -> None:
    (stream / "360p" / "init.mp4").write_bytes(b"")


def _short(stream: Path) -> None:
    for path in (stream / "360p.m3u8", stream / "manifest.mpd"):
        path.write_text(path.read_text().replace("6.000,", "5.000,", 1).replace('d="6000"', 'd="5000"', 1))


def _heavy(stream: Path) -> None:
    for name in ("360p", "240p", "audio"):
        (stream / name / "00001.m4s").write_bytes(b"s" * 200_000)


def _shifted(stream: Path) -> None:
    for path in (stream / "240p.m3u8", stream / "manifest.mpd"):
        text = path.read_text()
        half = text.index('"240p/init.mp4"')
        head, tail = text[:half], text[half:]
        tail = tail.replace("6.000,", "5.900,", 1).replace("2.000,", "2.100,", 1)
        tail = tail.replace('d="6000"', 'd="5900"', 1).replace('t="6000" d="2000"', 't="5900" d="2100"', 1)
        path.write_text(head + tail)


@pytest.mark.parametrize("damage", [_missing, _empty, _short, _heavy, _shifted])
def test_a_wrong_stream_is_refused(stream: Path, damage: object) -> None:
    assert callable(damage)
    damage(stream)
    with pytest.raises(SystemFault) as caught:
        verify_hls(stream, 8.0, 2, sound=True)
    assert caught.value.code is ErrorCode.VERIFY_FAILED
    with pytest.raises(SystemFault):
        verify_dash(stream, 8.0, 2, sound=True)


def test_a_stream_that_lost_its_sound_is_refused(stream: Path) -> None:
    shutil.rmtree(stream / "audio")
    with pytest.raises(SystemFault):
        verify_hls(stream, 8.0, 2, sound=True)


@pytest.mark.parametrize(
    ("text", "expected"), [("PT13.013S", 13.013), ("PT1H2M3.5S", 3723.5), ("P1DT1S", 86401.0), ("PT0S", 0.0)]
)
def test_xml_durations_are_read(text: str, expected: float) -> None:
    assert dash.seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "PT", "13s", "P1Y"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        dash.seconds(text)


def test_the_packager_sees_names_of_ours_only() -> None:
    inputs = [Input("240p", Path("/home/a,b=c/x.mp4")), Input("audio", Path("/home/a,b=c/a.m4a"), "de")]
    argv = package_argv(Path("/bin/packager"), inputs, segment_s=6.006, want_hls=True, want_dash=False)
    assert argv == [
        "/bin/packager",
        "in=240p.input,stream=video,init_segment=240p/init.mp4,segment_template=240p/$Number%05d$.m4s,"
        "playlist_name=240p.m3u8,iframe_playlist_name=240p-iframes.m3u8",
        "in=audio.input,stream=audio,init_segment=audio/init.mp4,segment_template=audio/$Number%05d$.m4s,"
        "playlist_name=audio.m3u8,hls_group_id=audio,hls_name=de,lang=de",
        *("--segment_duration", "6.005900", "--min_buffer_time", "4", "--quiet"),
        *("--hls_master_playlist_output", "multivariant.m3u8.unfinished", "--hls_playlist_type", "VOD"),
    ]
