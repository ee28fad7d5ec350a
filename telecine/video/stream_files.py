"""The files of a stream as artifacts: where they lie, their media types and checksums.

Doesn't belong here: making or checking them (telecine/stream).
"""

from __future__ import annotations

from pathlib import Path

from telecine.artifact import Artifact, StreamFile, sha256_of

STREAM_DIR = "stream"
SOUND = "audio"  # what the names of sounds begin with

# RFC 8216 (m3u8), ISO/IEC 23009-1 (mpd, m4s), RFC 3555 (ts), W3C WebVTT.
_MIME = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}


def stream_artifact(
    asset: str,
    name: str,
    entry: Path,
    files: tuple[str, ...],
    duration_s: float,
    out_dir: Path,
    known: dict[str, StreamFile],
) -> Artifact:
    """The artifact of a stream: its entry file with all files.

    Args:
        files: paths below the entry's directory, the entry itself last.
        known: what was listed before; saves hashing shared segments twice.
    """
    for file in files:
        if file not in known:
            path = entry.parent / file
            place = path.relative_to(out_dir).as_posix()
            known[file] = StreamFile(place, _mime(file), path.stat().st_size, sha256_of(path))
    own = known[entry.name]
    return Artifact(
        asset=asset,
        name=name,
        path=own.path,
        mime=own.mime,
        size_bytes=own.size_bytes,
        sha256=own.sha256,
        duration_s=round(duration_s, 3),
        stream_files=tuple(known[file] for file in files),
    )


def _mime(file: str) -> str:
    path = Path(file)
    return "audio/mp4" if file.startswith(SOUND) and path.suffix in (".mp4", ".m4s") else _MIME[path.suffix]
