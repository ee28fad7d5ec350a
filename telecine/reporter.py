"""The one progress reporter: what the work on images, videos and sound says becomes rows of the ledger.

Work never waits for it: a report is noted, and a thread writes what is new, for each job at most once a second and at
least every five once it has said anything. A job that is over within a second is never written at all. Belongs here:
when something is written. Doesn't belong here: weights (telecine/stages), seconds left (telecine/eta), what a row
holds (telecine/ledger/attempts).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from telecine.errors import NotOurs, TelecineError
from telecine.eta import Estimate, Eta
from telecine.ledger import Job, Ledger, attempts
from telecine.stages import Stages

_WRITE_S = 1.0  # requirements.md section 5: written to the ledger at most once a second
_REFRESH_S = 5.0  # section 2: at least every 5 s
_STEP_PERCENT = 1.0  # less than that within a stage can wait for the refresh
_SAY_S = 4.5  # between lines in the run's log; issue 7 wants one every 5 s at least
_LOOK_S = 0.2
_MOST_PERCENT = 99.0  # 100 is the publishing transaction's to write
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What an attempt has said last."""

    stage: str
    share: float
    percent: float
    details: Mapping[str, Any]


class Track:
    """The progress of one attempt; a `ProgressSink` for whoever works on it."""

    def __init__(
        self,
        job: Job,
        generation: int,
        weights: Mapping[str, int],
        estimate: Estimate,
        began: float,
        fenced: Callable[[], None],
    ) -> None:
        self.job, self.generation, self.fenced = job, generation, fenced
        self.ended = False
        self.written = time.monotonic()  # beginning the attempt wrote a row, too
        self.told = self.written
        self.told_stage = ""
        self.last_written: Said | None = None
        self._began = began
        self._stages = Stages(weights, job.progress)
        self._eta = Eta(weights, estimate)
        self._said: Said | None = None
        self._lock = threading.Lock()

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """See telecine.progress.ProgressSink."""
        share = min(max(fraction, 0.0), 1.0)
        with self._lock:
            if self._said is not None and self._said.stage == stage:
                share = max(share, self._said.share)
            self._eta.moved(stage, share, time.monotonic() - self._began)
            percent = min(self._stages.at(stage, share), _MOST_PERCENT)
            self._said = Said(stage, share, percent, {k: v for k, v in details.items() if v is not None})

    def outputs(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` outputs are made; of a stage that isn't about outputs, that it has begun."""
        share = done / total if stage == "ENCODING" and total else 0.0
        self.report(stage, share, {"operation": stage.lower(), "done": done, "total": total})

    @property
    def estimate(self) -> Estimate:
        """Of the whole attempt, with what was measured so far in it."""
        with self._lock:
            return self._eta.refined(time.monotonic() - self._began)

    def end(self) -> None:
        """The attempt is about to be published or given up: nothing more is written."""
        self.ended = True

    def due(self, now: float) -> Said | None:
        """What is to be written now, or None."""
        with self._lock:
            said = self._said
        since = now - self.written
        if self.ended or said is None or since < _WRITE_S:
            return None
        last = self.last_written
        moved = last is None or said.stage != last.stage or said.percent - last.percent >= _STEP_PERCENT
        return said if moved or since >= _REFRESH_S or now - self.told >= _SAY_S else None

    def left_s(self, now: float) -> tuple[float, float]:
        """Seconds left, at least and at most."""
        with self._lock:
            return self._eta.left(now - self._began)


class Reporter:
    """Writes the progress of all attempts under way in this process; a context manager with a thread of its own.

    Args:
        say: the run's log; told of every stage and now and then within one. None for work too short to be told of.
    """

    def __init__(self, ledger: Ledger, say: Callable[[str], None] | None = None) -> None:
        self._ledger, self._say = ledger, say
        self._tracks: dict[str, Track] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="progress", daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for track in list(self._tracks.values()):
            track.end()
        self._stop.set()
        self._thread.join(timeout=5)  # it may wait for a database that is away

    def follow(
        self,
        job: Job,
        generation: int,
        weights: Mapping[str, int],
        estimate: Estimate,
        *,
        began: float | None = None,
        fenced: Callable[[], None],
    ) -> Track:
        """Begin to write an attempt's progress.

        Args:
            began: on the clock of `time.monotonic`, when an earlier process began the attempt; None for now.
            fenced: called, from the reporter's thread, when the ledger refuses the attempt: the work should stop.
        """
        track = Track(job, generation, weights, estimate, time.monotonic() if began is None else began, fenced)
        self._tracks[job.job_id] = track
        return track

    def outputs(self, job_id: str, stage: str, done: int, total: int) -> None:
        """`Track.outputs` of a job that is followed; of another one nothing."""
        if (track := self._tracks.get(job_id)) is not None:
            track.outputs(stage, done, total)

    def leave(self, job_id: str) -> None:
        """The attempt at a job is about to end: nothing more is written of it."""
        if (track := self._tracks.pop(job_id, None)) is not None:
            track.end()

    def _write_all(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for track in list(self._tracks.values()):
                if (said := track.due(time.monotonic())) is not None:
                    self._write(track, said)

    def _write(self, track: Track, said: Said) -> None:
        job = track.job
        left = track.left_s(time.monotonic())
        try:
            self._ledger.do(
                attempts.report,
                job.job_id,
                track.generation,
                said.stage,
                round(said.percent, 1),
                stage_progress=round(said.share * 100, 1),
                details=said.details,
                eta_s=left,
            )
            track.last_written = said
        except NotOurs:
            if not track.ended:  # or it was published between our look and our write
                track.fenced()
            track.end()
        except (TelecineError, SQLAlchemyError) as e:
            log.warning("progress.missed", job_id=job.job_id, partition=job.partition, reason=str(e))
        track.written = time.monotonic()
        if not track.ended and (said.stage != track.told_stage or track.written - track.told >= _SAY_S):
            track.told, track.told_stage = track.written, said.stage
            self._tell(f"{job.key}: {sentence(said, left)}")

    def _tell(self, line: str) -> None:
        if self._say is None:
            return
        try:
            self._say(line)
        except Exception as e:  # noqa: BLE001  a run's log that can't be written must not cost the work its reporter
            log.warning("progress.unsaid", line=line, reason=repr(e))


def sentence(said: Said, left_s: tuple[float, float]) -> str:
    """Progress for people: `encoding 45 % (frame 300, speed 1.2), 20 to 31 s left`."""
    extras = ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in said.details.items())
    low, high = (round(seconds) for seconds in left_s)
    seconds = f"{low} to {high} s" if low != high else f"{high} s"
    return f"{said.stage.lower()} {said.percent:.0f} %{f' ({extras})' if extras else ''}, {seconds} left"
