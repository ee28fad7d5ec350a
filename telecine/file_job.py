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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode, NotOurs, ResourceError, SystemFault, TelecineError, TransientError
from telecine.ledger import Job, Ledger, attempts
from telecine.machine import Pressure
from telecine.publish import publish_outputs
from telecine.settings import Settings
from telecine.stages import Stages
from telecine.storage import ObjectStore
from telecine.upload import upload_artifacts, upload_preview
from telecine.worker import HeldClaim, Outcome

_WRITE_S = 1.0  # requirements.md section 5: written to the ledger at most once a second
_SAY_S = 10.0  # and to the run's log less often than that
log = structlog.get_logger(__name__)


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
    """

    ledger: Ledger
    store: ObjectStore
    settings: Settings
    held: HeldClaim
    job: Job
    generation: int
    directory: Path

    @property
    def source(self) -> Path:
        """The downloaded source file."""
        return self.directory / "source"

    @property
    def cancel(self) -> threading.Event:
        """Set when the work should stop."""
        return self.held.stop_event(self.job)

    def download(self) -> None:
        """Fetch the source, once.

        Raises:
            InputError: SOURCE_MISSING or SOURCE_CHANGED.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store.download(self.job.bucket, self.job.key, self.source, etag=self.job.etag)

    def sink(self, weights: Mapping[str, int], say: Callable[[str], None]) -> LedgerSink:
        """A progress sink that writes to the ledger and, now and then, to `say` (the run's log)."""
        return LedgerSink(self, weights, say)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run one step: what it raises becomes the job's outcome.

        Raises:
            JobFailed: the job ended (failed, waits for another attempt, canceled or fenced).
        """
        try:
            yield
        except TelecineError as e:
            raise JobFailed(self._settle(e)) from e
        except OSError as e:
            raise JobFailed(self._settle(_disk_fault(self.job.key, e))) from e

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
        assets: Collection[str],
        wanted: Collection[str],
        warnings: tuple[str, ...] = (),
    ) -> Outcome:
        """Upload, compare-and-set, manifest.

        Args:
            assets: asset keys this attempt made.
            wanted: asset keys it was asked for; outputs of others are carried forward from the generation before.

        Raises:
            TelecineError: nothing was published.
        """
        bucket = self.settings.output_bucket
        self.held.check()
        place = (self.store, bucket, self.job.partition, self.generation)
        outputs = upload_artifacts(*place, out_dir, result.artifacts)
        preview = upload_preview(*place, outputs, result.preview)
        published = publish_outputs(
            self.ledger,
            self.store,
            self.settings,
            self.job,
            self.generation,
            result.facts,
            outputs,
            (*warnings, *result.warnings),
            wanted,
            result.failures,
        )
        return Outcome.of(self.job, self.generation, published, frozenset(assets), preview)


def _disk_fault(key: str, error: OSError) -> TelecineError:
    """Our own file work failed: a full disk, a removed directory, a broken one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(ErrorCode.DISK_FULL, f"{key}: the scratch disk is full", repr(error))
    return SystemFault(ErrorCode.SCRATCH_FAILED, f"{key}: a working file failed: {error.strerror}", repr(error))


class LedgerSink:
    """Progress to the ledger at most once a second, to the run's log every ten."""

    def __init__(self, work: FileJob, weights: Mapping[str, int], say: Callable[[str], None]) -> None:
        self._work = work
        self._stages = Stages(weights, work.job.progress)
        self._say = say
        self._written = 0.0
        self._said = time.monotonic()
        self._stage = ""

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """See telecine.progress.ProgressSink."""
        percent = self._stages.at(stage, fraction)
        now = time.monotonic()
        changed = stage != self._stage
        if not changed and now - self._written < _WRITE_S:
            return
        self._written, self._stage = now, stage
        work = self._work
        try:
            # 100 % is the publishing transaction's to write.
            work.ledger.do(attempts.report, work.job.job_id, work.generation, stage, min(percent, 99.0))
        except NotOurs:
            work.held.lost.set()
            work.cancel.set()
        except TransientError as e:
            log.warning("progress.missed", job_id=work.job.job_id, reason=e.message)
        if changed or now - self._said > _SAY_S:
            self._said = now
            extras = ", ".join(f"{name} {value}" for name, value in details.items() if value is not None)
            self._say(f"{work.job.key}: {stage.lower()} {percent:.0f} %" + (f" ({extras})" if extras else ""))


def begin(ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, job: Job) -> FileJob:
    """Start an attempt at one job of a claim.

    Raises:
        NotOurs: FENCED.
    """
    generation = held.begin(job)
    return FileJob(ledger, store, settings, held, job, generation, settings.scratch / held.claim_id / job.job_id)
