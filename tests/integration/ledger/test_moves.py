"""Jobs from accepted to ended: once per version, legal moves only, old generations refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from telecine.errors import ErrorCode, InputError, NotOurs, ResourceError, TransientError
from telecine.ledger import Job, JobStatus, Ledger, attempts, claims, generations, media
from telecine.ledger import jobs as job_rows
from tests.integration.conftest import accept, an_object, get, waiting

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]

LEGAL = {
    "PENDING": {"PROCESSING", "FAILED", "CANCELED", "ABANDONED"},
    "PROCESSING": {"PENDING", "COMPLETED", "FAILED", "CANCELED", "ABANDONED"},
}
_BAD_FILE = InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken")


def count(ledger: Ledger, table: str) -> int:
    return int(ledger.do(lambda c: c.scalar(text(f"SELECT count(*) FROM telecine.{table}"))) or 0)


def test_a_version_of_an_object_is_accepted_once_however_often_it_is_seen(ledger: Ledger) -> None:
    info = an_object()
    assert accept(ledger, info) is not None
    assert [accept(ledger, info) for _ in range(3)] == [None] * 3
    assert count(ledger, "jobs") == count(ledger, "media_objects") == 1


def test_twenty_sensors_at_once_accept_each_version_once(ledger: Ledger) -> None:
    objects = [an_object() for _ in range(10)]
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda n: accept(ledger, objects[n % 10]), range(200)))
    assert len([job_id for job_id in made if job_id]) == 10
    assert count(ledger, "jobs") == 10


def test_a_new_version_cancels_the_waiting_job_of_the_old_one(ledger: Ledger, drop: Drop) -> None:
    old = drop("a.jpg", 1)
    new = drop("a.jpg", 2)
    assert get(ledger, old.job_id).status == "CANCELED"
    assert get(ledger, old.job_id).error_code == "SOURCE_CHANGED"
    assert get(ledger, new.job_id).status == "PENDING"


def test_a_new_version_waits_while_the_old_one_is_processed(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    old = drop("a.jpg", 1)
    _, generation = begun(old)
    new = drop("a.jpg", 2)
    assert get(ledger, old.job_id).status == "PROCESSING"
    assert waiting(ledger) == []
    ledger.do(attempts.fail, old.job_id, generation, _BAD_FILE)
    assert [job.job_id for job in waiting(ledger)] == [new.job_id]


def test_an_upload_through_another_door_is_a_job_each_time(ledger: Ledger) -> None:
    info = an_object()
    assert len({accept(ledger, info, origin="process") for _ in range(3)} - {None}) == 3
    assert len(waiting(ledger)) == 1, "one at a time per partition"


def test_a_refused_version_is_recorded_and_a_later_good_one_is_accepted(ledger: Ledger, drop: Drop) -> None:
    waiting = drop("a.jpg", 1)
    bad = an_object("a.jpg", 2)
    ledger.do(media.refuse, bad, InputError(ErrorCode.EMPTY_FILE, "a.jpg is empty"))
    assert get(ledger, waiting.job_id).status == "CANCELED"
    (row,) = ledger.do(media.refused)
    assert (row.key, row.reason_code, row.reason) == ("a.jpg", "EMPTY_FILE", "a.jpg is empty")
    assert ledger.do(media.known_versions, "incoming", ["a.jpg"]) == {"a.jpg": bad.identity}
    assert drop("a.jpg", 3).status == "PENDING"
    assert list(ledger.do(media.refused)) == []


def test_what_a_listing_no_longer_shows_is_marked_and_comes_back_when_it_does(ledger: Ledger, drop: Drop) -> None:
    kept, gone = drop("kept.jpg"), drop("gone.jpg")
    drop("other/place.jpg")
    assert ledger.do(media.mark_deleted, "incoming", "", {"kept.jpg"}, 0.0) == [], "too fresh: the listing may be older"
    ledger.do(lambda c: c.execute(text("UPDATE telecine.media_objects SET changed_at = now() - interval '1 hour'")))
    assert ledger.do(media.mark_deleted, "incoming", "gone", set(), 0.0) == [gone.partition]
    assert ledger.do(media.mark_deleted, "elsewhere", "", set(), 0.0) == []
    assert set(ledger.do(media.known_versions, "incoming", ["kept.jpg", "gone.jpg"])) == {"kept.jpg"}
    assert get(ledger, gone.job_id).status == "PENDING", "nothing is removed"
    assert accept(ledger, an_object("gone.jpg")) is None, "the same version again is the same job"
    assert set(ledger.do(media.known_versions, "incoming", ["gone.jpg"])) == {"gone.jpg"}
    assert kept.partition in ledger.do(media.by_partition, [kept.partition])


def test_prefixes_with_like_characters_mark_only_themselves(ledger: Ledger, drop: Drop) -> None:
    drop("a_b/x.jpg"), drop("aXb/x.jpg"), drop("100%/x.jpg")
    ledger.do(lambda c: c.execute(text("UPDATE telecine.media_objects SET changed_at = now() - interval '1 hour'")))
    assert len(ledger.do(media.mark_deleted, "incoming", "a_b/", set(), 0.0)) == 1
    assert len(ledger.do(media.mark_deleted, "incoming", "100%", set(), 0.0)) == 1


def test_from_begin_to_published(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    claim_id, generation = begun(job)
    assert generation == 1
    ledger.do(attempts.report, job.job_id, generation, "ENCODING", 40.0)
    ledger.do(attempts.report, job.job_id, generation, "ENCODING", 10.0)
    assert get(ledger, job.job_id).progress == 40.0, "never backwards"
    for _ in range(2):  # a commit whose answer was lost is repeated
        ledger.do(generations.publish, job.job_id, job.partition, generation, {"n": 1})
    done = get(ledger, job.job_id)
    assert (done.status, done.progress, done.attempts, done.generation) == ("COMPLETED", 100.0, 1, 1)
    assert ledger.do(generations.current, job.partition) == (1, {"n": 1})
    assert ledger.do(claims.end, claim_id, "finished") == []
    (attempt,) = ledger.do(attempts.of_job, job.job_id)
    assert attempt.outcome == "completed"


def test_begin_repeated_is_the_same_attempt(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    claim_id, generation = begun(job)
    assert ledger.do(attempts.begin, job, claim_id=claim_id, run_id="run-1", worker="host:1") == generation
    assert count(ledger, "attempts") == 1


def test_a_file_at_fault_fails_at_once_and_a_neighbour_at_fault_means_another_try(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    broken, unlucky = drop(), drop()
    _, generation = begun(broken)
    assert ledger.do(attempts.fail, broken.job_id, generation, _BAD_FILE) is JobStatus.FAILED
    assert get(ledger, broken.job_id).error_message == "the file is broken"
    for tried in range(1, 6):
        ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET not_before = now() WHERE status = 'PENDING'")))
        _, generation = begun(unlucky)
        assert generation == tried
        status = ledger.do(
            attempts.fail, unlucky.job_id, generation, TransientError(ErrorCode.STORE_UNAVAILABLE, "away")
        )
        assert status is (JobStatus.FAILED if tried == 5 else JobStatus.PENDING)
        assert waiting(ledger) == [], "not before its delay is over"
    assert [a.outcome for a in ledger.do(attempts.of_job, unlucky.job_id)] == ["retry"] * 4 + ["failed"]


@pytest.mark.parametrize(("old", "new"), [m for m in product(JobStatus, JobStatus) if m[0] != m[1]])
def test_the_database_itself_refuses_every_illegal_move(
    ledger: Ledger, drop: Drop, begun: Begun, old: JobStatus, new: JobStatus
) -> None:
    job = drop()
    if old is not JobStatus.PENDING:
        begun(job)

    def move(status: JobStatus) -> None:
        extra = ", generation = 1, claim_id = (SELECT min(claim_id) FROM telecine.claims)" if status == new else ""
        if status is JobStatus.PROCESSING and old is JobStatus.PENDING:
            ledger.do(claims.request, "some-claim", [], lane="image", priority=5)
        ledger.do(
            lambda c: c.execute(
                text(f"UPDATE telecine.jobs SET status = :status{extra} WHERE job_id = :id"),
                {"status": status.value, "id": job.job_id},
            )
        )

    if old not in (JobStatus.PENDING, JobStatus.PROCESSING):
        move(old)
    if new.value in LEGAL.get(old.value, set()):
        move(new)
        assert get(ledger, job.job_id).status == new
    else:
        with pytest.raises(IntegrityError, match="may not move"):
            move(new)
        assert get(ledger, job.job_id).status == old


def test_nothing_is_processing_without_a_generation_and_a_claim(ledger: Ledger, drop: Drop) -> None:
    job = drop()
    with pytest.raises(IntegrityError, match="without a generation and a claim"):
        ledger.do(
            lambda c: c.execute(
                text("UPDATE telecine.jobs SET status = 'PROCESSING' WHERE job_id = :i"), {"i": job.job_id}
            )
        )


def test_generations_never_shrink(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    begun(job)
    for change in ("generation = 0", "published_generation = 2"):
        with pytest.raises(IntegrityError, match="only grow"):
            ledger.do(lambda c, change=change: c.execute(text(f"UPDATE telecine.media_objects SET {change}")))


def test_every_write_of_an_old_generation_is_refused(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    claim_id, old = begun(job)
    ledger.do(claims.end, claim_id, "lost", worker_died=True)
    late = [
        lambda: ledger.do(attempts.report, job.job_id, old, "ENCODING", 50.0),
        lambda: ledger.do(attempts.fail, job.job_id, old, _BAD_FILE),
        lambda: ledger.do(attempts.end_canceled, job.job_id, old, "late"),
        lambda: ledger.do(attempts.reclassify, job.job_id, old, "audio"),
        lambda: ledger.do(generations.publish, job.job_id, job.partition, old, {"n": old}),
        lambda: ledger.do(attempts.begin, job, claim_id=claim_id, run_id="run-1", worker="host:1"),
    ]

    def all_refused() -> None:
        for write in late:
            with pytest.raises(NotOurs) as caught:
                write()
            assert caught.value.code is ErrorCode.FENCED

    all_refused()  # while the job waits
    _, new = begun(job)
    assert new > old
    all_refused()  # while a newer attempt is at work
    ledger.do(generations.publish, job.job_id, job.partition, new, {"n": new})
    all_refused()  # and when it is done
    assert ledger.do(generations.current, job.partition) == (new, {"n": new})
    assert get(ledger, job.job_id).status == "COMPLETED"


def test_of_many_attempts_that_publish_at_once_only_the_newest_does(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    for _ in range(2):
        claim_id, _ = begun(job)
        ledger.do(claims.end, claim_id, "interrupted")
    _, newest = begun(job)

    def publish(generation: int) -> bool:
        try:
            ledger.do(generations.publish, job.job_id, job.partition, generation, {"n": generation})
        except NotOurs:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda n: (n % 3 + 1, publish(n % 3 + 1)), range(24)))
    assert {generation for generation, published in results if published} == {newest}
    assert count(ledger, "generations") == 1


def test_one_job_per_partition_is_processed_at_a_time(ledger: Ledger, claimed: Callable[..., str]) -> None:
    info = an_object()
    first, second = (accept(ledger, info, origin="process") for _ in range(2))
    assert first is not None
    assert second is not None
    one, other = claimed(get(ledger, first)), claimed(get(ledger, second), run="run-2", worker="host:2")
    ledger.do(attempts.begin, get(ledger, first), claim_id=one, run_id="run-1", worker="host:1")
    with pytest.raises(NotOurs):
        ledger.do(attempts.begin, get(ledger, second), claim_id=other, run_id="run-2", worker="host:2")


def test_twenty_runs_that_begin_the_jobs_of_one_partition_at_once_get_one_generation(
    ledger: Ledger, claimed: Callable[..., str]
) -> None:
    info = an_object()
    ids = [accept(ledger, info, origin="process") for _ in range(20)]
    jobs = [get(ledger, job_id) for job_id in ids if job_id]
    places = [(job, claimed(job, run=f"run-{n}", worker=f"host:{n}")) for n, job in enumerate(jobs)]

    def begin(place: tuple[Job, str]) -> int | None:
        try:
            return ledger.do(attempts.begin, place[0], claim_id=place[1], run_id="r", worker="w")
        except NotOurs:
            return None

    with ThreadPoolExecutor(20) as pool:
        assert [g for g in pool.map(begin, places) if g] == [1]


def test_canceling(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    waiting, running = drop(), drop()
    claim_id, generation = begun(running)
    assert ledger.do(job_rows.request_cancel, waiting.job_id, "not wanted") is JobStatus.CANCELED
    assert ledger.do(job_rows.request_cancel, running.job_id, "not wanted") is JobStatus.PROCESSING
    assert ledger.do(job_rows.request_cancel, "nobody", "not wanted") is None
    assert ledger.do(claims.beat, claim_id).cancel == {running.job_id}
    ledger.do(attempts.end_canceled, running.job_id, generation, "not wanted")
    assert ledger.do(job_rows.request_cancel, running.job_id, "again") is JobStatus.CANCELED
    assert ledger.do(claims.beat, claim_id).cancel == frozenset()


def test_a_canceled_job_whose_worker_died_is_canceled_and_not_tried_again(
    ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    job = drop()
    claim_id, _ = begun(job)
    ledger.do(job_rows.request_cancel, job.job_id, "not wanted")
    assert ledger.do(claims.end, claim_id, "lost", worker_died=True) == []
    assert get(ledger, job.job_id).status == "CANCELED"


def test_sound_in_a_video_container_goes_back_as_audio(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop(kind="video")
    claim_id, generation = begun(job)
    ledger.do(attempts.reclassify, job.job_id, generation, "audio")
    (again,) = waiting(ledger)
    assert (again.job_id, again.kind, again.claim_id) == (job.job_id, "audio", None)
    assert ledger.do(claims.end, claim_id, "reclassified") == []
    assert get(ledger, job.job_id).deaths == 0


def test_an_error_that_is_out_of_memory_three_times_is_final(ledger: Ledger, drop: Drop, begun: Begun) -> None:
    job = drop()
    statuses = []
    for _ in range(3):
        ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET not_before = now() WHERE status = 'PENDING'")))
        _, generation = begun(job)
        statuses.append(
            ledger.do(attempts.fail, job.job_id, generation, ResourceError(ErrorCode.OUT_OF_MEMORY, "no room"))
        )
    assert statuses == ["PENDING", "PENDING", "FAILED"]
