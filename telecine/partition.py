"""Partition keys and generations' places: pure naming rules shared by the ledger, the store and the asset graph."""

from __future__ import annotations

import hashlib
import re

PRIVATE_PREFIX = "telecine-private/"  # in the input bucket, which only its owner reads; no bucket rule matches there
_SLUG_MAX = 80  # architecture.md: slug at most 80 characters
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")
_KEY = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{0,79}-[0-9a-f]{8}")


def partition_key(bucket: str, key: str) -> str:
    """`<slug>-<hash8>` for an object: safe in URLs, file names and the Dagster UI (which forbids `...`).

    The slug keeps the end of long keys, because the file name is what people recognise.
    """
    slug = _NOT_ALLOWED.sub("-", key.lower().replace("/", "."))
    slug = _DOTS.sub(".", slug)[-_SLUG_MAX:].strip(".-_") or "file"
    digest = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()[:8]
    return f"{slug}-{digest}"


def is_partition_key(text: str) -> bool:
    """Whether a name that came from outside is one that `partition_key` could have made."""
    return _KEY.fullmatch(text) is not None


def generation_prefix(partition: str, generation: int) -> str:
    """Key prefix of one immutable generation of a partition's outputs, with a trailing slash."""
    return f"{partition}/g{generation}/"


def manifest_key(partition: str) -> str:
    """Key of the partition's current manifest."""
    return f"{partition}/manifest.json"


def content_keys_key(partition: str, generation: int) -> str:
    """Key, in the private input bucket, of the sealed keys of a generation's protected streams."""
    return f"{PRIVATE_PREFIX}{partition}/g{generation}.keys"


def details_key(partition: str, generation: int) -> str:
    """Key, in the private input bucket, of what a source's metadata says (`keep_details`)."""
    return f"{PRIVATE_PREFIX}{partition}/g{generation}.json"
