"""Following work in a terminal: one bar for all files, one for each long encode; plain lines when nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from telecine.errors import ErrorCode, SystemFault
from telecine.spans import say_span

if TYPE_CHECKING:
    from telecine.submission import Submission

_POLL_S = 0.5
_LINE_S = 5.0  # off a terminal: at most one line in this many seconds
_STUCK_S = 600.0  # nothing moved for this long: the system is at fault, not the files
_LONG_BARS = 4
_NAME = 28  # characters of a file's name


def follow(
    submissions: Sequence[Submission], look: Callable[[Sequence[Submission]], list[Submission]], console: Console
) -> list[Submission]:
    """Poll `look` until every submission is over, showing progress on `console` (stderr).

    Raises:
        SystemFault: STACK_FAILED when nothing moved for 10 minutes.
    """
    current = list(submissions)
    moved_at, before = time.monotonic(), _state(current)
    with _Display(console, len(current)) as display:
        while True:
            current = look(current)
            display.show(current)
            if all(s.is_over for s in current):
                return current
            if (state := _state(current)) != before:
                moved_at, before = time.monotonic(), state
            elif time.monotonic() - moved_at > _STUCK_S:
                waiting = [s.given for s in current if not s.is_over]
                raise SystemFault(
                    ErrorCode.STACK_FAILED,
                    f"nothing moved for {_STUCK_S / 60:.0f} minutes; {len(waiting)} file(s) still wait, first "
                    f"{waiting[0]}. They are not lost: run `telecine doctor`, then `telecine logs daemon`.",
                )
            try:
                time.sleep(_POLL_S)
            except KeyboardInterrupt:
                left = sum(not s.is_over for s in current)
                console.print(
                    f"stopped watching; {left} file(s) are still being processed. `telecine jobs list` shows them, "
                    "`telecine jobs cancel` cancels them.",
                    highlight=False,
                )
                raise


def _state(submissions: Sequence[Submission]) -> list[tuple[str, float]]:
    return [(s.status.value, s.progress) for s in submissions]


class _Display:
    """Bars on a terminal, sparse lines elsewhere."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self._told: set[str] = set()
        self._line_at = 0.0
        self._done = -1
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}", markup=False, style="dim", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )
        self._all = self._bars.add_task(f"{total} files", total=total, more="", visible=total > 1)
        self._files: dict[str, TaskID] = {}

    def __enter__(self) -> _Display:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, submissions: Sequence[Submission]) -> None:
        """Draw the present state."""
        done = sum(s.is_over for s in submissions)
        for s in submissions:
            if s.error and s.given not in self._told:
                self._told.add(s.given)
                self.console.print(f"[red]{s.error[0]}[/red] {s.given}: {s.error[1]}", highlight=False, soft_wrap=True)
        if self.console.is_terminal:
            self._draw(submissions, done)
        elif done != self._done and (time.monotonic() - self._line_at > _LINE_S or done == self.total):
            self._line_at, self._done = time.monotonic(), done
            self.console.print(f"{done} of {self.total} files done", highlight=False)

    def _draw(self, submissions: Sequence[Submission], done: int) -> None:
        # A file in work counts for its share, so that one long video moves the bar too.
        share = sum(1.0 if s.is_over else s.progress / 100 for s in submissions)
        seconds = next((task.time_remaining for task in self._bars.tasks if task.id == self._all), None)
        soon = f", about {say_span(seconds)} left" if seconds and done < self.total else ""
        self._bars.update(self._all, completed=share, more=f"{done} of {self.total} done{soon}")
        # Images are done before anybody could read their line.
        long = [s for s in submissions if not s.is_over and (self.total == 1 or (s.kind != "image" and s.stage))]
        shown = {s.given for s in long[:_LONG_BARS]}
        for name in [name for name in self._files if name not in shown]:
            self._bars.remove_task(self._files.pop(name))
        for s in long[:_LONG_BARS]:
            if s.given not in self._files:
                name = s.path.name if len(s.path.name) <= _NAME else f"{s.path.name[: _NAME - 1]}…"
                self._files[s.given] = self._bars.add_task(name if self.total == 1 else f"  {name}", total=100, more="")
            self._bars.update(self._files[s.given], completed=s.progress, more=_doing(s))


def _doing(submission: Submission) -> str:
    """What is being done with a file and how long it still takes."""
    from telecine.cli.watch import details, left

    job = submission.job
    if job is None or job.status.value != "PROCESSING":
        return "waiting for its turn" if submission.job_id else "handing over"
    stage = (job.stage or "").lower().replace("_", " ")
    return ", ".join(part for part in (stage, left(job), details(job)) if part)
