"""A pool of processes in which every file fails alone.

pebble's pool says which process died with which task, ends the process of a task that is late or canceled, and goes on
with the others. No process is a fork of ours, which has threads: they come from a fork server that imported the work
once for all of them; or, where there is a main module that each would import again, fresh from loky, which doesn't.
Added here: a second try, alone, for a file whose process died (it may have been the neighbour of a greedy one, or
killed from outside), progress, and our errors. Belongs here: the parent side. Doesn't belong here: what a task does.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import Any, Generic, TypeVar

import psutil
from loky.backend import get_context
from pebble import ProcessExpired, ProcessPool

from telecine.errors import ErrorCode, NotOurs, ResourceError, SystemFault, TelecineError
from telecine.image import pool_child

Item = TypeVar("Item")
Result = TypeVar("Result")

OnProgress = Callable[[Item, str, int, int], None]
"""Called with an item, its stage (DOWNLOADING, DECODING, ENCODING, UPLOADING), outputs done and outputs in all."""

NICENESS = 5  # a busy pool must not make the code server miss its heartbeat
_LOOK_S = 0.5  # between looks at progress and at what is to be stopped
_ORPHAN_S = 2.0  # pebble needs a tenth of that to notice a dead process
_BROKEN_POOLS = 3  # in a row, without a single result: the processes themselves can't start


@dataclass(slots=True, eq=False)
class _Task(Generic[Item]):
    """One item under way."""

    number: int
    item: Item
    time_limit_s: float
    again: bool = False  # its process died once already
    stopped: bool = False
    pid: int = 0  # of the process that began it
    orphaned_at: float = 0.0  # when that process was first seen to be gone


class ImagePool:
    """Processes that work on files; a context manager, which ends every process on the way out.

    Args:
        workers: number of processes.
        memory_limit_bytes: address space of one process (RLIMIT_AS).
        file_timeout_s: seconds after which a task counts as hung and its process is killed; `run` can say it per item.
        niceness: how much the processes give way to others.
    """

    def __init__(self, workers: int, memory_limit_bytes: int, file_timeout_s: float, niceness: int = NICENESS) -> None:
        self._niceness = niceness
        self._workers = workers
        self._memory_limit_bytes = memory_limit_bytes
        self._file_timeout_s = file_timeout_s
        self._pool: ProcessPool | None = None
        self._reports: tuple[Connection, Connection] | None = None
        self._looked = 0.0

    def __enter__(self) -> ImagePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(
        self,
        task_function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        stop: Callable[[Item], bool] | None = None,
        on_progress: OnProgress[Item] | None = None,
        time_limit_s: Callable[[Item], float] | None = None,
        on_look: Callable[[], None] | None = None,
    ) -> Iterator[tuple[Item, Result | TelecineError]]:
        """Run a function over items in the pool's processes; yields as they finish, in no order.

        Args:
            task_function: a top-level function of an importable module; its module is imported in every process.
            items: picklable; taken one by one, at most two per process ahead of the results.
            stop: asked about every item under way, at most half a second apart while the caller waits for a result;
                when it answers yes, the item's process is ended and the item yielded with NotOurs CANCELED.
            on_progress: told of the newest stage of every item under way, as often; in the caller's thread. The tasks
                say it by `pool_child.report`.
            time_limit_s: seconds an item may take, instead of the pool's `file_timeout_s`.
            on_look: called as often, also while nothing is reported; in the caller's thread.

        Raises:
            ResourceError: WORKER_DIED when processes die before they begin anything.
        """
        waiting = enumerate(items)
        again: deque[_Task[Item]] = deque()  # of pools that broke; not their fault
        suspects: deque[_Task[Item]] = deque()  # whose process died
        under_way: dict[Future[bytes], _Task[Item]] = {}
        broken = 0
        while True:
            # Twice as many as there are processes: they go on while the caller looks at a result.
            while len(under_way) < 2 * self._workers:
                task = again.popleft() if again else None
                if task is None and (pair := next(waiting, None)) is not None:
                    limit = time_limit_s(pair[1]) if time_limit_s else self._file_timeout_s
                    task = _Task(pair[0], pair[1], limit)
                if task is None and suspects and not under_way:
                    task = suspects.popleft()
                if task is None:
                    break
                self._submit(task_function, task, under_way)
                if task.again:
                    break
            if not under_way:
                return
            finished = self._wait(under_way, stop, on_progress, on_look)
            broke = not finished
            for future in finished:
                task = under_way.pop(future)
                error = _error_of(future, task)
                if isinstance(error, BrokenProcessPool):
                    broke = True
                    again.append(_Task(task.number, task.item, task.time_limit_s, task.again))
                elif isinstance(error, ProcessExpired) and not (task.again or task.stopped):
                    suspects.append(_Task(task.number, task.item, task.time_limit_s, again=True))
                else:
                    broken = 0
                    yield task.item, _outcome(future, error, task)
            if broke:
                broken += 1
                self._end()
                again.extend(_Task(t.number, t.item, t.time_limit_s, t.again) for t in under_way.values())
                under_way.clear()
            if broken >= _BROKEN_POOLS:
                raise ResourceError(
                    ErrorCode.WORKER_DIED,
                    "The image processes die before they begin any work; their memory limit may be too small.",
                )

    def _submit(
        self,
        task_function: Callable[[Item], Result],
        task: _Task[Item],
        under_way: dict[Future[bytes], _Task[Item]],
    ) -> None:
        if self._pool is None:
            self._reports = Pipe(duplex=False)
            # Children never wait for a parent that is slow to read; they drop a report instead.
            os.set_blocking(self._reports[1].fileno(), False)
            self._pool = ProcessPool(
                self._workers,
                initializer=pool_child.start,
                initargs=(self._reports[1], os.getpid(), self._memory_limit_bytes, self._niceness),
                context=_start_method(task_function.__module__),
            )
        future: Future[bytes]
        try:
            # Pickled here and unpickled inside the task, so that neither can harm the pool's own channel.
            call = pickle.dumps((task_function, task.item))
            future = self._pool.schedule(pool_child.call, (task.number, call), timeout=task.time_limit_s)
        except RuntimeError:  # the pool broke since the last look
            future = Future()
            future.set_exception(BrokenProcessPool())
        except (pickle.PicklingError, AttributeError, TypeError) as e:
            future = Future()
            future.set_exception(e)
        under_way[future] = task

    def _wait(
        self,
        under_way: dict[Future[bytes], _Task[Item]],
        stop: Callable[[Item], bool] | None,
        on_progress: OnProgress[Item] | None,
        on_look: Callable[[], None] | None,
    ) -> set[Future[bytes]]:
        """What is over, at least one; an empty set when the pool broke without a word."""
        while True:
            finished = wait(under_way, timeout=_LOOK_S, return_when=FIRST_COMPLETED).done
            now = time.monotonic()
            if now - self._looked >= _LOOK_S:
                self._looked = now
                going_on = {future: task for future, task in under_way.items() if future not in finished}
                self._pass_on(going_on.values(), on_progress)
                if on_look is not None:
                    on_look()
                finished |= _orphans(going_on, now)
                for future, task in going_on.items():
                    if stop is not None and not task.stopped and stop(task.item):
                        task.stopped = True
                        future.cancel()  # pebble ends its process before the future counts as over
            if finished or self._pool is None or not self._pool.active:
                return finished

    def _pass_on(self, going_on: Collection[_Task[Item]], on_progress: OnProgress[Item] | None) -> None:
        """Read what the tasks reported, and tell the newest of each."""
        newest: dict[int, tuple[int, ...]] = {}
        while self._reports is not None and self._reports[0].poll():
            number, *said = pool_child.REPORT.unpack(self._reports[0].recv_bytes())
            newest[number] = tuple(said)
        for task in going_on:
            if task.number not in newest or task.stopped:
                continue
            task.pid, stage, done, total = newest[task.number]
            if on_progress is not None and pool_child.STAGES[stage]:
                on_progress(task.item, pool_child.STAGES[stage], done, total)

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
        if self._reports is not None:
            for end in self._reports:
                end.close()
            self._reports = None


def _start_method(module: str) -> Any:
    """How processes start that are to run functions of this module."""
    if hasattr(sys.modules["__main__"], "__file__"):
        return get_context("loky")
    multiprocessing.set_forkserver_preload(["telecine.image.pool_nursery", module])
    forkserver.ensure_running()  # here: it dies with the thread that started it
    return multiprocessing.get_context("forkserver")


def _error_of(future: Future[bytes], task: _Task[Any]) -> BaseException | None:
    """What the future ended with; a task that nobody stopped but that was given up counts as one whose process died."""
    if future.cancelled():
        return None if task.stopped else ProcessExpired("gone")  # type: ignore[no-untyped-call]
    return future.exception()


def _orphans(going_on: Mapping[Future[bytes], _Task[Item]], now: float) -> set[Future[bytes]]:
    """Tasks whose process is gone although pebble doesn't say so.

    That happens when a process dies before pebble has read that it began the task, or when it is ended for the sake of
    a task that it had just finished.
    """
    orphans = set()
    for future, task in going_on.items():
        if not task.pid or psutil.pid_exists(task.pid):
            continue
        task.orphaned_at = task.orphaned_at or now
        if now - task.orphaned_at > _ORPHAN_S and not future.done():
            future.cancel()
            orphans.add(future)
    return orphans


def _outcome(future: Future[bytes], error: BaseException | None, task: _Task[Any]) -> Any:
    """A task's result or error."""
    if task.stopped and (future.cancelled() or error is not None):
        return NotOurs(ErrorCode.CANCELED, "canceled on request")
    if error is None:
        return pickle.loads(future.result())
    if isinstance(error, TimeoutError):
        return ResourceError(
            ErrorCode.TIMED_OUT,
            f"The file took longer than {task.time_limit_s:g} seconds, so its process was ended.",
        )
    if isinstance(error, ProcessExpired):
        return ResourceError(
            ErrorCode.WORKER_DIED,
            "The process that worked on this file died without a word, also when it worked on nothing else.",
            f"exit code {error.exitcode}",
        )
    return SystemFault(ErrorCode.INTERNAL, "The task could not be sent to its process.", repr(error))
