"""What is over is forgotten after a while; what isn't, never."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from telecine.errors import ErrorCode, InputError
from telecine.ledger import Job, Ledger, attempts, claims, dead_letters, generations, media, retention
from telecine.ledger.retention import Retention
from tests.integration.conftest import accept, an_object, get

pytestmark = pytest.mark.integration


def age(ledger: Ledger, table: str, column: str, days: int) -> None:
    ledger.do(lambda c: c.execute(text(f"UPDATE telecine.{table} SET {column} = {column} - interval '{days} days'")))


def test_ended_jobs_go_after_their_days_and_their_outputs_stay(
    ledger: Ledger, drop: Callable[..., Job], begun: Callable[..., tuple[str, int]]
) -> None:
    info = an_object("kept.jpg")
    done, failed, open_one = get(ledger, str(accept(ledger, info))), drop(), drop()
    claim, generation = begun(done)
    ledger.do(generations.publish, done.job_id, done.partition, generation, {"n": 1})
    ledger.do(claims.finish, claim)
    other, generation = begun(failed)
    ledger.do(attempts.report, failed.job_id, generation, "ENCODING", 10.0)
    ledger.do(attempts.fail, failed.job_id, generation, InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    ledger.do(claims.end, other, "finished")
    keep = Retention(jobs_days=90, progress_days=30)
    assert ledger.do(retention.purge, keep).jobs == 0
    ledger.do(dead_letters.resolve, failed.job_id)

    age(ledger, "progress_history", "at", 31)
    assert ledger.do(retention.purge, keep).progress == 1
    for table, column in (("jobs", "finished_at"), ("jobs", "created_at"), ("claims", "ended_at")):
        age(ledger, table, column, 91)
    purged = ledger.do(retention.purge, keep)
    assert (purged.jobs, purged.more) == (2, False)
    left = ledger.do(lambda c: c.scalars(text("SELECT job_id FROM telecine.jobs")).all())
    assert left == [open_one.job_id]
    assert ledger.do(lambda c: c.scalar(text("SELECT count(*) FROM telecine.claims"))) == 0
    assert ledger.do(generations.current, done.partition) == (1, {"n": 1})
    assert ledger.do(media.known_versions, "incoming", ["kept.jpg"]) == {"kept.jpg": info.identity}, "not seen as new"


def test_a_letter_is_kept_until_a_person_decides(
    ledger: Ledger, drop: Callable[..., Job], begun: Callable[..., tuple[str, int]]
) -> None:
    job = drop()
    ledger.do(attempts.fail, job.job_id, begun(job)[1], InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    age(ledger, "jobs", "finished_at", 400)
    assert ledger.do(retention.purge, Retention()).jobs == 0
    ledger.do(dead_letters.resolve, job.job_id)
    assert ledger.do(retention.purge, Retention()).jobs == 1
