"""How long work says how far it is: one small protocol.

Belongs here: the protocol and the sink that ignores everything. Doesn't belong here: weighting stages, writing to the
ledger or drawing bars; whoever starts the work brings a sink that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class ProgressSink(Protocol):
    """Receives progress of one media file; called from the thread that does the work, up to twice a second."""

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """Say that `stage` is `fraction` (0 to 1, never going back within a stage) done.

        Args:
            stage: one of telecine/stages.
            details: JSON-ready extras, see `Details`; may be empty.
        """


class Quiet:
    """A sink for callers that don't want to know."""

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """Ignore it."""


Details = Mapping[str, Any]
"""What is being done, JSON-ready. Keys people know: `operation` (a word), `done` and `total` (items), `item` (the
present one's name), `frame`, `frames`, `fps`, `speed` (times real time), `resolution` ("1280x720")."""


@dataclass(frozen=True)
class Saying:
    """A sink that adds the same details to every report."""

    sink: ProgressSink
    always: Details

    def report(self, stage: str, fraction: float, details: Details) -> None:
        """Hand on, with what is always said."""
        self.sink.report(stage, fraction, {**self.always, **details})
