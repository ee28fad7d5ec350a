"""`telecine dead-letters`: failed jobs that nobody tries again by themselves, until a person decided about each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app
from telecine.cli.jobs import JobIds, again, parse_priority
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
from telecine.spans import parse_span

if TYPE_CHECKING:
    from telecine.ledger.dead_letters import Letter

letters_app = typer.Typer(help="Failed jobs: list, note, resolve, replay, purge.", no_args_is_help=True)
app.add_typer(letters_app, name="dead-letters")

CLASSES = ("input", "configuration", "transient", "resource", "system", "poison")
JobId = Annotated[str, typer.Argument(help="The failed job's id.")]
ByClass = Annotated[str | None, typer.Option("--class", help=f"Only this class: {', '.join(CLASSES)}.")]
ByCode = Annotated[str | None, typer.Option("--code", help="Only this error code, as in docs/errors.md.")]


@letters_app.command("list")
def list_letters(
    error_class: ByClass = None,
    error_code: ByCode = None,
    every: Annotated[bool, typer.Option("--resolved", help="Also those that were resolved or replayed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Open letters, newest first, and what about them needs a person now."""
    from telecine.ledger import dead_letters

    ledger = open_ledger()
    found = ledger.do(
        dead_letters.find,
        error_class=_class(error_class),
        error_code=_code(error_code),
        include_resolved=every,
        limit=limit,
    )
    alerts = ledger.do(dead_letters.alerts)
    counts = ledger.do(dead_letters.counts)
    if as_json:
        print_json(
            {
                "alerts": alerts,
                "counts": [dict(row._mapping) for row in counts],
                "dead_letters": [_plain(letter) for letter in found],
            }
        )
        return
    for alert in alerts:
        note(f"ALERT  {alert}", style="bold red")
    if not found:
        note("no dead letters")
        return
    print_rows(
        ("job", "class", "since (UTC)", "code", "source", "closed"),
        [
            (
                letter.job.job_id,
                letter.error_class,
                f"{letter.created_at:%m-%d %H:%M}",
                letter.error_code,
                source_of(letter.job),
                f"{letter.resolution} {letter.replayed_as or ''}".rstrip() if letter.resolution else "",
            )
            for letter in found
        ],
        below=3,
    )
    say(f"open: {', '.join(f'{row.number} {row.error_code}' for row in counts) or 'none'}")


@letters_app.command()
def show(job_id: JobId, as_json: JsonFlag = False) -> None:
    """One letter: its notes, what to do, and the whole history of its job."""
    from telecine.cli.job_sheet import print_sheet
    from telecine.ledger import attempts, dead_letters

    ledger = open_ledger()
    found = ledger.do(dead_letters.find, job_ids=[job_id], include_resolved=True)
    if not found:
        raise unknown("dead letter of job", job_id, "dead-letters list")
    history = [dict(row._mapping) for row in ledger.do(attempts.of_job, job_id)]
    if as_json:
        print_json({**_plain(found[0]), "history": history})
        return
    letter = found[0]
    if letter.resolution:
        by = f" as {letter.replayed_as}" if letter.replayed_as else ""
        say(f"{'letter':12}  {letter.resolution}{by} at {letter.resolved_at:%Y-%m-%d %H:%M} UTC")
    else:
        say(f"{'letter':12}  open since {letter.created_at:%Y-%m-%d %H:%M} UTC")
    for each in letter.notes:
        say(f"{'note':12}  {each['at']}: {each['text']}")
    print_sheet(letter.job, history, letter.suggestion)


@letters_app.command("note")
def add_note(job_id: JobId, text: Annotated[str, typer.Argument(help="What others should know.")]) -> None:
    """Add a note to a letter."""
    from telecine.ledger import dead_letters

    open_ledger().do(dead_letters.note, job_id, text)
    say(f"{job_id}: noted")


@letters_app.command()
def resolve(
    job_ids: JobIds,
    text: Annotated[str | None, typer.Option("--note", help="How it was taken care of.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Close letters that were taken care of in another way; nothing is done again.

    Exit codes: 0 all are closed; 1 one of them is unknown or was closed already.
    """
    from telecine.errors import ConfigurationError
    from telecine.ledger import dead_letters

    ledger, answers = open_ledger(), []
    for job_id in job_ids:
        error = None
        try:
            ledger.do(dead_letters.resolve, job_id, text)
        except ConfigurationError as e:
            error = e.message
        answers.append({"job_id": job_id, "resolved": error is None, "error": error})
        if not as_json:
            if error is None:
                say(f"{job_id}: resolved")
            else:
                note(f"{job_id}: {error}")
    if as_json:
        print_json(answers)
    if any(answer["error"] for answer in answers):
        raise typer.Exit(1)


@letters_app.command()
def replay(
    job_ids: Annotated[list[str] | None, typer.Argument(help="Ids of failed jobs.", metavar="[JOB_ID]...")] = None,
    error_class: ByClass = None,
    error_code: ByCode = None,
    every: Annotated[bool, typer.Option("--all", help="Every open letter.")] = False,
    priority: Annotated[str | None, typer.Option(help="URGENT, HIGH, NORMAL or LOW; default: as before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many, newest first.")] = 1_000,
    as_json: JsonFlag = False,
) -> None:
    """Do failed jobs again: those named, those of a class or code, or all. Published outputs are not made again.

    Exit codes: 0 all were taken up; 1 one of them is unknown or closed, or its source is gone.
    """
    from telecine.ledger import dead_letters

    if not (job_ids or error_class or error_code or every):
        raise typer.BadParameter("name jobs, or choose them with --class, --code or --all")
    number, ledger = parse_priority(priority), open_ledger()
    wanted = list(job_ids or ())
    if not wanted:
        found = ledger.do(dead_letters.find, error_class=_class(error_class), error_code=_code(error_code), limit=limit)
        wanted = [letter.job.job_id for letter in found]
    answers = [again(ledger, dead_letters.replay, job_id, number, quiet=as_json) for job_id in wanted]
    if as_json:
        print_json(answers)
    elif not answers:
        note("no open letter matches")
    if any(answer["error"] for answer in answers):
        raise typer.Exit(1)


@letters_app.command()
def purge(
    older_than: Annotated[str, typer.Option(help="Closed at least this long ago: 30d, 12h.")],
    as_json: JsonFlag = False,
) -> None:
    """Forget letters that were resolved or replayed long ago. Open letters and the jobs stay."""
    from telecine.ledger import dead_letters

    number = open_ledger().do(dead_letters.purge, parse_span(older_than))
    if as_json:
        print_json({"purged": number})
    else:
        say(f"{number} forgotten")


def _class(value: str | None) -> str | None:
    return one_of(value, CLASSES, "--class", upper=False)


def _code(value: str | None) -> str | None:
    from telecine.errors import ErrorCode

    return one_of(value, ErrorCode, "--code")


def _plain(letter: Letter) -> dict[str, Any]:
    return {**dataclasses.asdict(letter), "job": plain(letter.job), "suggested_action": letter.suggestion}
