"""Diagnosis: why a job waits, works, is stuck or failed, and what to do, in sentences. Pure: facts in, sentences out.

Belongs here: what the facts mean to a person at 3 a.m.; docs/jobs.md explains each sentence. Doesn't belong here:
gathering them (telecine/ledger/situation), or what a code means (telecine/errors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from telecine.errors import ErrorCode
from telecine.ledger.claims import MAX_DEATHS
from telecine.ledger.jobs import JobStatus
from telecine.ledger.situation import Situation
from telecine.ledger.workers import Worker
from telecine.priority import Priority
from telecine.spans import say_range, say_span

SILENT_S = 8.0
"""A worker that missed four beats; recovery takes its jobs back (sensors/recovery.py)."""

_RECOVERED_S = 30.0  # requirements.md section 4: a killed worker's jobs run again within this
_QUIET_S = 120.0  # progress is written every 5 s; a long verification may say nothing for a while
_DISPATCH_S = 15.0  # dispatch looks every few seconds
_APPEAR_S = 60.0  # a requested run that still isn't there; recovery asks again after 20 s
_LOOK_AT_DAEMON = "See whether the daemon runs: `telecine status`, `telecine logs daemon`, `telecine doctor`."

# Would the same file, recipe and machine end the same way? By class of error (telecine/errors.py).
_REPLAY = {
    "input": "Replaying it would fail in the same way: the file itself is at fault.",
    "configuration": "Replaying it helps only after the configuration was corrected.",
    "transient": "Replaying it will probably help once the neighbour answers again.",
    "resource": "Replaying it helps when there is more memory, disk or time than there was.",
    "system": "Replaying it may help; when it fails again with the same code, report it.",
    "poison": "Replaying it would probably kill more workers; keep the file and report it.",
}
_WORTH_REPLAYING = frozenset({"transient", "resource", "system"})


class Verdict(StrEnum):
    """The answer in one word."""

    WAITING = "WAITING"
    STARTING = "STARTING"
    WORKING = "WORKING"
    STUCK = "STUCK"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass
class Diagnosis:
    """A verdict, the sentences behind it, and what to do (nothing, when `advice` is empty)."""

    verdict: Verdict
    because: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"verdict": self.verdict.value, "because": self.because, "advice": self.advice}


def diagnose(
    facts: Situation, *, pauses: Sequence[str], limits: Mapping[str, int], slots: int, retries_held: bool = False
) -> Diagnosis:
    """Explain a job.

    Args:
        pauses: why no new work begins now (telecine.room.pauses).
        limits: runs that each lane may have (telecine.room.queue_limits).
        slots: runs that Dagster works on at once.
        retries_held: the machine is so busy that retries wait a little.
    """
    status = facts.job.status
    if status is JobStatus.PENDING:
        found = _in_claim(facts, slots) if facts.claim is not None else _waiting(facts, pauses, limits, retries_held)
        _add_past(facts, found)
        return found
    if status is JobStatus.PROCESSING:
        found = _processing(facts)
        _add_past(facts, found)
        return found
    if status is JobStatus.COMPLETED:
        return _done(facts)
    return _canceled(facts) if status is JobStatus.CANCELED else _failed(facts)


def _waiting(facts: Situation, pauses: Sequence[str], limits: Mapping[str, int], retries_held: bool) -> Diagnosis:
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
        say(f"{_jobs(facts.ahead)} of its kind ({job.kind}) {_stand(facts.ahead)} before it{work}.")
    if full:
        say(f"Its lane ({job.kind}) is full: {len(holders)} runs of its priority or better are requested or running.")
        for claim in holders:
            say(f"  {_holder(claim)}")
        found.advice.append("Nothing, when those get on (`telecine workers`); a higher priority would pass them.")
    elif retries_held and job.attempts:
        say("This machine is busy, so retries wait for up to half a minute longer.")
    elif facts.waited_s > _DISPATCH_S and (facts.last_dispatch_s is None or facts.last_dispatch_s > _DISPATCH_S):
        since = "ever" if facts.last_dispatch_s is None else f"for {say_span(facts.last_dispatch_s)}"
        found.verdict = Verdict.STUCK
        say(f"There is room for it, but nothing was dispatched {since}: the dispatcher doesn't seem to run.")
        found.advice.append(_LOOK_AT_DAEMON)
    elif not facts.ahead:
        say("Nothing stands before it: it starts within seconds.")
    return found


def _in_claim(facts: Situation, slots: int) -> Diagnosis:
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
            found.advice.append(_LOOK_AT_DAEMON)
    elif (claim.silent_s or 0.0) > SILENT_S:
        _silent(found, claim)
    else:
        others = f"{_jobs(facts.before_in_claim)} of it {_come(facts.before_in_claim)} before this one"
        say(f"It is in a batch that worker {claim.worker} works on (run {claim.run_id}): {claim.ended} done, {others}.")
    return found


def _processing(facts: Situation) -> Diagnosis:
    job, claim = facts.job, facts.claim
    found = Diagnosis(Verdict.WORKING)
    say = found.because.append
    if claim is None:
        found.verdict = Verdict.STUCK
        say("It counts as processed, but no worker holds it any more.")
        found.advice.append(_LOOK_AT_DAEMON)
        return found
    stage = (job.stage or "begun").lower()
    left = say_range(job.eta_low_s, job.eta_high_s)
    say(
        f"Worker {claim.worker} is at it (run {claim.run_id}): {stage}, {job.progress:.0f} %"
        + (f", {left} left." if left else ".")
    )
    if job.cancel_requested:
        say("It is being canceled: its worker hears of it within 2 s.")
    if (claim.silent_s or 0.0) > SILENT_S:
        _silent(found, claim)
    elif (facts.quiet_s or 0.0) > _QUIET_S:
        found.verdict = Verdict.STUCK
        say(f"Its worker lives, but the job has reported no progress for {say_span(facts.quiet_s)}.")
        found.advice.append(
            "Its time limit ends it by itself and it is tried again. Sooner: `telecine jobs cancel "
            f"{job.job_id}`, then `telecine jobs retry {job.job_id}`."
        )
    return found


def _silent(found: Diagnosis, claim: Worker) -> None:
    found.verdict = Verdict.STUCK
    found.because.append(f"Worker {claim.worker} was last heard {say_span(claim.silent_s)} ago: it is probably dead.")
    if (claim.silent_s or 0.0) > _RECOVERED_S:
        found.because.append("Recovery should have taken its jobs back by now, so the daemon doesn't seem to run.")
        found.advice.append(_LOOK_AT_DAEMON)
    else:
        found.because.append("Recovery takes its jobs back and they are processed again; that counts as no attempt.")
        found.advice.append("Nothing for half a minute; then ask again.")


def _done(facts: Situation) -> Diagnosis:
    job = facts.job
    good = sum(output["status"] == "COMPLETED" for output in job.outputs)
    took = (job.finished_at - job.created_at).total_seconds() if job.finished_at else None
    outputs = f" with {good} output{'' if good == 1 else 's'}" if good else ""
    return Diagnosis(Verdict.DONE, [f"It was completed{outputs}, {say_span(took)} after it was accepted."])


def _canceled(facts: Situation) -> Diagnosis:
    job = facts.job
    found = Diagnosis(Verdict.CANCELED, [f"It was canceled: {job.error_message or 'no reason is known'}."])
    if job.error_code == ErrorCode.SOURCE_CHANGED:
        found.because.append(f"The newer version is job {facts.newer}." if facts.newer else _code(job.error_code).cause)
    else:
        found.advice.append(f"If it is wanted after all: `telecine jobs retry {job.job_id}`.")
    return found


def _failed(facts: Situation) -> Diagnosis:
    job = facts.job
    kind, code = job.error_class or "system", _code(job.error_code)
    how = "was given up" if job.status is JobStatus.ABANDONED else "failed"
    found = Diagnosis(Verdict.FAILED, [f"It {how} with {code.value} (class {kind}): {job.error_message or code.cause}"])
    say, advise = found.because.append, found.advice.append
    say(f"Cause: {code.cause}")
    _add_past(facts, found)
    if job.partial:
        good = sum(output["status"] == "COMPLETED" for output in job.outputs)
        say(f"{good} of {len(job.outputs)} outputs are published all the same; a replay makes only what is missing.")
    advise(code.remedy)
    letter = facts.letter
    if letter is not None and letter.replayed_as is not None:
        say(f"It was replayed as job {letter.replayed_as}.")
        found.advice = [f"Look at the replay: `telecine jobs diagnose {letter.replayed_as}`."]
    elif letter is not None and letter.resolution is not None:
        say("Its dead letter was resolved by hand; `telecine dead-letters show` has the notes.")
    elif code is ErrorCode.DEADLINE_PASSED:
        advise(f"A replay has no deadline: `telecine jobs retry {job.job_id}`.")
    else:
        advise(_REPLAY.get(kind, _REPLAY["system"]))
        if kind in _WORTH_REPLAYING:
            advise(f"To replay it: `telecine jobs retry {job.job_id}`.")
        else:
            advise(f"To put it aside: `telecine dead-letters resolve {job.job_id} --note '...'`.")
    if facts.newer is not None and (letter is None or facts.newer != letter.replayed_as):
        say(f"There is a newer job of the same file: {facts.newer}.")
    return found


def _add_past(facts: Situation, found: Diagnosis) -> None:
    """What became of earlier attempts."""
    job = facts.job
    ended = [attempt for attempt in facts.attempts if attempt.ended_at is not None and attempt.error_code]
    own = [attempt for attempt in ended if attempt.outcome != "lost"]
    if own:
        last = own[-1]
        where = f" in stage {last.stage.lower()}" if last.stage else ""
        again = "" if job.status.is_final else f": {last.error_message}"
        found.because.append(
            f"It was tried {_times(job.attempts)}; the last attempt ended with {last.error_code}{where} "
            f"on {last.worker}" + (again if again.endswith(".") else f"{again}.")
        )
    if job.deaths:
        found.because.append(
            f"Its worker died {_times(job.deaths)} while it was processed; {MAX_DEATHS} times make it POISON."
        )
    if facts.deadline_in_s is not None and not job.status.is_final:
        left = facts.deadline_in_s
        found.because.append(
            f"It is wanted within {say_span(left)}."
            if left > 0
            else "Its deadline has passed: it ends unless it is done."
        )


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
    held = f"{_jobs(files)} left, {claim.ended} done"
    if claim.worker is None:
        return f"run asked for {say_span(claim.requested_s)} ago, priority {claim.priority}: {held}"
    return f"worker {claim.worker}, run {claim.run_id}, priority {claim.priority}: {held}"


def _code(code: str | None) -> ErrorCode:
    return ErrorCode[code] if code is not None and code in ErrorCode.__members__ else ErrorCode.INTERNAL


def _times(number: int) -> str:
    return {0: "not once", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs" if number else "no job"


def _stand(number: int) -> str:
    return "stands" if number == 1 else "stand"


def _come(number: int) -> str:
    return "come" if number > 1 else "comes"
