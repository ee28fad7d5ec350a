"""Packages made by others: ffmpeg's muxers and Shaka Packager by itself, in every kind of addressing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from telecine.process import Limits, run
from telecine.tools import ffmpeg_path, packager_path

_COPY = ("-map", "0:v", "-map", "0:a", "-c", "copy")
_HLS = (*_COPY, "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod")
_DASH = (*_COPY, "-f", "dash", "-seg_duration", "2")

Maker = Callable[[Path, Path], str]
"""Makes a package of a clip in an empty directory and returns its entry."""

STRANGERS: dict[str, Maker] = {}


def _ffmpeg(name: str, entry: str, *words: str, target: str = "") -> None:
    def make(clip: Path, directory: Path) -> str:
        (directory / "key.info").write_text(f"sealed.key\n{directory / 'sealed.key'}\n")
        (directory / "sealed.key").write_bytes(bytes(range(16)))
        argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-i", f"file:{clip}", *words, target or entry]
        run(argv, cwd=directory, limits=Limits(wall_s=60))
        return entry

    STRANGERS[name] = make


def _shaka(name: str, entry: str, *words: str) -> None:
    def make(clip: Path, directory: Path) -> str:
        (directory / "in.mp4").symlink_to(clip)
        run([str(packager_path()), *words, "--quiet"], cwd=directory, limits=Limits(wall_s=60))
        (directory / "in.mp4").unlink()
        return entry

    STRANGERS[name] = make


_ffmpeg("ffmpeg-hls-ts", "a.m3u8", *_HLS)
_ffmpeg("ffmpeg-hls-ts-one-file", "a.m3u8", *_HLS, "-hls_flags", "single_file")
_ffmpeg("ffmpeg-hls-fmp4", "a.m3u8", *_HLS, "-hls_segment_type", "fmp4")
_ffmpeg("ffmpeg-hls-fmp4-one-file", "a.m3u8", *_HLS, "-hls_segment_type", "fmp4", "-hls_flags", "single_file")
_ffmpeg("ffmpeg-hls-sealed", "a.m3u8", *_HLS, "-hls_key_info_file", "key.info")
_ffmpeg(
    "ffmpeg-hls-groups",
    "master.m3u8",
    *(*_HLS, "-hls_segment_type", "fmp4", "-master_pl_name", "master.m3u8", "-hls_segment_filename", "%v-%d.m4s"),
    *("-hls_fmp4_init_filename", "init-%v.mp4", "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes"),
    target="%v.m3u8",
)
_ffmpeg("ffmpeg-dash", "a.mpd", *_DASH)
_ffmpeg("ffmpeg-dash-numbers", "a.mpd", *_DASH, "-use_timeline", "0")
_ffmpeg("ffmpeg-dash-list", "a.mpd", *_DASH, "-use_template", "0")
_ffmpeg("ffmpeg-dash-one-file", "a.mpd", *_DASH, "-single_file", "1")
_ffmpeg("ffmpeg-dash-index", "a.mpd", *_DASH, "-single_file", "1", "-global_sidx", "1")
_ffmpeg(
    "packed-aac",
    "a.m3u8",
    *("-map", "0:a", "-c", "copy", "-f", "segment", "-segment_time", "2", "-segment_format", "adts"),
    *("-segment_list", "a.m3u8", "-segment_list_type", "m3u8"),
    target="%d.aac",
)
_CBCS = ("--enable_raw_key_encryption", "--protection_scheme", "cbcs", "--protection_systems", "CommonSystem")
_CENC = ("--enable_raw_key_encryption", "--protection_scheme", "cenc", "--protection_systems", "CommonSystem")
_KEYS = ("--keys", f"label=:key_id={'12' * 16}:key={'34' * 16}", "--hls_key_uri", "https://keys.example.com/1")
_ENTRIES = ("--mpd_output", "a.mpd", "--hls_master_playlist_output", "a.m3u8", "--segment_duration", "2")
_STATIC = "--generate_static_live_mpd"
_SEGMENTS = (
    "in=in.mp4,stream=video,init_segment=v-init.mp4,segment_template=v-$Number$.m4s",
    "in=in.mp4,stream=audio,init_segment=a-init.mp4,segment_template=a-$Number$.m4s",
)
_PACKETS = (
    "in=in.mp4,stream=video,segment_template=v-$Number$.ts,playlist_name=v.m3u8",
    "in=in.mp4,stream=audio,segment_template=a-$Number$.ts,playlist_name=a1.m3u8",
)
_shaka("shaka-clear-lead-dash", "a.mpd", *_SEGMENTS, *_ENTRIES, _STATIC, *_CENC, *_KEYS, "--clear_lead", "3")
_shaka("shaka-clear-lead-hls", "a.m3u8", *_SEGMENTS, *_ENTRIES, *_CBCS, *_KEYS, "--clear_lead", "3")
_shaka("shaka-sample-aes-ts", "a.m3u8", *_PACKETS, *_ENTRIES[2:], *_CBCS, *_KEYS, "--clear_lead", "3")
_shaka(
    "shaka-one-file",
    "a.mpd",
    "in=in.mp4,stream=video,output=v.mp4",
    "in=in.mp4,stream=audio,output=a.mp4",
    *("--mpd_output", "a.mpd", "--hls_master_playlist_output", "a.m3u8", "--segment_duration", "2"),
)
