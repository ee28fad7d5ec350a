"""Codec strings come from the bitstream; Shaka Packager, which writes its own, says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import report_of

from telecine.process import Limits, run
from telecine.stream.verify import Directory, Session, Verdict, verify
from telecine.stream.verify.codecs import same_codec
from telecine.tools import ffmpeg_path, packager_path

PICTURES = {
    "h264-high": ("libx264", "-profile:v", "high", "-pix_fmt", "yuv420p"),
    "hevc-main10": ("libx265", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", "-x265-params", "log-level=none"),
    "vp9": ("libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-cpu-used", "8"),
    "av1-10": ("libsvtav1", "-pix_fmt", "yuv420p10le", "-preset", "13", "-svtav1-params", "lp=1"),
}
SOUNDS = {"aac": ("aac",), "opus": ("libopus",), "ac3": ("ac3",), "eac3": ("eac3",), "flac": ("flac",)}
KEY = "--enable_raw_key_encryption --keys label=:key_id={0}:key={0} --protection_scheme cbcs --clear_lead 0"


def packaged(directory: Path, kind: str, words: tuple[str, ...], *more: str) -> None:
    """A second of picture or sound as HLS and DASH by Shaka Packager."""
    source = "testsrc2=s=192x108:r=24:d=1" if kind == "video" else "sine=r=48000:d=1"
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, f"-c:{kind[0]}", *words]
    run([*argv, "-f", "mp4", f"file:{directory / 'in'}"], limits=Limits(wall_s=60))
    fields = f"in=in,stream={kind},init_segment=i.mp4,segment_template=$Number$.m4s,playlist_name=media.m3u8"
    argv = [str(packager_path()), fields, *more, "--mpd_output", "a.mpd", "--hls_master_playlist_output", "a.m3u8"]
    run([*argv, "--generate_static_live_mpd", "--quiet"], cwd=directory, limits=Limits(wall_s=60))


@pytest.mark.parametrize("name", [*PICTURES, *SOUNDS])
def test_codecs_are_read_as_the_packager_writes_them(tmp_path: Path, name: str) -> None:
    kind = "video" if name in PICTURES else "audio"
    packaged(tmp_path, kind, {**PICTURES, **SOUNDS}[name])
    declared = re.findall(r'codecs="([^"]*)"', (tmp_path / "a.mpd").read_text())
    found = verify(Session(Directory(tmp_path)), {"dash": "a.mpd"})
    assert found.dash is not None
    real = [codec for rendition in found.dash.of(kind) for codec in rendition.codecs()]
    assert len(real) == 1
    assert real[0].lower() == declared[0].lower()[: len(real[0])]  # VP9 and AV1 may have more fields, on colour
    verdicts = {line.rule.id: line.verdict for line in report_of(tmp_path, "a.m3u8", "a.mpd").lines}
    assert verdicts["DASH-5.3.7.2"] is verdicts["TC-CODECS"] is Verdict.PASS
    if kind == "video":
        assert verdicts["APPLE-7.4"] is verdicts["TC-RESOLUTION"] is verdicts["TC-FRAME-RATE"] is Verdict.PASS


def test_samples_encrypted_by_cbcs_are_looked_into_by_their_headers(tmp_path: Path) -> None:
    packaged(tmp_path, "video", PICTURES["h264-high"], *KEY.format("00112233445566778899aabbccddeeff").split())
    assert b"encv" in (tmp_path / "i.mp4").read_bytes()
    verdicts = {line.rule.id: line.verdict for line in report_of(tmp_path, "a.m3u8", "a.mpd").lines}
    for rule in ("APPLE-7.4", "TC-CODECS", "TC-RESOLUTION", "TC-FRAME-RATE", "DASH-5.3.7.2", "APPLE-8.1"):
        assert verdicts[rule] is Verdict.PASS, rule


@pytest.mark.parametrize(
    ("declared", "real", "same"),
    [
        ("avc1.64001F", "avc1.64001f", True),
        ("avc1.64001f", "avc3.64001f", False),
        ("avc1.4d401f", "avc1.64001f", False),
        ("hvc1.2.4.L93.B0", "hvc1.2.4.L93.B0.0.0", True),
        ("hvc1.2.4.L93.B0", "hvc1.2.4.L120.B0", False),
        ("hev1.2.4.L93.B0", "hvc1.2.4.L93.B0", False),
        ("vp09.00.10.08.01.01.01.01.00", "vp09.00.10.08", True),
        ("vp09.02.10.10", "vp09.00.10.08", False),
        ("av01.0.04M.10.0.110.09.16.09.0", "av01.0.04M.10", True),
        ("av01.0.05M.10", "av01.0.04M.10", False),
        ("mp4a.40.5", "mp4a.40.2", True),  # SBR may be signalled inside frames only
        ("mp4a.40.2", "mp4a.40.5", False),
        ("mp4a.69", "mp4a.6b", True),
        ("mp4a.40.34", "mp4a.40.2", False),
        ("Opus", "opus", True),
        ("stpp.ttml.im1t", "stpp", True),
    ],
)
def test_codec_strings_are_compared_field_by_field(declared: str, real: str, same: bool) -> None:
    assert same_codec(declared, real) is same
