"""The truth about accepted work: media objects, jobs, attempts, generations and claims, in PostgreSQL."""

from telecine.ledger.database import Ledger
from telecine.ledger.jobs import Job, JobStatus

__all__ = ["Job", "JobStatus", "Ledger"]
