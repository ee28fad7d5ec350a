"""Jobs that are processed: how far they are, or what they are stuck in."""

from __future__ import annotations

from telecine.diagnosis.verdict import LOOK_AT_DAEMON, SILENT_S, Diagnosis, Verdict
from telecine.ledger.situation import Situation
from telecine.ledger.workers import Worker
from telecine.spans import say_range, say_span

_RECOVERED_S = 30.0  # requirements.md section 4: a killed worker's jobs run again within this
_QUIET_S = 120.0  # progress is written every 5 s; a long verification may say nothing for a while


def processing(facts: Situation) -> Diagnosis:
    """PROCESSING."""
    job, claim = facts.job, facts.claim
    found = Diagnosis(Verdict.WORKING)
    say = found.because.append
    if claim is None:
        found.verdict = Verdict.STUCK
        say("It counts as processed, but no worker holds it any more.")
        found.advice.append(LOOK_AT_DAEMON)
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
        silent(found, claim)
    elif (facts.quiet_s or 0.0) > _QUIET_S:
        found.verdict = Verdict.STUCK
        say(f"Its worker lives, but the job has reported no progress for {say_span(facts.quiet_s)}.")
        found.advice.append(
            "Its time limit ends it by itself and it is tried again. Sooner: `telecine jobs cancel "
            f"{job.job_id}`, then `telecine jobs retry {job.job_id}`."
        )
    return found


def silent(found: Diagnosis, claim: Worker) -> None:
    """Say that a worker hasn't been heard for too long."""
    found.verdict = Verdict.STUCK
    found.because.append(f"Worker {claim.worker} was last heard {say_span(claim.silent_s)} ago: it is probably dead.")
    if (claim.silent_s or 0.0) > _RECOVERED_S:
        found.because.append("Recovery should have taken its jobs back by now, so the daemon doesn't seem to run.")
        found.advice.append(LOOK_AT_DAEMON)
    else:
        found.because.append("Recovery takes its jobs back and they are processed again; that counts as no attempt.")
        found.advice.append("Nothing for half a minute; then ask again.")
