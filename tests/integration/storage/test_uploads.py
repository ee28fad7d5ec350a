"""Uploading a set of outputs to the real object store: in an order in which nothing names what isn't there."""

from __future__ import annotations

import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecine.artifact import Artifact, StreamFile, sha256_of
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.upload import upload_artifacts

pytestmark = pytest.mark.integration

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".vtt": "text/vtt",
}


class Watched(ObjectStore):
    """The real store, writing down when each put began and ended."""

    def upload(self, bucket: str, key: str, path: Path, **more: str) -> None:  # type: ignore[override]
        began = time.monotonic()
        super().upload(bucket, key, path, **more)  # type: ignore[arg-type]
        with _lock:
            puts[key] = (began, time.monotonic())


_lock, puts = threading.Lock(), dict[str, tuple[float, float]]()


@pytest.fixture
def store(stack: dict[str, str]) -> ObjectStore:
    puts.clear()
    return Watched.from_settings(settings())


@pytest.fixture
def bucket(store: ObjectStore) -> Iterator[str]:
    name = f"uploads-{uuid.uuid4().hex[:8]}"
    store.ensure_bucket(name)
    yield name
    for info in list(store.list(name)):
        store.remove(name, info.key)
    store.client.remove_bucket(name)


def stream(out: Path) -> list[Artifact]:
    """HLS and DASH of made-up bytes over shared segments."""
    names = ["240p/init.mp4", "240p.m3u8", "multivariant.m3u8", "manifest.mpd", "captions-en.vtt"]
    names += [f"240p/{n:05d}.m4s" for n in range(1, 9)]
    files = {}
    for name in names:
        path = out / "stream" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 2_000)
        files[name] = StreamFile(f"stream/{name}", TYPES[path.suffix], path.stat().st_size, sha256_of(path))

    def entry(asset: str, name: str, without: str) -> Artifact:
        own = tuple(file for file in files.values() if not file.path.endswith(without))
        file = files[name]
        return Artifact(asset, name, file.path, file.mime, file.size_bytes, file.sha256, stream_files=own)

    return [entry("video/hls", "multivariant.m3u8", ".mpd"), entry("video/dash", "manifest.mpd", ".m3u8")]


def test_segments_are_there_before_playlists_and_playlists_before_entries(
    store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    rows = upload_artifacts(store, bucket, "clip", 7, tmp_path, stream(tmp_path))
    assert len(puts) == 13, "a shared file is put once"
    place = "clip/g7/stream/"
    assert [row["key"] for row in rows] == [place + "multivariant.m3u8", place + "manifest.mpd"]
    group = {key: 2 if key.endswith(("multivariant.m3u8", ".mpd")) else int(key.endswith(".m3u8")) for key in puts}
    for earlier, later in ((0, 1), (1, 2)):
        last = max(ended for key, (_, ended) in puts.items() if group[key] == earlier)
        assert last <= min(began for key, (began, _) in puts.items() if group[key] == later)
    for key in puts:
        found = store.stat(bucket, key)
        assert found is not None
        assert found.content_type == TYPES[Path(key).suffix]
        with urllib.request.urlopen(store.presigned_get(bucket, key)) as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_nothing_names_a_segment_that_could_not_be_put(store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    artifacts = stream(tmp_path)
    (tmp_path / "stream" / "240p" / "00005.m4s").unlink()
    with pytest.raises(FileNotFoundError):
        upload_artifacts(store, bucket, "clip", 1, tmp_path, artifacts)
    assert not [info.key for info in store.list(bucket) if info.key.endswith((".m3u8", ".mpd"))]
