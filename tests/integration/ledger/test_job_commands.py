"""The commands that look at work and steer it, against a real ledger: what they print, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.cli.look import FILES_FAILED
from telecine.errors import ConfigurationError, ErrorCode, InputError, TransientError
from telecine.job_id import new_id
from telecine.ledger import Job, Ledger, attempts, batches, claims, generations
from tests.integration.conftest import get

pytestmark = pytest.mark.integration

Begun = Callable[..., tuple[str, int]]
Drop = Callable[..., Job]
Run = Callable[..., Result]
_BAD_FILE = InputError(ErrorCode.CORRUPT_MEDIA, "the file is broken", "libjpeg: premature end")


@pytest.fixture
def run(ledger: Ledger, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the test's ledger, as a program that isn't on a terminal."""
    monkeypatch.setenv("TELECINE_POSTGRES_URL", postgres_url)
    monkeypatch.setenv("TELECINE_RUN_SLOTS", "4")

    def run_command(*arguments: str) -> Result:
        done = CliRunner().invoke(app, list(arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run_command


@pytest.fixture
def failed(ledger: Ledger, drop: Drop, begun: Begun) -> Callable[..., Job]:
    def fail(key: str = "") -> Job:
        job = drop(key)
        ledger.do(attempts.fail, job.job_id, begun(job)[1], _BAD_FILE, resources={"memory_percent": 61.0})
        return get(ledger, job.job_id)

    return fail


def document(done: Result) -> Any:
    return json.loads(done.stdout)


def test_jobs_are_listed_by_status_kind_and_age(run: Run, drop: Drop, failed: Callable[..., Job]) -> None:
    bad, waiting, video = failed(), drop(), drop(kind="video")
    assert [job["job_id"] for job in document(run("jobs", "list", "--json"))] == [
        job.job_id for job in (video, waiting, bad)
    ]
    assert [job["job_id"] for job in document(run("jobs", "list", "--status", "failed", "--json"))] == [bad.job_id]
    assert len(document(run("jobs", "list", "--kind", "image", "--since", "1h", "--json"))) == 2
    assert document(run("jobs", "list", "--since", "2126-01-01", "--json")) == []
    shown = run("jobs", "list").stdout
    assert bad.job_id in shown
    assert "CORRUPT_MEDIA: the file is broken" in shown


@pytest.mark.parametrize("option", [("--status", "done"), ("--kind", "text")])
def test_a_value_out_of_its_list_is_refused_with_the_list(run: Run, option: tuple[str, str]) -> None:
    done = run("jobs", "list", *option)
    assert done.exit_code == 2
    assert option[1] in done.stderr


def test_a_job_is_shown_with_every_attempt_and_what_to_do(run: Run, failed: Callable[..., Job]) -> None:
    job = failed()
    shown = run("jobs", "show", job.job_id).stdout
    for expected in ("CORRUPT_MEDIA (input)", "in stage DOWNLOADING", "host:1", "memory_percent 61", "premature end"):
        assert expected in shown
    assert ErrorCode.CORRUPT_MEDIA.remedy in shown
    known = document(run("jobs", "show", job.job_id, "--json"))
    assert known["suggested_action"] == ErrorCode.CORRUPT_MEDIA.remedy
    assert known["history"][0]["error_class"] == "input"


@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "show"),
        ("jobs", "diagnose"),
        ("jobs", "watch"),
        ("batches", "show"),
        ("batches", "watch"),
        ("batches", "cancel"),
        ("dead-letters", "show"),
    ],
    ids=" ".join,
)
def test_an_unknown_id_is_named_with_the_command_that_lists_them(run: Run, command: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"no-such-id; `telecine .* list`"):
        run(*command, "no-such-id")


def test_cancel_answers_for_each_job(run: Run, drop: Drop, begun: Begun, failed: Callable[..., Job]) -> None:
    waiting, running, over = drop(), drop(), failed()
    begun(running)
    done = run("jobs", "cancel", waiting.job_id, running.job_id, over.job_id, "no-such-id")
    assert done.exit_code == 1
    assert f"{waiting.job_id}: canceled" in done.stdout
    assert f"{running.job_id}: being canceled" in done.stdout
    assert f"{over.job_id}: is FAILED already" in done.stderr
    assert "no such job" in done.stderr
    assert run("jobs", "cancel", running.job_id).exit_code == 0


