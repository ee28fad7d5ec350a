"""The gate: a package of ours that breaks a rule isn't published, and one that passes is listed in upload order."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KEYS, SECONDS
from faults import FAULTS, MPD, MULTIVARIANT, Fault, edit

from telecine.errors import ErrorCode, SystemFault
from telecine.stream.verify import RULES, Expected, Gate, Level, Verdict
from telecine.stream.verify.rules import BY_ID

OTHERWISE_PLANNED = {"there_is_one_variant", "no_sound_is_the_main_one"}  # right, for one rung and two sounds
PLANNED = Expected(SECONDS, pictures=2, sounds=1, texts=1)


def test_what_passes_is_listed_with_media_first_and_its_entry_last(good: Path) -> None:
    gate = Gate(good, PLANNED)
    hls, dash = gate.check(MULTIVARIANT), gate.check(MPD)
    kinds = [name.rpartition(".")[2] for name in hls.files]
    first = kinds.index("m3u8")
    assert set(kinds[first:]) == {"m3u8"}
    assert set(kinds[:first]) == {"mp4", "m4s", "vtt"}
    assert hls.files[-1] == MULTIVARIANT
    assert dash.files[-1] == MPD
    assert not any(name.endswith(".m3u8") for name in dash.files)
    there = {path.relative_to(good).as_posix() for path in good.rglob("*") if path.is_file()}
    assert set(hls.files) | set(dash.files) == there
    assert hls.warnings == dash.warnings == ()
    assert hls.to_dict()["broken"] == []
    assert hls.to_dict()["pass"] > 40


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_gate_stops_what_breaks_a_rule_that_gates(
    packages: Callable[[str], Path], tmp_path: Path, fault: Fault
) -> None:
    package = Path(shutil.copytree(packages(fault.of), tmp_path / "stream"))
    fault.plant(package)
    gating = {rule for rule in fault.rules if BY_ID[rule].gates}
    gating |= {"TC-PLAN"} if fault.name in OTHERWISE_PLANNED else set()
    gate = Gate(package, PLANNED, KEYS)

    def check() -> None:
        for entry in fault.entries:
            gate.check(entry)

    if not gating:
        check()
        return
    with pytest.raises(SystemFault) as caught:
        check()
    assert caught.value.code is ErrorCode.VERIFY_FAILED
    assert any(f"breaks {rule} " in caught.value.message for rule in {*gating, "TC-PLAN"})
    assert any(rule in (caught.value.details or "") for rule in gating)


@pytest.mark.parametrize(
    "planned",
    [
        dataclasses.replace(PLANNED, duration_s=SECONDS + 0.5),
        dataclasses.replace(PLANNED, pictures=3),
        dataclasses.replace(PLANNED, sounds=0),
        dataclasses.replace(PLANNED, texts=2),
    ],
)
def test_a_package_that_isnt_the_planned_one_is_stopped(good: Path, planned: Expected) -> None:
    for entry in (MULTIVARIANT, MPD):
        with pytest.raises(SystemFault, match="TC-PLAN"):
            Gate(good, planned).check(entry)


def test_what_should_be_kept_and_isnt_is_a_warning(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(TYPE=AUDIO.*),LANGUAGE="en"', r"\1")
    passed = Gate(package, PLANNED).check(MULTIVARIANT)
    assert len(passed.warnings) == 1
    assert "APPLE-8.10" in passed.warnings[0]
    assert "audio.m3u8 (English)" in passed.warnings[0]
    assert passed.to_dict()["fail"] == 1


def test_the_second_side_must_agree_with_the_first(package: Path) -> None:
    edit(package / MPD, r'<Representation id="1"(?s:.*?)</Representation>', "", 1)
    gate = Gate(package, dataclasses.replace(PLANNED, pictures=1))
    gate.check(MPD)
    with pytest.raises(SystemFault) as caught:
        Gate(package, PLANNED).check(MPD)
    assert "TC-PLAN" in caught.value.message


def test_every_rule_has_an_id_of_its_own_and_a_source() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES) >= 70
    assert all(rule.says and rule.source and rule.protocols for rule in RULES)
    assert {rule.level for rule in RULES} == set(Level)


def test_every_rule_is_broken_by_some_fault() -> None:
    """A rule that no test can break may never have been looked at."""
    planted = {rule for fault in FAULTS for rule in fault.rules}
    elsewhere = {"TC-PLAN", "APPLE-10.4", "APPLE-7.2", "APPLE-1.13", "APPLE-1.5"}
    assert {rule.id for rule in RULES} - planted - elsewhere == set()


@pytest.mark.parametrize("map_too", [False, True], ids=["clear-map", "sealed-map"])
def test_a_copy_that_is_encrypted_whole_is_counted_and_weighed(package: Path, map_too: bool) -> None:
    """Nothing can be seen inside, but files, lengths and rates can be."""
    for name in ("240p", "360p", "audio"):
        for path in (package / name).iterdir():
            if map_too or path.suffix == ".m4s":
                path.write_bytes(os.urandom(path.stat().st_size // 16 * 16 + 16))
        key = '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/1",IV=0x00000000000000000000000000000001\n'
        edit(package / f"{name}.m3u8", "^#EXT-X-MAP" if map_too else "^#EXTINF", key + r"\g<0>", 1)
    edit(package / MULTIVARIANT, "^#EXT-X-I-FRAME-STREAM-INF.*\n", "")
    passed = Gate(package, PLANNED).check(MULTIVARIANT)
    lines = {line.rule.id: line for line in passed.report.lines}
    for rule in ("TC-PLAN", "TC-FILES", "APPLE-1.27", "APPLE-1.26", "RFC8216-4.3.3.1", "RFC8216-4.3.2.4", "APPLE-5.5"):
        assert lines[rule].verdict is Verdict.PASS, rule
    for rule in ("APPLE-7.4", "TC-CODECS", "APPLE-6.1"):
        assert lines[rule].verdict is Verdict.NOT_APPLICABLE, rule
        assert lines[rule].reason != "nothing of the kind in this package"
    (package / "audio" / "00002.m4s").unlink()
    with pytest.raises(SystemFault, match="TC-FILES"):
        Gate(package, PLANNED).check(MULTIVARIANT)
