"""`telecine process` and `telecine demo`: the main job, from files on this machine and through the bucket."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telecine.cli.app import app, err
from telecine.errors import TelecineError

if TYPE_CHECKING:
    from telecine.settings import Settings
    from telecine.submission import Submission

FILES_FAILED = 3  # some file failed; 1 is kept for the system


@app.command()
def process(
    paths: Annotated[list[str], typer.Argument(help="Files, globs or folders.", metavar="PATH...")],
    recipe: Annotated[str, typer.Option(help="A preset's name, or a recipe file (.yaml).")] = "default",
    priority: Annotated[str, typer.Option(help="URGENT, HIGH, NORMAL or LOW.")] = "NORMAL",
    out: Annotated[Path | None, typer.Option(help="Copy each file's outputs and manifest.json here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is done.")] = True,
) -> None:
    """Make everything the recipe asks for from files on this machine.

    Exit codes: 0 all done; 3 some file failed (code and sentence on stderr); 1 the system failed.
    """
    from telecine.priority import Priority
    from telecine.recipe import load_recipe
    from telecine.submission import find_files, hand_over, refresh

    started = time.monotonic()
    chosen, number = load_recipe(recipe), Priority.parse(priority)
    submissions = find_files(paths)
    if not submissions:
        err.print("No files found: the folders given hold none.", highlight=False)
    fault: TelecineError | None = None
    try:
        if any(not s.is_over for s in submissions):
            from telecine.cli.follow import follow

            ledger, store, settings = connect()
            submissions = list(hand_over(ledger, store, settings, submissions, chosen, number))
            if wait:
                submissions = follow(submissions, lambda now: refresh(ledger, now), err)
            if out is not None and wait:
                _copy_home(store, settings, submissions, out)
    except TelecineError as e:
        if not as_json:
            raise
        fault = e
        submissions = [s if s.is_over else s.failed(e) for s in submissions]
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print(json.dumps(report(submissions, seconds), ensure_ascii=False))  # noqa: T201  the promised document
    elif wait:
        show_outputs(submissions, settings_or_none(), out)
    else:
        for s in submissions:
            if s.job_id:
                typer.echo(f"{s.job_id}  {s.partition}  {s.given}")
    if fault is not None:
        err.print(f"[red]{fault}[/red]", highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    finish(submissions, seconds)


def connect() -> tuple[Any, Any, Settings]:
    """Ledger, store and settings of the services; the embedded stack is started unless all are given from outside."""
    external = ("TELECINE_S3_ENDPOINT", "TELECINE_POSTGRES_URL", "TELECINE_DAGSTER_URL")
    if not all(os.environ.get(name) for name in external):
        from telecine.local import up

        with err.status("starting the stack") as status:
            os.environ.update(up(lambda step: status.update(step)))
    from telecine.ledger import Ledger
    from telecine.settings import settings
    from telecine.storage import ObjectStore

    return Ledger.from_settings(settings()), ObjectStore.from_settings(settings()), settings()


def settings_or_none() -> Settings | None:
    """Settings when the services are known; a run in which every file was refused never needed them."""
    from telecine.settings import settings

    return settings() if os.environ.get("TELECINE_S3_ENDPOINT") else None


def _copy_home(store: Any, settings: Settings, submissions: Sequence[Submission], out: Path) -> None:
    from telecine.submission import bring_home

    out.mkdir(parents=True, exist_ok=True)
    for s in submissions:
        if s.manifest:
            bring_home(store, settings, s.manifest, out)


def report(submissions: Sequence[Submission], seconds: float) -> dict[str, Any]:
    """The document of `--json`."""
    files = [s.as_json() for s in submissions]
    return {
        "files": files,
        "summary": {
            "completed": sum(f["status"] == "completed" for f in files),
            "failed": sum(f["status"] == "failed" for f in files),
            "seconds": seconds,
        },
    }


def show_outputs(submissions: Sequence[Submission], settings: Settings | None, home: Path | None = None) -> None:
    """The outputs on stdout, and failures below them.

    In a terminal a table for each file below the place that its paths begin with, because a URL must stay in one piece
    to be clicked or copied; elsewhere one table with whole URLs.

    Args:
        home: where copies are, if they were brought home.
    """
    done = [s for s in submissions if s.manifest and settings]
    if sys.stdout.isatty():
        out = Console()
        for s in done:
            base = f"{home}/{s.partition}" if home else f"{settings.outputs_url}/{s.partition}" if settings else ""
            out.print(f"[bold]{escape(s.path.name)}[/]  ->  {escape(base)}/", highlight=False, soft_wrap=True)
            out.print(_table(s, ""))
    else:
        out = Console(width=400)
        table = Table("file", *_COLUMNS, box=None, header_style="bold")
        for s in done:
            for row in _rows(s, f"{settings.outputs_url}/{s.partition}/" if settings else ""):
                table.add_row(s.path.name, *row)
        if table.row_count:
            out.print(table, soft_wrap=True)
    for s in submissions:
        if s.error:
            out.print(f"failed: {s.given}: {s.error[0]}: {s.error[1]}", markup=False, highlight=False, soft_wrap=True)


_COLUMNS = ("asset", "name", "dimensions", "length", "kbit/s", "bytes", "URL")


def _table(submission: Submission, prefix: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in (*_COLUMNS[:-1], "path"):
        table.add_column(name, justify="right" if name in ("length", "kbit/s", "bytes") else "left", overflow="fold")
    for row in _rows(submission, prefix):
        table.add_row(*row)
    return table


def _rows(submission: Submission, prefix: str) -> Iterator[tuple[str, ...]]:
    for output in submission.manifest["outputs"] if submission.manifest else []:
        seconds, rate = output["duration_s"], output["bitrate_bps"]
        yield (
            output["asset"],
            output["name"],
            f"{output['width']}x{output['height']}" if output["width"] else "",
            f"{seconds:.2f} s" if seconds is not None else "",
            f"{rate / 1000:,.0f}" if rate else "",
            f"{output['total_bytes'] or output['size_bytes']:,}",
            prefix + output["url"],
        )


def finish(submissions: Sequence[Submission], seconds: float) -> None:
    """The closing line, and exit code 3 when some file failed."""
    failed = sum(s.error is not None for s in submissions)
    done = sum(s.manifest is not None for s in submissions)
    err.print(f"{done} completed, {failed} failed in {seconds:.1f} s", highlight=False)
    if failed:
        raise typer.Exit(FILES_FAILED)
