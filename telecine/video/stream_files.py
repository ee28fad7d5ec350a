"""The files of a stream as artifacts: where they lie, their media types and checksums.

Doesn't belong here: making them, or what is right about them (telecine/stream).
"""

from __future__ import annotations

from pathlib import Path

from telecine.artifact import Artifact, StreamFile, sha256_of
from telecine.errors import SystemFault
from telecine.stream.verify import Gate, Passed
from telecine.video.gather import Gathering

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


def admitted(gate: Gate, entry: str, asset: str, gathered: Gathering) -> Passed:
    """One side of a package that may be published; what was found goes to the gathering, whether or not.

    Raises:
        SystemFault: VERIFY_FAILED, naming rule and file.
    """
    try:
        passed = gate.check(entry)
    except SystemFault as e:
        gathered.streams[asset] = {"refused": (e.details or e.message).splitlines()}
        raise
    # What both protocols share is said once.
    gathered.warnings += [sentence for sentence in passed.warnings if sentence not in gathered.warnings]
    gathered.streams[asset] = passed.to_dict()
    return passed


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
