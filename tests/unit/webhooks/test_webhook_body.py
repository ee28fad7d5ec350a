"""Bodies and signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from telecine.errors import ConfigurationError
from telecine.ledger.endpoints import new_secret
from telecine.ledger.events import EVENT_TYPES, Cursor, Event, Material
from telecine.webhooks import body, sign

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
OCCURRED = NOW - timedelta(hours=3)
OUTPUTS = "https://cdn.example.com/media-outputs"


def snapshot(**changed: Any) -> dict[str, Any]:
    return {
        "status": "COMPLETED",
        "progress": 100.0,
        "stage": None,
        "stage_progress": None,
        "stage_details": None,
        "eta_low_s": None,
        "eta_high_s": None,
        "attempts": 1,
        "deaths": 0,
        "generation": 2,
        "partial": False,
        "error_class": None,
        "error_code": None,
        "error_message": None,
        "created_at": "2026-11-22T06:59:00+00:00",
        "started_at": "2026-11-22T08:59:50.5+02:00",
        "finished_at": "2026-11-22T07:00:00+00:00",
        "not_before": "2026-11-22T06:59:00+00:00",
        **changed,
    }


def manifest(count: int) -> dict[str, Any]:
    outputs = [
        {
            "asset": "image/renditions",
            "name": f"{n}.webp",
            "key": f"a b-12345678/g2/renditions/{n}.webp",
            "mime": "image/webp",
            "size_bytes": 10,
            "sha256": "0" * 64,
            "width": 1,
            "height": 1,
            "duration_s": None,
            "bitrate_bps": None,
            "codecs": None,
        }
        for n in range(count)
    ]
    return {"outputs": outputs}


def material(event_type: str = "job.completed", outputs: int = 2, **changed: Any) -> Material:
    event = Event(7, "evt_7", event_type, "job-1", None, 3, "corr-1", snapshot(**changed), OCCURRED, Cursor(5, 7))
    return Material(
        event,
        kind="image",
        partition="a b-12345678",
        bucket="media-incoming",
        key="a b.jpg",
        size_bytes=99,
        recipe_name="default",
        metadata={"order": 5},
        outputs=[
            {"asset": "image/renditions", "name": "0.webp", "status": "COMPLETED"},
            {
                "asset": "image/renditions",
                "name": "x",
                "status": "FAILED",
                "error_code": "Y",
                "error_message": "why",
            },
        ],
        worker="host:1",
        estimate_s=2.04,
        error_code="WORKER_DIED",
        error_class="system",
        error_message="its worker stopped without a word",
        manifest=manifest(outputs) if event_type in ("job.completed", "job.failed") else None,
    )


def built(of: Material) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(body.build(of, NOW, OUTPUTS))
    return made


def test_the_envelope_names_this_attempt_and_when_it_happened() -> None:
    made = built(material())
    assert list(made) == [
        "event_id",
        "event_type",
        "event_timestamp",
        "occurred_at",
        "api_version",
        "correlation_id",
        "sequence",
        "job",
        "batch",
        "payload",
    ]
    assert made["event_timestamp"] == "2026-11-22T10:00:00.123456Z"
    assert made["occurred_at"] == "2026-11-22T07:00:00.123456Z"
    assert (made["api_version"], made["correlation_id"], made["sequence"]) == ("v1", "corr-1", 3)
    assert made["job"] == {
        "job_id": "job-1",
        "status": "COMPLETED",
        "progress_percentage": 100.0,
        "created_at": "2026-11-22T06:59:00.000000Z",
        "started_at": "2026-11-22T06:59:50.500000Z",
        "completed_at": "2026-11-22T07:00:00.000000Z",
        "batch_id": None,
    }


def test_a_completed_job_lists_its_outputs_by_url() -> None:
    payload = built(material())["payload"]
    assert [o["url"] for o in payload["output_files"]] == [
        f"{OUTPUTS}/a%20b-12345678/g2/renditions/{n}.webp" for n in range(2)
    ]
    assert payload["manifest_url"] == f"{OUTPUTS}/a%20b-12345678/manifest.json"
    assert payload["processing_duration"] == 9.5
    assert payload["metadata"] == {"order": 5}
    assert (payload["error"], payload["retry_eligible"]) == (None, False)


def test_long_lists_are_left_to_the_manifest_and_the_body_stays_below_20_kb() -> None:
    raw = body.build(material(outputs=2_000), NOW, OUTPUTS)
    assert len(raw) < 20_000
    payload = json.loads(raw)["payload"]
    assert (payload["output_files"], payload["output_count"], payload["outputs_complete"]) == ([], 2_000, False)
    assert payload["manifest_url"]


def test_whatever_is_long_the_body_stays_below_20_kb() -> None:
    huge = replace(material(outputs=500), metadata={"x": "ü" * 50_000}, key="k/" * 5_000)
    assert len(body.build(huge, NOW, OUTPUTS)) <= 20_000
    talkative = material("job.progress", stage_details={"text": "x" * 50_000}, error_message="m" * 90_000)
    assert len(body.build(talkative, NOW, OUTPUTS)) <= 20_000
    failed = material("job.failed", status="FAILED", error_code="INTERNAL", error_message="m" * 90_000, outputs=900)
    assert len(body.build(failed, NOW, OUTPUTS)) <= 20_000


@pytest.mark.parametrize(
    ("error_class", "eligible"), [("input", False), ("configuration", False), ("transient", True), ("resource", True)]
)
def test_a_failure_says_why_and_whether_trying_again_makes_sense(error_class: str, eligible: bool) -> None:
    failed = material(
        "job.failed", status="FAILED", error_class=error_class, error_code="X", error_message="the reason", partial=True
    )
    payload = built(failed)["payload"]
    assert payload["error"] == {"code": "X", "class": error_class, "message": "the reason"}
    assert payload["retry_eligible"] is eligible
    assert payload["partial"] is True
    assert len(payload["output_files"]) == 2, "what could be made is listed"
    assert payload["failed_outputs"] == [{"asset": "image/renditions", "name": "x", "code": "Y", "message": "why"}]


def test_a_retry_says_how_often_and_when_and_a_dead_worker_is_named() -> None:
    payload = built(material("job.retry", status="PENDING", attempts=1, deaths=1))["payload"]
    assert (payload["retry_count"], payload["next_attempt_at"]) == (2, "2026-11-22T06:59:00.000000Z")
    assert payload["error"]["code"] == "WORKER_DIED"
    assert payload["worker"] == "host:1"


def test_started_and_progress_say_what_people_watch() -> None:
    started = built(material("job.started", status="PROCESSING", attempts=0))["payload"]
    assert (started["worker"], started["attempt"], started["estimated_duration"]) == ("host:1", 1, 2.0)
    progress = built(
        material(
            "job.progress",
            status="PROCESSING",
            progress=51.23,
            stage="ENCODING",
            stage_progress=40.04,
            stage_details={"fps": 31.5},
            eta_low_s=3.21,
            eta_high_s=8.0,
        )
    )
    assert progress["job"]["progress_percentage"] == 51.2
    assert progress["payload"]["stage"] == "ENCODING"
    assert progress["payload"]["stage_percentage"] == 40.0
    assert progress["payload"]["stage_details"] == {"fps": 31.5}
    assert progress["payload"]["eta"] == {"low_s": 3.2, "high_s": 8.0}


def test_a_batch_counts_its_jobs() -> None:
    state = {
        "status": "PARTIAL",
        "name": "trip",
        "total": 3,
        "metadata": {"a": 1},
        "jobs": {"FAILED": 1, "COMPLETED": 2},
        "created_at": "2026-11-22T06:59:00+00:00",
        "finished_at": "2026-11-22T07:00:00+00:00",
    }
    event = Event(8, "evt_8", "batch.completed", None, "b-1", 1, "corr", state, OCCURRED, Cursor(5, 8))
    made = built(Material(event))
    assert made["job"] is None
    assert made["batch"]["jobs"] == {"completed": 2, "failed": 1}
    assert made["payload"] == {"metadata": {"a": 1}, "processing_duration": 60.0}


def test_every_kind_of_event_can_be_built() -> None:
    for event_type in EVENT_TYPES[:-1]:
        assert built(material(event_type))["event_type"] == event_type


def test_headers_verify_with_the_standard_and_with_plain_hmac() -> None:
    now, secret = datetime.now(UTC), new_secret()
    raw = body.build(material(), now, OUTPUTS)
    headers = sign.headers("evt_7", "job.completed", raw, now, [secret])
    assert Webhook(secret).verify(raw, headers)["event_id"] == "evt_7"
    plain = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    assert headers["X-Webhook-Signature"] == f"sha256={plain}"
    assert headers["X-Event-Type"] == "job.completed"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(raw + b" ", headers)


def test_a_zone_other_than_utc_signs_the_same_moment() -> None:
    now, secret = datetime.now(timezone(timedelta(hours=5))), new_secret()
    Webhook(secret).verify(b"{}", sign.headers("evt_1", "t", b"{}", now, [secret]))


def test_while_secrets_are_exchanged_both_verify() -> None:
    now, old, new = datetime.now(UTC), new_secret(), new_secret()
    headers = sign.headers("evt_1", "t", b"{}", now, [new, old])
    for secret in (old, new):
        Webhook(secret).verify(b"{}", headers)
    assert headers["X-Webhook-Signature"] == sign.plain_signature(new, b"{}")
    assert headers["X-Webhook-Signature-Previous"] == sign.plain_signature(old, b"{}")


@pytest.mark.parametrize("bad", ["", "hunter2", "whsec_", "whsec_AAAA", "whsec_!!!", "whsec_" + "A" * 400])
def test_weak_secrets_are_refused_without_repeating_them(bad: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        sign.check_secret(bad)
    assert bad == "" or bad not in refused.value.message.replace("whsec_ followed", "")
    sign.check_secret(new_secret())
