"""The verifier finds each planted fault by the rule that is about it, and nothing in a good package."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KINDS, report_of
from faults import FAULTS, MPD, MULTIVARIANT, Fault

from telecine.stream.verify import Verdict


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_package_keeps_every_rule(packages: Callable[[str], Path], kind: str) -> None:
    package = packages(kind)
    report = report_of(package, *(name for name in (MULTIVARIANT, MPD) if (package / name).exists()))
    assert [str(line) for line in report.failed()] == []
    assert report.counts()["pass"] >= (65 if (package / MPD).exists() else 45)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_by_its_rule(packages: Callable[[str], Path], tmp_path: Path, fault: Fault) -> None:
    package = Path(shutil.copytree(packages(fault.of), tmp_path / "stream"))
    fault.plant(package)
    report = report_of(package, *fault.entries)
    assert {line.rule.id: str(line) for line in report.failed()}.keys() == fault.rules, [
        str(line) for line in report.failed()
    ]
    for line in report.lines:
        assert line.verdict is Verdict.FAIL or not line.broken
        assert line.finding or line.reason