def test_retry_takes_up_what_it_can_and_names_the_rest(
    run: Run, ledger: Ledger, drop: Drop, failed: Callable[..., Job]
) -> None:
    bad, waiting = failed(), drop()
    done = run("jobs", "retry", bad.job_id, waiting.job_id, "--priority", "high", "--json")
    assert done.exit_code == 1
    taken, refused = document(done)
    assert get(ledger, taken["new_job_id"]).priority == 10
    assert "PENDING" in refused["error"]


def test_a_waiting_job_gets_another_priority_and_an_ended_one_does_not(
    run: Run, ledger: Ledger, drop: Drop, failed: Callable[..., Job]
) -> None:
    waits, over = drop(), failed()
    done = run("jobs", "priority", waits.job_id, over.job_id, "--to", "urgent", "--json")
    assert done.exit_code == 1
    assert [answer["changed"] for answer in document(done)] == [True, False]
    assert get(ledger, waits.job_id).priority == 20


def test_watching_prints_a_line_of_json_for_each_change_and_ends_with_the_jobs(
    run: Run, ledger: Ledger, drop: Drop, begun: Begun, failed: Callable[..., Job]
) -> None:
    good, bad = drop(), failed()
    ledger.do(generations.publish, good.job_id, good.partition, begun(good)[1], {"outputs": []})
    done = run("jobs", "watch", good.job_id, bad.job_id, "--json")
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["COMPLETED", "FAILED"]
    assert done.exit_code == FILES_FAILED
    assert run("jobs", "watch", good.job_id).exit_code == 0


def test_diagnosis_reads_the_ledger(run: Run, ledger: Ledger, drop: Drop, begun: Begun, claimed: Any) -> None:
    before, job = drop(priority=20), drop()
    found = document(run("jobs", "diagnose", job.job_id, "--json"))
    assert found["verdict"] == "WAITING"
    assert "1 job of its kind (image) stands before it" in " ".join(found["because"])
    earlier = "UPDATE telecine.jobs SET created_at = now() - interval '90 s', not_before = now() - interval '90 s'"
    ledger.do(lambda c: c.execute(text(earlier)))
    assert document(run("jobs", "diagnose", before.job_id, "--json"))["verdict"] == "STUCK"
    claim_id = claimed(before, job)
    assert "1 job of it comes before this one" in run("jobs", "diagnose", job.job_id).stdout
    generation = ledger.do(attempts.begin, job, claim_id=claim_id, run_id="run-1", worker="host:1")
    assert document(run("jobs", "diagnose", job.job_id, "--json"))["verdict"] == "WORKING"
    ledger.do(lambda c: c.execute(text("UPDATE telecine.claims SET heartbeat_at = now() - interval '12 s'")))
    assert "was last heard 12 s ago" in run("jobs", "diagnose", job.job_id).stdout
    error = TransientError(ErrorCode.STORE_UNAVAILABLE, "the store hiccuped")
    ledger.do(attempts.fail, job.job_id, generation, error)
    assert "It will be tried again in" in run("jobs", "diagnose", job.job_id).stdout


def test_a_job_whose_file_is_busy_or_whose_lane_is_full_says_so(
    run: Run, ledger: Ledger, drop: Drop, begun: Begun
) -> None:
    old = drop("a.jpg", 1)
    begun(old)
    new = drop("a.jpg", 2)
    assert old.job_id in run("jobs", "diagnose", new.job_id).stdout
    for _ in range(4):
        begun(drop())
    assert "lane (image) is full" in run("jobs", "diagnose", drop().job_id).stdout


def test_batches_are_listed_shown_watched_and_canceled(run: Run, ledger: Ledger, drop: Drop) -> None:
    batch_id, jobs = new_id(), [drop(), drop()]
    ledger.do(batches.open_batch, batch_id, total=2, name="spring")
    ledger.do(lambda c: c.execute(text("UPDATE telecine.jobs SET batch_id = :b"), {"b": batch_id}))
    assert "spring" in run("batches", "list").stdout
    assert [job["job_id"] for job in document(run("batches", "show", batch_id, "--json"))["jobs"]] == [
        job.job_id for job in jobs
    ]
    assert document(run("batches", "cancel", batch_id, "--json"))["canceled"] == 2
    assert "CANCELED" in run("batches", "show", batch_id).stdout
    watched = run("batches", "watch", batch_id)
    assert watched.exit_code == FILES_FAILED
    assert "0 of 2 completed" in watched.stderr
    assert run("batches", "cancel", batch_id).exit_code == 1


