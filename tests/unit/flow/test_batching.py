"""How waiting jobs become batches (telecine/batching.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from telecine.batching import MAX_FILES, Batch, cut_batches
from telecine.ledger import Job, JobStatus
from telecine.ledger.backlog import Waiting
from telecine.priority import STARVING, Lane, Priority

ROOM = {"image": 100, "video": 100, "audio": 100}
_JOB = Job(
    job_id="",
    partition="",
    bucket="b",
    key="k",
    etag="e",
    identity="i",
    size_bytes=1,
    kind="image",
    recipe={},
    recipe_hash="h",
    recipe_name="default",
    origin="bucket",
    correlation_id="",
    batch_id=None,
    replay_of=None,
    limits={},
    metadata={},
    webhook_url=None,
    lane=Lane.LIVE,
    priority=5,
    estimate_s=0.1,
    status=JobStatus.PENDING,
    stage=None,
    stage_progress=None,
    stage_details=None,
    progress=0,
    sequence=0,
    eta_low_s=None,
    eta_high_s=None,
    reported_at=None,
    attempts=0,
    deaths=0,
    generation=None,
    claim_id=None,
    cancel_requested=False,
    outputs=[],
    partial=False,
    error_class=None,
    error_code=None,
    error_message=None,
    error_details=None,
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    started_at=None,
    finished_at=None,
)


def job(number: int, **other: object) -> Job:
    return replace(_JOB, job_id=f"{number:05}", partition=f"p{number:05}", **other)  # type: ignore[arg-type]


def cut(
    jobs: Sequence[Job],
    is_fresh: Callable[[str], bool],
    cores: int,
    limits: Mapping[str, int],
    requested: Mapping[tuple[str, int], int] | None = None,
) -> list[Batch]:
    """Cut batches of jobs that have only just been accepted."""
    return cut_batches(
        [Waiting(job, job.priority - (20 if job.lane == Lane.ARCHIVE else 0)) for job in jobs],
        is_fresh,
        cores,
        limits,
        requested or {},
    )


def test_two_hundred_photos_dropped_at_once_are_one_batch() -> None:
    (batch,) = cut([job(n) for n in range(200)], lambda _: True, 2, ROOM)
    assert batch.fresh
    assert len(batch.jobs) == 200


def test_no_batch_has_more_files_than_the_limit() -> None:
    batches = cut([job(n, estimate_s=0.001) for n in range(450)], lambda _: True, 2, ROOM)
    assert [len(batch.jobs) for batch in batches] == [MAX_FILES, MAX_FILES, 50]


def test_low_priority_batches_are_short_so_that_nobody_waits_behind_them() -> None:
    batches = cut([job(n, priority=Priority.LOW, estimate_s=1.0) for n in range(40)], lambda _: True, 2, ROOM)
    assert all(sum(j.estimate_s for j in batch.jobs) <= 10.0 for batch in batches)  # 5 s on two cores
    assert len(batches) == 4


def test_videos_are_alone_in_their_run() -> None:
    batches = cut([job(n, kind="video") for n in range(3)], lambda _: True, 2, ROOM)
    assert [len(batch.jobs) for batch in batches] == [1, 1, 1]


def test_a_suspect_takes_nobody_with_it() -> None:
    waiting = [job(0), job(1, deaths=1), job(2)]
    batches = cut(waiting, lambda _: False, 2, ROOM)
    assert [[j.job_id for j in batch.jobs] for batch in batches] == [["00000", "00002"], ["00001"]]


def test_new_partitions_and_known_ones_are_never_in_one_batch() -> None:
    waiting = [job(n) for n in range(10)]
    known = {"p00003", "p00007"}
    batches = cut(waiting, lambda key: key not in known, 2, ROOM)
    assert {batch.fresh: {j.partition for j in batch.jobs} for batch in batches}[False] == known


def test_a_full_lane_waits_and_does_not_hold_up_the_others() -> None:
    waiting = [job(0, kind="video"), job(1, kind="video"), job(2)]
    batches = cut(waiting, lambda _: True, 2, {"video": 1, "image": 1})
    assert [batch.lane for batch in batches] == ["video", "image"]
    assert cut(waiting, lambda _: True, 2, {"video": 0, "image": 0}) == []
    assert cut(waiting, lambda _: True, 2, {"video": -1}) == []


def test_what_is_urgent_finds_room_however_much_else_is_requested() -> None:
    requested = {("image", 1): 4, ("image", 5): 3}
    waiting = [job(0, priority=20), job(1, priority=5), job(2, priority=1)]
    batches = cut(waiting, lambda _: True, 2, {"image": 4}, requested)
    assert [batch.priority for batch in batches] == [20], "NORMAL has one place left, which the urgent batch takes"
    assert [b.priority for b in cut(waiting[1:], lambda _: True, 2, {"image": 4}, requested)] == [5]
    assert cut(waiting, lambda _: True, 2, {"image": 4}, {("image", 20): 4}) == []


def test_archive_and_live_files_are_never_in_one_batch() -> None:
    waiting = [job(0), job(1, lane=Lane.ARCHIVE), job(2)]
    batches = cut(waiting, lambda _: True, 2, ROOM)
    assert [[j.job_id for j in batch.jobs] for batch in batches] == [["00000", "00002"], ["00001"]]


def test_of_what_is_starving_one_batch_at_a_time_goes_before_the_rest() -> None:
    low = [Waiting(job(n, priority=1, estimate_s=5.0), 1, starving=True) for n in range(6)]
    normal = [Waiting(job(n, priority=5), 5) for n in range(10, 12)]
    batches = cut_batches([*low, *normal], lambda _: True, 2, ROOM, {})
    assert [(batch.priority, len(batch.jobs)) for batch in batches] == [(STARVING, 2), (5, 2), (1, 2), (1, 2)]
    fed = cut_batches([*low, *normal], lambda _: True, 2, ROOM, {("image", STARVING): 1})
    assert [batch.priority for batch in fed] == [5, 1, 1, 1], "one is under way"
    mixed = [Waiting(job(0, priority=1), 1, starving=True), Waiting(job(1, priority=5), 5, starving=True)]
    assert [b.priority for b in cut_batches(mixed, lambda _: True, 2, ROOM, {})] == [STARVING]


_JOBS = st.lists(
    st.builds(
        lambda kind, priority, estimate_s, deaths: {
            "kind": kind,
            "priority": int(priority),
            "estimate_s": estimate_s,
            "deaths": deaths,
        },
        st.sampled_from(["image", "video", "audio"]),
        st.sampled_from(list(Priority)),
        st.floats(0.1, 40),
        st.sampled_from([0, 0, 0, 1]),
    ),
    max_size=30,
)


@settings(max_examples=40)
@given(_JOBS, st.integers(1, 8), st.sets(st.integers(0, 29)))
def test_with_room_every_job_is_in_exactly_one_batch_of_its_kind_and_priority(
    described: list[dict[str, object]], cores: int, known: set[int]
) -> None:
    described = sorted(described, key=lambda other: -int(str(other["priority"])))  # as the backlog gives them
    waiting = [job(n, **other) for n, other in enumerate(described)]
    fresh = {j.partition: n not in known for n, j in enumerate(waiting)}
    batches = cut(waiting, fresh.__getitem__, cores, ROOM)
    assert Counter(j.job_id for batch in batches for j in batch.jobs) == Counter(j.job_id for j in waiting)
    for batch in batches:
        assert {(j.kind, j.priority, fresh[j.partition]) for j in batch.jobs} == {
            (batch.lane, batch.priority, batch.fresh)
        }
        assert [j.job_id for j in batch.jobs] == sorted(j.job_id for j in batch.jobs), "order is kept"
    firsts = [batch.jobs[0].job_id for batch in batches]
    assert firsts == sorted(firsts), "who came first starts first"


@settings(max_examples=40)
@given(_JOBS, st.integers(0, 3), st.integers(0, 3))
def test_no_lane_gets_more_runs_than_it_has_room_for(
    described: list[dict[str, object]], images: int, videos: int
) -> None:
    described = sorted(described, key=lambda other: -int(str(other["priority"])))  # as the backlog gives them
    waiting = [job(n, **other) for n, other in enumerate(described)]
    batches = cut(waiting, lambda _: True, 2, {"image": images, "video": videos})
    lanes = Counter(batch.lane for batch in batches)
    assert lanes["image"] <= images
    assert lanes["video"] <= videos
    assert lanes["audio"] == 0
