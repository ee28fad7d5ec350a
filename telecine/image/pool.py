"""A pool of processes in which every file fails alone.

A process that is killed, crashes or hangs takes only its own item with it: the others of that moment are run again,
and those that might have caused the crash are run one at a time until the culprit is known. Belongs here: the parent
side. Doesn't belong here: what a task does. loky is used because its children start fresh (no fork of a threaded
Dagster process, `__main__` not imported again) and because it notices every child that dies.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pickle import PicklingError
from types import TracebackType
from typing import Any, Generic, TypeVar

import psutil
from loky.backend import get_context
from loky.process_executor import ProcessPoolExecutor

from telecine.errors import ErrorCode, ResourceError, SystemFault, TelecineError
from telecine.image import pool_child

Item = TypeVar("Item")
Result = TypeVar("Result")

_NICENESS = 5  # a busy pool must not make the code server miss its heartbeat
_POLL_S = 1.0
_FALSE_STARTS = 3  # crashes in a row without any task begun: the processes themselves can't start
_ENVIRONMENT = {
    # glibc reserves 64 MB of address space per thread otherwise, which RLIMIT_AS counts.
    "MALLOC_ARENA_MAX": "2",
    # Decoding a large photo isn't a leak; loky would replace the process after it.
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1000000000",
}


@dataclass(slots=True, eq=False)
class _Task(Generic[Item]):
    """One item under way, and what its process said about it."""

    number: int
    item: Item
    pid: int | None = None
    begun_at: float = 0.0
    done: bool = False
    timed_out: bool = False


class ImagePool:
    """Processes that work on files; a context manager, which ends every process on the way out.

    Args:
        workers: number of processes.
        memory_limit_bytes: address space of one process (RLIMIT_AS).
        file_timeout_s: seconds after which a task counts as hung and its process is killed.
    """

    def __init__(self, workers: int, memory_limit_bytes: int, file_timeout_s: float) -> None:
        self._workers = workers
        self._memory_limit_bytes = memory_limit_bytes
        self._file_timeout_s = file_timeout_s
        self._executor: ProcessPoolExecutor | None = None
        self._reports: Connection | None = None

    def __enter__(self) -> ImagePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(kill=True)

    def run(
        self, task_function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result | TelecineError]]:
        """Run a function over items in the pool's processes; yields as they finish, in no order.

        Args:
            task_function: a top-level function of an importable module; its module is imported in every process.
            items: picklable; taken one by one, at most two per process ahead of the results.

        Raises:
            ResourceError: WORKER_DIED when processes die before they begin anything.
        """
        waiting = enumerate(items)
        again: deque[_Task[Item]] = deque()
        suspects: deque[_Task[Item]] = deque()
        under_way: dict[Future[Any], _Task[Item]] = {}
        false_starts = 0
        while True:
            alone = bool(suspects)
            if alone and not under_way:
                self._submit(task_function, suspects.popleft(), under_way)
            # Twice as many as there are processes: they go on while the caller looks at a result.
            while not suspects and not alone and len(under_way) < 2 * self._workers:
                task = again.popleft() if again else next((_Task(n, item) for n, item in waiting), None)
                if task is None:
                    break
                self._submit(task_function, task, under_way)
            if not under_way:
                return
            finished = self._wait(under_way)
            broken = any(isinstance(future.exception(), BrokenExecutor) for future in finished)
            if broken:  # every future of the pool is, or is about to be, finished or broken
                finished = wait(under_way).done
                self._hear(under_way)
            crashed = []
            for future in finished:
                task = under_way.pop(future)
                outcome = _outcome(future, task)
                if outcome is None:
                    crashed.append(task)
                else:
                    yield task.item, outcome
            if not broken:
                continue
            self._end(kill=True)
            begun = [task for task in crashed if task.pid is not None and not task.done]
            false_starts = 0 if begun else false_starts + 1
            if false_starts >= _FALSE_STARTS:
                raise ResourceError(
                    ErrorCode.WORKER_DIED,
                    "The image processes die before they begin any work; their memory limit may be too small.",
                )
            killed_by_us = any(task.timed_out for task in begun)
            for task in crashed:
                if task.timed_out:
                    yield task.item, self._hung()
                elif alone and task in begun:
                    yield task.item, _died()
                elif task in begun and not killed_by_us:
                    suspects.append(_Task(task.number, task.item))
                else:
                    again.append(_Task(task.number, task.item))

    def _submit(
        self, task_function: Callable[[Item], Result], task: _Task[Item], under_way: dict[Future[Any], _Task[Item]]
    ) -> None:
        if self._executor is None:
            self._reports, child_end = Pipe(duplex=False)
            self._executor = ProcessPoolExecutor(
                max_workers=self._workers,
                context=get_context("loky"),
                initializer=pool_child.start,
                initargs=(child_end, os.getpid(), self._memory_limit_bytes, _NICENESS),
                env=_ENVIRONMENT,
            )
        try:
            future = self._executor.submit(pool_child.call, task_function, task.number, task.item)
        except BrokenExecutor as e:  # it broke since the last look; its other futures say so as well
            future = Future()
            future.set_exception(e)
        under_way[future] = task

    def _wait(self, under_way: dict[Future[Any], _Task[Item]]) -> set[Future[Any]]:
        """Wait until at least one task is over, killing those that take too long."""
        while True:
            finished = wait(under_way, timeout=min(_POLL_S, self._file_timeout_s / 4), return_when=FIRST_COMPLETED).done
            self._hear(under_way)
            if finished:
                return finished
            for task in under_way.values():
                late = task.pid is not None and time.monotonic() - task.begun_at > self._file_timeout_s
                if late and not task.done and not task.timed_out:
                    task.timed_out = True
                    _kill_child(task.pid)

    def _hear(self, under_way: dict[Future[Any], _Task[Item]]) -> None:
        """Read what the processes reported."""
        if self._reports is None:
            return
        tasks = {task.number: task for task in under_way.values()}
        while self._reports.poll():
            begun, number, pid, at = pool_child.REPORT.unpack(self._reports.recv_bytes())
            if (task := tasks.get(number)) is None:
                continue
            if begun:
                task.pid, task.begun_at, task.done = pid, at, False
            else:
                task.done = True

    def _hung(self) -> ResourceError:
        return ResourceError(
            ErrorCode.TIMED_OUT,
            f"The file took longer than {self._file_timeout_s:g} seconds, so its process was ended.",
        )

    def _end(self, *, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)
            self._executor = None
        if self._reports is not None:
            self._reports.close()
            self._reports = None


def _outcome(future: Future[Any], task: _Task[Any]) -> Any:
    """A task's result or error; None when its process, or a neighbour's, died first."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenExecutor):
        return None
    what = "sent to" if isinstance(error, PicklingError) and task.pid is None else "returned from"
    return SystemFault(ErrorCode.INTERNAL, f"The task could not be {what} its process.", repr(error))


def _died() -> ResourceError:
    return ResourceError(
        ErrorCode.WORKER_DIED,
        "The process that worked on this file died without a word, also when it worked on nothing else.",
    )


def _kill_child(pid: int | None) -> None:
    """Kill one of our own children; a number that now means another process is left alone."""
    try:
        process = psutil.Process(pid)
        if process.ppid() == os.getpid():
            process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return
