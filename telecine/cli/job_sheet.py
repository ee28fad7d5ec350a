"""One job on a page: `telecine jobs show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from telecine.cli.look import cell, print_table, say, source_of, table
from telecine.cli.webhook_context import shown_url
from telecine.spans import say_range, say_span, say_times

if TYPE_CHECKING:
    from telecine.ledger import Job

_TAIL_LINES = 6  # of an attempt's technical tail; --json has all of it


def print_sheet(job: Job, attempts: Sequence[Mapping[str, Any]], suggestion: str | None) -> None:
    """Print everything about a job; what is empty is left out."""
    for name, value in _facts(job).items():
        if value:
            say(f"{name:12}  {value}")
    if suggestion:
        say(f"{'to do':12}  {suggestion}", style="cyan")
    if job.outputs:
        say()
        _print_outputs(job)
    for number, attempt in enumerate(attempts, 1):
        say()
        _print_attempt(number, attempt)
    say()
    say(f"`telecine jobs diagnose {job.job_id}` says in sentences what this means.", style="dim")


def _facts(job: Job) -> dict[str, str]:
    is_open = not job.status.is_final
    status = job.status.value + (", partial" if job.partial else "")
    status += ", being canceled" if is_open and job.cancel_requested else ""
    left = say_range(job.eta_low_s, job.eta_high_s)
    stage = ""
    if job.stage and is_open:
        stage = f"{job.stage}, {job.progress:.0f} %" + (f", {left} left" if left else "")
    return {
        "job": job.job_id,
        "source": f"{source_of(job)}, {job.size_bytes:,} bytes ({job.kind})",
        "partition": job.partition,
        "status": status,
        "error": f"{job.error_code} ({job.error_class}): {job.error_message}" if job.error_code else "",
        "stage": stage,
        "details": _pairs(job.stage_details or {}) if is_open else "",
        "recipe": f"{job.recipe_name} ({job.recipe_hash[:12]})",
        "priority": f"{job.priority}, {job.lane} lane, came by {job.origin}",
        "limits": _pairs(job.limits),
        "batch": job.batch_id or "",
        "replays": job.replay_of or "",
        "metadata": _pairs(job.metadata),
        "webhook": shown_url(job.webhook_url),
        "correlation": job.correlation_id if job.correlation_id != job.job_id else "",
        "accepted": f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "started": _after(job.started_at, job.created_at),
        "finished": _after(job.finished_at, job.started_at or job.created_at),
        "next attempt": f"{job.not_before:%H:%M:%S} UTC" if job.attempts and job.status.value == "PENDING" else "",
        "tries": f"{job.attempts}" + (f"; its worker died {say_times(job.deaths)}" if job.deaths else ""),
    }


def _print_outputs(job: Job) -> None:
    made = table("output", "status", "made by", "reason")
    for output in job.outputs:
        reason = f"{output['error_code']}: {output['error_message']}" if output.get("error_code") else ""
        name = f"{output['asset']} {output['name']}"
        made.add_row(cell(name), output["status"], f"g{output['generation']}", cell(reason))
    print_table(made)


def _print_attempt(number: int, attempt: Mapping[str, Any]) -> None:
    ended = attempt["ended_at"]
    took = f", {say_span((ended - attempt['started_at']).total_seconds())}" if ended else ""
    say(
        f"attempt {number} (g{attempt['generation']}): {attempt['outcome'] or 'running'}"
        f"{' in stage ' + attempt['stage'] if attempt['stage'] else ''}"
        f"; began {attempt['started_at']:%H:%M:%S} UTC{took}",
        style="bold",
    )
    say(f"  worker {attempt['worker']}, run {attempt['run_id']}")
    if attempt["error_code"]:
        say(f"  {attempt['error_code']} ({attempt['error_class']}): {attempt['error_message']}")
    if attempt["resources"]:
        say(f"  machine: {_pairs(attempt['resources'])}")
    for line in (attempt["error_details"] or "").strip().splitlines()[-_TAIL_LINES:]:
        say(f"  | {line}", style="dim")


def _after(moment: Any, before: Any) -> str:
    if moment is None:
        return ""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {say_span((moment - before).total_seconds()) or 'at once'} later"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
