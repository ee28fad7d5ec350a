"""An event as the JSON that is sent. Pure: material in, bytes out; docs/webhooks.md describes it.

Every key is always present, null rather than absent. A body is at most 20 kB, so that nobody's receiver chokes on a
video with a thousand thumbnails: what is too long is left to the manifest, whose URL is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from telecine.ledger.events import TEST_EVENT, Material
from telecine.partition import manifest_key

API_VERSION = "v1"
MAX_BYTES = 20_000
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # requirements.md section 5
_OUTPUT_FIELDS = (
    "asset",
    "name",
    "mime",
    "size_bytes",
    "sha256",
    "width",
    "height",
    "duration_s",
    "bitrate_bps",
    "codecs",
)
_MAX_FAILED = 20
_OURS_TO_BLAME = frozenset({"transient", "resource", "system"})  # classes whose jobs may succeed when replayed


def build(material: Material, at: datetime, outputs_url: str) -> bytes:
    """The body of one attempt.

    Args:
        at: aware; the time of this attempt, which is `event_timestamp`. `occurred_at` is when it happened.
        outputs_url: base URL of the output bucket, without a trailing slash.
    """
    event, payload = material.event, _payload(material, outputs_url)
    envelope = {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "event_timestamp": at.astimezone(UTC).strftime(_TIME),
        "occurred_at": event.occurred_at.astimezone(UTC).strftime(_TIME),
        "api_version": API_VERSION,
        "correlation_id": event.correlation_id,
        "sequence": event.sequence,
        "job": _job(material) if event.job_id is not None else None,
        "batch": _batch(material) if event.batch_id is not None else None,
        "payload": payload,
    }
    body = _dump(envelope)
    for shorten in (_without_outputs, _without_details, _without_metadata):
        if len(body) > MAX_BYTES:
            shorten(payload)
            body = _dump(envelope)
    return body


def _dump(envelope: Mapping[str, Any]) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _job(material: Material) -> dict[str, Any]:
    state = material.event.snapshot
    return {
        "job_id": material.event.job_id,
        "status": state["status"],
        "progress_percentage": round(state["progress"], 1),
        "created_at": _time(state["created_at"]),
        "started_at": _time(state["started_at"]),
        "completed_at": _time(state["finished_at"]),
        "batch_id": material.job_batch_id,
    }


def _batch(material: Material) -> dict[str, Any]:
    state = material.event.snapshot
    return {
        "batch_id": material.event.batch_id,
        "name": state["name"],
        "status": state["status"],
        "total": state["total"],
        "jobs": {status.lower(): number for status, number in sorted((state["jobs"] or {}).items())},
        "created_at": _time(state["created_at"]),
        "completed_at": _time(state["finished_at"]),
    }


def _payload(material: Material, outputs_url: str) -> dict[str, Any]:
    event = material.event
    if event.event_type == TEST_EVENT:
        return {"message": "A test of this endpoint. Nothing happened."}
    if event.job_id is None:
        return {
            "metadata": event.snapshot["metadata"] or {},
            "processing_duration": _seconds(event.snapshot["created_at"], event.snapshot["finished_at"]),
        }
    specific = {
        "job.started": _started,
        "job.progress": _progress,
        "job.completed": _ended,
        "job.failed": _ended,
        "job.canceled": _ended,
        "job.retry": _retry,
    }[event.event_type](material, outputs_url)
    return {
        "source": {
            "bucket": material.bucket,
            "key": material.key,
            "partition": material.partition,
            "kind": material.kind,
            "size_bytes": material.size_bytes,
        },
        "recipe": material.recipe_name,
        "metadata": material.metadata or {},
        **specific,
    }


def _started(material: Material, _: str) -> dict[str, Any]:
    return {
        "worker": material.worker,
        "attempt": _attempt(material) + 1,
        "estimated_duration": None if material.estimate_s is None else round(material.estimate_s, 1),
    }


def _progress(material: Material, _: str) -> dict[str, Any]:
    state = material.event.snapshot
    return {
        "stage": state["stage"],
        "stage_percentage": None if state["stage_progress"] is None else round(state["stage_progress"], 1),
        "stage_details": state["stage_details"] or {},
        "eta": None
        if state["eta_low_s"] is None
        else {"low_s": round(state["eta_low_s"], 1), "high_s": round(state["eta_high_s"] or state["eta_low_s"], 1)},
    }


def _ended(material: Material, outputs_url: str) -> dict[str, Any]:
    state = material.event.snapshot
    outputs = _outputs(material, outputs_url)
    failed = state["status"] != "COMPLETED"
    return {
        "output_files": outputs,
        "output_count": len(outputs),
        "failed_outputs": [
            {
                "asset": row["asset"],
                "name": row["name"],
                "code": row["error_code"],
                "message": (row["error_message"] or "")[:200],
            }
            for row in material.outputs or ()
            if row["status"] == "FAILED"
        ][:_MAX_FAILED],
        "outputs_complete": True,
        "manifest_url": f"{outputs_url}/{quote(manifest_key(material.partition))}"
        if material.manifest and material.partition
        else None,
        "generation": state["generation"] if material.manifest else None,
        "processing_duration": _seconds(state["started_at"], state["finished_at"]),
        "error": _error(material) if failed else None,
        "partial": bool(state["partial"]),
        "retry_eligible": failed and (state["error_class"] or "system") in _OURS_TO_BLAME,
    }


def _retry(material: Material, _: str) -> dict[str, Any]:
    state = material.event.snapshot
    return {
        "error": _error(material),
        "retry_count": _attempt(material),
        "next_attempt_at": _time(state["not_before"]),
        "worker": material.worker,
        "retry_eligible": True,
    }


def _attempt(material: Material) -> int:
    """Attempts before this state, counting those whose worker died."""
    state = material.event.snapshot
    return int(state["attempts"]) + int(state["deaths"])


def _error(material: Material) -> dict[str, Any]:
    """What the job's row said; for a dead worker, what its attempt says."""
    state = material.event.snapshot
    own = state["error_code"] is not None
    message = state["error_message"] if own else material.error_message
    return {
        "code": state["error_code"] if own else material.error_code,
        "class": state["error_class"] if own else material.error_class,
        "message": message[:2_000] if message else None,
    }


def _outputs(material: Material, outputs_url: str) -> list[dict[str, Any]]:
    if material.manifest is None:
        return []
    return [
        {**{field: output.get(field) for field in _OUTPUT_FIELDS}, "url": f"{outputs_url}/{quote(output['key'])}"}
        for output in material.manifest["outputs"]
    ]


def _without_outputs(payload: dict[str, Any]) -> None:
    if "output_files" in payload:
        payload |= {"output_files": [], "failed_outputs": [], "outputs_complete": False}


def _without_details(payload: dict[str, Any]) -> None:
    if "stage_details" in payload:
        payload["stage_details"] = {}


def _without_metadata(payload: dict[str, Any]) -> None:
    payload["metadata"] = {}
    source = payload.get("source")
    if isinstance(source, Mapping) and len(source["key"] or "") > 1_024:
        payload["source"] = {**source, "key": source["key"][:1_024]}


def _time(value: str | None) -> str | None:
    """A snapshot's time (PostgreSQL's ISO 8601 with an offset) as the envelope writes times."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC).strftime(_TIME)


def _seconds(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)
