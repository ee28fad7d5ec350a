"""`telecine endpoints`: who is told of events."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from telecine.cli.app import app
from telecine.cli.look import JsonFlag, note, open_ledger, print_json, print_table, say, table

endpoints_app = typer.Typer(help="Webhook endpoints: who is told of events.", no_args_is_help=True)
app.add_typer(endpoints_app, name="endpoints")

EndpointId = Annotated[
    str, typer.Argument(help="An endpoint's id; `jobs` is the one behind addresses given with jobs.")
]


@endpoints_app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where events are posted to; https:// and public unless configured.")],
    event: Annotated[list[str] | None, typer.Option("--event", help="Only this event type; may be repeated.")] = None,
    progress_step: Annotated[
        int | None, typer.Option(min=5, max=50, help="Percent between job.progress events, in steps of 5.")
    ] = None,
    recipe: Annotated[
        list[str] | None, typer.Option("--recipe", help="Only jobs with this recipe; repeatable.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Only objects whose key starts with this.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Attempts a second at most; 0: no limit.")] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read a secret of your own from stdin: whsec_ and base64.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Register an endpoint. Prints its secret, which is never shown again."""
    import asyncio

    from telecine.cli.webhook_context import rules
    from telecine.ledger import endpoints as rows
    from telecine.ledger.events import EVENT_TYPES
    from telecine.webhooks.guard import check_url
    from telecine.webhooks.network import check_host
    from telecine.webhooks.sign import check_secret

    for name in event or ():
        if name not in EVENT_TYPES:
            raise typer.BadParameter(f"{name} is none of {', '.join(EVENT_TYPES)}", param_hint="--event")
    if progress_step is not None and progress_step % 5:
        raise typer.BadParameter("has to be a multiple of 5", param_hint="--progress-step")
    secret = typer.get_text_stream("stdin").readline().strip() if secret_stdin else None
    if secret is not None:
        check_secret(secret)
    known = rules()
    target = check_url(url, known)
    unreachable = asyncio.run(check_host(target.host, target.port, known))
    made, shown = open_ledger().do(
        rows.add,
        url,
        endpoint_id=rows.new_endpoint_id(),
        secret=secret,
        description=description,
        event_types=event or (),
        progress_step=progress_step,
        recipes=recipe or (),
        prefix=prefix,
        rate_per_s=rate,
    )
    if unreachable:
        note(f"nothing would be sent now: {unreachable}", style="yellow")
    if as_json:
        print_json({"endpoint_id": made, "secret": shown})
        return
    say(f"endpoint  {made}")
    say(f"secret    {shown}")
    note("The secret is not shown again. docs/webhooks.md shows how to verify with it.", style="dim")


@endpoints_app.command("list")
def list_endpoints(
    job_urls: Annotated[bool, typer.Option("--job-urls", help="Also addresses that were given with jobs.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Endpoints, what they want, and how they are."""
    from telecine.cli.webhook_context import shown_url
    from telecine.ledger import endpoints as rows

    found = open_ledger().do(rows.listed, job_urls=job_urls)
    if as_json:
        print_json([{**dataclasses.asdict(endpoint), "url": shown_url(endpoint.url)} for endpoint in found])
        return
    rows_shown = table("endpoint", "url", "health", ">waiting", "wants", "last error", ids=())
    for endpoint in found:
        wants = [
            ", ".join(endpoint.event_types or ["all events"]),
            *([f"every {endpoint.progress_step} %"] if endpoint.progress_step else []),
            *([f"recipes {', '.join(endpoint.recipes)}"] if endpoint.recipes else []),
            *([f"below {endpoint.prefix}"] if endpoint.prefix else []),
        ]
        why = endpoint.disabled_reason if not endpoint.enabled else endpoint.last_error if endpoint.failures else None
        rows_shown.add_row(
            endpoint.endpoint_id,
            shown_url(endpoint.url) or "given with jobs",
            endpoint.health,
            str(endpoint.pending),
            "; ".join(wants),
            why or "",
        )
    print_table(rows_shown)


@endpoints_app.command()
def rotate(
    endpoint_id: EndpointId,
    overlap_h: Annotated[float, typer.Option(min=0, help="Hours for which the old secret signs, too.")] = 24.0,
    as_json: JsonFlag = False,
) -> None:
    """Give an endpoint a new secret, and print it. Both sign for a while, so that no delivery is refused meanwhile."""
    from telecine.ledger import endpoints as rows

    shown = open_ledger().do(rows.rotate, endpoint_id, overlap_h * 3_600)
    if as_json:
        print_json({"endpoint_id": endpoint_id, "secret": shown})
        return
    say(f"secret    {shown}")
    note(f"The old one counts for {overlap_h:g} h more. This one is not shown again.", style="dim")


@endpoints_app.command("test")
def send_test(endpoint_id: EndpointId, as_json: JsonFlag = False) -> None:
    """Send a test event now and say what came back. Exits with 1 when it wasn't accepted."""
    from telecine.cli.webhook_context import context
    from telecine.ledger.deliveries import DeliveryStatus
    from telecine.webhooks.deliver import deliver_test

    result = deliver_test(*context(), endpoint_id)
    good = result.status is DeliveryStatus.DELIVERED
    if as_json:
        print_json(dataclasses.asdict(result))
    else:
        said = f"HTTP {result.answer}" if good else result.error
        say(f"{'delivered' if good else 'failed'}: {said} after {result.took_s:.2f} s")
        if result.response:
            say(result.response)
    raise typer.Exit(0 if good else 1)


@endpoints_app.command()
def disable(endpoint_id: EndpointId) -> None:
    """Send nothing more. What waits stays; what happens meanwhile is not for it (`telecine events replay`)."""
    from telecine.ledger import endpoints as rows

    open_ledger().do(rows.disable, endpoint_id, "disabled by telecine endpoints disable")
    say(f"{endpoint_id}: disabled")


@endpoints_app.command()
def enable(endpoint_id: EndpointId) -> None:
    """Send again, what waited first; forgets failures and pauses."""
    from telecine.ledger import endpoints as rows
    from telecine.ledger import events

    ledger = open_ledger()
    ledger.do(rows.enable, endpoint_id)
    ledger.do(events.wake)
    say(f"{endpoint_id}: enabled")


@endpoints_app.command()
def remove(endpoint_id: EndpointId) -> None:
    """Forget an endpoint, its secrets and its deliveries. Events stay."""
    from telecine.ledger import endpoints as rows

    open_ledger().do(rows.remove, endpoint_id)
    say(f"{endpoint_id}: removed")
