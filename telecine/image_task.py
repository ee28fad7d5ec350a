"""One image in a pool process: downloaded once, made, uploaded below its generation.

Belongs here: what runs in the pool's children. Doesn't belong here: the ledger, whose import would cost every child
most of a second (telecine/image_batch publishes what comes back).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from telecine.artifact import OutputFailure
from telecine.image import ImageLimits, pool_child, process_image
from telecine.partition import details_key
from telecine.recipe.image import ImageOutput
from telecine.scratch import scratch_directory
from telecine.settings import settings
from telecine.sniff import HEAD_BYTES, sniff
from telecine.storage import ObjectStore
from telecine.upload import upload_artifacts, upload_preview


@dataclass(frozen=True, slots=True)
class ImageTask:
    """What a pool process needs for one file; small and picklable."""

    job_id: str
    partition: str
    bucket: str
    key: str
    etag: str
    generation: int
    outputs: tuple[ImageOutput, ...]
    scratch: Path
    max_memory_bytes: int | None = None  # of the job's limits, when they are narrower than the settings'


@dataclass(frozen=True, slots=True)
class ImagesMade:
    """What comes back from the pool: uploaded and verified, not yet published.

    Attributes:
        outputs: rows for the manifest; never empty.
        failures: outputs that could not be made.
        private_facts: for Dagster only, never for a manifest.
    """

    facts: Mapping[str, Any]
    outputs: list[dict[str, Any]]
    warnings: tuple[str, ...]
    preview: str | None
    failures: tuple[OutputFailure, ...] = ()
    private_facts: Mapping[str, Any] = field(default_factory=dict)


@cache
def _limits() -> ImageLimits:
    config = settings()
    return ImageLimits(
        max_pixels=round(config.image_max_megapixels * 1e6),
        max_side=config.image_max_side,
        max_memory_bytes=config.image_max_memory_mb * 1_000_000,
        reduced_jpeg_pixels=round(config.image_reduce_jpeg_megapixels * 1e6),
    )


def _limits_of(task: ImageTask) -> ImageLimits:
    limits = _limits()
    if task.max_memory_bytes is None or task.max_memory_bytes >= limits.max_memory_bytes:
        return limits
    return replace(limits, max_memory_bytes=task.max_memory_bytes)


@cache
def _store() -> ObjectStore:
    """One client per pool process."""
    return ObjectStore.from_settings(settings())


def make_images(task: ImageTask) -> ImagesMade:
    """Make every output of one file.

    Raises:
        TelecineError: no output could be made; nothing was published, and what was uploaded belongs to a generation
            nobody names.
    """
    store, count = _store(), len(task.outputs)
    pool_child.report("DOWNLOADING", 0, count)
    with scratch_directory(task.scratch) as directory:
        source = directory / "source"
        store.download(task.bucket, task.key, source, etag=task.etag)
        with source.open("rb") as f:
            sniffed = sniff(f.read(HEAD_BYTES))
        out_dir = directory / "out"
        out_dir.mkdir()
        result = process_image(source, sniffed, task.outputs, out_dir, _limits_of(task), pool_child.report)
        pool_child.report("UPLOADING", len(result.artifacts), count)
        place = (store, settings().output_bucket, task.partition, task.generation)
        outputs = upload_artifacts(*place, out_dir, result.artifacts)
        preview = upload_preview(*place, outputs, result.preview)
        if result.details is not None:
            details = json.dumps({"object": f"{task.bucket}/{task.key}", **result.details}, ensure_ascii=False).encode()
            key = details_key(task.partition, task.generation)
            store.write(settings().input_bucket, key, details, mime="application/json", cache="private, no-store")
        return ImagesMade(result.facts, outputs, result.warnings, preview, result.failures, result.private_facts)
