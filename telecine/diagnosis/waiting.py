"""Jobs that wait: in the backlog, or under a claim whose run hasn't come to them yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telecine.diagnosis.past import say_jobs
from telecine.diagnosis.verdict import LOOK_AT_DAEMON, SILENT_S, Diagnosis, Verdict
from telecine.diagnosis.working import silent
from telecine.ledger.situation import Situation
from telecine.ledger.workers import Worker
from telecine.priority import Priority
from telecine.spans import say_span

_DISPATCH_S = 15.0  # dispatch looks every few seconds
_APPEAR_S = 60.0  # a requested run that still isn't there; recovery asks again after 20 s


def waiting(facts: Situation, pauses: Sequence[str], limits: Mapping[str, int], retries_held: bool) -> Diagnosis:
    """In the backlog."""
    job = facts.job
    found = Diagnosis(Verdict.WAITING, [_waits_since(facts)])
    say = found.because.append
    if facts.due_in_s > 0:
        say(f"It will be tried again in {say_span(facts.due_in_s)}, at {job.not_before:%H:%M:%S} UTC.")
        return found
    for pause in pauses:
        say(f"No new work begins: {pause}.")
    if pauses:
        found.advice.append(
            "It starts by itself when that has passed; `telecine queue` and `telecine doctor` say more."
        )
        return found
    if facts.busy_with is not None:
        say(f"Another job of the same file comes first: {facts.busy_with}. One job of a file is processed at a time.")
        found.advice.append(f"Nothing; or look at that one: `telecine jobs diagnose {facts.busy_with}`.")
        return found
    holders = [
        claim for claim in facts.open_claims if claim.lane == job.kind and claim.priority >= int(facts.effective or 0)
    ]
    full = len(holders) >= limits.get(job.kind, 0)
    if facts.ahead:
        work = f", about {say_span(facts.ahead_s)} of work on one core" if facts.ahead_s >= 1 else ""
        say(f"{say_jobs(facts.ahead)} of its kind ({job.kind}) {_stand(facts.ahead)} before it{work}.")
    if full:
        say(f"Its lane ({job.kind}) is full: {len(holders)} runs of its priority or better are requested or running.")
        for claim in holders:
            say(f"  {_holder(claim)}")
        found.advice.append("Nothing, when those get on (`telecine workers`); a higher priority would pass them.")
    elif retries_held and job.attempts:
        say("This machine is busy, so retries wait for up to half a minute longer.")
    elif facts.ready_s > _DISPATCH_S and (facts.last_dispatch_s is None or facts.last_dispatch_s > _DISPATCH_S):
        since = "ever" if facts.last_dispatch_s is None else f"for {say_span(facts.last_dispatch_s)}"
        found.verdict = Verdict.STUCK
        say(f"There is room for it, but nothing was dispatched {since}: the dispatcher doesn't seem to run.")
        found.advice.append(LOOK_AT_DAEMON)
    elif not facts.ahead:
        say("Nothing stands before it: it starts within seconds.")
    return found


def in_claim(facts: Situation, slots: int) -> Diagnosis:
    """Under a claim: its run is asked for, loading, or busy with other files of the batch."""
    claim = facts.claim
    assert claim is not None
    found = Diagnosis(Verdict.STARTING, [_waits_since(facts)])
    say = found.because.append
    if claim.worker is None:
        asked = f"asked for {say_span(claim.requested_s)} ago"
        running = sum(other.worker is not None for other in facts.open_claims)
        if running >= slots - 1:
            say(f"Its run ({asked}) waits in Dagster's queue: {running} of {slots} slots work, one is for urgent runs.")
            found.advice.append("Nothing, when those get on: `telecine workers`.")
        else:
            say(f"Its run was {asked} and hasn't begun yet; loading the code takes some seconds.")
        if claim.requests > 1:
            say(f"It was asked for {claim.requests} times, because no run appeared.")
        if claim.requested_s > _APPEAR_S and running < slots - 1:
            found.verdict = Verdict.STUCK
            found.advice.append(LOOK_AT_DAEMON)
    elif (claim.silent_s or 0.0) > SILENT_S:
        silent(found, claim)
    else:
        others = f"{say_jobs(facts.before_in_claim)} of it {_come(facts.before_in_claim)} before this one"
        say(f"It is in a batch that worker {claim.worker} works on (run {claim.run_id}): {claim.ended} done, {others}.")
    return found


def _waits_since(facts: Situation) -> str:
    job = facts.job
    lane = "" if job.lane == "live" else f" in the {job.lane} lane, behind all live work"
    lifted = ""
    if facts.effective is not None and int(facts.effective) > job.priority:
        lifted = f"; having waited so long it counts as {int(facts.effective)}"
    return f"It was accepted {say_span(facts.waited_s)} ago, with priority {_priority(job.priority)}{lane}{lifted}."


def _priority(number: int) -> str:
    return f"{Priority(number).name} ({number})" if number in set(Priority) else str(number)


def _holder(claim: Worker) -> str:
    files = claim.processing + claim.waiting
    held = f"{say_jobs(files)} left, {claim.ended} done"
    if claim.worker is None:
        return f"run asked for {say_span(claim.requested_s)} ago, priority {claim.priority}: {held}"
    return f"worker {claim.worker}, run {claim.run_id}, priority {claim.priority}: {held}"


def _stand(number: int) -> str:
    return "stands" if number == 1 else "stand"


def _come(number: int) -> str:
    return "come" if number > 1 else "comes"
