"""What there is to watch: manifests out of the output bucket, and what was published last out of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from telecine.errors import ErrorCode, InputError
from telecine.manifest import Manifest, parse_manifest
from telecine.partition import manifest_key
from telecine.settings import Settings
from telecine.storage import ObjectStore

if TYPE_CHECKING:
    from telecine.ledger import Ledger

WATCHABLE = ("video", "audio")
"""Kinds of media that the player page is for."""


@dataclass(frozen=True, slots=True)
class Published:
    """One partition with what it holds now."""

    manifest: Manifest
    published_at: datetime


class Shelf(Protocol):
    """Where the gateway looks things up."""

    def manifest(self, partition: str) -> Manifest | None:
        """A partition's current manifest; None when nothing is published under that name.

        Raises:
            TransientError: the store doesn't answer.
        """
        ...

    def recent(self, limit: int) -> Sequence[Published]:
        """What was published last of videos and sound, newest first.

        Raises:
            TransientError: the ledger doesn't answer.
        """
        ...


class HouseShelf:
    """The shelf of a running house."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = ObjectStore.from_settings(settings)

    def manifest(self, partition: str) -> Manifest | None:
        """See `Shelf`."""
        try:
            return parse_manifest(self._store.read(self._settings.output_bucket, manifest_key(partition)))
        except InputError as e:
            if e.code is ErrorCode.SOURCE_MISSING:
                return None
            raise

    def recent(self, limit: int) -> Sequence[Published]:
        """See `Shelf`."""
        from telecine.ledger import generations

        rows = self._ledger.do(generations.recent, WATCHABLE, limit)
        return [Published(Manifest.model_validate(row.manifest), row.published_at) for row in rows]

    @cached_property
    def _ledger(self) -> Ledger:
        # Here, because it takes half a second to import and the gateway is to answer at once.
        from telecine.ledger import Ledger

        return Ledger.from_settings(self._settings)
