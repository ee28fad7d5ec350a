"""`telecine events` and `telecine deliveries`: what happened, and who was told."""

from __future__ import annotations

import dataclasses
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from telecine.cli.app import app
from telecine.cli.look import JsonFlag, one_of, open_ledger, print_json, print_json_line, print_table, say, table

if TYPE_CHECKING:
    from telecine.ledger.events import Event

events_app = typer.Typer(help="What happened: read it, or have it delivered again.", no_args_is_help=True)
app.add_typer(events_app, name="events")

_PAGE = 500


@events_app.command()
def tail(
    after: Annotated[
        str | None, typer.Option(help="Everything after this cursor, oldest first; 0-0 is the beginning.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what happens.")] = False,
    event: Annotated[list[str] | None, typer.Option("--event", help="Only this event type; may be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Events in the order in which they became visible, each with the cursor behind it.

    Without --after: those of the last 24 hours. A client that gives back the last cursor misses nothing and sees
    nothing twice.
    """
    from telecine.ledger import events as rows

    ledger = open_ledger()
    cursor = rows.Cursor.parse(after) if after else ledger.do(rows.since, datetime.now(UTC) - timedelta(days=1))
    printed = 0
    while limit is None or printed < limit:
        page = ledger.do(rows.after, cursor, min(_PAGE, (limit or _PAGE + printed) - printed), event or ())
        for each in page:
            _print_event(each, as_json)
        printed += len(page)
        if page:
            cursor = page[-1].cursor
        elif follow:
            time.sleep(0.5)
        else:
            return


@events_app.command()
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(help="Ids of events.", metavar="[EVENT_ID]...")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="All since a time (2026-11-22T08:00, UTC unless it says otherwise) or 90m, 6h, 2d."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="To this endpoint, as its filters allow; else to all that had them.")
    ] = None,
    event: Annotated[list[str] | None, typer.Option("--event", help="Only this event type; may be repeated.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only deliveries that were given up.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Deliver events again, with the same ids. Progress is not replayed."""
    from telecine.ledger import delivery_log
    from telecine.ledger import events as rows

    if not event_ids and since is None:
        raise typer.BadParameter("name events, or a time with --since")
    ledger = open_ledger()
    if unknown := set(event_ids or ()) - ledger.do(rows.known, event_ids or ()):
        raise typer.BadParameter(f"there is no event {', '.join(sorted(unknown))}", param_hint="EVENT_ID")
    at = parse_since(since) if since is not None else None
    serials = ledger.do(rows.serials, event_ids=event_ids or (), since=at, types=event or ())
    due = 0
    for start in range(0, len(serials), _PAGE):
        due += ledger.do(delivery_log.replay, serials[start : start + _PAGE], endpoint, dead_only=dead)
    if as_json:
        print_json({"events": len(serials), "deliveries": due})
    else:
        say(f"{due} deliveries of {len(serials)} events are due now")


@app.command()
def deliveries(
    status: Annotated[str | None, typer.Option(help="PENDING, DELIVERED, DEAD or DROPPED.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.")] = None,
    event_id: Annotated[str | None, typer.Option("--event-id", help="Only of this event.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job's events.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Who was told of what, what they answered, and what is tried again when."""
    from telecine.ledger import delivery_log
    from telecine.ledger.deliveries import DeliveryStatus

    wanted = one_of(status, DeliveryStatus, "--status")
    found = open_ledger().do(
        delivery_log.listed,
        limit=limit,
        status=DeliveryStatus(wanted) if wanted else None,
        endpoint_id=endpoint,
        event_id=event_id,
        job_id=job,
    )
    if as_json:
        print_json([dict(row._mapping) for row in found])
        return
    shown = table("event", "endpoint", "type", "status", ">attempts", "next", "answer", ids=("event",))
    for row in found:
        waits = row.status == "PENDING" and row.attempts > 0
        shown.add_row(
            row.event_id,
            row.endpoint_id,
            row.event_type,
            row.status,
            str(row.attempts),
            row.next_attempt_at.strftime("%d %b %H:%M:%S") if waits else "",
            row.last_error or (f"HTTP {row.last_status}" if row.last_status else ""),
        )
    print_table(shown)


def parse_since(given: str, now: datetime | None = None) -> datetime:
    """A point in time, or a time span back from now.

    Raises:
        typer.BadParameter: it is neither.
    """
    if span := re.fullmatch(r"(\d+)([smhd])", given.strip()):
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[span.group(2)]
        return (now or datetime.now(UTC)) - timedelta(**{unit: int(span.group(1))})
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(
            f"{given} is neither a time nor a span like 90m, 6h, 2d", param_hint="--since"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _print_event(event: Event, as_json: bool) -> None:
    if as_json:
        print_json_line({**dataclasses.asdict(event), "cursor": str(event.cursor)})
        return
    state = event.snapshot
    more = f"{state['progress']:.0f} %" if event.event_type == "job.progress" else state.get("error_code") or ""
    what = event.job_id or event.batch_id or ""
    line = f"{event.occurred_at:%Y-%m-%d %H:%M:%S}  {event.cursor!s:16} {event.event_type:16} {what} {more}"
    say(line.rstrip())
