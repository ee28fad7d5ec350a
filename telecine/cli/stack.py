"""`telecine up`, `down`, `status`, `logs`, `clean`: the embedded stack."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from telecine.cli.app import app, err, out
from telecine.errors import ConfigurationError, ErrorCode

_STYLES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "red", "FATAL": "red", "STOPPED": "dim"}

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def _say(step: str) -> None:
    err.print(f"  {step}", style="dim", highlight=False)


@app.command()
def up(
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Don't wait until Dagster answers.")] = False,
) -> None:
    """Start the local stack: object store, database, Dagster, player page.

    Starts only what isn't running, and repairs what a crash left behind; it may be called at any time. The state is
    in .telecine/ below the working directory, or in TELECINE_HOME. Set TELECINE_S3_ENDPOINT or TELECINE_POSTGRES_URL
    to use services of your own instead of the embedded ones.
    """
    from telecine import local

    environment = local.up(_say, wait=not no_wait)
    out.print(f"Dagster       {environment['TELECINE_DAGSTER_URL']}", highlight=False)
    out.print(f"object store  {environment['TELECINE_S3_ENDPOINT']}", highlight=False)
    if gateway := environment.get("TELECINE_GATEWAY_URL"):
        out.print(f"watch         {gateway}/watch", highlight=False)
    out.print(f"drop media in {environment['TELECINE_INPUT_BUCKET']}, results are in ", end="", highlight=False)
    out.print(environment["TELECINE_OUTPUT_BUCKET"], highlight=False)


@app.command()
def down() -> None:
    """Stop the local stack; its data stays."""
    from telecine import local

    out.print("stopped" if local.down(_say) else "nothing was running")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Stop the local stack and delete all its data: objects, jobs, history, keys."""
    from telecine import local
    from telecine.settings import home

    if not yes:
        typer.confirm(f"Delete everything in {home()}, also all media stored there?", abort=True)
    out.print("deleted" if local.clean() else "there was nothing")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what runs, since when and where. Exits with 1 when something isn't running."""
    from rich.table import Table

    from telecine import local

    found = local.status()
    healthy = found.running and all(part.state == "RUNNING" for part in found.parts)
    if as_json:
        out.print_json(json.dumps(asdict(found) | {"healthy": healthy}, default=str))
        raise typer.Exit(0 if healthy else 1)
    if not found.running:
        out.print(f"The stack in {found.home} is not running; `telecine up` starts it.", highlight=False)
        raise typer.Exit(1)
    table = Table("part", "state", "pid", "up for", box=None, pad_edge=False)
    for part in found.parts:
        state = f"[{_STYLES.get(part.state, 'yellow')}]{part.state.lower()}"
        table.add_row(part.name, state, str(part.pid or ""), _duration(part.uptime_s))
    for name in found.external:
        table.add_row(name, "[cyan]external", "", "")
    out.print(table)
    watch = f"   watch {found.gateway_url}/watch" if found.gateway_url else ""
    places = f"Dagster {found.dagster_url}   object store {found.s3_url}{watch}   home {found.home}"
    out.print(f"\n{places}", highlight=False)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Which part; all of them when left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many last lines of each part.")] = 50,
) -> None:
    """Print what the parts of the local stack wrote."""
    from telecine.local.stack import log_files

    files = log_files()
    if part is not None:
        if part not in files:
            known = ", ".join(files) or "none yet"
            raise ConfigurationError(ErrorCode.STACK_FAILED, f"There is no log of {part!r}; there are: {known}.")
        files = {part: files[part]}
    for name, path in files.items():
        for line in path.read_text(errors="replace").splitlines()[-lines:] if lines else []:
            _print_line(name, line, len(files) > 1)
    if follow:
        _follow(files)


def _print_line(name: str, line: str, labelled: bool) -> None:
    label = f"{name:<13}" if labelled else ""
    # Dagster colours its lines wherever they go; colours belong on a terminal only.
    typer.echo(typer.style(label, fg="cyan") + line, color=out.is_terminal)


def _follow(files: dict[str, Path]) -> None:
    """Print new lines of all files until interrupted; a rotated file is taken up again from its start."""
    positions = {name: path.stat().st_size for name, path in files.items()}
    while True:
        for name, path in files.items():
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # between the two steps of a rotation
                continue
            if size < positions[name]:
                positions[name] = 0
            if size > positions[name]:
                with path.open("rb") as f:
                    f.seek(positions[name])
                    new = f.read(size - positions[name])
                positions[name] = size
                for line in new.decode(errors="replace").splitlines():
                    _print_line(name, line, len(files) > 1)
        time.sleep(0.3)


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return ""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
