"""What works on this machine, what doesn't, and what to do about it: the checks behind `telecine doctor`.

Each check looks at one thing, leaves nothing changed, and answers with findings. Doesn't belong here: repairing
(`telecine up` does that) and diagnosing single jobs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from telecine import local
from telecine.doctor import machine, services
from telecine.doctor.finding import Finding, Verdict
from telecine.errors import TelecineError
from telecine.settings import home

__all__ = ["Finding", "Verdict", "examine"]


def examine() -> Iterator[Finding]:
    """Every check in turn; a check that fails itself is a finding too."""
    yield from machine.python()
    yield from machine.programs()
    yield from machine.disk(home(), os.environ.get("TELECINE_SCRATCH"))
    known, status = dict(os.environ), local.status()
    if status.dagster_url is not None:
        known |= local.environment()
    yield from services.stack(status)
    yield from machine.embedded(status)
    if not status.running:
        yield from machine.default_ports()
    if status.running or os.environ.get("TELECINE_POSTGRES_URL"):
        yield from _guarded("database", lambda: services.database(known))
        yield from _guarded("webhooks", lambda: services.webhooks(known))
    if status.running or os.environ.get("TELECINE_S3_ENDPOINT"):
        yield from _guarded("object store", lambda: services.store(known))
    if status.running:
        yield from services.dagster(known["TELECINE_DAGSTER_URL"])
        if status.gateway_url is not None:
            yield services.gateway(status.gateway_url)


def _guarded(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield from check()
    except TelecineError as e:
        yield Finding(subject, Verdict.BROKEN, e.message, e.code.remedy)
    except (SQLAlchemyError, ValueError) as e:
        yield Finding(subject, Verdict.BROKEN, str(e).strip().splitlines()[0], f"Check the {subject}'s settings.")
