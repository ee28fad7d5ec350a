"""Following jobs and batches until they have ended: bars with stage, details and time left; lines off a terminal.

Doesn't belong here: files that are still being handed over (follow.py), or the commands (jobs.py, batches.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from telecine.cli.app import err
from telecine.cli.look import FILES_FAILED, note, print_json_line, say, unknown
from telecine.spans import say_range

if TYPE_CHECKING:
    from rich.progress import TaskID

    from telecine.ledger import Job, Ledger

_POLL_S = 0.5
_LINE_S = 5.0  # off a terminal: between lines about one job that only says it moved
_BARS = 8


def watch_jobs(ledger: Ledger, job_ids: Sequence[str], as_json: bool) -> None:
    """Follow some jobs; ends the program with 3 when some weren't completed.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    from telecine.ledger import jobs as rows

    wanted = list(dict.fromkeys(job_ids))
    known = ledger.do(rows.get, wanted)
    for job_id in wanted:
        if job_id not in known:
            raise unknown("job", job_id, "jobs list")

    def look() -> tuple[list[Job], bool]:
        left = [job.job_id for job in known.values() if not job.status.is_final]
        known.update(ledger.do(rows.get, left) if left else {})
        return [known[job_id] for job_id in wanted], not left

    _follow(look, as_json)


def watch_batch(ledger: Ledger, batch_id: str, as_json: bool) -> None:
    """Follow a batch and its jobs; ends the program with 3 when some weren't completed.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    from telecine.ledger import batches

    if ledger.do(batches.get, batch_id) is None:
        raise unknown("batch", batch_id, "batches list")

    def look() -> tuple[list[Job], bool]:
        batch = ledger.do(batches.get, batch_id)  # first, so that its last job is among those that come then
        return ledger.do(batches.children, batch_id), batch is not None and batch.finished_at is not None

    _follow(look, as_json)


def _follow(look: Callable[[], tuple[list[Job], bool]], as_json: bool) -> None:
    display: Any = _Json() if as_json else _Bars() if err.is_terminal else _Lines()
    jobs: list[Job] = []
    with display:
        while True:
            jobs, over = look()
            display.show(jobs)
            if over:
                break
            try:
                time.sleep(_POLL_S)
            except KeyboardInterrupt:
                left = sum(not job.status.is_final for job in jobs)
                note(f"stopped watching; {left} job(s) go on. `telecine jobs cancel` cancels them.")
                raise
    bad = [job for job in jobs if job.status.value != "COMPLETED"]
    if not as_json:
        note(f"{len(jobs) - len(bad)} of {len(jobs)} completed")
    if bad:
        raise typer.Exit(FILES_FAILED)


def sentence(job: Job) -> str:
    """A job's present state in one line, without its id."""
    if job.error_code and job.status.value != "PROCESSING":
        again = f", again at {job.not_before:%H:%M:%S} UTC" if job.status.value == "PENDING" else ""
        return f"{job.status.value}  {job.error_code}: {job.error_message}{again}"
    if job.status.value != "PROCESSING":
        return job.status.value
    return "  ".join(part for part in (f"{job.progress:3.0f} %", job.stage, details(job), left(job)) if part)


def details(job: Job) -> str:
    """What a stage says about itself: `3 of 5, 1280x720, 31.5 fps, speed 1.3`."""
    known = dict(job.stage_details or {})
    operation, done, total = known.pop("operation", None), known.pop("done", None), known.pop("total", None)
    parts = [str(operation)] if operation and str(operation).upper() != job.stage else []
    if total:
        parts.append(f"{done} of {total}" if done is not None else f"{total} outputs")
    for name, value in known.items():
        shown = f"{value:.4g}" if isinstance(value, float) else f"{value}"
        parts.append(f"{shown} fps" if name == "fps" else shown if name == "resolution" else f"{name} {shown}")
    return ", ".join(parts)


