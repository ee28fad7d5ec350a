"""`telecine probe`: what files on this machine hold. Starts no stack and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app
from telecine.cli.look import FILES_FAILED, JsonFlag, cell, note, print_json, print_table, say, table

if TYPE_CHECKING:
    from telecine.probe import MediaFacts


@app.command()
def probe(
    files: Annotated[list[Path], typer.Argument(help="Video or sound files.", metavar="FILE...")],
    as_json: JsonFlag = False,
) -> None:
    """Show what video and sound files hold: tracks, times, colour.

    Every packet is read once; nothing is decoded but a few frames. Exit code 3: some file was refused.
    """
    from telecine.errors import ErrorCode, InputError, TelecineError
    from telecine.probe import probe as look_into

    documents: list[dict[str, Any]] = []
    refused = 0
    for number, file in enumerate(files):
        try:
            if not file.is_file():
                raise InputError(ErrorCode.SOURCE_MISSING, "there is no such file")
            facts = look_into(file)
        except TelecineError as e:
            refused += 1
            documents.append({"file": str(file), "error": {"code": e.code.value, "message": e.message}})
            if not as_json:
                note(f"{file}: {e.code.value}: {e.message}", style="red")
            continue
        if as_json:
            documents.append({"file": str(file), **_document(facts)})
        else:
            if number:
                say()
            _show(file, facts)
    if as_json:
        print_json(documents)
    if refused:
        raise typer.Exit(FILES_FAILED)


def _document(facts: MediaFacts) -> dict[str, Any]:
    from telecine.video.describe import metadata

    return {**metadata(facts), "warnings": list(facts.warnings)}


def _show(file: Path, facts: MediaFacts) -> None:
    from telecine.probe.sheet import COLUMNS, colour_rows, time_rows, track_rows

    say(f"{file}: {facts.format}, {facts.size_bytes:,} bytes", style="bold")
    tracks = track_rows(facts)
    used = [column for column in COLUMNS if any(row[column] for row in tracks)]
    made = table(*(f">{name}" if name in ("#", "kbit/s") else name for name in used))
    for row in tracks:
        made.add_row(*(cell(row[column]) for column in used))
    print_table(made)
    for rows in (time_rows(facts), colour_rows(facts)):
        if rows:
            pairs = table("property", "value")
            for name, value in rows:
                pairs.add_row(cell(name), cell(value))
            pairs.show_header = False
            print_table(pairs)
    for warning in facts.warnings:
        note(f"warning: {warning}")
