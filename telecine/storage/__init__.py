"""Object stores behind one interface; S3 is the first."""

from telecine.storage.listing import RollingListing
from telecine.storage.s3 import ObjectInfo, ObjectStore

__all__ = ["ObjectInfo", "ObjectStore", "RollingListing"]
