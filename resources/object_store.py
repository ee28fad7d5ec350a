"""The object store as a Dagster resource."""

from functools import cache

import dagster as dg

from telecine.settings import Settings, settings
from telecine.storage import ObjectStore


class ObjectStoreResource(dg.ConfigurableResource):
    """Any S3 server, as TELECINE_S3_* name it."""

    def open(self) -> ObjectStore:
        """The process's client."""
        return _store()

    def settings(self) -> Settings:
        """Settings of this process."""
        return settings()


@cache
def _store() -> ObjectStore:
    return ObjectStore.from_settings(settings())
