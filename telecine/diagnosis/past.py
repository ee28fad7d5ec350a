"""What became of earlier attempts, and words that several sentences share."""

from __future__ import annotations

from telecine.diagnosis.verdict import Diagnosis
from telecine.ledger.claims import MAX_DEATHS
from telecine.ledger.situation import Situation
from telecine.spans import say_span, say_times


def add_past(facts: Situation, found: Diagnosis) -> None:
    """What became of earlier attempts."""
    job = facts.job
    ended = [attempt for attempt in facts.attempts if attempt.ended_at is not None and attempt.error_code]
    own = [attempt for attempt in ended if attempt.outcome != "lost"]
    if own:
        last = own[-1]
        where = f" in stage {last.stage.lower()}" if last.stage else ""
        again = "" if job.status.is_final else f": {last.error_message}"
        found.because.append(
            f"It was tried {say_times(job.attempts)}; the last attempt ended with {last.error_code}{where} "
            f"on {last.worker}" + (again if again.endswith(".") else f"{again}.")
        )
    if job.deaths:
        found.because.append(
            f"Its worker died {say_times(job.deaths)} while it was processed; {MAX_DEATHS} times make it POISON."
        )
    if facts.deadline_in_s is not None and not job.status.is_final:
        left = facts.deadline_in_s
        found.because.append(
            f"It is wanted within {say_span(left)}."
            if left > 0
            else "Its deadline has passed: it ends unless it is done."
        )


def say_jobs(number: int) -> str:
    """How many jobs: `no job`, `1 job`, `2,000 jobs`."""
    return "1 job" if number == 1 else f"{number:,} jobs" if number else "no job"
