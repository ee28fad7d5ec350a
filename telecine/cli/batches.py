"""`telecine batches`: many jobs handed over as one, seen, followed and canceled as one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from telecine.cli.app import app
from telecine.cli.look import JsonFlag, note, open_ledger, plain, print_json, print_rows, say, unknown
from telecine.spans import say_span

if TYPE_CHECKING:
    from telecine.ledger.batches import Batch

batches_app = typer.Typer(help="List, show, watch and cancel batches.", no_args_is_help=True)
app.add_typer(batches_app, name="batches")

BatchId = Annotated[str, typer.Argument(help="A batch's id.")]


@batches_app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """The newest batches."""
    from telecine.ledger import batches

    found = open_ledger().do(batches.newest, limit)
    if as_json:
        print_json([dataclasses.asdict(batch) for batch in found])
        return
    if not found:
        note("no batches yet; `telecine submit` with several sources makes one")
        return
    print_rows(
        ("batch", "status", ">%", "opened (UTC)", "name", "jobs"),
        [
            (
                batch.batch_id,
                batch.status,
                f"{batch.progress:.0f}",
                f"{batch.created_at:%m-%d %H:%M}",
                batch.name or "",
                _counts(batch),
            )
            for batch in found
        ],
        below=2,
    )


@batches_app.command()
def show(batch_id: BatchId, as_json: JsonFlag = False) -> None:
    """One batch and its jobs."""
    from telecine.batch_manifest import batch_manifest_key
    from telecine.cli.jobs import print_jobs
    from telecine.ledger import batches

    ledger = open_ledger()
    batch = ledger.do(batches.get, batch_id)
    if batch is None:
        raise unknown("batch", batch_id, "batches list")
    children = ledger.do(batches.children, batch_id)
    if as_json:
        print_json({**dataclasses.asdict(batch), "jobs": [plain(job) for job in children]})
        return
    took = (batch.finished_at - batch.created_at).total_seconds() if batch.finished_at else None
    facts = {
        "batch": batch.batch_id,
        "name": batch.name,
        "status": f"{batch.status}, {batch.progress:.0f} %",
        "jobs": f"{_counts(batch)}, of {batch.total}",
        "mode": {"fail_fast": "the first failure cancels the rest"}.get(batch.mode, "goes on when some fail"),
        "metadata": ", ".join(f"{name} {value}" for name, value in batch.metadata.items()),
        "opened": f"{batch.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "ended": f"{batch.finished_at:%Y-%m-%d %H:%M:%S} UTC, {say_span(took)} later" if batch.finished_at else "",
        "manifest": f"{batch_manifest_key(batch_id)} in the output bucket" if batch.finished_at else "",
    }
    for name, value in facts.items():
        if value:
            say(f"{name:10}  {value}")
    say()
    print_jobs(children)


@batches_app.command()
def watch(
    batch_id: BatchId, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False
) -> None:
    """Follow a batch until it has ended: bars on a terminal, a line for each step elsewhere.

    Exit codes: 0 all jobs are completed; 3 some failed or were canceled; 1 there is no such batch.
    """
    from telecine.cli.watch import watch_batch

    watch_batch(open_ledger(), batch_id, as_json)


@batches_app.command()
def cancel(batch_id: BatchId, as_json: JsonFlag = False) -> None:
    """Cancel what hasn't ended of a batch: waiting jobs at once, running ones within a few seconds."""
    from telecine.ledger import batches

    ledger = open_ledger()
    batch = ledger.do(batches.get, batch_id)
    if batch is None:
        raise unknown("batch", batch_id, "batches list")
    waiting, running = ledger.do(batches.cancel, batch_id, "canceled by telecine batches cancel")
    if as_json:
        print_json({"batch_id": batch_id, "canceled": waiting, "being_canceled": running})
    elif waiting or running:
        say(f"{batch_id}: {waiting} waiting job(s) canceled, {running} running one(s) being canceled")
    else:
        note(f"{batch_id}: is {batch.status}, nothing of it was under way")
        raise typer.Exit(1)


def _counts(batch: Batch) -> str:
    return ", ".join(f"{number} {status.lower()}" for status, number in sorted(batch.counts.items())) or "none yet"
