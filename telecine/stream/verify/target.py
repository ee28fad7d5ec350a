"""What a person names to be verified: a directory, a file, a URL or an object, and which entries it has.

Doesn't belong here: reading (place.py, web.py, bucket.py), or the command line (telecine/cli/verify.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from telecine.errors import ErrorCode, InputError
from telecine.storage import ObjectStore
from telecine.stream.verify.bucket import Bucket
from telecine.stream.verify.measure import Session
from telecine.stream.verify.place import Directory, Missing
from telecine.stream.verify.rules import Protocol
from telecine.stream.verify.web import Web, final_url
from telecine.stream.verify.window import Broken

_OURS: dict[Protocol, str] = {"hls": "multivariant.m3u8", "dash": "manifest.mpd"}
_AT_ONCE = 8


@dataclass(frozen=True)
class Target:
    """A package and its entry files."""

    session: Session
    entries: dict[Protocol, str]


@contextmanager
def opened(target: str, store: Callable[[], ObjectStore], *, root: str | None = None) -> Iterator[Target]:
    """Open what a person named.

    Args:
        target: a directory, a playlist or MPD, an http(s):// URL, or s3://bucket/key.
        store: the store for s3://.
        root: directory or URL above the entry that references may lead to; by default the entry's own.

    Raises:
        InputError: PACKAGE_UNREADABLE when there is no package.
    """
    try:
        scheme = urlsplit(target).scheme
    except ValueError as e:
        raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} is no URL: {e}") from e
    if scheme in ("http", "https"):
        with _web(target, root) as found:
            yield found
    elif scheme == "s3":
        below = root.rstrip("/") + "/" if root else target.rpartition("/")[0] + "/"
        if not target.startswith(below):
            raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} isn't below {below}")
        parts, name = urlsplit(below), target.removeprefix(below)
        session = Session(Bucket(store(), parts.netloc, parts.path.lstrip("/")), threads=_AT_ONCE)
        yield Target(session, _entries(session, [name] if name else list(_OURS.values()), target))
    else:
        yield _local(target, root)


@contextmanager
def _web(target: str, root: str | None) -> Iterator[Target]:
    asked = target if not urlsplit(target).path.endswith("/") else None
    url = final_url(target) if asked else target
    below = root.rstrip("/") + "/" if root else url.partition("?")[0].rpartition("/")[0] + "/"
    if not url.startswith(below):
        raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{url} isn't below {below}")
    with Web(below) as place:
        session = Session(place, threads=_AT_ONCE)
        names = [url.removeprefix(below)] if asked else list(_OURS.values())
        yield Target(session, _entries(session, names, target))


def _local(target: str, root: str | None) -> Target:
    path = Path(target)
    if not path.exists():
        raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} isn't there")
    below = Path(root) if root else path if path.is_dir() else path.parent
    if not path.resolve().is_relative_to(below.resolve()):
        raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} isn't below {below}")
    session = Session(Directory(below))
    files = _found(path) if path.is_dir() else [path]
    names = [file.resolve().relative_to(below.resolve()).as_posix() for file in files]
    return Target(session, _entries(session, names, target))


def _found(directory: Path) -> list[Path]:
    """The entry files of a directory: ours by name, else the only ones that can be."""
    ours = [directory / name for name in _OURS.values() if (directory / name).is_file()]
    if ours:
        return ours
    manifests = sorted(directory.glob("*.mpd"))
    playlists = sorted(directory.glob("*.m3u8"))
    masters = [path for path in playlists if b"#EXT-X-STREAM-INF" in path.read_bytes()]
    chosen = masters or playlists
    for kind in (manifests, chosen):
        if len(kind) > 1:
            names = ", ".join(path.name for path in kind[:5])
            raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{directory} has several entries; name one of {names}")
    return [*chosen, *manifests]


def _entries(session: Session, names: list[str], target: str) -> dict[Protocol, str]:
    """Which of these can be read, by what their first characters say they are.

    Raises:
        InputError: PACKAGE_UNREADABLE when none can.
    """
    found: dict[Protocol, str] = {}
    why = "there is no playlist and no MPD"
    for name in names:
        try:
            text = session.text(name).lstrip("\ufeff \r\n\t")
        except (Missing, Broken) as e:
            why = f"{name} {e}"
            continue
        if text.startswith("#EXTM3U") or name.partition("?")[0].endswith((".m3u8", ".m3u")):
            found["hls"] = name
        elif text.startswith("<") or name.partition("?")[0].endswith(".mpd"):
            found["dash"] = name
        else:
            why = f"{name} is neither a playlist nor an MPD"
    session.used.clear()
    if not found:
        raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} can't be verified: {why}")
    return found
