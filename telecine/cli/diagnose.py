"""Gathering what `telecine jobs diagnose` and `telecine queue` reason about: the ledger, this machine, the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from telecine.cli.look import pressure_here, settings_or_none, unknown

if TYPE_CHECKING:
    from telecine.diagnosis import Diagnosis
    from telecine.ledger import Ledger
    from telecine.ledger.breakers import Breaker


def diagnose_job(ledger: Ledger, job_id: str) -> Diagnosis:
    """The diagnosis of one job.

    Raises:
        ConfigurationError: INVALID_REQUEST for an unknown id.
    """
    from telecine import room
    from telecine.diagnosis import diagnose
    from telecine.ledger import situation
    from telecine.priority import Patience

    known = settings_or_none()
    facts = ledger.do(situation.of_job, job_id, known.patience if known else Patience())
    if facts is None:
        raise unknown("job", job_id, "jobs list")
    here = pressure_here()
    return diagnose(
        facts,
        pauses=paused(facts.breakers),
        limits=room.queue_limits(),
        slots=room.run_slots(),
        retries_held=bool(known and here and here.holds_retries(known)),
    )


def paused(breakers: Sequence[Breaker]) -> list[str]:
    """Why no new work begins: as dispatch sees it where it runs on this machine, else as far as the ledger knows."""
    from telecine import room

    known, here = settings_or_none(), pressure_here()
    if known is not None and here is not None:
        return room.pauses(here, known, breakers)
    return room.blocked(breakers)
