"""The truth about accepted work: media objects, jobs, attempts, generations and claims, in PostgreSQL."""

from telecine.ledger import outbox_schema as outbox_schema  # its tables belong to the one metadata
from telecine.ledger.database import Ledger
from telecine.ledger.jobs import Job, JobStatus

__all__ = ["Job", "JobStatus", "Ledger"]
