"""What assets and sensors borrow: thin Dagster resources that hand out Telecine's plain objects."""

from resources.ledger import LedgerResource
from resources.object_store import ObjectStoreResource

__all__ = ["LedgerResource", "ObjectStoreResource"]
