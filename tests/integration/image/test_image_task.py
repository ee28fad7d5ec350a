"""One image from bucket to bucket, as a pool process does it: outputs in public, details in private."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from telecine.errors import ErrorCode, InputError
from telecine.image_task import ImageTask, make_images
from telecine.partition import details_key, partition_key
from telecine.recipe import parse_recipe
from telecine.samples import photo
from telecine.settings import settings
from telecine.storage import ObjectStore

pytestmark = pytest.mark.integration


def task_for(store: ObjectStore, folder: Path, recipe: dict[str, object]) -> ImageTask:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "SECRETCAMERA"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 30.0, 0.0), "E", (13.0, 24.0, 0.0)
    path = folder / "photo.jpg"
    photo(1, (320, 240)).save(path, "JPEG", exif=exif)
    key = f"tasks/{uuid.uuid4().hex}.jpg"
    store.upload(settings().input_bucket, key, path, mime="image/jpeg")
    stat = store.stat(settings().input_bucket, key)
    assert stat is not None
    outputs = parse_recipe({"name": "t", **recipe}, "here").images()
    partition = partition_key(stat.bucket, key)
    return ImageTask("job", partition, stat.bucket, key, stat.etag, 3, outputs, folder / "scratch")


def test_details_go_to_the_private_bucket_and_nothing_of_them_to_the_public_one(
    stack: dict[str, str], tmp_path: Path
) -> None:
    store = ObjectStore.from_settings(settings())
    outputs = [{"kind": "image", "preset": "thumbnail"}, {"kind": "image", "name": "web", "width": 200}]
    task = task_for(store, tmp_path, {"outputs": outputs, "keep_details": True})
    made = make_images(task)
    assert [o["name"] for o in made.outputs] == ["thumbnail", "web"]
    assert made.failures == ()
    assert made.private_facts["has_gps"]
    key = details_key(task.partition, task.generation)
    details = json.loads(store.read(task.bucket, key))
    assert details["coordinates"] == {"latitude": 52.5, "longitude": 13.4}
    assert details["object"] == f"{task.bucket}/{task.key}"
    public = settings().output_bucket
    for found in store.list(public, task.partition):
        assert b"SECRET" not in store.read(public, found.key)
    assert "SECRET" not in f"{made.facts} {made.warnings} {made.outputs}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{settings().s3_url}/{task.bucket}/{key}")
    assert refused.value.code == 403
    assert not list(tmp_path.glob("scratch/*"))


def test_the_limits_are_settings(stack: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from telecine import image_task

    store = ObjectStore.from_settings(settings())
    task = task_for(store, tmp_path, {"outputs": [{"kind": "image", "name": "web"}]})
    monkeypatch.setenv("TELECINE_IMAGE_MAX_MEGAPIXELS", "0.01")
    settings.cache_clear()
    image_task._limits.cache_clear()
    try:
        with pytest.raises(InputError) as refused:
            make_images(task)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        image_task._limits.cache_clear()
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
