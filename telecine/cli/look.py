"""Looking at a running system: the ledger, the settings, and how tables and documents are printed.

Belongs here: what commands share that look at jobs, batches, dead letters, the queue and workers. Nothing is started
for a look. Doesn't belong here: starting services (process.py, stack.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import err, out
from telecine.errors import ConfigurationError, ErrorCode

if TYPE_CHECKING:
    from rich.table import Table

    from telecine.ledger import Job, Ledger
    from telecine.machine import Pressure
    from telecine.settings import Settings

FILES_FAILED = 3  # some file failed; 1 is kept for the system

_WIDE = 120  # columns of a terminal in which an id, a source and a reason fit beside each other

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def open_ledger() -> Ledger:
    """The ledger of the running stack, or of the services the environment names; nothing is started for a look.

    Raises:
        ConfigurationError: STACK_FAILED when the local stack doesn't run.
    """
    from telecine.ledger import Ledger

    if not os.environ.get("TELECINE_POSTGRES_URL"):
        from telecine import local

        os.environ.update({name: value for name, value in local.environment().items() if name not in os.environ})
        found = local.status()
        if not found.running and "postgres" not in found.external:
            raise ConfigurationError(
                ErrorCode.STACK_FAILED, f"The stack in {found.home} is not running; `telecine up` starts it."
            )
    return Ledger(os.environ["TELECINE_POSTGRES_URL"])


def settings_or_none() -> Settings | None:
    """Settings, where the environment names all services; for a look at the ledger the database is enough."""
    from pydantic import ValidationError

    from telecine.settings import settings

    try:
        return settings()
    except ValidationError:
        return None


def pressure_here() -> Pressure | None:
    """This machine, when it is the one that dispatches: the embedded stack's; None otherwise."""
    from telecine.local.variables import external
    from telecine.machine import Pressure

    known = settings_or_none()
    if known is None or external("TELECINE_POSTGRES_URL") is not None:
        return None
    return Pressure.look(known.scratch)


def unknown(what: str, identity: str, see: str) -> ConfigurationError:
    """The error about an id that nothing has."""
    return ConfigurationError(ErrorCode.INVALID_REQUEST, f"there is no {what} {identity}; `telecine {see}` shows them")


def one_of(value: str | None, choices: Iterable[str], option: str, *, upper: bool = True) -> str | None:
    """A value of a closed list, in any case.

    Raises:
        typer.BadParameter: naming the choices.
    """
    if value is None:
        return None
    known = list(choices)
    found = value.upper() if upper else value.lower()
    if found not in known:
        raise typer.BadParameter(f"{value} is none of {', '.join(known)}", param_hint=option)
    return found


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(data, default=str, indent=1, ensure_ascii=False))


def print_json_line(data: Any) -> None:
    """One JSON document on a line of its own."""
    typer.echo(json.dumps(data, default=str, ensure_ascii=False))


def table(*columns: str, ids: Sequence[str] = ("job", "batch")) -> Table:
    """A table of narrow columns; ids stay in one piece, because they are there to be copied.

    A column named `>n` is a number, aligned right.
    """
    from rich.table import Table

    made = Table(box=None, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        if name in ids:
            made.add_column(name, no_wrap=True, min_width=36)
        else:
            made.add_column(name.removeprefix(">"), overflow="fold", justify="right" if name[0] == ">" else "left")
    return made


def print_table(made: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as it wants to be where nothing is cut for people."""
    from rich.console import Console

    Console(width=None if out.is_terminal else 400, highlight=False).print(made)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], below: int) -> None:
    """Print rows that begin with an id, each on one line; where a terminal is narrow the last cells come below it.

    Args:
        columns: as for `table`.
        below: how many of the last columns hold long text: a source, a reason.
    """
    if not out.is_terminal or out.width >= _WIDE:
        made = table(*columns)
        for row in rows:
            made.add_row(*(cell(text) for text in row))
        print_table(made)
        return
    short = [list(row[:-below]) for row in ([name.removeprefix(">") for name in columns], *rows)]
    widths = [max(len(row[number]) for row in short) for number in range(len(short[0]))]
    for number, row in enumerate(short):
        cells = [
            text.rjust(width) if name[0] == ">" else text.ljust(width)
            for name, text, width in zip(columns, row, widths, strict=False)
        ]
        say(" ".join(cells).rstrip(), style=None if number else "bold")
        for text in rows[number - 1][-below:] if number else ():
            if text:
                say(f"  {text}")


def say(text: str = "", style: str | None = None) -> None:
    """A line on stdout that nothing in it can colour."""
    out.print(text, style=style, markup=False, highlight=False)


def note(text: str, style: str | None = None) -> None:
    """A line on stderr that nothing in it can colour."""
    err.print(text, style=style, markup=False, highlight=False)


def source_of(job: Job) -> str:
    """bucket/key."""
    return f"{job.bucket}/{job.key}"


def plain(job: Job) -> dict[str, Any]:
    """A job as JSON-ready data, without the query of its webhook's URL, in which people keep tokens."""
    import dataclasses

    from telecine.cli.webhook_context import shown_url

    return {**dataclasses.asdict(job), "webhook_url": shown_url(job.webhook_url) or None}


def cell(text: str) -> str:
    """Text for a table, where brackets are brackets."""
    from rich.markup import escape

    return escape(text)
