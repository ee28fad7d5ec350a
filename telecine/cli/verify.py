"""`telecine verify`: whether an HLS or DASH package is right, rule by rule, whoever made it and wherever it lies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from telecine.cli.app import app
from telecine.cli.look import JsonFlag, cell, note, one_of, print_json, print_table, table

if TYPE_CHECKING:
    from telecine.storage import ObjectStore
    from telecine.stream.verify import Report

BROKEN = 3  # a MUST is broken; 1 is kept for what can't be read


@app.command()
def verify(
    target: Annotated[str, typer.Argument(help="A directory, a playlist or MPD, an http(s):// URL, s3://bucket/key.")],
    only: Annotated[str | None, typer.Option(help="hls or dash, where there are both.")] = None,
    root: Annotated[str | None, typer.Option(help="Directory or URL that references may lead to.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say rule by rule whether an HLS or DASH package is right; docs/verify.md lists the rules.

    Exit codes: 0 no MUST is broken; 3 some MUST is; 1 there is nothing that can be read.
    """
    from telecine.errors import ErrorCode, InputError
    from telecine.stream.verify import verify as verified
    from telecine.stream.verify.target import opened

    protocol = one_of(only, ("hls", "dash"), "--only", upper=False)
    with opened(target, _store, root=root) as found:
        entries = {kind: name for kind, name in found.entries.items() if protocol in (None, kind)}
        if not entries:
            raise InputError(ErrorCode.PACKAGE_UNREADABLE, f"{target} has no {protocol} entry")
        report = verified(found.session, entries).report
    if as_json:
        lines = [line.to_dict() for line in report.lines]
        print_json({"target": target, "good": report.good, **report.counts(), "rules": lines})
    else:
        _show(report)
    if not report.good:
        raise typer.Exit(BROKEN)


def _show(report: Report) -> None:
    from telecine.stream.verify import Level, Verdict

    colours = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_APPLICABLE: "dim"}
    made = table("result", "level", "rule", "what", "where", "measured", "declared")
    for line in report.lines:
        finding, style = line.finding, colours[line.verdict]
        if line.verdict is Verdict.FAIL and line.rule.level is Level.SHOULD:
            style = "yellow"
        more = f" (and {line.broken_at - 1} more)" if line.broken_at > 1 else ""
        made.add_row(
            f"[{style}]{line.verdict.value}[/]",
            line.rule.level.value,
            line.rule.id,
            cell(line.rule.says),
            cell(finding.where + more if finding else ""),
            cell(finding.measured if finding else line.reason),
            cell(finding.declared if finding else ""),
        )
    print_table(made)
    counts, broken = report.counts(), len(report.failed(Level.MUST))
    note(
        f"{counts['pass']} rules kept, {counts['fail']} broken ({broken} of them MUST), {counts['n/a']} not applicable",
        style="red" if broken else None,
    )


def _store() -> ObjectStore:
    from telecine.settings import settings
    from telecine.storage import ObjectStore

    if not os.environ.get("TELECINE_S3_ENDPOINT"):
        from telecine import local

        os.environ.update({name: value for name, value in local.environment().items() if name not in os.environ})
    return ObjectStore.from_settings(settings())
