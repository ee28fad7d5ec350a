"""`telecine jobs`: see accepted work, and cancel it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app, err, out

if TYPE_CHECKING:
    from telecine.ledger import Job

jobs_app = typer.Typer(help="List, show and cancel jobs.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@jobs_app.command("list")
def list_jobs(
    status: Annotated[str | None, typer.Option(help="PENDING, PROCESSING, COMPLETED, FAILED or CANCELED.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """The newest jobs."""
    from rich.console import Console
    from rich.table import Table

    from telecine.ledger import JobStatus
    from telecine.ledger import jobs as rows

    if status is not None and status.upper() not in JobStatus.__members__:
        raise typer.BadParameter(f"{status} is none of {', '.join(JobStatus)}", param_hint="--status")
    found = _ledger().do(rows.newest, limit, JobStatus[status.upper()] if status else None)
    if as_json:
        _print_json([_plain(job) for job in found])
        return
    table = Table(box=None, header_style="bold")
    table.add_column("job", no_wrap=True, min_width=36)  # ids are there to be copied
    for name in ("kind", "status", "%", "attempts", "source", "reason"):
        table.add_column(name, overflow="fold")
    for job in found:
        reason = f"{job.error_code}: {job.error_message}" if job.error_code else ""
        table.add_row(
            job.job_id,
            job.kind,
            job.status.value,
            f"{job.progress:.0f}",
            str(job.attempts),
            f"{job.bucket}/{job.key}",
            reason,
        )
    Console(width=None if out.is_terminal else 400).print(table)


@jobs_app.command()
def show(job_id: Annotated[str, typer.Argument(help="A job's id.")], as_json: JsonFlag = False) -> None:
    """One job with every attempt at it."""
    from telecine.ledger import attempts as attempt_rows
    from telecine.ledger import jobs as rows

    ledger = _ledger()
    job = ledger.do(rows.get, [job_id]).get(job_id)
    if job is None:
        raise typer.BadParameter(f"there is no job {job_id}", param_hint="JOB_ID")
    attempts = [dict(attempt._mapping) for attempt in ledger.do(attempt_rows.of_job, job_id)]
    if as_json:
        _print_json({**_plain(job), "history": attempts})
        return
    for name, value in _plain(job).items():
        if value is not None and name != "recipe":
            out.print(f"{name:15} {value}", markup=False, highlight=False)
    for attempt in attempts:
        ended = f"{attempt['outcome']} at {attempt['ended_at']}" if attempt["ended_at"] else "running"
        out.print(
            f"attempt g{attempt['generation']}: {attempt['started_at']}, {ended}, run {attempt['run_id']}, "
            f"worker {attempt['worker']} {attempt['error_code'] or ''}",
            markup=False,
            highlight=False,
        )


@jobs_app.command()
def cancel(job_ids: Annotated[list[str], typer.Argument(help="Ids of jobs.", metavar="JOB_ID...")]) -> None:
    """Cancel jobs: waiting ones at once, running ones within a few seconds.

    Exit codes: 0 all are canceled or will be; 1 one of them is unknown or had ended already.
    """
    from telecine.ledger import JobStatus
    from telecine.ledger import jobs as rows

    ledger, refused = _ledger(), False
    for job_id in job_ids:
        status = ledger.do(rows.request_cancel, job_id, "canceled by telecine jobs cancel")
        if status is None:
            err.print(f"{job_id}: there is no such job", highlight=False)
        elif status is JobStatus.PROCESSING:
            out.print(f"{job_id}: being canceled", highlight=False)
        elif status is JobStatus.CANCELED:
            out.print(f"{job_id}: canceled", highlight=False)
        else:
            err.print(f"{job_id}: is {status} already", highlight=False)
        refused |= status not in (JobStatus.PROCESSING, JobStatus.CANCELED)
    if refused:
        raise typer.Exit(1)


def _ledger() -> Any:
    """The ledger of the running stack, or of the services the environment names; nothing is started for a look."""
    import os

    from telecine.ledger import Ledger

    url = os.environ.get("TELECINE_POSTGRES_URL")
    if url is None:
        from telecine.local import environment

        url = environment()["TELECINE_POSTGRES_URL"]
    return Ledger(url)


def _plain(job: Job) -> dict[str, Any]:
    return dataclasses.asdict(job)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, default=str, indent=1, ensure_ascii=False))
