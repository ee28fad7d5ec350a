"""One long job, step by step: begin, work, publish or fail. Videos and sound files, whose steps take minutes.

Belongs here: what happens around the media work (source file, progress, cancelling, failing, publishing). Doesn't
belong here: batches of images (image_batch.py), the media work itself (telecine/video), Dagster.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from structlog.contextvars import bound_contextvars

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode, NotOurs, ResourceError, SystemFault, TelecineError
from telecine.eta import Estimate
from telecine.ledger import Job, Ledger, attempts, estimates, outputs
from telecine.limits import JobLimits
from telecine.machine import Pressure
from telecine.process import Ceiling, under
from telecine.publish import publish_outputs
from telecine.reporter import Reporter, Track
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.upload import upload_artifacts, upload_plot, upload_preview
from telecine.worker import HeldClaim, Outcome


class JobFailed(Exception):
    """A step ended its job; `outcome` says how. Nothing more is to be done for it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.error_code}: {outcome.error_message}")
        self.outcome = outcome


@dataclass(frozen=True)
class FileJob:
    """One job under way.

    Attributes:
        directory: the job's scratch; `source` in it is the downloaded file.
        estimate: how long the attempt is thought to take.
        began: when the attempt began, on this process's `time.monotonic`; an earlier step's process may have begun it.
    """

    ledger: Ledger
    store: ObjectStore
    settings: Settings
    held: HeldClaim
    job: Job
    generation: int
    directory: Path
    estimate: Estimate
    began: float

    @property
    def source(self) -> Path:
        """The downloaded source file."""
        return self.directory / "source"

    @property
    def cancel(self) -> threading.Event:
        """Set when the work should stop."""
        return self.held.stop_event(self.job)

    @property
    def made(self) -> frozenset[outputs.Place]:
        """Outputs that earlier attempts at this job published: they need not be made again."""
        return outputs.made(self.job.outputs)

    @property
    def ceiling(self) -> Ceiling:
        """What the job's limits leave to this attempt."""
        limits = JobLimits.model_validate(self.job.limits)
        longest = max(self.job.estimate_s, self.estimate.high_s)
        allowed = limits.model_copy(update={"deadline": None}).processing_time_s(longest)
        ends_at, wanted_by = self.began + allowed, None
        if limits.deadline is not None:
            deadline = time.monotonic() + (limits.deadline - datetime.now(UTC)).total_seconds()
            if deadline < ends_at:
                ends_at, wanted_by = deadline, limits.deadline.isoformat()
        return Ceiling(limits.max_memory_mb * 2**20, ends_at, allowed, wanted_by, limits.cpu_threads)

    def download(self) -> None:
        """Fetch the source, once.

        Raises:
            InputError: SOURCE_MISSING or SOURCE_CHANGED.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store.download(self.job.bucket, self.job.key, self.source, etag=self.job.etag)

    @contextmanager
    def step(self, weights: Mapping[str, int], say: Callable[[str], None]) -> Iterator[Track]:
        """Run one step under the job's limits: what it raises becomes the job's outcome.

        Yields where to report progress, in stages of `weights`; it is written to the ledger and, now and then, to `say`
        (the run's log).

        Raises:
            JobFailed: the job ended (failed, waits for another attempt, canceled or fenced).
        """
        job = self.job
        with bound_contextvars(job_id=job.job_id, partition=job.partition, correlation_id=job.correlation_id):
            try:
                with Reporter(self.ledger, say) as reporter, under(self.ceiling):
                    yield reporter.follow(
                        job, self.generation, weights, self.estimate, began=self.began, fenced=self._fenced
                    )
            except TelecineError as e:
                raise JobFailed(self._settle(e)) from e
            except OSError as e:
                raise JobFailed(self._settle(_disk_fault(job.key, e))) from e

    def _fenced(self) -> None:
        self.held.lost.set()
        self.cancel.set()

    def _settle(self, error: TelecineError) -> Outcome:
        canceled = NotOurs(ErrorCode.CANCELED, "canceled on request")
        try:
            if self.held.is_canceled(self.job):
                self.ledger.do(attempts.end_canceled, self.job.job_id, self.generation, canceled.message)
                return self._ended("CANCELED", canceled)
            if self.held.lost.is_set():
                return self._ended("FENCED", error)
            status = self.ledger.do(
                attempts.fail,
                self.job.job_id,
                self.generation,
                error,
                resources=Pressure.look(self.settings.scratch).as_json(),
            )
            return self._ended(status.value, error)
        except NotOurs:
            return self._ended("FENCED", error)

    def _ended(self, status: str, error: TelecineError) -> Outcome:
        return Outcome(
            self.job,
            status,
            self.generation,
            error_code=error.code.value,
            error_message=error.message,
            error_details=error.details,
        )

    def publish(
        self,
        result: MediaResult,
        out_dir: Path,
        wanted: Collection[str],
        track: Track,
        warnings: tuple[str, ...] = (),
    ) -> Outcome:
        """Upload, compare-and-set, manifest.

        Args:
            wanted: asset keys this run was asked for; outputs of others, and what earlier attempts at the job made,
                are carried forward from the generation before.

        Raises:
            TelecineError: nothing was published.
        """
        bucket = self.settings.output_bucket
        self.held.check()
        track.report("UPLOADING", 0.0, {"operation": "uploading", "total": len(result.artifacts)})
        place = (self.store, bucket, self.job.partition, self.generation)
        rows = upload_artifacts(*place, out_dir, result.artifacts)
        preview = upload_preview(*place, rows, result.preview)
        plot = upload_plot(*place, result.plot)
        track.end()
        published = publish_outputs(
            self.ledger,
            self.store,
            self.settings,
            self.job,
            self.generation,
            result.facts,
            rows,
            (*warnings, *result.warnings),
            wanted,
            result.failures,
        )
        made = frozenset(artifact.asset for artifact in result.artifacts)
        return Outcome.of(self.job, self.generation, published, made, preview, result.private_facts, plot)


def _disk_fault(key: str, error: OSError) -> TelecineError:
    """Our own file work failed: a full disk, a removed directory, a broken one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(ErrorCode.DISK_FULL, f"{key}: the scratch disk is full", repr(error))
    return SystemFault(ErrorCode.SCRATCH_FAILED, f"{key}: a working file failed: {error.strerror}", repr(error))


def begin(ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, job: Job) -> FileJob:
    """Start an attempt at one job of a claim.

    Raises:
        NotOurs: FENCED.
    """
    estimate = ledger.do(estimates.expected, job)
    generation = held.begin(replace(job, estimate_s=estimate.likely_s))
    directory = settings.scratch / held.claim_id / job.job_id
    return FileJob(ledger, store, settings, held, job, generation, directory, estimate, time.monotonic())
