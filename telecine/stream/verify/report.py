"""What a verification says: one line for each rule, with what was measured and what is declared.

Doesn't belong here: the rules (rules.py) or measuring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from telecine.stream.verify.rules import BY_ID, Level, Rule

_KEPT = 20  # broken places that are kept for each rule


class Verdict(StrEnum):
    """How a rule came out."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule was looked at: a file (or a rung), what it holds, what is said of it."""

    where: str
    measured: str = ""
    declared: str = ""

    def __str__(self) -> str:
        parts = [self.where]
        parts += [f"measured {self.measured}"] if self.measured else []
        parts += [f"declared {self.declared}"] if self.declared else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Line:
    """How one rule came out.

    Attributes:
        looked_at: places at which it was checked.
        finding: the first place that breaks it, or else the first one looked at.
        broken: the places that break it, at most 20.
        reason: why it isn't applicable.
    """

    rule: Rule
    verdict: Verdict
    looked_at: int
    broken_at: int
    finding: Finding | None
    broken: tuple[Finding, ...] = ()
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """This line as JSON-ready data."""
        return {
            "rule": self.rule.id,
            "level": self.rule.level.value,
            "verdict": self.verdict.value,
            "says": self.rule.says,
            "source": self.rule.source,
            "looked_at": self.looked_at,
            "broken_at": self.broken_at,
            "where": self.finding.where if self.finding else None,
            "measured": self.finding.measured if self.finding else None,
            "declared": self.finding.declared if self.finding else None,
            "reason": self.reason or None,
            "broken": [{"where": f.where, "measured": f.measured, "declared": f.declared} for f in self.broken],
        }

    def __str__(self) -> str:
        more = f" (and {self.broken_at - 1} more)" if self.broken_at > 1 else ""
        return f"{self.rule.id} {self.rule.says}: {self.finding or self.reason}{more}"


@dataclass(frozen=True, slots=True)
class Report:
    """Every rule of the protocols that were looked at, in the order of the rule book."""

    lines: tuple[Line, ...]

    def failed(self, level: Level | None = None) -> tuple[Line, ...]:
        """Rules that are broken, of one level or of both."""
        return tuple(line for line in self.lines if line.verdict is Verdict.FAIL and level in (None, line.rule.level))

    @property
    def good(self) -> bool:
        """Whether no MUST is broken."""
        return not self.failed(Level.MUST)

    def counts(self) -> Mapping[str, int]:
        """Rules by verdict."""
        return {verdict.value: sum(line.verdict is verdict for line in self.lines) for verdict in Verdict}


@dataclass
class Notebook:
    """Findings while they are made."""

    _looked_at: dict[str, int] = field(default_factory=dict)
    _first: dict[str, Finding] = field(default_factory=dict)
    _broken: dict[str, list[Finding]] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)

    def check(self, rule: str, good: bool, where: str, measured: object = "", declared: object = "") -> bool:
        """Note that a rule was looked at; returns `good`."""
        assert rule in BY_ID, rule
        finding = Finding(where, str(measured), str(declared))
        self._looked_at[rule] = self._looked_at.get(rule, 0) + 1
        self._first.setdefault(rule, finding)
        if not good:
            self._broken.setdefault(rule, []).append(finding)
        return good

    def fail(self, rule: str, where: str, measured: object = "", declared: object = "") -> None:
        """Note a broken rule."""
        self.check(rule, False, where, measured, declared)

    def skip(self, rule: str, reason: str) -> None:
        """Note why a rule can't be looked at; counts only when it isn't looked at anywhere."""
        assert rule in BY_ID, rule
        self._reasons.setdefault(rule, reason)

    def report(self, rules: Iterable[Rule]) -> Report:
        """All there is to say about these rules."""
        return Report(tuple(self._line(rule) for rule in rules))

    def _line(self, rule: Rule) -> Line:
        broken = self._broken.get(rule.id, [])
        looked_at = self._looked_at.get(rule.id, 0)
        verdict = Verdict.FAIL if broken else Verdict.PASS if looked_at else Verdict.NOT_APPLICABLE
        return Line(
            rule=rule,
            verdict=verdict,
            looked_at=looked_at,
            broken_at=len(broken),
            finding=broken[0] if broken else self._first.get(rule.id),
            broken=tuple(broken[:_KEPT]),
            reason="" if looked_at else self._reasons.get(rule.id, "nothing of the kind in this package"),
        )
