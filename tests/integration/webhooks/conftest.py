"""A ledger with a way to move jobs through their lives, and the misbehaving receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from telecine.errors import ErrorCode, InputError, TransientError
from telecine.job_id import new_id
from telecine.ledger import Ledger, attempts, batches, claims, delivery_log, endpoints, generations
from telecine.ledger import jobs as job_rows
from telecine.webhooks.deliver import deliver_due
from telecine.webhooks.settings import WebhookSettings
from tests.integration.conftest import accept, an_object, get
from tests.integration.webhooks.receiver import Receiver, receiver

RULES = WebhookSettings(allow_http=True, allow_private=True, timeout_s=1.0, rate_per_s=0)
OUTPUTS = "http://outputs.example/media-outputs"
MANIFEST = {
    "source": {"kind": "image"},
    "outputs": [
        {
            "asset": "image/thumbnails",
            "name": "thumbnail",
            "key": "p/g1/thumbnails/thumbnail.jpg",
            "mime": "image/jpeg",
            "size_bytes": 5,
            "sha256": "0" * 64,
            "width": 150,
            "height": 150,
            "duration_s": None,
            "bitrate_bps": None,
            "codecs": None,
        }
    ],
}


@pytest.fixture
def server() -> Iterator[Receiver]:
    """The misbehaving receiver."""
    with receiver() as found:
        yield found


class Life:
    """Moves jobs, as the house does, and looks at what came of it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def accepted(self, key: str = "", kind: str = "image", **terms: Any) -> str:
        """A waiting job."""
        job_id = accept(self.ledger, an_object(key), kind, origin="process")
        assert job_id is not None
        if terms:
            assignments = ", ".join(f"{name} = :{name}" for name in terms)
            self.sql(f"UPDATE telecine.jobs SET {assignments} WHERE job_id = :job", job=job_id, **terms)
        return job_id

    def begun(self, job_id: str) -> tuple[str, int]:
        """A worker takes it; answers its claim and generation."""
        job, claim_id = get(self.ledger, job_id), new_id()
        assert self.ledger.do(claims.request, claim_id, [job], lane="image", priority=5) == [job_id]
        assert self.ledger.do(claims.start, claim_id, run_id="run-1", worker="host:1")
        return claim_id, self.ledger.do(attempts.begin, job, claim_id=claim_id, run_id="run-1", worker="host:1")

    def reported(self, job_id: str, *percents: float) -> None:
        """Progress, step by step."""
        generation = get(self.ledger, job_id).generation
        assert generation is not None
        for percent in percents:
            self.ledger.do(attempts.report, job_id, generation, "ENCODING", percent, details={"fps": 30})

    def published(self, job_id: str) -> None:
        """It completes."""
        job = get(self.ledger, job_id)
        assert job.generation is not None
        self.ledger.do(generations.publish, job_id, job.partition, job.generation, MANIFEST)

    def completed(self, key: str = "", **terms: Any) -> str:
        """A job from beginning to end."""
        job_id = self.accepted(key, **terms)
        self.begun(job_id)
        self.published(job_id)
        return job_id

    def canceled(self, job_id: str) -> None:
        self.ledger.do(job_rows.request_cancel, job_id, "no longer wanted")

    def one_of_each(self) -> tuple[str, str]:
        """Every kind of event; answers a job that completed and one that was tried again and failed."""
        batch_id = new_id()
        self.ledger.do(batches.open_batch, batch_id, total=1, metadata={"trip": 1})
        done = self.accepted("a/Größe ✓.jpg", batch_id=batch_id)
        self.begun(done)
        self.reported(done, 30, 55, 80)
        self.published(done)
        failed = self.accepted()
        _, generation = self.begun(failed)
        self.ledger.do(attempts.fail, failed, generation, TransientError(ErrorCode.STORE_UNAVAILABLE, "away"))
        _, generation = self.begun(failed)
        self.ledger.do(attempts.fail, failed, generation, InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
        self.canceled(self.accepted())
        return done, failed

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Anything."""

        def run(connection: Any) -> list[Any]:
            done = connection.execute(text(statement), values)
            return list(done) if done.returns_rows else []

        return self.ledger.do(run)

    def endpoint(self, url: str, **wants: Any) -> str:
        """Register one; answers its id."""
        endpoint_id, secret = self.ledger.do(endpoints.add, url, **wants)
        self.secrets[endpoint_id] = secret
        return endpoint_id

    @property
    def secrets(self) -> dict[str, str]:
        """Secrets by endpoint."""
        return self.__dict__.setdefault("_secrets", {})

    def deliver(self, rules: WebhookSettings = RULES) -> int:
        """Deliver all that is due; answers how many arrived."""
        return deliver_due(self.ledger, rules, OUTPUTS, 30.0)

    def later(self) -> None:
        """Let the time until the next attempts pass, and every pause, breaker and bucket with it."""
        self.sql("UPDATE telecine.deliveries SET next_attempt_at = now() WHERE status = 'PENDING'")
        self.sql("UPDATE telecine.endpoints SET paused_until = NULL, tokens = NULL")

    def deliveries(self, **of: Any) -> list[Any]:
        """Deliveries, oldest first."""
        return list(reversed(self.ledger.do(delivery_log.listed, limit=10_000, **of)))

    def statuses(self, **of: Any) -> list[str]:
        """Their statuses."""
        return [row.status for row in self.deliveries(**of)]


@pytest.fixture
def life(ledger: Ledger) -> Life:
    """Moves jobs through their lives."""
    return Life(ledger)
