"""Several sources handed over as one request: which they are, as a batch or each for itself, and how each fared.

Belongs here: what `telecine submit` and other doors do with a list of sources. Doesn't belong here: accepting one
(telecine/acceptance), or waiting for the jobs (telecine/cli).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from telecine.acceptance import Accepted, Order, accept_file, accept_object
from telecine.errors import ErrorCode, NotOurs, TelecineError
from telecine.job_id import new_id
from telecine.ledger import Ledger, batches, submission_keys
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.submission import Submission, find_files

_UPLOADS = 4


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """A batch as its submitter wants it."""

    name: str | None = None
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """One source after it was handed over.

    Attributes:
        submission: with its job, or its error.
        created: False when the job was there already, or there is none.
        fault: the error, as it was raised.
    """

    submission: Submission
    created: bool = False
    fault: TelecineError | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        batch_id: None without a batch, and when it would have been empty: every source was refused, or is a job of an
            earlier submission.
        batch_created: False when the batch was there already (the same idempotency key), or there is none.
    """

    placed: tuple[Placed, ...]
    batch_id: str | None = None
    batch_created: bool = False


def find_sources(given: Iterable[str]) -> list[Submission]:
    """Files, globs, folders and s3:// addresses as submissions, in order; what isn't there is a failed one."""
    found: list[Submission] = []
    for name in given:
        if name.startswith("s3://"):
            # The name is for people; what the object is, accepting it finds out.
            found.append(Submission(name, Path(unquote(urlsplit(name).path))))
        else:
            found += find_files([name])
    return found


def place(
    ledger: Ledger,
    store: ObjectStore,
    settings: Settings,
    sources: Sequence[Submission],
    order: Order,
    batch: BatchTerms | None = None,
) -> Answer:
    """Hand sources over, a few at a time; one that is refused doesn't stop the others, unless the batch fails fast.

    With an idempotency key each source of several gets `key#1`, `key#2` and so on, and the batch one of its own: the
    same request made again, also one that was interrupted, ends up with the same batch and the same jobs.

    Raises:
        ConfigurationError: IDEMPOTENCY_CONFLICT when the key belongs to another batch.
        TransientError: the database is away.
    """
    if batch is None:
        return Answer(tuple(_hand_over(ledger, store, settings, sources, order, stop_at_failure=False)))
    batch_id = new_id()
    first = ledger.do(_open, batch_id, sources, order, batch)
    order = replace(order, terms=replace(order.terms, batch_id=first or batch_id))
    placed = tuple(_hand_over(ledger, store, settings, sources, order, stop_at_failure=batch.fail_fast))
    batch_id = first or batch_id
    if batch.fail_fast and any(p.fault is not None for p in placed):
        ledger.do(batches.cancel, batch_id, "another source of its batch was refused, and the batch fails fast")
    if ledger.do(batches.discard, batch_id):
        return Answer(placed)
    ledger.do(batches.close, batch_id)
    return Answer(placed, batch_id, first is None)


def _open(
    connection: Connection, batch_id: str, sources: Sequence[Submission], order: Order, batch: BatchTerms
) -> str | None:
    """Open the batch, unless its sender's key has one already; answers that one's id."""
    if order.idempotency_key is not None:
        asked = [order.fingerprint(""), batch.name, batch.fail_fast, [source.given for source in sources]]
        fingerprint = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        if first := submission_keys.take_batch(connection, order.idempotency_key, fingerprint, batch_id):
            return first
    batches.open_batch(
        connection,
        batch_id,
        total=sum(not source.is_over for source in sources),
        name=batch.name,
        fail_fast=batch.fail_fast,
        correlation_id=order.terms.correlation_id,
        webhook_url=order.terms.webhook_url,
        metadata=order.terms.metadata,
    )
    return None


def _hand_over(
    ledger: Ledger,
    store: ObjectStore,
    settings: Settings,
    sources: Sequence[Submission],
    order: Order,
    *,
    stop_at_failure: bool,
) -> Iterable[Placed]:
    stop = threading.Event()
    if stop_at_failure and any(source.is_over for source in sources):
        stop.set()

    def hand_over(item: tuple[int, Submission]) -> Placed:
        number, source = item
        if source.is_over:
            return Placed(source, fault=NotOurs(ErrorCode.SOURCE_MISSING, source.error[1] if source.error else ""))
        if stop.is_set():
            return _failed(source, NotOurs(ErrorCode.CANCELED, "not handed over: another source was refused"))
        key = order.idempotency_key
        own = key if key is None or len(sources) == 1 else f"{key}#{number}"
        try:
            accepted = _accept(ledger, store, settings, source, replace(order, idempotency_key=own))
        except TelecineError as e:
            if stop_at_failure:
                stop.set()
            return _failed(source, e)
        known = replace(source, job_id=accepted.job_id, partition=accepted.partition, kind=accepted.kind)
        return Placed(known, accepted.created)

    with ThreadPoolExecutor(_UPLOADS) as pool:
        yield from pool.map(hand_over, enumerate(sources, 1))


def _accept(ledger: Ledger, store: ObjectStore, settings: Settings, source: Submission, order: Order) -> Accepted:
    if source.given.startswith("s3://"):
        return accept_object(ledger, store, settings, source.given, order)
    return accept_file(ledger, store, settings, source.path, order)


def _failed(source: Submission, error: TelecineError) -> Placed:
    return Placed(source.failed(error), fault=error)
