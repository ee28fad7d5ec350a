"""Sidecars: caption files that lie beside a video in its bucket, told by their names.

`clip.mp4` may have `clip.vtt`, `clip.en.vtt`, `clip.en.forced.srt`, `clip.pt-BR.sdh.vtt`. Belongs here: their names,
and bringing them along. Doesn't belong here: what is in them (telecine/stream/caption_file.py).
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
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
_FORCED, _SDH = frozenset({"forced"}), frozenset({"sdh", "cc"})
_HI = "hi"  # "hearing impaired" beside a language, else Hindi


def sidecar_of(key: str, candidate: str) -> CaptionFile | None:
    """What a name says about captions for `key`; None when it isn't a sidecar of it. `path` is empty yet."""
    if not is_captions(candidate):
        return None
    source = PurePosixPath(key)
    stem = key[: len(key) - len(source.suffix)]
    said, _, extension = candidate.rpartition(".")
    if said != stem and not said.startswith(f"{stem}."):
        return None
    words = [word for word in said[len(stem) :].split(".") if word]
    if words and f".{words[0]}" == source.suffix:
        del words[0]  # clip.mp4.en.vtt
    flags = {word.lower() for word in words} & (_FORCED | _SDH)
    languages = [word for word in words if word.lower() not in flags]
    if len(languages) > 1 and (hi := next((word for word in reversed(languages) if word.lower() == _HI), None)):
        flags.add(_HI)
        languages.remove(hi)
    if len(languages) > 1 or any(language_name(language_tag(word)) is None for word in languages):
        return None  # clip.part2.vtt belongs to clip.part2.mp4
    return CaptionFile(
        name=PurePosixPath(candidate).name,
        path="",
        format=extension.lower(),
        language=languages[0] if languages else None,
        forced=bool(flags & _FORCED),
        sdh=bool(flags & {*_SDH, _HI}),
    )


def fetch_sidecars(store: ObjectStore, bucket: str, key: str, directory: Path) -> tuple[CaptionFile, ...]:
    """The caption files that lie beside an object now, downloaded.

    Raises:
        TelecineError: from the store.
    """
    result = []
    for number, (info, sidecar) in enumerate(_beside(store, bucket, key)):
        path = directory / f"captions-{number}.{sidecar.format}"
        try:  # a byte more than is allowed is enough to see that it is too much
            path.write_bytes(store.read(bucket, info.key, length=MAX_BYTES + 1) if info.size_bytes else b"")
        except InputError as e:
            if e.code is not ErrorCode.SOURCE_MISSING:
                raise
        else:
            result.append(replace(sidecar, path=str(path)))
    return tuple(result)


def upload_sidecars(store: ObjectStore, path: Path, bucket: str, key: str) -> None:
    """Put the caption files beside a local file beside its upload."""
    for beside in path.parent.glob(f"{glob.escape(path.stem)}.*"):
        if beside.is_file() and sidecar_of(path.name, beside.name) is not None:
            store.upload(bucket, _sibling(key, beside.name), beside, mime="text/plain", cache="no-cache")


def copy_sidecars(store: ObjectStore, source: ObjectInfo, bucket: str, key: str) -> None:
    """Copy the caption files beside an object beside its copy."""
    for info, _ in _beside(store, source.bucket, source.key):
        store.copy(info, bucket, _sibling(key, PurePosixPath(info.key).name))


def _beside(store: ObjectStore, bucket: str, key: str) -> Iterator[tuple[ObjectInfo, CaptionFile]]:
    stem = key[: len(key) - len(PurePosixPath(key).suffix)]
    for info in sorted(islice(store.list(bucket, f"{stem}."), _NEIGHBOURS), key=lambda info: info.key):
        if (sidecar := sidecar_of(key, info.key)) is not None:
            yield info, sidecar


def _sibling(key: str, name: str) -> str:
    return key[: len(key) - len(PurePosixPath(key).name)] + name
