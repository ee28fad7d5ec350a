"""The manifest of a batch: `batches/<batch_id>/manifest.json` in the output bucket, written once it has ended.

Names each child with its outcome and the URL of its own manifest. It is public like all outputs, so the submitter's
metadata is not in it. The ledger's rows are the truth; this follows them.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from telecine.errors import ConfigurationError, ErrorCode
from telecine.ledger import Job, Ledger, batches
from telecine.partition import manifest_key
from telecine.storage import ObjectStore


def batch_manifest_key(batch_id: str) -> str:
    """Where a batch's manifest is in the output bucket."""
    return f"batches/{batch_id}/manifest.json"


def batch_manifest(ledger: Ledger, batch_id: str) -> dict[str, Any]:
    """The document, from the ledger; `url`s are percent-encoded and relative to it.

    Raises:
        ConfigurationError: INVALID_REQUEST when there is no such batch.
    """
    batch = ledger.do(batches.get, batch_id)
    if batch is None:
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"there is no batch {batch_id}")
    return {
        "schema": 1,
        "batch_id": batch.batch_id,
        "name": batch.name,
        "status": batch.status,
        "mode": batch.mode,
        "total": batch.total,
        "created_at": batch.created_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
        "jobs": [_child(job) for job in ledger.do(batches.children, batch_id)],
    }


def write_batch_manifest(ledger: Ledger, store: ObjectStore, bucket: str, batch_id: str) -> None:
    """Write the manifest of an ended batch; harmless to repeat.

    Raises:
        TelecineError: from the store; recovery tries again.
    """
    body = json.dumps(batch_manifest(ledger, batch_id), indent=1, ensure_ascii=False).encode()
    store.write(bucket, batch_manifest_key(batch_id), body, mime="application/json")
    ledger.do(batches.mark_written, batch_id)


def _child(job: Job) -> dict[str, Any]:
    published = job.status == "COMPLETED" or job.partial
    return {
        "job_id": job.job_id,
        "partition": job.partition,
        "source": f"{job.bucket}/{job.key}",
        "kind": job.kind,
        "status": job.status.value,
        "partial": job.partial,
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
        "manifest": f"../../{quote(manifest_key(job.partition))}" if published else None,
    }
