"""Submission keys: the same request is one job, decided by the database, however many ask at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text

from telecine.acceptance import Accepted, Order, accept_file, accept_object
from telecine.errors import ConfigurationError, ErrorCode, InputError
from telecine.ledger import Ledger, attempts, batches
from telecine.ledger import jobs as job_rows
from telecine.ledger.jobs import Terms
from telecine.orders import BatchTerms, find_sources, place
from telecine.recipe import load_recipe
from telecine.settings import settings
from telecine.storage import ObjectStore
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Submit = Callable[..., Accepted]
_ORDER = Order(load_recipe("thumbnail"))
_BAD_FILE = InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken")


@pytest.fixture
def store(stack: dict[str, str]) -> ObjectStore:
    return ObjectStore.from_settings(settings())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return a_photo(tmp_path / "photo.png", "navy")


def a_photo(path: Path, colour: str) -> Path:
    Image.new("RGB", (8, 8), colour).save(path)
    return path


@pytest.fixture
def submit(ledger: Ledger, store: ObjectStore, photo: Path) -> Submit:
    """Hand over a file; by default always the same one."""

    def handed_over(path: Path = photo, order: Order = _ORDER) -> Accepted:
        return accept_file(ledger, store, settings(), path, order)

    return handed_over


def expire(ledger: Ledger) -> None:
    ledger.do(lambda c: c.execute(text("UPDATE telecine.submission_keys SET expires_at = now() - interval '1 s'")))


@pytest.mark.parametrize("key", [None, "order-7"])
def test_fifty_identical_submissions_at_once_are_one_job(
    ledger: Ledger, postgres_url: str, photo: Path, key: str | None
) -> None:
    script = Path(__file__).with_name("submit_storm.py")
    command = [sys.executable, str(script), postgres_url, str(photo), "25", *([key] if key else [])]
    storm = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in storm:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in storm:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [answer for process in storm for answer in json.loads(process.communicate(timeout=60)[0])]
    assert len(answers) == 50
    assert len({job_id for job_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert ledger.do(job_rows.count_by_status) == {"PENDING": 1}


def test_another_name_for_the_same_content_is_the_same_job(submit: Submit, tmp_path: Path, photo: Path) -> None:
    other = tmp_path / "copy.png"
    other.write_bytes(photo.read_bytes())
    assert submit(other).job_id == submit().job_id


def test_another_recipe_or_another_content_is_another_job(submit: Submit, tmp_path: Path) -> None:
    first = submit()
    assert submit(order=Order(load_recipe("web_optimized"))).job_id != first.job_id
    assert submit(a_photo(tmp_path / "other.png", "red")).job_id != first.job_id


def test_without_deduplication_each_submission_is_a_job(submit: Submit) -> None:
    again = replace(_ORDER, deduplicate=False)
    assert submit().job_id != submit(order=again).job_id != submit(order=again).job_id


def test_a_first_job_that_failed_lets_a_new_one_in(ledger: Ledger, submit: Submit, begun: Begun) -> None:
    first = submit()
    ledger.do(attempts.fail, first.job_id, begun(get(ledger, first.job_id))[1], _BAD_FILE)
    second = submit()
    assert second.created
    assert submit().job_id == second.job_id


def test_a_key_of_the_senders_own_answers_with_its_job_even_when_that_failed(
    ledger: Ledger, submit: Submit, begun: Begun
) -> None:
    keyed = replace(_ORDER, idempotency_key="order-7")
    first = submit(order=keyed)
    ledger.do(attempts.fail, first.job_id, begun(get(ledger, first.job_id))[1], _BAD_FILE)
    again = submit(order=keyed)
    assert (again.job_id, again.created) == (first.job_id, False)


@pytest.mark.parametrize(
    "other",
    [
        replace(_ORDER, priority=20),
        replace(_ORDER, recipe=load_recipe("web_optimized")),
        replace(_ORDER, terms=Terms(metadata={"shop": "7"})),
    ],
    ids=["priority", "recipe", "metadata"],
)
def test_a_senders_key_with_another_request_is_a_conflict(ledger: Ledger, submit: Submit, other: Order) -> None:
    submit(order=replace(_ORDER, idempotency_key="order-7"))
    with pytest.raises(ConfigurationError) as caught:
        submit(order=replace(other, idempotency_key="order-7"))
    assert caught.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert "order-7" in caught.value.message
    assert ledger.do(job_rows.count_by_status) == {"PENDING": 1}


def test_a_new_senders_key_for_known_content_answers_with_the_known_job_from_then_on(
    ledger: Ledger, submit: Submit, begun: Begun
) -> None:
    first = submit()
    keyed = replace(_ORDER, idempotency_key="order-7")
    assert submit(order=keyed).job_id == first.job_id
    ledger.do(attempts.fail, first.job_id, begun(get(ledger, first.job_id))[1], _BAD_FILE)
    assert submit(order=keyed).job_id == first.job_id


@pytest.mark.parametrize("key", [None, "order-7"])
def test_after_a_day_the_same_request_is_a_new_job(ledger: Ledger, submit: Submit, key: str | None) -> None:
    order = replace(_ORDER, idempotency_key=key)
    first = submit(order=order)
    expire(ledger)
    second = submit(order=order)
    assert second.created
    assert second.job_id != first.job_id
    assert not submit(order=order).created


def test_an_object_of_the_store_is_copied_and_recognised_again(ledger: Ledger, store: ObjectStore, photo: Path) -> None:
    bucket = settings().output_bucket  # any bucket will do that no rule watches
    store.upload(bucket, "elsewhere/a b.png", photo, mime="image/png", cache="no-cache")
    uri = f"s3://{bucket}/elsewhere/a%20b.png"
    first = accept_object(ledger, store, settings(), uri, _ORDER)
    second = accept_object(ledger, store, settings(), uri, _ORDER)
    assert (first.created, second.created, second.job_id) == (True, False, first.job_id)
    job = get(ledger, first.job_id)
    assert job.key.startswith("uploads/")
    assert store.stat(job.bucket, job.key) is not None


def test_a_batch_sent_again_with_its_key_is_the_same_batch_with_the_same_jobs(
    ledger: Ledger, store: ObjectStore, tmp_path: Path
) -> None:
    for colour in ("red", "green", "blue"):
        a_photo(tmp_path / f"{colour}.png", colour)
    sources, order = find_sources([str(tmp_path)]), replace(_ORDER, idempotency_key="spring")
    first = place(ledger, store, settings(), sources, order, BatchTerms("spring"))
    again = place(ledger, store, settings(), sources, order, BatchTerms("spring"))
    assert (first.batch_created, again.batch_created) == (True, False)
    assert again.batch_id == first.batch_id
    assert [p.submission.job_id for p in again.placed] == [p.submission.job_id for p in first.placed]
    assert {p.created for p in again.placed} == {False}
    assert [b.total for b in ledger.do(batches.newest, 10)] == [3]
    with pytest.raises(ConfigurationError, match="spring"):
        place(ledger, store, settings(), sources[:2], order, BatchTerms("spring"))


def test_a_refused_source_costs_the_others_nothing_unless_the_batch_fails_fast(
    ledger: Ledger, store: ObjectStore, tmp_path: Path
) -> None:
    a_photo(tmp_path / "good.png", "red")
    (tmp_path / "bad.png").write_text("not a picture")
    sources = find_sources([str(tmp_path), "s3://nowhere/gone.png", "*.nothing"])
    answer = place(ledger, store, settings(), sources, _ORDER, BatchTerms())
    codes = {p.submission.path.name: p.submission.error and p.submission.error[0] for p in answer.placed}
    assert codes["good.png"] is None
    assert codes["bad.png"] == "UNSUPPORTED_MEDIA"
    assert None not in (codes["gone.png"], codes["*.nothing"])
    assert answer.batch_id is not None
    assert len(ledger.do(batches.children, answer.batch_id)) == 1
    fast = place(ledger, store, settings(), sources, replace(_ORDER, deduplicate=False), BatchTerms(fail_fast=True))
    assert {p.submission.job_id for p in fast.placed} == {None}
    assert fast.batch_id is None


def test_a_batch_that_would_be_empty_is_none_and_its_key_stays_free(
    ledger: Ledger, store: ObjectStore, submit: Submit, photo: Path
) -> None:
    first, sources = submit(), find_sources([str(photo)])
    keyed = replace(_ORDER, idempotency_key="spring")
    known = place(ledger, store, settings(), sources, keyed, BatchTerms())
    assert (known.batch_id, known.placed[0].submission.job_id) == (None, first.job_id)
    assert ledger.do(batches.newest, 10) == []
    again = place(ledger, store, settings(), sources, keyed, BatchTerms("another name"))
    assert again.placed[0].submission.job_id == first.job_id


@pytest.mark.parametrize("gone", ["failed", "expired"])
def test_many_at_once_make_one_new_job_when_the_first_doesnt_count_any_more(
    ledger: Ledger, submit: Submit, begun: Begun, gone: str
) -> None:
    first = get(ledger, submit().job_id)
    if gone == "failed":
        ledger.do(attempts.fail, first.job_id, begun(first)[1], InputError(ErrorCode.CORRUPT_MEDIA, "broken"))
    else:
        expire(ledger)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: submit(), range(10)))
    assert len({answer.job_id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert answers[0].job_id != first.job_id
