"""Claims: taken up once, given back when their worker is gone, opened by runs that people start."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from telecine.errors import ErrorCode, InputError, NotOurs, TransientError
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, attempts, backlog, claims, generations, media, runs
from telecine.ledger import jobs as job_rows
from telecine.ledger.claims import MAX_DEATHS
from tests.integration.conftest import accept, an_object, get, waiting

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Claimed = Callable[..., str]
Drop = Callable[..., Job]


def test_jobs_wait_in_the_order_they_should_start(ledger: Ledger, drop: Drop) -> None:
    normal, low, urgent, second = drop(), drop(priority=1), drop(priority=20), drop()
    ledger.do(
        lambda c: c.execute(text("UPDATE telecine.jobs SET lane = 'archive' WHERE job_id = :i"), {"i": urgent.job_id})
    )
    order = [job.job_id for job in waiting(ledger)]
    assert order == [normal.job_id, second.job_id, low.job_id, urgent.job_id], "live before archive, then priority"


def test_a_claimed_job_is_not_claimed_again(ledger: Ledger, drop: Drop) -> None:
    jobs = [drop() for _ in range(5)]
    first = ledger.do(claims.request, "c1", jobs, lane="image", priority=5)
    assert len(first) == 5
    assert waiting(ledger) == []
    assert ledger.do(claims.request, "c2", jobs, lane="image", priority=5) == []
    assert len(ledger.do(claims.request, "c1", jobs, lane="image", priority=5)) == 5, "repeated: the same answer"
    assert ledger.do(claims.open_claims) == {("image", 5): 2}


def test_two_dispatchers_at_once_never_share_a_job(ledger: Ledger, drop: Drop) -> None:
    for _ in range(20):
        drop()

    def dispatch(number: int) -> list[str]:
        def claim(connection: object) -> list[str]:
            found = [item.job for item in backlog.waiting(connection, limit=10)]  # type: ignore[arg-type]
            return claims.request(connection, f"c{number}", found, lane="image", priority=5)  # type: ignore[arg-type]

        return ledger.do(claim)

    with ThreadPoolExecutor(6) as pool:
        taken = [job_id for some in pool.map(dispatch, range(6)) for job_id in some]
    assert len(taken) == len(set(taken)) == 20


def test_of_two_runs_for_one_claim_the_first_gets_it(ledger: Ledger, drop: Drop) -> None:
    ledger.do(claims.request, "c", [drop()], lane="image", priority=5)
    assert ledger.do(claims.start, "c", run_id="run-1", worker="host:1")
    assert ledger.do(claims.start, "c", run_id="run-1", worker="host:1"), "repeated: still ours"
    assert not ledger.do(claims.start, "c", run_id="run-2", worker="host:2")
    assert not ledger.do(claims.start, "c", run_id="run-1", worker="host:9"), "the same run in another process"
    ledger.do(claims.end, "c", "finished")
    assert not ledger.do(claims.start, "c", run_id="run-1", worker="host:1")


def test_twenty_runs_for_one_claim_at_once(ledger: Ledger, drop: Drop) -> None:
    ledger.do(claims.request, "c", [drop()], lane="image", priority=5)
    with ThreadPoolExecutor(20) as pool:
        got = list(pool.map(lambda n: ledger.do(claims.start, "c", run_id=f"run-{n}", worker=f"host:{n}"), range(20)))
    assert got.count(True) == 1


def test_a_claim_nobody_took_up_can_be_ended_and_one_somebody_just_took_up_can_not(ledger: Ledger, drop: Drop) -> None:
    job, other = drop(), drop()
    ledger.do(claims.request, "c1", [job], lane="image", priority=5)
    ledger.do(claims.request, "c2", [other], lane="image", priority=5)
    ledger.do(claims.start, "c2", run_id="run", worker="host:1")
    assert ledger.do(claims.end_unbound, "c1", "never started")
    assert not ledger.do(claims.end_unbound, "c2", "never started")
    assert not ledger.do(claims.start, "c1", run_id="late", worker="host:2"), "a run that comes too late"
    assert [j.job_id for j in waiting(ledger)] == [job.job_id]


def test_an_ended_claim_gives_back_what_it_had_not_finished(ledger: Ledger, drop: Drop, claimed: Claimed) -> None:
    done, failed, running, untouched = jobs = [drop() for _ in range(4)]
    claim_id = claimed(*jobs)
    begun = {job.job_id: ledger.do(attempts.begin, job, claim_id=claim_id, run_id="r", worker="w") for job in jobs[:3]}
    ledger.do(generations.publish, done.job_id, done.partition, begun[done.job_id], {})
    ledger.do(attempts.fail, failed.job_id, begun[failed.job_id], InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    assert ledger.do(claims.beat, claim_id).alive
    back = ledger.do(claims.end, claim_id, "lost", worker_died=True)
    assert sorted(back) == sorted([running.job_id, untouched.job_id])
    assert not ledger.do(claims.beat, claim_id).alive
    assert ledger.do(claims.end, claim_id, "lost", worker_died=True) == [], "repeated: nothing counts twice"
    now = ledger.do(job_rows.get, [job.job_id for job in jobs])
    assert [now[job.job_id].status for job in jobs] == ["COMPLETED", "FAILED", "PENDING", "PENDING"]
    assert [now[job.job_id].deaths for job in jobs] == [0, 0, 1, 0], "only what was being processed is a suspect"
    assert ledger.do(attempts.of_job, running.job_id)[0].outcome == "lost"


def test_a_file_whose_worker_dies_every_time_is_poison(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    for death in range(1, MAX_DEATHS + 1):
        claim_id, _ = begun(job)
        ledger.do(claims.end, claim_id, "lost", worker_died=True)
        assert get(ledger, job.job_id).deaths == death
    ended = get(ledger, job.job_id)
    assert (ended.status, ended.error_code) == ("FAILED", "POISON")
    assert ended.error_message
    assert waiting(ledger) == []


def test_a_worker_that_was_told_to_stop_counts_no_deaths(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    for _ in range(MAX_DEATHS + 2):
        claim_id, _ = begun(job)
        ledger.do(claims.end, claim_id, "interrupted")
    assert (get(ledger, job.job_id).status, get(ledger, job.job_id).deaths) == ("PENDING", 0)


def test_terminating_a_run_cancels_its_unfinished_jobs(ledger: Ledger, drop: Drop, claimed: Claimed) -> None:
    jobs = [drop() for _ in range(3)]
    claim_id = claimed(*jobs)
    generation = ledger.do(attempts.begin, jobs[0], claim_id=claim_id, run_id="r", worker="w")
    ledger.do(generations.publish, jobs[0].job_id, jobs[0].partition, generation, {})
    ledger.do(attempts.begin, jobs[1], claim_id=claim_id, run_id="r", worker="w")
    canceled = ledger.do(claims.cancel_jobs, claim_id, "terminated")
    assert sorted(canceled) == sorted(job.job_id for job in jobs[1:])
    assert ledger.do(claims.end, claim_id, "canceled") == []
    assert [get(ledger, job.job_id).status for job in jobs] == ["COMPLETED", "CANCELED", "CANCELED"]


def open_claim(ledger: Ledger, partitions: list[str], run: str = "ui") -> tuple[list[str], dict[str, str]]:
    return ledger.do(runs.open_claim, run, partitions, run_id=run, worker="host:1", lane="image")


def test_a_run_that_a_person_started_opens_jobs_or_takes_over_waiting_ones(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    done, waiting = drop(), drop()
    _, generation = begun(done)
    ledger.do(generations.publish, done.job_id, done.partition, generation, {})
    taken, refused = open_claim(ledger, [done.partition, waiting.partition])
    assert refused == {}
    assert len(taken) == 2
    assert waiting.job_id in taken
    (opened,) = [get(ledger, job_id) for job_id in taken if job_id != waiting.job_id]
    assert (opened.origin, opened.partition, opened.recipe_hash) == ("dagster", done.partition, done.recipe_hash)
    again, _ = open_claim(ledger, [done.partition, waiting.partition])
    assert sorted(again) == sorted(taken), "repeated: no second job"


def test_a_run_that_a_person_started_takes_jobs_of_a_claim_whose_run_has_not_begun(ledger: Ledger, drop: Drop) -> None:
    job = drop()
    ledger.do(claims.request, "c", [job], lane="image", priority=5)
    taken, _ = open_claim(ledger, [job.partition])
    assert taken == [job.job_id]
    assert ledger.do(job_rows.of_claim, "c") == []
    with pytest.raises(NotOurs):
        ledger.do(attempts.begin, job, claim_id="c", run_id="r", worker="w")


def test_partitions_that_can_not_be_made_now_are_refused_with_a_sentence_each(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    running, gone = drop(), drop()
    begun(running)
    bad = an_object("bad.txt")
    ledger.do(media.refuse, bad, InputError(ErrorCode.UNSUPPORTED_MEDIA, "bad.txt is no media"))
    (refused_row,) = ledger.do(media.refused)
    ledger.do(
        lambda c: c.execute(
            text("UPDATE telecine.media_objects SET deleted_at = now() WHERE partition = :p"), {"p": gone.partition}
        )
    )
    asked = [running.partition, gone.partition, refused_row.partition, "never-seen-00000000"]
    taken, refused = open_claim(ledger, asked)
    assert taken == []
    assert set(refused) == set(asked)
    assert "right now" in refused[running.partition]
    assert "deleted" in refused[gone.partition]
    assert "bad.txt is no media" in refused[refused_row.partition]
    assert "ever seen" in refused["never-seen-00000000"]


def test_many_people_who_materialize_the_same_partition_at_once_get_one_job_under_way(
    ledger: Ledger, drop: Drop
) -> None:
    job = drop()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: open_claim(ledger, [job.partition], f"ui-{n}"), range(8)))
    mine = [claim for claim in (f"ui-{n}" for n in range(8)) if ledger.do(job_rows.of_claim, claim)]
    assert len(mine) == 1


def test_what_dagster_was_not_told_is_remembered_until_it_is(ledger: Ledger, drop: Drop, claimed: Claimed) -> None:
    told, untold = drop(), drop()
    claim_ids = [claimed(told), claimed(untold, run="run-2", worker="host:2")]
    for job, claim_id in zip((told, untold), claim_ids, strict=True):
        generation = ledger.do(attempts.begin, job, claim_id=claim_id, run_id="r", worker="w")
        ledger.do(generations.publish, job.job_id, job.partition, generation, {"of": job.job_id})
    assert ledger.do(generations.unannounced) == [], "their runs are at it"
    ledger.do(claims.finish, claim_ids[0])
    ledger.do(claims.end, claim_ids[1], "lost", worker_died=True)
    (row,) = ledger.do(generations.unannounced)
    assert (row.job_id, row.generation, row.manifest, row.claim_id) == (
        untold.job_id,
        1,
        {"of": untold.job_id},
        claim_ids[1],
    )
    ledger.do(generations.mark_announced, claim_ids[1])
    assert ledger.do(generations.unannounced) == []


def test_many_waiting_jobs_are_claimed_in_their_order(ledger: Ledger) -> None:
    for n in range(100):
        accept(ledger, an_object(f"many/{n:04}.jpg"))
    found = waiting(ledger)
    assert [job.key for job in found] == [f"many/{n:04}.jpg" for n in range(100)]
    assert len(ledger.do(claims.request, new_id(), found, lane="image", priority=5)) == 100


def test_a_run_that_makes_only_some_assets_leaves_the_waiting_job_to_others(ledger: Ledger, drop: Drop) -> None:
    job = drop()
    for _ in range(2):  # a commit whose answer was lost is repeated
        (opened,), refused = ledger.do(
            runs.open_claim, "r1", [job.partition], run_id="r1", worker="w", lane="image", whole=False
        )
    assert refused == {}
    assert opened != job.job_id
    assert get(ledger, opened).origin == "dagster"
    assert (get(ledger, job.job_id).status, get(ledger, job.job_id).claim_id) == ("PENDING", None)
    assert len(ledger.do(claims.open_claims)) == 1


def test_an_attempt_at_an_older_version_is_not_tried_again(
    ledger: Ledger, drop: Drop, claimed: Claimed, begun: Callable[..., tuple[str, int]]
) -> None:
    failing, dying = drop("a.jpg", 1), drop("b.jpg", 1)
    _, generation = begun(failing)
    claim, _ = begun(dying)
    newer = [drop("a.jpg", 2), drop("b.jpg", 2)]
    ledger.do(attempts.fail, failing.job_id, generation, TransientError(ErrorCode.STORE_UNAVAILABLE, "away"))
    ledger.do(claims.end, claim, "lost", worker_died=True)
    for job in (failing, dying):
        assert (get(ledger, job.job_id).status, get(ledger, job.job_id).error_code) == ("CANCELED", "SOURCE_CHANGED")
    assert sorted(job.job_id for job in waiting(ledger)) == sorted(job.job_id for job in newer)
