"""A claim of images: a pool of processes makes and uploads (image_task.py), this process publishes.

Belongs here: the flow of a batch. Doesn't belong here: pixels (telecine/image) or assets (media_assets/images.py).
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from telecine.errors import ErrorCode, NotOurs, TelecineError
from telecine.eta import Estimate
from telecine.image.pool import ImagePool
from telecine.image_task import ImagesMade, ImageTask, make_images
from telecine.ledger import Job, Ledger, attempts, estimates, outputs
from telecine.limits import JobLimits
from telecine.machine import Pressure
from telecine.publish import publish_outputs
from telecine.recipe import parse_recipe
from telecine.reporter import Reporter
from telecine.settings import Settings
from telecine.stages import IMAGE
from telecine.storage import ObjectStore
from telecine.worker import HeldClaim, Outcome

_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space of one pool process; decoding is limited to 2 GB before it starts
_FILE_TIMEOUT_S = 300.0  # the longest any picture may take, whatever its job allows
# Publishing waits for disks, not for processors: while the caller tells Dagster of one file, the next are published.
_PUBLISHERS = 3


def run_image_claim(
    ledger: Ledger,
    store: ObjectStore,
    config: Settings,
    held: HeldClaim,
    wanted: Collection[str],
    on_look: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Work through a claim; yields each job's outcome as soon as it is published or failed.

    Args:
        wanted: asset keys to make; outputs of other assets are carried forward from the generation before.
        on_look: called in the caller's thread about every half second, also while no outcome is ready.
    """
    jobs = {job.job_id: job for job in held.jobs()}
    if not jobs:
        return
    expected = ledger.do(estimates.expected_for, list(jobs.values()))
    with Reporter(ledger) as reporter:
        yield from _ImageBatch(ledger, store, config, held, wanted, jobs, expected, reporter).run(on_look)


@dataclass(frozen=True)
class _ImageBatch:
    """One claim being worked through.

    Attributes:
        refused: outcomes of jobs that never reached the pool.
        limits_s: seconds each job of the pool may take.
    """

    ledger: Ledger
    store: ObjectStore
    config: Settings
    held: HeldClaim
    wanted: Collection[str]
    jobs: Mapping[str, Job]
    expected: Mapping[str, Estimate]
    reporter: Reporter
    refused: list[Outcome] = field(default_factory=list)
    limits_s: dict[str, float] = field(default_factory=dict)

    def run(self, on_look: Callable[[], None] | None) -> Iterator[Outcome]:
        """See run_image_claim."""
        workers = min(self.config.cpu_threads, len(self.jobs))
        try:
            with (
                ImagePool(workers, _MEMORY_LIMIT_BYTES, _FILE_TIMEOUT_S) as pool,
                ThreadPoolExecutor(_PUBLISHERS, "publisher") as publishers,
            ):
                settling: deque[Future[Outcome]] = deque()
                for task, made in pool.run(
                    make_images,
                    self._tasks(),
                    stop=lambda task: task.job_id in self.held.canceled or self.held.lost.is_set(),
                    on_progress=lambda task, stage, done, total: self.reporter.outputs(task.job_id, stage, done, total),
                    time_limit_s=lambda task: self.limits_s[task.job_id],
                    on_look=on_look,
                ):
                    settling.append(publishers.submit(self._settle, self.jobs[task.job_id], task.generation, made))
                    while settling and (settling[0].done() or len(settling) > _PUBLISHERS):
                        yield settling.popleft().result()
                while settling:
                    yield settling.popleft().result()
            yield from self.refused
        finally:
            shutil.rmtree(self.config.scratch / self.held.claim_id, ignore_errors=True)

    def _tasks(self) -> Iterator[ImageTask]:
        """Begin one job after the other, as the pool asks for them."""
        for job in self.jobs.values():
            if self.held.lost.is_set():
                return
            try:
                generation = self.held.begin(replace(job, estimate_s=round(self.expected[job.job_id].likely_s, 3)))
            except NotOurs as e:
                self.refused.append(_ended(job, "FENCED", None, e))
                continue
            try:
                yield self._task(job, generation)
            except TelecineError as e:  # a recipe that an older version accepted, a deadline
                self.refused.append(self._failed(job, generation, e))

    def _task(self, job: Job, generation: int) -> ImageTask:
        recipe = parse_recipe(job.recipe, f"of job {job.job_id}")
        limits = JobLimits.model_validate(job.limits)
        self.limits_s[job.job_id] = min(_FILE_TIMEOUT_S, limits.processing_time_s(job.estimate_s))
        made = outputs.made(job.outputs)  # by an earlier attempt at this job: only the rest is made
        missing = tuple(
            o for o in recipe.images() if f"image/{o.asset}" in self.wanted and (f"image/{o.asset}", o.name) not in made
        )
        scratch = self.config.scratch / self.held.claim_id / job.job_id
        # The ledger refuses the progress of an attempt only once its claim was given up.
        self.reporter.follow(job, generation, IMAGE, self.expected[job.job_id], fenced=self.held.lost.set)
        return ImageTask(
            job.job_id,
            job.partition,
            job.bucket,
            job.key,
            job.etag,
            generation,
            missing,
            scratch,
            limits.max_memory_mb * 2**20,
        )

    def _settle(self, job: Job, generation: int, made: ImagesMade | TelecineError) -> Outcome:
        """Publish what was made, or write down why it wasn't."""
        self.reporter.leave(job.job_id)
        try:
            if self.held.is_canceled(job):
                canceled = NotOurs(ErrorCode.CANCELED, "canceled on request")
                self.ledger.do(attempts.end_canceled, job.job_id, generation, canceled.message)
                return _ended(job, "CANCELED", generation, canceled)
            if isinstance(made, TelecineError):
                raise made
            published = publish_outputs(
                self.ledger,
                self.store,
                self.config,
                job,
                generation,
                made.facts,
                made.outputs,
                made.warnings,
                self.wanted,
                made.failures,
            )
            made_here = frozenset(self.wanted)
            return Outcome.of(job, generation, published, made_here, made.preview, made.private_facts)
        except NotOurs as e:
            return _ended(job, "FENCED", generation, e)
        except TelecineError as e:
            return self._failed(job, generation, e)

    def _failed(self, job: Job, generation: int, error: TelecineError) -> Outcome:
        try:
            pressure = Pressure.look(self.config.scratch).as_json()
            status = self.ledger.do(attempts.fail, job.job_id, generation, error, resources=pressure)
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
