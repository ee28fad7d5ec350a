"""`telecine process` and `telecine demo`: the main job, from files on this machine and through the bucket."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
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
        show_outputs(submissions, settings_or_none())
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


def show_outputs(submissions: Sequence[Submission], settings: Settings | None) -> None:
    """The table of outputs on stdout, and failures below it."""
    table = Table("file", "asset", "name", "dimensions", "bytes", "URL", box=None, header_style="bold")
    for s in submissions:
        for output in s.manifest["outputs"] if s.manifest and settings else []:
            table.add_row(
                s.path.name,
                output["asset"],
                output["name"],
                f"{output['width']}x{output['height']}" if output["width"] else "",
                f"{output['total_bytes'] or output['size_bytes']:,}",
                f"{settings.outputs_url}/{s.partition}/{output['url']}" if settings else "",
            )
    # A URL must stay in one piece to be clicked or copied, also in a log file.
    out = Console(width=None if sys.stdout.isatty() else 400)
    if table.row_count:
        out.print(table, soft_wrap=True)
    for s in submissions:
        if s.error:
            out.print(f"failed: {s.given}: {s.error[0]}: {s.error[1]}", highlight=False, soft_wrap=True)


def finish(submissions: Sequence[Submission], seconds: float) -> None:
    """The closing line, and exit code 3 when some file failed."""
    failed = sum(s.error is not None for s in submissions)
    done = sum(s.manifest is not None for s in submissions)
    err.print(f"{done} completed, {failed} failed in {seconds:.1f} s", highlight=False)
    if failed:
        raise typer.Exit(FILES_FAILED)