def left(job: Job) -> str:
    """Time left as a range; empty when nobody knows."""
    span = say_range(job.eta_low_s, job.eta_high_s)
    return f"{span} left" if span else ""


def _name(job: Job, width: int = 28) -> str:
    name = job.key.rpartition("/")[2]
    return name if len(name) <= width else f"{name[: width - 1]}…"


class _Json:
    """A line of JSON for each change of each job."""

    def __init__(self) -> None:
        self._said: dict[str, Any] = {}

    def __enter__(self) -> _Json:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, jobs: Sequence[Job]) -> None:
        """Print what changed."""
        for job in jobs:
            state = (job.status, job.stage, job.sequence, job.generation, job.error_code)
            if self._said.get(job.job_id) != state:
                self._said[job.job_id] = state
                print_json_line(_state(job))


def _state(job: Job) -> dict[str, Any]:
    names = ("job_id", "batch_id", "status", "stage", "progress", "stage_progress", "stage_details", "eta_low_s")
    more = ("eta_high_s", "attempts", "sequence", "partial", "error_class", "error_code", "error_message")
    return {"source": f"{job.bucket}/{job.key}", **{name: getattr(job, name) for name in names + more}}


class _Lines:
    """A line for each step of each job: on stdout, where nobody watches but a file may."""

    def __init__(self) -> None:
        self._said: dict[str, Any] = {}
        self._at: dict[str, float] = {}

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, jobs: Sequence[Job]) -> None:
        """Print what changed, mere progress only now and then."""
        now = time.monotonic()
        for job in jobs:
            step = (job.status, job.stage, job.error_code)
            stepped = self._said.get(job.job_id, (None, 0))[0] != step
            moved = self._said.get(job.job_id, (None, 0))[1] != job.sequence
            if stepped or (moved and now - self._at[job.job_id] > _LINE_S):
                self._said[job.job_id], self._at[job.job_id] = (step, job.sequence), now
                say(f"{job.job_id}  {_name(job)}  {sentence(job)}")


class _Bars:
    """A bar for all jobs and one for each that is worked on, as many as fit; failures above them."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[more]}", markup=False, style="dim", table_column=Column(no_wrap=True, ratio=1)),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            expand=True,
        )
        self._all = self._progress.add_task("all", total=100, more="")
        self._bars: dict[str, TaskID] = {}
        self._told: set[str] = set()

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, jobs: Sequence[Job]) -> None:
        """Draw the present state."""
        for job in jobs:
            if job.status.is_final and job.job_id not in self._told:
                self._told.add(job.job_id)
                if job.error_code or len(jobs) <= _BARS:
                    self._say(job)
        ended = sum(job.status.is_final for job in jobs)
        waiting = sum(job.status.value == "PENDING" for job in jobs)
        percent = sum(100.0 if job.status.is_final else job.progress for job in jobs) / max(1, len(jobs))
        more = f"{ended} of {len(jobs)} ended" + (f", {waiting} wait" if waiting else "")
        self._progress.update(self._all, completed=percent, more=more)
        self._draw([job for job in jobs if job.status.value == "PROCESSING"][:_BARS])

    def _draw(self, working: Sequence[Job]) -> None:
        now = {job.job_id for job in working}
        for job_id in list(self._bars):
            if job_id not in now:
                self._progress.remove_task(self._bars.pop(job_id))
        for job in working:
            if job.job_id not in self._bars:
                self._bars[job.job_id] = self._progress.add_task(f"  {_name(job, 20)}", total=100, more="")
            more = "  ".join(part for part in ((job.stage or "").lower(), left(job), details(job)) if part)
            self._progress.update(self._bars[job.job_id], completed=job.progress, more=more)

    def _say(self, job: Job) -> None:
        style = "green" if job.status.value == "COMPLETED" else "red"
        self._progress.console.print(
            f"{job.job_id}  {_name(job)}  {sentence(job)}", style=style, markup=False, highlight=False
        )
