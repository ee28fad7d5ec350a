"""How long work says how far it is: one small protocol.

Belongs here: the protocol and the sink that ignores everything. Doesn't belong here: weighting stages, writing to the
ledger or drawing bars; whoever starts the work brings a sink that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ProgressSink(Protocol):
    """Receives progress of one media file; called from the thread that does the work, up to twice a second."""

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """Say that `stage` is `fraction` (0 to 1, never going back within a stage) done.

        Args:
            stage: a stage of requirements.md section 2: ANALYSIS, AUDIO, ENCODING, PACKAGING or STILLS_AND_CLEANUP.
            details: JSON-ready extras, for example {"fps": 31.5, "speed": 1.3}; may be empty.
        """


class Quiet:
    """A sink for callers that don't want to know."""

    def report(self, stage: str, fraction: float, details: Mapping[str, Any]) -> None:
        """Ignore it."""
