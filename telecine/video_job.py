"""A video's job between its steps: the plain data they hand each other, and taking a job up again.

Each step may run in a process of its own. Doesn't belong here: the steps themselves (video_steps.py), whose imports
take longer than many a run.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from telecine.errors import ErrorCode, NotOurs
from telecine.eta import Estimate
from telecine.file_job import FileJob
from telecine.ledger import Ledger, estimates
from telecine.ledger import jobs as job_rows
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.worker import HeldClaim


@dataclass(frozen=True)
class Baton:
    """What one step hands to the next: ids and JSON, nothing that lives in a process.

    Attributes:
        estimate: how long the attempt is thought to take, in seconds: low, likely, high; and samples.
    """

    claim_id: str
    job_id: str
    generation: int
    directory: str
    plan: str
    estimate: tuple[float, float, float, int]
    encoded: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The baton that `to_dict` wrote."""
        return cls(**data)


def resume(ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, baton: Baton) -> FileJob:
    """The job in the step after: nothing is begun again, and its time goes on.

    Raises:
        NotOurs: FENCED when the job was taken over or ended between the steps.
    """
    job = ledger.do(job_rows.get, [baton.job_id])[baton.job_id]
    if job.claim_id != baton.claim_id or job.generation != baton.generation or job.status.is_final:
        raise NotOurs(ErrorCode.FENCED, f"job {job.job_id} was taken over by a newer attempt, or ended")
    began = time.monotonic() - ledger.do(estimates.spent_s, job.job_id, baton.generation)
    directory, estimate = Path(baton.directory), Estimate(*baton.estimate)
    return FileJob(ledger, store, settings, held, job, baton.generation, directory, estimate, began)
