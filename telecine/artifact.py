"""What a media room hands back: files on local disk with everything a manifest says about them.

Belongs here: the frozen records that image, video and stream produce. Doesn't belong here: where the files go
(telecine/publish) or how a manifest is written (telecine/manifest).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telecine.errors import TelecineError


@dataclass(frozen=True, slots=True)
class StreamFile:
    """One file of a stream (playlist, init segment, segment).

    Attributes:
        path: POSIX path relative to the job's output directory.
    """

    path: str
    mime: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One finished output on local disk.

    Attributes:
        asset: asset key joined with "/", for example "image/renditions".
        name: the output's name, unique within its asset for one media file.
        path: POSIX path relative to the job's output directory; several artifacts may share one file.
        sha256: lower-case hex digest of the file.
        width, height: pixels as displayed; None for sound.
        duration_s: seconds; None for stills.
        offset_s: of a still out of a video: when the video shows it, in seconds.
        bitrate_bps: average bits per second over the whole file; None for stills.
        codecs: RFC 6381 codecs string; None for stills.
        stream_files: for an HLS or DASH entry file, every file of that stream including the entry file.
    """

    asset: str
    name: str
    path: str
    mime: str
    size_bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    offset_s: float | None = None
    bitrate_bps: int | None = None
    codecs: str | None = None
    stream_files: tuple[StreamFile, ...] | None = None

    @classmethod
    def of_file(
        cls, asset: str, name: str, path: Path, out_dir: Path, mime: str, size: tuple[int, int] | None = None
    ) -> Artifact:
        """A finished file below `out_dir` as it lies there; `size` is a picture's width and height."""
        return cls(
            asset=asset,
            name=name,
            path=path.relative_to(out_dir).as_posix(),
            mime=mime,
            size_bytes=path.stat().st_size,
            sha256=sha256_of(path),
            width=size[0] if size else None,
            height=size[1] if size else None,
        )

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all files of a stream; None for anything else."""
        return None if self.stream_files is None else sum(f.size_bytes for f in self.stream_files)


@dataclass(frozen=True, slots=True)
class OutputFailure:
    """One output that could not be made although the source is sound; the others were.

    Attributes:
        asset, name: as an `Artifact`'s.
    """

    asset: str
    name: str
    error: TelecineError


@dataclass(frozen=True, slots=True)
class MediaResult:
    """Everything made from one source file.

    Attributes:
        facts: what was learnt about the source, JSON-ready, goes to the manifest's `source` (nothing private:
            no GPS, no serial numbers). Keys always there: format, width, height, duration_s.
        artifacts: finished and verified outputs.
        warnings: sentences for the manifest ("colour profile damaged, treated as sRGB").
        failures: outputs that could not be made; at least one artifact is there when this isn't empty.
        preview: small JPEG (at most 20 kB) for the Dagster UI, or None.
        private_facts: what was learnt about the source and must not be public (camera, whether there are
            coordinates); goes to Dagster only.
        details: everything the source's metadata says, private, JSON-ready; None unless the recipe keeps it.
        plot: small SVG for the Dagster UI, or None.
    """

    facts: Mapping[str, Any]
    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...] = ()
    failures: tuple[OutputFailure, ...] = ()
    preview: bytes | None = field(default=None, repr=False)
    private_facts: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] | None = field(default=None, repr=False)
    plot: bytes | None = field(default=None, repr=False)


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file, read in blocks."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
