"""The loop of `telecine deliver`: lease, attempt in parallel, write down, and do it again.

Nothing is in a transaction while an answer is awaited. A process that dies leaves leases that another frees within
seconds (telecine/ledger/deliverers.py); what it had sent but not written down is sent again with the same id.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

import httpcore
import structlog
from sqlalchemy.exc import SQLAlchemyError

from telecine.errors import TelecineError
from telecine.ledger import Ledger, deliverers, deliveries, delivery_log, endpoints, events
from telecine.ledger.deliveries import Leased, Result
from telecine.webhooks.listen import Listener
from telecine.webhooks.network import pool
from telecine.webhooks.send import attempt
from telecine.webhooks.settings import WebhookSettings
from telecine.webhooks.slots import Slots
from telecine.webhooks.verdict import judge

T = TypeVar("T")

_LOOK_S = 1.0  # due retries, expired breakers, refilled buckets, missed notifications
_GATHER_S = 0.004  # so long attempts that end are gathered into one transaction
_LAST_WORDS_S = 10.0  # for attempts in flight when the process is told to stop
_PRUNE_EVERY_S = 3_600.0
log = structlog.get_logger(__name__)


class Deliverer:
    """One delivering process (or the watchdog's turn)."""

    def __init__(self, ledger: Ledger, rules: WebhookSettings, outputs_url: str) -> None:
        self._me = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns() % 10**9}"
        self.name = deliverers.PREFIX + self._me
        self._ledger = ledger
        self._rules = rules
        self._outputs_url = outputs_url
        self._slots = Slots(rules.parallel)
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._results: list[Result] = []  # of attempts that ended, yet to be written down
        self._changed = asyncio.Event()
        self._stopping = False
        # Apart from the loop's own threads, which look up names: a resolver that hangs must not hold up the ledger.
        self._threads = ThreadPoolExecutor(3, "ledger")
        self.delivered = 0

    def stop(self) -> None:
        """Lease nothing more, let attempts in flight end, write everything down. To be called in the loop."""
        self._stopping = True
        self._changed.set()

    async def run(self, *, budget_s: float | None = None) -> None:
        """Deliver until `stop`; with a budget, until nothing is due or the budget is used up."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._rules.parallel, "resolver"))
        if budget_s is not None:
            self.name = f"turn:{self._me}"  # it doesn't beat, so its leases end with their time
            await self._in_thread(partial(self._ledger.do, deliveries.drop_overtaken))
            await self._deliver(time.monotonic() + budget_s)
            return

        def woken() -> None:
            with suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(self._changed.set)

        await self._beat()  # before the first lease, or another process would take it for a dead one's
        listener = Listener(self._ledger, woken)
        listener.start()
        beating = asyncio.create_task(self._go_on_beating())
        # Without a beat it would go on in vain; its supervisor starts a new one.
        beating.add_done_callback(lambda _: self.stop())
        try:
            await self._deliver(None)
        finally:
            beating.cancel()
            listener.stop()

    async def _deliver(self, until: float | None) -> None:
        try:
            async with pool(self._rules) as connections:
                await self._work(connections, until)
        finally:
            await self._in_thread(partial(self._ledger.do, deliverers.leave, self.name))
            self._threads.shutdown(wait=False)

    async def _work(self, connections: httpcore.AsyncConnectionPool, until: float | None) -> None:
        while True:
            self._changed.clear()
            await self._write_down()
            if until is not None and time.monotonic() > until:
                self._stopping = True
            if self._stopping:
                break
            leased = await self._lease()
            for each in leased:
                self._slots.begun(each.endpoint_id)
                self._in_flight[each.delivery_id] = asyncio.create_task(self._attempt(connections, each))
            if until is not None and not leased and not self._in_flight and not self._results:
                return
            if leased and self._slots.free:
                continue  # there may be more
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHER_S)
        if self._in_flight:
            await asyncio.wait(self._in_flight.values(), timeout=_LAST_WORDS_S)
        for task in list(self._in_flight.values()):
            task.cancel()
        await self._write_down()

    async def _attempt(self, connections: httpcore.AsyncConnectionPool, leased: Leased) -> None:
        healthy, began = False, time.monotonic()
        try:
            answer = await attempt(connections, leased, self._rules, self._outputs_url)
            result = judge(leased, answer, self._rules.retry_s)
            healthy = result.healthy is not False
            self._results.append(result)
            self._say(leased, result)
        except Exception:
            # A fault of ours in one delivery: its lease runs out and it is tried again, the others go on.
            log.exception("delivery.fault", delivery_id=leased.delivery_id, event_id=leased.material.event.event_id)
        finally:
            self._slots.ended(leased.endpoint_id, time.monotonic() - began, healthy)
            if not any(r.delivery_id == leased.delivery_id for r in self._results):
                del self._in_flight[leased.delivery_id]
            self._changed.set()

    async def _lease(self) -> list[Leased]:
        if not self._slots.free:
            return []
        limits = self._rules.limits

        def take() -> list[Leased]:
            return self._ledger.do(deliveries.lease, self.name, limits, self._slots.rooms)

        return await self._in_thread(take) or []

    async def _write_down(self) -> None:
        """Results into the ledger; while the database is away they wait here."""
        results = list(self._results)
        if not results:
            return

        def write() -> bool:
            self._ledger.do(deliveries.finish, self.name, results, self._rules.limits)
            return True

        if await self._in_thread(write):
            del self._results[: len(results)]
            for result in results:
                self._in_flight.pop(result.delivery_id, None)
                self.delivered += result.status == deliveries.DeliveryStatus.DELIVERED

    async def _beat(self) -> None:
        """Say that this process lives, and free what dead ones had leased."""
        busy, lease_s = list(self._in_flight), self._rules.limits.lease_s
        freed = await self._in_thread(partial(self._ledger.do, deliverers.beat, self.name, busy, lease_s))
        await self._in_thread(partial(self._ledger.do, deliveries.drop_overtaken))
        if freed:
            log.info("leases.freed", count=freed)
            self._changed.set()

    async def _go_on_beating(self) -> None:
        """Beat, and now and then remove what is old."""
        pruned = time.monotonic() - _PRUNE_EVERY_S + 60.0
        while True:
            await asyncio.sleep(deliverers.BEAT_S)
            await self._beat()
            if time.monotonic() - pruned > _PRUNE_EVERY_S:
                pruned = time.monotonic()
                await self._in_thread(self._prune)

    def _prune(self) -> None:
        days = self._rules.retention_days
        while self._ledger.do(events.prune, days) >= 5_000:
            pass
        self._ledger.do(delivery_log.remove_orphans)
        self._ledger.do(endpoints.job_urls_unused, days)

    async def _in_thread(self, work: Callable[[], T]) -> T | None:
        """Something with the database, beside the loop; None when the database is away."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (TelecineError, SQLAlchemyError) as e:
            log.warning("ledger.away", reason=str(e).splitlines()[0])
            await asyncio.sleep(_LOOK_S)
            return None

    def _say(self, leased: Leased, result: Result) -> None:
        event = leased.material.event
        log.info(
            "delivery",
            outcome=result.status.value,
            event_id=event.event_id,
            event_type=event.event_type,
            job_id=event.job_id,
            correlation_id=event.correlation_id,
            endpoint_id=leased.endpoint_id,
            attempt=leased.attempts + 1,
            answer=result.answer,
            reason=result.error,
            took_ms=round(result.took_s * 1000),
        )


def deliver_due(ledger: Ledger, rules: WebhookSettings, outputs_url: str, budget_s: float) -> int:
    """Deliver what is due, in this process, for at most so long; answers how many arrived. For the watchdog."""
    deliverer: list[Deliverer] = []

    async def turn() -> None:
        deliverer.append(Deliverer(ledger, rules, outputs_url))
        await deliverer[0].run(budget_s=budget_s)

    asyncio.run(turn())
    return deliverer[0].delivered


def deliver_test(ledger: Ledger, rules: WebhookSettings, outputs_url: str, endpoint_id: str) -> Result:
    """Send a test event to one endpoint now, whatever state it is in, and say how it went."""
    me = f"test:{socket.gethostname()}:{os.getpid()}"
    delivery_id = ledger.do(endpoints.test_event, endpoint_id, me, rules.limits.lease_s)
    leased = ledger.do(deliveries.lease_one, delivery_id)

    async def once() -> Result:
        async with pool(rules) as connections:
            return judge(leased, await attempt(connections, leased, rules, outputs_url), rules.retry_s)

    result = asyncio.run(once())
    ledger.do(deliveries.finish, me, [result], rules.limits)
    return result