def test_dead_letters_are_listed_noted_resolved_and_purged(run: Run, failed: Callable[..., Job]) -> None:
    job, other = failed(), failed()
    listed = document(run("dead-letters", "list", "--class", "input", "--code", "corrupt_media", "--json"))
    assert [letter["job"]["job_id"] for letter in listed["dead_letters"]] == [other.job_id, job.job_id]
    assert listed["counts"] == [{"error_class": "input", "error_code": "CORRUPT_MEDIA", "number": 2}]
    assert run("dead-letters", "note", job.job_id, "asked").exit_code == 0
    assert run("dead-letters", "resolve", job.job_id, "--note", "a new file comes").exit_code == 0
    shown = run("dead-letters", "show", job.job_id).stdout
    assert "a new file comes" in shown
    assert "in stage DOWNLOADING" in shown
    assert run("dead-letters", "resolve", job.job_id).exit_code == 1
    assert job.job_id not in run("dead-letters", "list").stdout
    assert job.job_id in run("dead-letters", "list", "--resolved").stdout
    assert document(run("dead-letters", "purge", "--older-than", "30d", "--json")) == {"purged": 0}
    assert document(run("dead-letters", "purge", "--older-than", "0s", "--json")) == {"purged": 1}


def test_letters_are_replayed_by_name_by_code_or_all(run: Run, ledger: Ledger, failed: Callable[..., Job]) -> None:
    first, second, third = failed(), failed(), failed()
    assert run("dead-letters", "replay").exit_code == 2
    assert "no open letter" in run("dead-letters", "replay", "--code", "DISK_FULL").stderr
    [one] = document(run("dead-letters", "replay", first.job_id, "--json"))
    assert get(ledger, one["new_job_id"]).replay_of == first.job_id
    rest = document(run("dead-letters", "replay", "--all", "--json"))
    assert {answer["job_id"] for answer in rest} == {second.job_id, third.job_id}
    assert document(run("dead-letters", "list", "--json"))["dead_letters"] == []


def test_the_queue_shows_depth_slots_breakers_and_letters(
    run: Run, ledger: Ledger, drop: Drop, begun: Begun, failed: Callable[..., Job]
) -> None:
    from telecine.ledger import breakers

    failed()
    begun(drop())
    drop(priority=20)
    for _ in range(3):
        ledger.do(breakers.failed, breakers.OBJECT_STORE, "connection refused")
    found = document(run("queue", "--json"))
    assert {(row["priority"], row["waiting"], row["running"]) for row in found["depth"]} == {(20, 1, 0), (5, 0, 1)}
    assert found["slots"]["lanes"]["image"]["working"] == 2  # the failed one's claim is open, too
    assert found["breakers"][0]["name"] == "object_store"
    assert "connection refused" in found["bottleneck"][0]
    shown = run("queue").stdout
    for expected in ("object_store keeps failing", "1 CORRUPT_MEDIA", "oldest"):
        assert expected in shown


def test_workers_are_shown_with_state_and_machine(
    run: Run, ledger: Ledger, drop: Drop, begun: Begun, claimed: Callable[..., str]
) -> None:
    claim_id, _ = begun(drop("holiday/beach.jpg"))
    ledger.do(claims.beat, claim_id, {"memory_percent": 42.0, "scratch_percent": 3.0, "load_percent": 130.0})
    idle, silent, requested = claimed(drop(), worker="host:2"), claimed(drop(), worker="host:3"), new_id()
    ledger.do(claims.request, requested, [drop()], lane="image", priority=5)
    ledger.do(
        lambda c: c.execute(
            text("UPDATE telecine.claims SET heartbeat_at = now() - interval '1 min' WHERE claim_id = :c"),
            {"c": silent},
        )
    )
    found = {each["claim_id"]: each for each in document(run("workers", "--json"))}
    assert {claim: each["state"] for claim, each in found.items()} == {
        claim_id: "PROCESSING",
        idle: "IDLE",
        silent: "SILENT",
        requested: "REQUESTED",
    }
    assert found[claim_id]["jobs"][0]["source"] == "incoming/holiday/beach.jpg"
    shown = run("workers").stdout
    assert "42" in shown
    assert "beach.jpg downloading" in shown
