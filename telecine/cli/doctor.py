"""`telecine doctor`: what works here, what doesn't, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from telecine.cli.app import app, err, out

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "broken": "[bold red]broken[/]"}


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False) -> None:
    """Check programs, versions, ports, disk, database, object store and Dagster, and say what to do.

    Exits with 1 when something is broken. A stack that isn't running is not broken.
    """
    from rich.table import Table

    from telecine.doctor import Verdict, examine

    with err.status("looking around"):
        findings = list(examine())
    broken = [f for f in findings if f.verdict is Verdict.BROKEN]
    if as_json:
        out.print_json(json.dumps({"healthy": not broken, "findings": [asdict(f) for f in findings]}))
        raise typer.Exit(1 if broken else 0)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(_MARKS[finding.verdict.value], finding.subject, finding.found)
        if finding.remedy:
            table.add_row("", "", f"[cyan]→ {finding.remedy}")
    out.print(table)
    out.print(f"\n{len(broken)} broken" if broken else "\nnothing is broken")
    raise typer.Exit(1 if broken else 0)
