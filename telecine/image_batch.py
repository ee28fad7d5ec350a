"""A claim of images: a pool of processes that each download, make and upload; this process publishes.

Belongs here: the flow of a batch. Doesn't belong here: pixels (telecine/image) or assets (media_assets/images.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from telecine.artifact import sha256_of
from telecine.errors import NotOurs, TelecineError
from telecine.image import process_image
from telecine.image.pool import ImagePool
from telecine.ledger import Job, Ledger
from telecine.ledger import jobs as job_rows
from telecine.publish import publish_outputs, upload_artifacts
from telecine.recipe import parse_recipe
from telecine.scratch import scratch_directory
from telecine.settings import Settings, settings
from telecine.sniff import sniff
from telecine.storage import ObjectStore
from telecine.worker import HeldClaim, Outcome

IMAGE_ASSETS = ("image/thumbnails", "image/renditions")
_HEAD_BYTES = 64 * 1024
_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space of one pool process; decoding is limited to 2 GB before it starts
_FILE_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class ImageTask:
    """What a pool process needs for one file; small and picklable."""

    partition: str
    bucket: str
    key: str
    etag: str
    generation: int
    outputs: tuple[Any, ...]  # recipe.image.ImageOutput
    scratch: Path


@dataclass(frozen=True, slots=True)
class ImagesMade:
    """What comes back from the pool."""

    facts: Mapping[str, Any]
    outputs: list[dict[str, Any]]
    warnings: tuple[str, ...]
    preview: bytes | None
    sha256: str


@cache
def _store() -> ObjectStore:
    """One client per pool process."""
    return ObjectStore.from_settings(settings())


def make_images(task: ImageTask) -> ImagesMade:
    """Download one file once, make its outputs, upload them below its generation. Runs in a pool process."""
    store = _store()
    with scratch_directory(task.scratch) as directory:
        source = directory / "source"
        store.download(task.bucket, task.key, source, etag=task.etag)
        with source.open("rb") as f:
            sniffed = sniff(f.read(_HEAD_BYTES))
        out_dir = directory / "out"
        out_dir.mkdir()
        result = process_image(source, sniffed, task.outputs, out_dir)
        outputs = upload_artifacts(
            store, settings().output_bucket, task.partition, task.generation, out_dir, result.artifacts
        )
        return ImagesMade(result.facts, outputs, result.warnings, result.preview, sha256_of(source))


def run_image_claim(
    ledger: Ledger, store: ObjectStore, config: Settings, held: HeldClaim, wanted: Collection[str]
) -> Iterator[Outcome]:
    """Work through a claim; yields each job's outcome as soon as it is published or failed.

    Args:
        wanted: asset keys to make; outputs of other assets are carried forward from the generation before.
    """
    jobs = held.jobs()
    if not jobs:
        return
    fenced: list[Outcome] = []

    def tasks() -> Iterator[tuple[Job, ImageTask]]:
        for job in jobs:
            if held.lost.is_set():
                return
            try:
                generation = held.begin(job)
            except NotOurs as e:
                fenced.append(Outcome(job, "FENCED", error_code=e.code.value, error_message=e.message))
                continue
            yield job, _task(config, held, job, generation, wanted)

    workers = min(config.cpu_threads, len(jobs))
    with ImagePool(workers, _MEMORY_LIMIT_BYTES, _FILE_TIMEOUT_S) as pool:
        for (job, task), made in pool.run(_run_task, tasks()):
            yield _settle(ledger, store, config, held, job, task, made, wanted)
    yield from fenced


def _run_task(item: tuple[Job, ImageTask]) -> ImagesMade:
    return make_images(item[1])


def _task(config: Settings, held: HeldClaim, job: Job, generation: int, wanted: Collection[str]) -> ImageTask:
    recipe = parse_recipe(job.recipe, f"of job {job.job_id}")
    outputs = tuple(o for o in recipe.images() if f"image/{o.asset}" in wanted)
    return ImageTask(
        job.partition,
        job.bucket,
        job.key,
        job.etag,
        generation,
        outputs,
        config.scratch / held.claim_id / job.job_id,
    )


def _settle(
    ledger: Ledger,
    store: ObjectStore,
    config: Settings,
    held: HeldClaim,
    job: Job,
    task: ImageTask,
    made: ImagesMade | TelecineError,
    wanted: Collection[str],
) -> Outcome:
    """Publish what was made, or write down why it wasn't."""
    generation = task.generation
    try:
        if held.is_canceled(job):
            ledger.do(job_rows.end_canceled, job.job_id, generation, "canceled on request")
            return Outcome(job, "CANCELED", generation)
        if isinstance(made, TelecineError):
            status = ledger.do(job_rows.fail, job.job_id, generation, made)
            return Outcome(
                job, status, generation, error_code=made.code.value, error_message=made.message,
                error_details=made.details,
            )  # fmt: skip
        manifest = publish_outputs(
            ledger, store, config, job, generation, made.facts, made.outputs, made.warnings, wanted
        )
        return Outcome(job, "COMPLETED", generation, manifest, frozenset(wanted), made.preview)
    except NotOurs as e:
        return Outcome(job, "FENCED", generation, error_code=e.code.value, error_message=e.message)
