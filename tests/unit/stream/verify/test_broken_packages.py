"""The verifier finds each planted fault by the rule that is about it, and nothing in a good package."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import report_of
from faults import FAULTS, Fault

from telecine.stream.verify import Verdict


def test_a_good_package_keeps_every_rule(good: Path) -> None:
    report = report_of(good)
    assert [str(line) for line in report.failed()] == []
    assert report.counts()["pass"] >= 65


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_by_its_rule(package: Path, fault: Fault) -> None:
    fault.plant(package)
    report = report_of(package, *fault.entries)
    assert {line.rule.id: str(line) for line in report.failed()}.keys() == fault.rules, [
        str(line) for line in report.failed()
    ]
    for line in report.lines:
        assert line.verdict is Verdict.FAIL or not line.broken
        assert line.finding or line.reason
