"""Following work in a terminal: one bar for all files, one for each long encode; plain lines when nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Eta

from telecine.errors import ErrorCode, SystemFault

if TYPE_CHECKING:
    from telecine.submission import Submission

_POLL_S = 0.5
_LINE_S = 5.0  # off a terminal: at most one line in this many seconds
_STUCK_S = 600.0  # nothing moved for this long: the system is at fault, not the files
_LONG_BARS = 4


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
        self._long: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn() if total > 1 else TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            Eta(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._all = self._bars.add_task("files", total=total)

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
        self._bars.update(self._all, completed=round(share, 2) if self.total == 1 else done)
        running = [s for s in submissions if not s.is_over and s.kind != "image" and s.stage][:_LONG_BARS]
        names = {s.given for s in running}
        for name in list(self._long):
            if name not in names:
                self._bars.remove_task(self._long.pop(name))
        for s in running:
            if s.given not in self._long:
                self._long[s.given] = self._bars.add_task("", total=100)
            label = f"  {s.path.name[:32]} {(s.stage or '').lower()}"
            self._bars.update(self._long[s.given], description=label, completed=round(s.progress))
