"""Jobs that have ended: what came of them, and whether doing them again would help."""

from __future__ import annotations

from telecine.diagnosis.past import add_past
from telecine.diagnosis.verdict import Diagnosis, Verdict
from telecine.errors import ErrorCode
from telecine.ledger.jobs import JobStatus
from telecine.ledger.situation import Situation
from telecine.spans import say_span

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


def done(facts: Situation) -> Diagnosis:
    """COMPLETED."""
    job = facts.job
    good = sum(output["status"] == "COMPLETED" for output in job.outputs)
    took = (job.finished_at - job.created_at).total_seconds() if job.finished_at else None
    outputs = f" with {good} output{'' if good == 1 else 's'}" if good else ""
    return Diagnosis(Verdict.DONE, [f"It was completed{outputs}, {say_span(took)} after it was accepted."])


def canceled(facts: Situation) -> Diagnosis:
    """CANCELED, by a person or because the file was replaced."""
    job = facts.job
    found = Diagnosis(Verdict.CANCELED, [f"It was canceled; the reason given: {job.error_message or 'none'}."])
    if job.error_code == ErrorCode.SOURCE_CHANGED:
        found.because.append(f"The newer version is job {facts.newer}." if facts.newer else _code(job.error_code).cause)
    else:
        found.advice.append(f"If it is wanted after all: `telecine jobs retry {job.job_id}`.")
    return found


def failed(facts: Situation) -> Diagnosis:
    """FAILED or ABANDONED."""
    job = facts.job
    kind, code = job.error_class or "system", _code(job.error_code)
    how = "was given up" if job.status is JobStatus.ABANDONED else "failed"
    found = Diagnosis(Verdict.FAILED, [f"It {how} with {code.value} (class {kind}): {job.error_message or code.cause}"])
    say, advise = found.because.append, found.advice.append
    say(f"Cause: {code.cause}")
    add_past(facts, found)
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


def _code(code: str | None) -> ErrorCode:
    return ErrorCode[code] if code is not None and code in ErrorCode.__members__ else ErrorCode.INTERNAL
