"""Diagnosis: why a job waits, works, is stuck or failed, and what to do, in sentences. Pure: facts in, sentences out.

Belongs here: what the facts mean to a person at 3 a.m.; docs/jobs.md explains each sentence. Doesn't belong here:
gathering them (telecine/ledger/situation), or what a code means (telecine/errors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telecine.diagnosis.ended import canceled, done, failed
from telecine.diagnosis.past import add_past
from telecine.diagnosis.verdict import Diagnosis, Verdict
from telecine.diagnosis.waiting import in_claim, waiting
from telecine.diagnosis.working import processing
from telecine.ledger.jobs import JobStatus
from telecine.ledger.situation import Situation

__all__ = ["Diagnosis", "Verdict", "diagnose"]


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
        found = in_claim(facts, slots) if facts.claim is not None else waiting(facts, pauses, limits, retries_held)
        add_past(facts, found)
        return found
    if status is JobStatus.PROCESSING:
        found = processing(facts)
        add_past(facts, found)
        return found
    if status is JobStatus.COMPLETED:
        return done(facts)
    return canceled(facts) if status is JobStatus.CANCELED else failed(facts)
