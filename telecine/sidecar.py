"""Sidecars: caption files that lie beside a video in its bucket, told by their names.

`clip.mp4` may have `clip.vtt`, `clip.en.vtt`, `clip.en.forced.srt`, `clip.pt-BR.sdh.vtt`. Belongs here: their names,
and fetching them. Doesn't belong here: what is in them (telecine/stream/caption_file.py).
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path, PurePosixPath

from telecine.config import is_captions
from telecine.errors import ErrorCode, InputError
from telecine.storage import ObjectStore
from telecine.stream.caption_file import MAX_BYTES
from telecine.stream.tracks import language_name, language_tag
from telecine.video.captions import CaptionFile

_NEIGHBOURS = 1_000  # objects whose names begin like the video's; beyond that they are frames, not captions
_FORCED, _SDH = frozenset({"forced"}), frozenset({"sdh", "cc", "hi"})


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
    if len(languages) > 1 or any(language_name(language_tag(word)) is None for word in languages):
        return None  # clip.part2.vtt belongs to clip.part2.mp4
    return CaptionFile(
        name=PurePosixPath(candidate).name,
        path="",
        format=extension.lower(),
        language=languages[0] if languages else None,
        forced=bool(flags & _FORCED),
        sdh=bool(flags & _SDH),
    )


def fetch_sidecars(store: ObjectStore, bucket: str, key: str, directory: Path) -> tuple[CaptionFile, ...]:
    """The caption files that lie beside an object now, downloaded.

    Raises:
        InputError: INVALID_CAPTIONS for one that is far too large to be captions.
        TelecineError: from the store.
    """
    stem = key[: len(key) - len(PurePosixPath(key).suffix)]
    found = sorted(islice(store.list(bucket, f"{stem}."), _NEIGHBOURS), key=lambda info: info.key)
    result = []
    for number, info in enumerate(found):
        sidecar = sidecar_of(key, info.key)
        if sidecar is None:
            continue
        if info.size_bytes > MAX_BYTES:
            raise InputError(ErrorCode.INVALID_CAPTIONS, f"{sidecar.name} has {info.size_bytes:,} bytes")
        path = directory / f"captions-{number}.{sidecar.format}"
        store.download(bucket, info.key, path, etag=info.etag)
        result.append(
            CaptionFile(
                sidecar.name, str(path), sidecar.format, sidecar.language, forced=sidecar.forced, sdh=sidecar.sdh
            )
        )
    return tuple(result)
