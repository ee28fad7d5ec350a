"""The worker's side of a claim: bound to a run, beating, told what to cancel, fenced when it was given up.

Belongs here: what every kind of work shares. Doesn't belong here: what is done with a file (image_batch.py,
video_job.py), or who decides that a worker is gone (sensors/recovery.py).
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from telecine.errors import ErrorCode, NotOurs, TelecineError
from telecine.ledger import Job, Ledger, attempts, claims
from telecine.ledger import jobs as job_rows
from telecine.machine import Pressure
from telecine.partition import generation_prefix
from telecine.publish import Published
from telecine.settings import settings

BEAT_S = 2.0  # architecture.md: the worker's next heartbeat (2 s) reads the cancel flag
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one job of a claim ended.

    Attributes:
        status: COMPLETED, FAILED, PENDING (will be tried again), CANCELED, or FENCED (another attempt owns it now).
        manifest: the published manifest; also when some outputs failed and the others were published.
        made: asset keys that were made by this attempt (others were carried forward).
        preview, plot: URLs, relative to the manifest, of small pictures for the Dagster UI.
        private_facts: about source and outputs, for Dagster only; nothing of it is in the manifest.
    """

    job: Job
    status: str
    generation: int | None = None
    manifest: dict[str, Any] | None = None
    made: frozenset[str] = frozenset()
    preview: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_details: str | None = None
    private_facts: Mapping[str, Any] = field(default_factory=dict)
    plot: str | None = None

    @classmethod
    def published(cls, job: Job, generation: int, manifest: dict[str, Any]) -> Outcome:
        """The outcome of an attempt as its manifest tells it, for when its worker can't any more."""
        made = {
            o["asset"] for o in manifest["outputs"] if o["key"].startswith(generation_prefix(job.partition, generation))
        }
        return cls(job, "COMPLETED", generation, manifest, frozenset(made))

    @classmethod
    def of(
        cls,
        job: Job,
        generation: int,
        published: Published,
        made: frozenset[str],
        preview: str | None,
        private_facts: Mapping[str, Any],
        plot: str | None = None,
    ) -> Outcome:
        """The outcome of an attempt that published something."""
        failure = published.failure
        return cls(
            job,
            published.status.value,
            generation,
            published.manifest,
            made,
            preview,
            failure.code.value if failure else None,
            failure.message if failure else None,
            failure.details if failure else None,
            private_facts,
            plot,
        )


def worker_name() -> str:
    """host:pid, as shown to people."""
    return f"{socket.gethostname()}:{os.getpid()}"


class HeldClaim:
    """A claim this process works on; use `hold_claim`."""

    def __init__(self, ledger: Ledger, claim_id: str, run_id: str | None) -> None:
        self.ledger = ledger
        self.claim_id = claim_id
        self.run_id = run_id
        self.lost = threading.Event()
        self.canceled: frozenset[str] = frozenset()
        self._watched: dict[str, threading.Event] = {}
        self._beaten = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def jobs(self) -> list[Job]:
        """The claim's unfinished jobs."""
        return self.ledger.do(job_rows.of_claim, self.claim_id)

    def begin(self, job: Job) -> int:
        """Start an attempt; returns its generation.

        Raises:
            NotOurs: FENCED.
        """
        self.check()
        log.info("job.begun", job_id=job.job_id, partition=job.partition, correlation_id=job.correlation_id)
        return self.ledger.do(
            attempts.begin,
            job,
            claim_id=self.claim_id,
            run_id=self.run_id,
            worker=worker_name(),
            estimate_s=job.estimate_s,
        )

    def check(self) -> None:
        """Raise NotOurs FENCED once the claim was given up by recovery."""
        if self.lost.is_set():
            raise NotOurs(ErrorCode.FENCED, f"claim {self.claim_id} was given to another run")

    def stands(self) -> bool:
        """Whether the claim is still ours; asks the ledger when the last beat is old, as after a frozen process."""
        if not self.lost.is_set() and time.monotonic() - self._beaten > 2 * BEAT_S:
            self._hear(self.ledger.do(claims.beat, self.claim_id))
        return not self.lost.is_set()

    def is_canceled(self, job: Job) -> bool:
        """Whether somebody asked to cancel this job (as of the last beat)."""
        return job.job_id in self.canceled

    def stop_event(self, job: Job) -> threading.Event:
        """Set within a beat once the job is canceled or the claim was given up: whoever works should stop."""
        event = self._watched.setdefault(job.job_id, threading.Event())
        if self.lost.is_set():  # no beat will come that could set it
            event.set()
        return event

    def release(self, scratch: Path) -> None:
        """End the claim: all that was published is in Dagster's event log, and nothing of it is on disk any more.

        A claim that was given up is recovery's to tell Dagster about.
        """
        if self.stands():
            self.ledger.do(claims.finish, self.claim_id)
        shutil.rmtree(scratch / self.claim_id, ignore_errors=True)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                beat = self.ledger.do(claims.beat, self.claim_id, Pressure.look(settings().scratch).as_json())
            except (TelecineError, SQLAlchemyError, OSError) as e:
                # Whatever it was: a heart that stops beating loses the claim, so go on.
                log.warning("heartbeat.missed", claim_id=self.claim_id, reason=str(e))
                continue
            self._hear(beat)
            if self.lost.is_set():
                return

    def _hear(self, beat: claims.Beat) -> None:
        self._beaten = time.monotonic()
        self.canceled = beat.cancel
        if not beat.alive:
            log.warning("claim.lost", claim_id=self.claim_id)
            self.lost.set()
        for job_id, event in list(self._watched.items()):
            if self.lost.is_set() or job_id in beat.cancel:
                event.set()


@contextmanager
def hold_claim(ledger: Ledger, claim_id: str, run_id: str | None) -> Iterator[HeldClaim]:
    """Beat for a claim that `claims.start` or `runs.open_claim` bound to this run, until the block ends.

    The claim is ended by `release` or by recovery, never by leaving the block: a video's steps hold it in turn.
    """
    held = HeldClaim(ledger, claim_id, run_id)
    held._thread.start()
    try:
        yield held
    finally:
        held._stop.set()
        held._thread.join(timeout=30)
