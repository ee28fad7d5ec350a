"""The typer application that command groups register on, and the two consoles they print to."""

from __future__ import annotations

import importlib

import typer
from rich.console import Console

from telecine import __version__
from telecine.errors import TelecineError

app = typer.Typer(
    name="telecine",
    help="Media dropped in a bucket, turned into renditions, thumbnails, HLS and DASH.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(soft_wrap=True)
"""What was asked for; the only thing on stdout."""
err = Console(stderr=True, soft_wrap=True)
"""Progress, notes and errors."""

GROUPS = (
    "telecine.cli.process",
    "telecine.cli.probe",
    "telecine.cli.verify",
    "telecine.cli.submit",
    "telecine.cli.demo",
    "telecine.cli.jobs",
    "telecine.cli.batches",
    "telecine.cli.dead_letters",
    "telecine.cli.queue",
    "telecine.cli.endpoints",
    "telecine.cli.events",
    "telecine.cli.deliver",
    "telecine.cli.token",
    "telecine.cli.stack",
    "telecine.cli.doctor",
)
"""Modules whose import registers commands."""


def fail(error: TelecineError) -> None:
    """Show an error the way a person reads it: the sentence, then what to do."""
    err.print(f"[bold red]error[/]  {error.code.value}: ", end="")
    err.print(error.message, markup=False, highlight=False)
    if error.details and error.details != error.message:
        err.print(error.details[-2000:], style="dim", markup=False, highlight=False)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"telecine {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Media dropped in a bucket, turned into renditions, thumbnails, HLS and DASH."""


for _group in GROUPS:
    importlib.import_module(_group)
