"""`telecine jobs`: see accepted work, follow it, cancel it, do it again.

Doesn't belong here: why a job stands where it stands (diagnose.py), or how following looks (watch.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app
from telecine.cli.look import (
    JsonFlag,
    note,
    one_of,
    open_ledger,
    plain,
    print_json,
    print_rows,
    say,
    source_of,
    unknown,
)

if TYPE_CHECKING:
    from telecine.ledger import Job

jobs_app = typer.Typer(help="List, show, watch, cancel, retry and diagnose jobs.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")

JobIds = Annotated[list[str], typer.Argument(help="Ids of jobs.", metavar="JOB_ID...")]
KINDS = ("image", "video", "audio")


@jobs_app.command("list")
def list_jobs(
    status: Annotated[
        str | None, typer.Option(help="PENDING, PROCESSING, COMPLETED, FAILED, CANCELED or ABANDONED.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="image, video or audio.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only the jobs of this batch.")] = None,
    since: Annotated[str | None, typer.Option(help="Accepted since: 90m, 6h, 2d, or an ISO time (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """The newest jobs."""
    from telecine.ledger import JobStatus
    from telecine.ledger import jobs as rows
    from telecine.spans import parse_moment

    wanted = one_of(status, JobStatus, "--status")
    moment = parse_moment(since) if since else None
    found = open_ledger().do(
        rows.find,
        status=JobStatus(wanted) if wanted else None,
        kind=one_of(kind, KINDS, "--kind", upper=False),
        batch_id=batch,
        since=moment,
        limit=limit,
    )
    if as_json:
        print_json([plain(job) for job in found])
        return
    print_jobs(found)


def print_jobs(found: list[Job]) -> None:
    """Jobs as a table."""
    if not found:
        note("no such jobs")
        return
    print_rows(
        ("job", "kind", "status", ">%", ">tries", "source", "reason"),
        [
            (
                job.job_id,
                job.kind,
                job.status.value,
                f"{job.progress:.0f}",
                str(job.attempts),
                source_of(job),
                f"{job.error_code}: {job.error_message}" if job.error_code else "",
            )
            for job in found
        ],
        below=2,
    )


@jobs_app.command()
def show(job_id: Annotated[str, typer.Argument(help="A job's id.")], as_json: JsonFlag = False) -> None:
    """One job: what was asked for, every output, every attempt with class, stage and reason, and what to do."""
    from telecine.ledger import attempts as attempt_rows
    from telecine.ledger import jobs as rows

    ledger = open_ledger()
    job = ledger.do(rows.get, [job_id]).get(job_id)
    if job is None:
        raise unknown("job", job_id, "jobs list")
    attempts = [dict(attempt._mapping) for attempt in ledger.do(attempt_rows.of_job, job_id)]
    if as_json:
        print_json({**plain(job), "suggested_action": suggestion(job), "history": attempts})
        return
    from telecine.cli.job_sheet import print_sheet

    print_sheet(job, attempts, suggestion(job))


def suggestion(job: Job) -> str | None:
    """What to do about a job that ended badly, or that failed and is tried again."""
    from telecine.errors import ErrorCode

    if job.error_code is None:
        return None
    known = job.error_code in ErrorCode.__members__
    return (ErrorCode[job.error_code] if known else ErrorCode.INTERNAL).remedy


@jobs_app.command()
def watch(
    job_ids: JobIds, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False
) -> None:
    """Follow jobs until all have ended: bars on a terminal, a line for each step elsewhere.

    Exit codes: 0 all are completed; 3 some failed or were canceled; 1 one of them is unknown.
    """
    from telecine.cli.watch import watch_jobs

    watch_jobs(open_ledger(), job_ids, as_json)


@jobs_app.command()
def cancel(job_ids: JobIds, as_json: JsonFlag = False) -> None:
    """Cancel jobs: waiting ones at once, running ones within a few seconds.

    Exit codes: 0 all are canceled or will be; 1 one of them is unknown or had ended already.
    """
    from telecine.ledger import JobStatus
    from telecine.ledger import jobs as rows

    ledger, answers, refused = open_ledger(), [], False
    for job_id in job_ids:
        status = ledger.do(rows.request_cancel, job_id, "canceled by telecine jobs cancel")
        answer = {
            None: "there is no such job; `telecine jobs list` shows them",
            JobStatus.PROCESSING: "being canceled",
            JobStatus.CANCELED: "canceled",
        }.get(status, f"is {status} already")
        is_refused = status not in (JobStatus.PROCESSING, JobStatus.CANCELED)
        refused |= is_refused
        answers.append({"job_id": job_id, "canceled": not is_refused, "answer": answer})
        if not as_json:
            (note if is_refused else say)(f"{job_id}: {answer}")
    if as_json:
        print_json(answers)
    if refused:
        raise typer.Exit(1)


@jobs_app.command()
def retry(
    job_ids: JobIds,
    priority: Annotated[str | None, typer.Option(help="URGENT, HIGH, NORMAL or LOW; default: as before.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Do failed or canceled jobs again, as new jobs; outputs that are published already are not made again.

    Exit codes: 0 all were taken up; 1 one of them is unknown, has not ended, or its source is gone.
    """
    from telecine.ledger import dead_letters

    number = parse_priority(priority)
    ledger, answers = open_ledger(), []
    for job_id in job_ids:
        answers.append(again(ledger, dead_letters.retry, job_id, number, quiet=as_json))
    if as_json:
        print_json(answers)
    if any(answer["error"] for answer in answers):
        raise typer.Exit(1)


