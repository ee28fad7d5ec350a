"""The ledger as a Dagster resource (docs.dagster.io: ConfigurableResource)."""

from functools import cache

import dagster as dg

from telecine.ledger import Ledger


class LedgerResource(dg.ConfigurableResource):
    """Telecine's ledger; one connection pool per process."""

    postgres_url: str

    def open(self) -> Ledger:
        """The process's ledger."""
        return _ledger(self.postgres_url)


@cache
def _ledger(postgres_url: str) -> Ledger:
    return Ledger(postgres_url)
