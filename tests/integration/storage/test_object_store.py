"""The object store client against the real SeaweedFS: versions, races, long listings, odd names."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from telecine.errors import ConfigurationError, ErrorCode, InputError, NotOurs
from telecine.settings import settings
from telecine.storage import ObjectStore, RollingListing

pytestmark = pytest.mark.integration

# Without a backslash: SeaweedFS takes it for a slash and lists the object under that name.
ODD_KEYS = [
    "with space.jpg",
    "100%.jpg",
    "%20.jpg",
    "a+b.jpg",
    "a#b.jpg",
    "what?.jpg",
    "a&b=c.jpg",
    "ünïcödé.jpg",
    "日本/写真.heic",
    "😀.png",
    "quote'\"`.jpg",
    "semi;colon,comma.jpg",
    "tilde~star*.jpg",
    "[brackets]{braces}(parens).jpg",
    "<angle>.jpg",
    "x" * 200 + ".jpg",
    "deep/" * 20 + "file.jpg",
    "trailing space .jpg",
    "UPPER.JPG",
]


@pytest.fixture
def store(stack: dict[str, str]) -> ObjectStore:
    return ObjectStore.from_settings(settings())


@pytest.fixture
def bucket(store: ObjectStore) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    store.ensure_bucket(name)
    store.ensure_bucket(name)  # no error when it is there
    yield name
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda info: store.remove(name, info.key), list(store.list(name))))
    store.client.remove_bucket(name)


def write(store: ObjectStore, bucket: str, key: str, data: bytes) -> None:
    store.write(bucket, key, data, mime="application/octet-stream")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_names_survive_every_call(store: ObjectStore, bucket: str, tmp_path: Path, key: str) -> None:
    data = key.encode()
    write(store, bucket, key, data)
    found = store.stat(bucket, key)
    assert found is not None
    (listed,) = store.list(bucket)
    assert listed.key == key
    assert listed.identity == found.identity, "a listing and a HEAD must agree on the version"
    assert store.read(bucket, key, etag=found.etag) == data
    store.download(bucket, key, tmp_path / "copy", etag=listed.etag)
    assert (tmp_path / "copy").read_bytes() == data
    store.upload(bucket, key, tmp_path / "copy", mime="image/jpeg")
    there = store.stat(bucket, key)
    assert there is not None
    store.replace(bucket, key, b"new", mime="image/jpeg", expected_etag=there.etag)
    with urllib.request.urlopen(store.presigned_get(bucket, key)) as answer:
        assert answer.read() == b"new"
    store.remove(bucket, key)
    assert store.stat(bucket, key) is None


def test_names_that_differ_only_by_escaping_are_different_objects(store: ObjectStore, bucket: str) -> None:
    keys = ["a b", "a%20b", "a+b", quote("ü"), "ü"]
    for key in keys:
        write(store, bucket, key, key.encode())
    assert {info.key for info in store.list(bucket)} == set(keys)
    assert {key: store.read(bucket, key).decode() for key in keys} == {key: key for key in keys}


def test_a_replaced_object_is_never_taken_for_the_one_that_was_listed(
    store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    write(store, bucket, "a.jpg", b"old")
    (listed,) = store.list(bucket)
    write(store, bucket, "a.jpg", b"newer")
    for attempt in (
        lambda: store.read(bucket, "a.jpg", etag=listed.etag),
        lambda: store.read(bucket, "a.jpg", length=2, etag=listed.etag),
        lambda: store.download(bucket, "a.jpg", tmp_path / "copy", etag=listed.etag),
    ):
        with pytest.raises(InputError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.SOURCE_CHANGED
    (now,) = store.list(bucket)
    assert now.identity != listed.identity


def test_a_large_file_is_put_in_parts_and_read_back_whole(store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 65_536 * 2 + b"end")  # two parts of 16 MiB and three bytes
    store.upload(bucket, "large", source, mime="video/mp4")
    found = store.stat(bucket, "large")
    assert found is not None
    assert found.content_type == "video/mp4"
    (listed,) = store.list(bucket)
    assert listed.identity == found.identity
    assert store.download(bucket, "large", tmp_path / "copy", etag=found.etag) == source.stat().st_size
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert store.read(bucket, "large", length=5) == bytes(range(5))


def test_an_empty_object(store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    write(store, bucket, "empty", b"")
    (listed,) = store.list(bucket)
    assert listed.size_bytes == 0
    assert store.download(bucket, "empty", tmp_path / "copy", etag=listed.etag) == 0
    assert store.read(bucket, "empty") == b""


def test_what_is_not_there_has_a_code(store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    assert store.stat(bucket, "nothing") is None
    for attempt in (
        lambda: store.read(bucket, "nothing"),
        lambda: store.download(bucket, "nothing", tmp_path / "copy"),
    ):
        with pytest.raises(InputError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.SOURCE_MISSING
    store.remove(bucket, "nothing")
    assert list(store.list(bucket)) == []


def test_a_bucket_that_is_not_there_and_wrong_keys_are_configuration(stack: dict[str, str], store: ObjectStore) -> None:
    wrong = ObjectStore(stack["TELECINE_S3_ENDPOINT"], stack["TELECINE_S3_ACCESS_KEY"], "not-the-secret")
    for attempt in (
        lambda: list(store.list("no-such-bucket")),
        lambda: list(wrong.list(stack["TELECINE_INPUT_BUCKET"])),
        lambda: wrong.read(stack["TELECINE_INPUT_BUCKET"], "x"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.STORE_DENIED


def test_more_objects_than_one_page_holds_are_all_listed(store: ObjectStore, bucket: str) -> None:
    keys = [f"{n % 7}/{n:04}.jpg" for n in range(1_150)] + [f"same-{n}" for n in range(20)] + ["same-", "same-1/x"]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: write(store, bucket, key, b"x"), keys))
    assert sorted(info.key for info in store.list(bucket)) == sorted(keys)
    assert sorted(info.key for info in store.list(bucket, "3/")) == sorted(k for k in keys if k.startswith("3/"))
    assert sorted(info.key for info in store.list(bucket, "same-1")) == sorted(
        k for k in keys if k.startswith("same-1")
    )

    listing, seen, pages = RollingListing(store, bucket), [], 0
    finished = False
    while not finished:
        page, finished = listing.take(60.0, limit=400)
        seen += [info.key for info in page]
        pages += 1
    assert sorted(seen) == sorted(keys)
    assert listing.seen == set(keys)
    assert pages >= 3
    assert len(listing.take(60.0, limit=10)[0]) == 10, "the next pass begins anew"
    assert len(listing.seen) == 10


def test_of_twenty_conditional_puts_at_once_nearly_all_are_refused(store: ObjectStore, bucket: str) -> None:
    def put(number: int, expected: str | None) -> bool:
        try:
            store.replace(bucket, "m.json", f"{number}".encode(), mime="application/json", expected_etag=expected)
        except NotOurs:
            return False
        return True

    etag = None
    for _ in range(5):
        with ThreadPoolExecutor(20) as pool:
            won = [n for n, ok in enumerate(pool.map(lambda n, e=etag: put(n, e), range(20))) if ok]
        # SeaweedFS looks and then writes: on a busy machine two of the same instant have been seen to pass. Publishing
        # therefore asks the ledger once more after its put (telecine/publish).
        assert 1 <= len(won) <= 4
        assert int(store.read(bucket, "m.json")) in won
        found = store.stat(bucket, "m.json")
        assert found is not None
        etag = found.etag


def test_a_conditional_put_over_nothing_or_over_something_else_is_refused(store: ObjectStore, bucket: str) -> None:
    with pytest.raises(NotOurs):
        store.replace(bucket, "m.json", b"x", mime="application/json", expected_etag="0" * 32)
    assert store.stat(bucket, "m.json") is None
    store.replace(bucket, "m.json", b"1", mime="application/json", expected_etag=None)
    with pytest.raises(NotOurs):
        store.replace(bucket, "m.json", b"2", mime="application/json", expected_etag=None)
    found = store.stat(bucket, "m.json")
    assert found is not None
    store.replace(bucket, "m.json", b"2", mime="application/json", expected_etag=found.etag)
    with pytest.raises(NotOurs):
        store.replace(bucket, "m.json", b"3", mime="application/json", expected_etag=found.etag)
    assert store.read(bucket, "m.json") == b"2"
