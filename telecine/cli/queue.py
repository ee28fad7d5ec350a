"""`telecine queue` and `telecine workers`: the state of all work on one screen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from telecine.cli.app import app
from telecine.cli.look import JsonFlag, cell, note, open_ledger, print_json, print_table, say, table
from telecine.spans import say_span

if TYPE_CHECKING:
    from telecine.ledger.workers import InHand, Worker

_WINDOW_S = 600.0
_SILENT_S = 8.0  # four missed beats: recovery takes such a worker's jobs back


@app.command()
def queue(as_json: JsonFlag = False) -> None:
    """What waits, how old it is, how fast it goes, what holds it up, and what needs a person."""
    from telecine import room
    from telecine.cli.diagnose import paused
    from telecine.ledger import backlog, breakers, dead_letters, estimates, situation, workers
    from telecine.queue_report import report, slots_by_lane

    ledger = open_ledger()
    depth, pace = ledger.do(backlog.depth), ledger.do(backlog.pace, _WINDOW_S)
    claims, open_breakers = ledger.do(workers.active), ledger.do(breakers.open_ones)
    pauses, slots = paused(open_breakers), room.run_slots()
    lanes = slots_by_lane(claims, room.queue_limits())
    judged = report(
        depth,
        pace,
        claims,
        pauses=pauses,
        slots=slots,
        window_s=_WINDOW_S,
        ready_s=ledger.do(situation.longest_ready_s),
        last_dispatch_s=ledger.do(workers.last_dispatch_s),
    )
    alerts, letters = ledger.do(dead_letters.alerts), ledger.do(dead_letters.counts)
    accuracy = ledger.do(estimates.accuracy)
    if as_json:
        print_json(
            {
                "depth": [dict(row._mapping) for row in depth],
                "pace": {"window_s": _WINDOW_S, "kinds": [dict(row._mapping) for row in pace]},
                "slots": {"total": slots, "lanes": {name: dataclasses.asdict(lane) for name, lane in lanes.items()}},
                "pauses": pauses,
                "breakers": [dataclasses.asdict(breaker) for breaker in open_breakers],
                "bottleneck": judged.bottleneck,
                "advice": judged.advice,
                "alerts": alerts,
                "dead_letters": [dict(row._mapping) for row in letters],
                "estimates": [dataclasses.asdict(each) for each in accuracy],
            }
        )
        return
    _print_depth(depth)
    _print_pace(pace)
    shown = ", ".join(f"{name} {lane.working}+{lane.requested} of {lane.room}" for name, lane in lanes.items())
    working = sum(lane.working for lane in lanes.values())
    say(f"\nslots: {working} of {slots} work; runs at work+requested by lane: {shown}")
    for each in accuracy:
        say(
            f"estimates, {each.kind}: off by {each.median:.0%} (median), {each.p90:.0%} (worst tenth), "
            f"{each.attempts} attempts in a day"
        )
    for sentence in judged.bottleneck:
        say(f"held up: {sentence}", style="yellow")
    for sentence in judged.advice:
        say(f"-> {sentence}", style="cyan")
    for alert in alerts:
        say(f"ALERT: {alert}", style="bold red")
    if letters:
        known = ", ".join(f"{row.number} {row.error_code}" for row in letters)
        say(f"dead letters: {known} (`telecine dead-letters list`)")
    if not judged.bottleneck and not alerts:
        say("nothing is held up", style="green")


def _print_depth(depth: Any) -> None:
    if not depth:
        say("nothing waits and nothing is processed")
        return
    made = table("lane", "kind", ">priority", ">waiting", ">of these delayed", ">running", "oldest")
    for row in depth:
        made.add_row(
            row.lane,
            row.kind,
            str(row.priority),
            f"{row.waiting:,}",
            f"{row.delayed:,}",
            f"{row.running:,}",
            say_span(row.oldest_s),
        )
    print_table(made)


def _print_pace(pace: Any) -> None:
    if not pace:
        say(f"\nnothing ended within the last {_WINDOW_S / 60:.0f} min")
        return
    say(f"\nended within the last {_WINDOW_S / 60:.0f} min:")
    made = table("kind", ">completed", ">a minute", ">failed", ">median wait", ">median work")
    for row in pace:
        made.add_row(
            row.kind,
            f"{row.completed:,}",
            f"{row.completed / (_WINDOW_S / 60):.1f}",
            f"{row.failed:,}",
            say_span(row.wait_s),
            say_span(row.work_s),
        )
    print_table(made)


@app.command("workers")
def show_workers(as_json: JsonFlag = False) -> None:
    """Who works on what: state, lane, jobs, last beat, and the memory and load of its machine.

    IDLE has no job in hand at the moment (starting, or telling Dagster), PROCESSING has, SILENT missed four beats,
    REQUESTED is a run that waits for a slot or loads its code.
    """
    from telecine.ledger import workers

    ledger = open_ledger()
    found, held = ledger.do(workers.active), ledger.do(workers.in_hand)
    if as_json:
        print_json(
            [
                {
                    **dataclasses.asdict(worker),
                    "state": state(worker),
                    "jobs": [dataclasses.asdict(each) for each in held.get(worker.claim_id, [])],
                }
                for worker in found
            ]
        )
        return
    if not found:
        note("no worker is there at the moment; `telecine queue` says whether anything waits")
        return
    made = table("worker", "state", "lane", ">prio", ">jobs", ">done", ">beat", ">mem %", ">load %", "in hand")
    for worker in found:
        resources = worker.resources or {}
        made.add_row(
            cell(worker.worker or "(none yet)"),
            state(worker),
            worker.lane,
            str(worker.priority),
            str(worker.processing + worker.waiting),
            str(worker.ended),
            say_span(worker.silent_s),
            f"{resources.get('memory_percent', 0):.0f}" if resources else "",
            f"{resources.get('load_percent', 0):.0f}" if resources else "",
            cell(_hand(held.get(worker.claim_id, []))),
        )
    print_table(made)
    for worker in found:
        if worker.run_id:
            say(f"{worker.worker}: run {worker.run_id}", style="dim")


def state(worker: Worker) -> str:
    """REQUESTED, SILENT, PROCESSING or IDLE."""
    if worker.worker is None:
        return "REQUESTED"
    if (worker.silent_s or 0.0) > _SILENT_S:
        return "SILENT"
    return "PROCESSING" if worker.processing else "IDLE"


def _hand(held: list[InHand]) -> str:
    if not held:
        return ""
    first = held[0]
    name = first.source.rpartition("/")[2]
    more = f" and {len(held) - 1} more" if len(held) > 1 else ""
    return f"{name} {(first.stage or '').lower()} {first.progress:.0f} %{more}"
