"""A claim of images: a pool of processes makes and uploads (image_task.py), this process publishes.

Belongs here: the flow of a batch. Doesn't belong here: pixels (telecine/image) or assets (media_assets/images.py).
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from telecine.errors import NotOurs, TelecineError
from telecine.image.pool import ImagePool
from telecine.image_task import ImagesMade, ImageTask, make_images
from telecine.ledger import Job, Ledger, attempts, outputs
from telecine.machine import Pressure
from telecine.publish import publish_outputs
from telecine.recipe import parse_recipe
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.worker import HeldClaim, Outcome

IMAGE_ASSETS = ("image/thumbnails", "image/renditions")
_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space of one pool process; decoding is limited to 2 GB before it starts
_FILE_TIMEOUT_S = 300.0
# Publishing waits for disks, not for processors: while the caller tells Dagster of one file, the next are published.
_PUBLISHERS = 3


def run_image_claim(
    ledger: Ledger, store: ObjectStore, config: Settings, held: HeldClaim, wanted: Collection[str]
) -> Iterator[Outcome]:
    """Work through a claim; yields each job's outcome as soon as it is published or failed.

    Args:
        wanted: asset keys to make; outputs of other assets are carried forward from the generation before.
    """
    jobs = {job.job_id: job for job in held.jobs()}
    if not jobs:
        return
    refused: list[Outcome] = []
    scratch = config.scratch / held.claim_id

    def tasks() -> Iterator[ImageTask]:
        for job in jobs.values():
            if held.lost.is_set():
                return
            try:
                generation = held.begin(job)
            except NotOurs as e:
                refused.append(_ended(job, "FENCED", None, e))
                continue
            try:
                recipe = parse_recipe(job.recipe, f"of job {job.job_id}")
            except TelecineError as e:  # one that an older version accepted
                refused.append(_failed(ledger, config, job, generation, e))
                continue
            made = outputs.made(job.outputs)  # by an earlier attempt at this job: only the rest is made
            missing = tuple(
                o for o in recipe.images() if f"image/{o.asset}" in wanted and (f"image/{o.asset}", o.name) not in made
            )
            yield ImageTask(
                job.job_id,
                job.partition,
                job.bucket,
                job.key,
                job.etag,
                generation,
                missing,
                scratch / job.job_id,
            )

    try:
        with (
            ImagePool(min(config.cpu_threads, len(jobs)), _MEMORY_LIMIT_BYTES, _FILE_TIMEOUT_S) as pool,
            ThreadPoolExecutor(_PUBLISHERS, "publisher") as publishers,
        ):
            settling: deque[Future[Outcome]] = deque()
            for task, made in pool.run(make_images, tasks()):
                job = jobs[task.job_id]
                settling.append(
                    publishers.submit(_settle, ledger, store, config, held, job, task.generation, made, wanted)
                )
                while settling and (settling[0].done() or len(settling) > _PUBLISHERS):
                    yield settling.popleft().result()
            while settling:
                yield settling.popleft().result()
        yield from refused
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _settle(
    ledger: Ledger,
    store: ObjectStore,
    config: Settings,
    held: HeldClaim,
    job: Job,
    generation: int,
    made: ImagesMade | TelecineError,
    wanted: Collection[str],
) -> Outcome:
    """Publish what was made, or write down why it wasn't."""
    try:
        if held.is_canceled(job):
            ledger.do(attempts.end_canceled, job.job_id, generation, "canceled on request")
            return Outcome(job, "CANCELED", generation, error_code="CANCELED", error_message="canceled on request")
        if isinstance(made, TelecineError):
            raise made
        published = publish_outputs(
            ledger, store, config, job, generation, made.facts, made.outputs, made.warnings, wanted, made.failures
        )
        return Outcome.of(job, generation, published, frozenset(wanted), made.preview)
    except NotOurs as e:
        return _ended(job, "FENCED", generation, e)
    except TelecineError as e:
        return _failed(ledger, config, job, generation, e)


def _failed(ledger: Ledger, config: Settings, job: Job, generation: int, error: TelecineError) -> Outcome:
    try:
        pressure = Pressure.look(config.scratch).as_json()
        status = ledger.do(attempts.fail, job.job_id, generation, error, resources=pressure)
    except NotOurs as fenced:
        return _ended(job, "FENCED", generation, fenced)
    return _ended(job, status.value, generation, error)


def _ended(job: Job, status: str, generation: int | None, error: TelecineError) -> Outcome:
    return Outcome(
        job,
        status,
        generation,
        error_code=error.code.value,
        error_message=error.message,
        error_details=error.details,
    )
