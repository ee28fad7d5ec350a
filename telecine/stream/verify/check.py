"""One verification: from entry files to a report.

Belongs here: which entry is looked at how. Doesn't belong here: rules, or where a package comes from (place.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telecine.stream.verify import agreement
from telecine.stream.verify.dash_rules import Offer, verify_dash
from telecine.stream.verify.hls_rules import Presentation, verify_hls
from telecine.stream.verify.measure import Session
from telecine.stream.verify.report import Notebook, Report
from telecine.stream.verify.rules import Protocol, rules_of


@dataclass(frozen=True)
class Verification:
    """What was looked at and what came of it.

    Attributes:
        used: names of all objects of the package, in the order in which they were met.
    """

    report: Report
    used: tuple[str, ...]
    hls: Presentation | None = None
    dash: Offer | None = None


def verify(session: Session, entries: Mapping[Protocol, str], notes: Notebook | None = None) -> Verification:
    """Look at a package by its entry files, one for each protocol."""
    notes = notes or Notebook()
    hls = verify_hls(session, notes, entries["hls"]) if "hls" in entries else None
    dash = verify_dash(session, notes, entries["dash"]) if "dash" in entries else None
    if hls is not None and dash is not None:
        agreement.check(notes, hls, dash)
    return Verification(notes.report(rules_of(set(entries))), tuple(session.used), hls, dash)
