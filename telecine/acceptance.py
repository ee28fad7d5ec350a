"""Accepting explicit submissions: a file or an object becomes a job, once, however often it is handed over.

Belongs here: what every door that isn't a bucket does (command line, gateway). Doesn't belong here: bucket drops, which
always get a job of their own (telecine/intake), or the main job for local files (telecine/submission).

What is submitted lies below `uploads/<content>-<recipe>/<name>`, which no bucket rule matches: the same content with
another recipe is another partition, so that nothing is published over anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from telecine.artifact import sha256_of
from telecine.config import UPLOADS_PREFIX
from telecine.errors import ConfigurationError, ErrorCode, InputError
from telecine.job_id import new_id
from telecine.ledger import Ledger, media, submission_keys
from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import Terms
from telecine.partition import partition_key
from telecine.priority import Lane, Priority
from telecine.recipe import Recipe
from telecine.settings import Settings
from telecine.sidecar import copy_sidecars, upload_sidecars
from telecine.sniff import HEAD_BYTES, Sniffed, sniff
from telecine.storage import ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for one source.

    Attributes:
        idempotency_key: chosen by the sender: the same key answers with the same job.
        deduplicate: whether the same content and recipe within 24 hours is the same job.
    """

    recipe: Recipe
    priority: int = Priority.NORMAL
    lane: Lane = Lane.LIVE
    terms: Terms = field(default_factory=Terms)
    idempotency_key: str | None = None
    deduplicate: bool = True

    def fingerprint(self, content: str) -> str:
        """Hash of everything that makes two requests the same."""
        asked: Mapping[str, Any] = {
            "content": content,
            "recipe": self.recipe.hash,
            "priority": int(self.priority),
            "lane": self.lane.value,
            "limits": self.terms.limits.model_dump(mode="json"),
            "metadata": dict(self.terms.metadata),
            "webhook_url": self.terms.webhook_url,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an order.

    Attributes:
        created: False when the job was there already.
    """

    job_id: str
    partition: str
    kind: str
    created: bool


def accept_file(ledger: Ledger, store: ObjectStore, settings: Settings, path: Path, order: Order) -> Accepted:
    """Upload a local file and accept it.

    Raises:
        InputError: the file isn't there, is empty or is nothing Telecine reads.
        ConfigurationError: IDEMPOTENCY_CONFLICT.
    """
    try:
        with path.open("rb") as f:
            sniffed = sniff(f.read(HEAD_BYTES))
        content, size_bytes = sha256_of(path), path.stat().st_size
    except OSError as e:
        raise InputError(ErrorCode.SOURCE_MISSING, f"{path}: {e.strerror}") from None
    # Names that aren't UTF-8 exist on disks but not in S3 keys.
    name = path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    key = _key(content, order, name)
    there = store.stat(settings.input_bucket, key)
    if there is None or there.size_bytes != size_bytes:
        store.upload(settings.input_bucket, key, path, mime=sniffed.mime, cache="no-cache")
    if sniffed.kind == "video":
        upload_sidecars(store, path, settings.input_bucket, key)
    return _accept(ledger, store, settings.input_bucket, key, sniffed, content, order)


def accept_object(ledger: Ledger, store: ObjectStore, settings: Settings, uri: str, order: Order) -> Accepted:
    """Accept an object of the store, by a copy that the store makes itself; the original may change afterwards.

    Args:
        uri: s3://bucket/key, percent-encoded.

    Raises:
        InputError: SOURCE_MISSING, or nothing Telecine reads.
        ConfigurationError: INVALID_REQUEST for another kind of address, IDEMPOTENCY_CONFLICT.
    """
    bucket, source_key = parse_uri(uri)
    info = store.stat(bucket, source_key)
    if info is None:
        raise InputError(ErrorCode.SOURCE_MISSING, f"{uri}: there is no such object")
    head = b"" if info.size_bytes == 0 else store.read(bucket, source_key, length=HEAD_BYTES, etag=info.etag)
    sniffed = sniff(head)
    content = hashlib.sha256(f"{info.etag}:{info.size_bytes}".encode()).hexdigest()
    key = _key(content, order, PurePosixPath(source_key).name)
    there = store.stat(settings.input_bucket, key)
    if there is None or there.size_bytes != info.size_bytes:
        store.copy(info, settings.input_bucket, key)
    if sniffed.kind == "video":
        copy_sidecars(store, info, settings.input_bucket, key)
    return _accept(ledger, store, settings.input_bucket, key, sniffed, content, order)


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address.

    Raises:
        ConfigurationError: INVALID_REQUEST.
    """
    parts = urlsplit(uri)
    key = unquote(parts.path.lstrip("/"))
    if parts.scheme != "s3" or not parts.netloc or not key:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"{uri!r} is no address like s3://bucket/key")
    if parts.username is not None:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, "credentials don't belong into an address; set them apart")
    return parts.netloc, key


def _key(content: str, order: Order, name: str) -> str:
    return f"{UPLOADS_PREFIX}{content[:12]}-{order.recipe.hash[:6]}/{name}"


def _accept(
    ledger: Ledger, store: ObjectStore, bucket: str, key: str, sniffed: Sniffed, content: str, order: Order
) -> Accepted:
    info = store.stat(bucket, key)
    if info is None:
        raise InputError(ErrorCode.SOURCE_MISSING, f"{bucket}/{key} was deleted right after its upload")
    job_id = new_id()
    first = ledger.do(_take, info, sniffed, content, order, job_id)
    if first is not None and (job := ledger.do(job_rows.get, [first]).get(first)) is not None:
        return Accepted(first, job.partition, job.kind, created=False)
    return Accepted(job_id, partition_key(bucket, key), sniffed.kind, created=True)


def _take(
    connection: Connection, info: ObjectInfo, sniffed: Sniffed, content: str, order: Order, job_id: str
) -> str | None:
    """Keys and job in one transaction; answers the id of the first job when this isn't it."""
    fingerprint = order.fingerprint(content)
    keys = []
    if order.idempotency_key:
        keys.append(submission_keys.request_key(order.idempotency_key))
    if order.deduplicate:
        keys.append(submission_keys.content_key(content, order.recipe.hash))
    for key in keys:
        if first := submission_keys.take(connection, key, fingerprint, job_id):
            for taken in keys[: keys.index(key)]:  # the chosen key was new, but the content wasn't
                submission_keys.point(connection, taken, first)
            return first
    media.accept(
        connection,
        info,
        sniffed,
        order.recipe,
        priority=order.priority,
        lane=order.lane,
        origin="submit",
        job_id=job_id,
        terms=order.terms,
    )
    return None