@jobs_app.command()
def priority(
    job_ids: JobIds,
    to: Annotated[str, typer.Option(help="URGENT, HIGH, NORMAL or LOW.")],
    as_json: JsonFlag = False,
) -> None:
    """Give waiting jobs another priority; it counts until they are given to a run.

    Exit codes: 0 all have it; 1 one of them is unknown or doesn't wait any more.
    """
    from telecine.ledger import JobStatus
    from telecine.ledger import jobs as rows
    from telecine.priority import Priority

    wanted = Priority.parse(to)
    ledger, answers = open_ledger(), []
    for job_id in job_ids:
        status = ledger.do(rows.reprioritize, job_id, wanted.value)
        changed = status is JobStatus.PENDING
        answer = wanted.name if changed else f"is {status} already" if status else "there is no such job"
        answers.append({"job_id": job_id, "changed": changed, "answer": answer})
        if not as_json:
            (say if changed else note)(f"{job_id}: {answer}")
    if as_json:
        print_json(answers)
    if not all(answer["changed"] for answer in answers):
        raise typer.Exit(1)


def parse_priority(value: str | None) -> int | None:
    """A priority's number; None when none was given."""
    from telecine.priority import Priority

    return None if value is None else int(Priority.parse(value))


def again(ledger: Any, how: Any, job_id: str, priority: int | None, *, quiet: bool) -> dict[str, Any]:
    """Retry or replay one job and say so; a refusal is an answer, too."""
    from telecine.errors import ConfigurationError

    try:
        new = ledger.do(how, job_id, priority=priority)
    except ConfigurationError as e:
        if not quiet:
            note(f"{job_id}: {e.message}")
        return {"job_id": job_id, "new_job_id": None, "error": e.message}
    if not quiet:
        say(f"{job_id}: again as {new}")
    return {"job_id": job_id, "new_job_id": new, "error": None}


@jobs_app.command()
def diagnose(job_id: Annotated[str, typer.Argument(help="A job's id.")], as_json: JsonFlag = False) -> None:
    """Say why a job waits, is stuck or failed, and what to do. docs/jobs.md explains each sentence."""
    from telecine.cli.diagnose import diagnose_job

    found = diagnose_job(open_ledger(), job_id)
    if as_json:
        print_json({"job_id": job_id, **found.as_json()})
        return
    say(f"{found.verdict.value}  {job_id}", style="bold")
    for sentence in found.because:
        say(sentence)
    for sentence in found.advice:
        say(f"-> {sentence}", style="cyan")
