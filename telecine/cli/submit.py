"""`telecine submit`: hand work over once, however often the command is repeated, with everything a job can be told.

Doesn't belong here: doing it all and bringing results home (process.py), or what accepting means (telecine/orders).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app, err
from telecine.cli.look import FILES_FAILED, note, one_of, print_json, say
from telecine.cli.process import connect

if TYPE_CHECKING:
    from telecine.acceptance import Order
    from telecine.orders import Answer
    from telecine.submission import Submission


@app.command()
def submit(
    sources: Annotated[
        list[str], typer.Argument(help="Files, globs, folders, or s3://bucket/key.", metavar="SOURCE...")
    ],
    recipe: Annotated[str, typer.Option(help="A preset's name, or a recipe file (.yaml).")] = "default",
    priority: Annotated[str, typer.Option(help="URGENT, HIGH, NORMAL or LOW.")] = "NORMAL",
    lane: Annotated[str, typer.Option(help="live, or archive: behind all live work.")] = "live",
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key answers with the same job for 24 hours; key#N for several.")
    ] = None,
    no_dedup: Annotated[
        bool, typer.Option("--no-dedup", help="A new job even for content that was submitted within 24 hours.")
    ] = False,
    batch: Annotated[bool, typer.Option("--batch", help="Follow even a single source as a batch.")] = False,
    batch_name: Annotated[
        str | None, typer.Option(help="A batch of this name; several sources are one anyway.")
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="The batch's first failure cancels the rest.")] = False,
    deadline: Annotated[
        str | None, typer.Option(help="Useless after this: an ISO time (UTC unless it says otherwise), or 30m, 6h.")
    ] = None,
    max_memory_mb: Annotated[int | None, typer.Option(min=128, help="Of one job; default 8192.")] = None,
    max_time: Annotated[str | None, typer.Option(help="Of one attempt: 90s, 30m; default an hour or more.")] = None,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, max=20, help="Instead of what its class of failure gets.")
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Told of these jobs' events, beside the endpoints.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="key=value, kept and sent with events; may be repeated.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> None:
    """Hand over files or objects as jobs and say for each whether its job was created or already there.

    The same content with the same recipe is one job within 24 hours. Several sources make a batch.

    Exit codes: 0 all handed over (with --wait: done); 3 some source was refused or failed; 1 the system failed.
    """
    from telecine.cli.follow import follow
    from telecine.orders import BatchTerms, find_sources, place
    from telecine.submission import refresh

    started = time.monotonic()
    asked = {"max_memory_mb": max_memory_mb, "max_attempts": max_attempts}
    order = _order(recipe, priority, lane, asked, deadline, max_time, webhook_url, metadata or [])
    found = find_sources(sources)
    if not found:
        note("No files found: the folders given hold none.")
        raise typer.Exit(FILES_FAILED)
    from dataclasses import replace

    order = replace(order, idempotency_key=idempotency_key, deduplicate=not no_dedup)
    wanted = BatchTerms(batch_name, fail_fast) if batch or batch_name or fail_fast or len(found) > 1 else None
    ledger, store, settings = connect()
    answer = place(ledger, store, settings, found, order, wanted)
    ended = refresh(ledger, [placed.submission for placed in answer.placed])
    if not as_json:
        _tell(answer, ended)
    if wait:
        ended = follow(ended, lambda now: refresh(ledger, now), err)
    if as_json:
        print_json(_document(answer, ended, time.monotonic() - started))
    elif wait:
        from telecine.cli.process import show_outputs

        show_outputs(ended, settings)
    _exit(answer, ended if wait else [])


def _order(
    recipe: str,
    priority: str,
    lane: str,
    limits: dict[str, Any],
    deadline: str | None,
    max_time: str | None,
    webhook_url: str | None,
    metadata: Sequence[str],
) -> Order:
    """The order of every source; refuses what can't be before anything is uploaded."""
    from telecine.acceptance import Order
    from telecine.ledger.jobs import Terms
    from telecine.limits import parse_limits
    from telecine.priority import Lane, Priority
    from telecine.recipe import load_recipe
    from telecine.spans import parse_moment, parse_span

    if deadline is not None:
        limits["deadline"] = parse_moment(deadline, later=True)
    if max_time is not None:
        limits["max_processing_time_seconds"] = parse_span(max_time)
    if webhook_url is not None:
        from telecine.webhooks.guard import check_url
        from telecine.webhooks.settings import WebhookSettings

        check_url(webhook_url, WebhookSettings())
    return Order(
        load_recipe(recipe),
        Priority.parse(priority),
        Lane(one_of(lane, Lane, "--lane", upper=False) or Lane.LIVE),
        Terms(
            limits=parse_limits({name: value for name, value in limits.items() if value is not None}),
            metadata=dict(_pair(text) for text in metadata),
            webhook_url=webhook_url,
        ),
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not key=value", param_hint="--metadata")
    return name, value


def _tell(answer: Answer, now: Sequence[Submission]) -> None:
    """A line for each source: created or already there on stdout, refusals on stderr."""
    for placed, s in zip(answer.placed, now, strict=True):
        if placed.fault is not None and s.error:
            how = "left out" if s.error[0] == "CANCELED" else "refused"
            note(f"{how:13}  {s.given}: {s.error[0]}: {s.error[1]}", style="red")
        elif placed.created:
            say(f"created        {s.job_id}  {s.given}")
        else:
            say(f"already there  {s.job_id}  {s.given}  ({s.status})")
    if answer.batch_id is not None:
        created = sum(placed.created for placed in answer.placed)
        say(f"{'batch' if answer.batch_created else 'same batch':13}  {answer.batch_id}  with {created} new job(s)")
    elif len(now) > 1:
        note("No batch was made: each source is refused, or is a job of an earlier submission (see --no-dedup).")


def _document(answer: Answer, ended: Sequence[Submission], seconds: float) -> dict[str, Any]:
    files = [{**s.as_json(), "created": placed.created} for placed, s in zip(answer.placed, ended, strict=True)]
    return {
        "batch_id": answer.batch_id,
        "batch_created": answer.batch_created,
        "files": files,
        "summary": {
            "created": sum(f["created"] for f in files),
            "already_there": sum(not f["created"] and f["job_id"] is not None for f in files),
            "refused": sum(f["job_id"] is None for f in files),
            "completed": sum(f["status"] == "completed" for f in files),
            "failed": sum(f["status"] == "failed" for f in files),
            "seconds": round(seconds, 3),
        },
    }


def _exit(answer: Answer, ended: Sequence[Submission]) -> None:
    from telecine.errors import ConfigurationError, InputError, NotOurs

    faults = [placed.fault for placed in answer.placed if placed.fault is not None]
    if any(not isinstance(fault, InputError | ConfigurationError | NotOurs) for fault in faults):
        raise typer.Exit(1)
    if faults or any(s.error is not None for s in ended):
        raise typer.Exit(FILES_FAILED)
