"""One line of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"  # worth knowing; nothing is broken
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        subject: what was looked at.
        found: what is there, for a person.
        remedy: what to do; empty when there is nothing to do.
    """

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""
