"""Sidecars: caption files that lie beside a video in its bucket, told by their names.

`clip.mp4` may have `clip.vtt`, `clip.en.vtt`, `clip.en.forced.srt`, `clip.pt-BR.sdh.vtt`. Belongs here: their names,
bringing them along, and saying which can't be used. Doesn't belong here: what is in them
(telecine/stream/caption_file.py).
"""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath

from telecine.config import is_captions
from telecine.errors import ErrorCode, InputError
from telecine.storage import ObjectInfo, ObjectStore
from telecine.stream.caption_file import MAX_BYTES
from telecine.stream.tracks import language_name, language_tag
from telecine.video.captions import CaptionFile

_NEIGHBOURS = 1_000  # objects whose names begin like the video's; beyond that they are frames, not captions
_UNREAD = (".ttml", ".dfxp", ".itt", ".sub", ".idx", ".sup", ".sbv", ".smi", ".sami", ".scc", ".mcc", ".stl", ".lrc")
_NAMED = 10  # files in a warning
_FORCED, _SDH, _UNUSED = frozenset({"forced"}), frozenset({"sdh", "cc"}), frozenset({"default"})
_FLAGS = _FORCED | _SDH | _UNUSED
_HI = "hi"  # "hearing impaired" beside a language, else Hindi
_WORD = re.compile(rf"(.*?)((?:[-_](?:{'|'.join(sorted(_FLAGS | {_HI}))}))*)", re.IGNORECASE | re.DOTALL)


def sidecar_of(key: str, candidate: str) -> CaptionFile | None:
    """What a name says about captions for `key`; None when it isn't a sidecar of it. `path` is empty yet."""
    if not is_captions(candidate) or not _beside(key, candidate):
        return None
    source, extension = PurePosixPath(key), PurePosixPath(candidate).suffix
    parts = candidate[len(_stem(key)) : -len(extension)].split(".")[1:]
    if parts and f".{parts[0]}" == source.suffix:
        del parts[0]  # clip.mp4.en.vtt
    words = [word for part in parts for word in _words(part)]
    flags = {word.lower() for word in words} & _FLAGS
    languages = [word for word in words if word.lower() not in flags]
    if len(languages) > 1 and (hi := next((word for word in reversed(languages) if word.lower() == _HI), None)):
        flags.add(_HI)
        languages.remove(hi)
    if len(languages) > 1 or any(language_name(language_tag(word)) is None for word in languages):
        return None  # clip.part2.vtt belongs to clip.part2.mp4
    return CaptionFile(
        name=PurePosixPath(candidate).name,
        path="",
        format=extension[1:].lower().replace("ssa", "ass"),
        language=languages[0] if languages else None,
        forced=bool(flags & _FORCED),
        sdh=bool(flags & {*_SDH, _HI}),
    )


def unused(key: str, names: Collection[str]) -> tuple[str, ...]:
    """Caption files beside a video that can't be used, by name or format.

    Args:
        names: of all objects that begin like the video's.
    """
    media = {_stem(name) for name in names if not _is_captions_of_any_kind(name)} - {_stem(key)}
    return tuple(
        name
        for name in names
        if _beside(key, name)
        and _is_captions_of_any_kind(name)
        and sidecar_of(key, name) is None
        and not any(name.startswith(f"{stem}.") for stem in media)  # clip.part2.vtt beside clip.part2.mp4
    )


def fetch_sidecars(
    store: ObjectStore, bucket: str, key: str, directory: Path
) -> tuple[tuple[CaptionFile, ...], tuple[str, ...]]:
    """The caption files that lie beside an object now, downloaded, and sentences about those that can't be used.

    Raises:
        TelecineError: from the store.
    """
    result = []
    listed = _listing(store, bucket, key)
    found = [(info, sidecar) for info in listed if (sidecar := sidecar_of(key, info.key)) is not None]
    for number, (info, sidecar) in enumerate(found):
        path = directory / f"captions-{number}.{sidecar.format}"
        try:  # a byte more than is allowed is enough to see that it is too much
            path.write_bytes(store.read(bucket, info.key, length=MAX_BYTES + 1) if info.size_bytes else b"")
        except InputError as e:
            if e.code is not ErrorCode.SOURCE_MISSING:
                raise
        else:
            result.append(replace(sidecar, path=str(path)))
    return tuple(result), _missed(unused(key, [info.key for info in listed]))


def upload_sidecars(store: ObjectStore, path: Path, bucket: str, key: str) -> None:
    """Put the caption files beside a local file beside its upload, also those that can't be used: the job says so."""
    names = [beside.name for beside in path.parent.glob(f"{glob.escape(path.stem)}.*") if beside.is_file()]
    useless = unused(path.name, names)
    for name in names:
        if name in useless or sidecar_of(path.name, name) is not None:
            store.upload(bucket, _sibling(key, name), path.with_name(name), mime="text/plain", cache="no-cache")


def copy_sidecars(store: ObjectStore, source: ObjectInfo, bucket: str, key: str) -> None:
    """Copy the caption files beside an object beside its copy."""
    listed = _listing(store, source.bucket, source.key)
    useless = unused(source.key, [info.key for info in listed])
    for info in listed:
        if info.key in useless or sidecar_of(source.key, info.key) is not None:
            store.copy(info, bucket, _sibling(key, PurePosixPath(info.key).name))


def _listing(store: ObjectStore, bucket: str, key: str) -> list[ObjectInfo]:
    return sorted(islice(store.list(bucket, f"{_stem(key)}."), _NEIGHBOURS), key=lambda info: info.key)


def _stem(key: str) -> str:
    return key[: len(key) - len(PurePosixPath(key).suffix)]


def _beside(key: str, candidate: str) -> bool:
    """Whether a name begins like a video's and goes on, if it does, behind a dot."""
    return candidate.startswith(f"{_stem(key)}.") and candidate != key


def _is_captions_of_any_kind(name: str) -> bool:
    return is_captions(name) or name.lower().endswith(_UNREAD)


def _words(part: str) -> list[str]:
    """What is between two dots: a language, a flag, or a language with flags behind it (en-forced)."""
    found = _WORD.fullmatch(part)
    assert found is not None
    return [word for word in (found[1], *re.split("[-_]", found[2])) if word]


def _missed(keys: Collection[str]) -> tuple[str, ...]:
    """What is said about caption files that nobody will see."""
    named = [key for key in keys if is_captions(key)]
    unread = [key for key in keys if not is_captions(key)]
    sentences = []
    if named:
        rule = "a name says a language, forced, sdh or cc, as in clip.en.forced.vtt"
        sentences.append(f"Not among the captions: {_listed(named)} ({rule}).")
    if unread:
        sentences.append(f"Not among the captions: {_listed(unread)} (what can be read is WebVTT, SubRip and ASS).")
    return tuple(sentences)


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - _NAMED
    return ", ".join(PurePosixPath(key).name for key in keys[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _sibling(key: str, name: str) -> str:
    return key[: len(key) - len(PurePosixPath(key).name)] + name
