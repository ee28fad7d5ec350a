"""Whatever bytes a package holds, the verifier answers with a report and never with an exception of its own."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import report_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strangers import STRANGERS

FILES = (
    "360p/init.mp4",
    "360p/00001.m4s",
    "audio/00002.m4s",
    "captions-en/00001.vtt",
    "360p.m3u8",
    "360p-iframes.m3u8",
)
QUICK = settings(
    max_examples=4000 if os.environ.get("TELECINE_LONG_TESTS") else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Where structures lie: box headers and tables at the beginning, or anywhere.
PLACES = st.one_of(st.integers(0, 700), st.integers(0, 1_000_000))
DAMAGE = st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=8)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def patient(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that is damaged and healed again and again."""
    return Path(shutil.copytree(good, tmp_path_factory.mktemp("patient") / "stream"))


def damaged(data: bytes, wounds: list[tuple[int, bytes]], cut: int | None) -> bytes:
    content = bytearray(data)
    for place, new in wounds:
        at = place % max(1, len(content))
        content[at : at + len(new)] = new
    return bytes(content[: cut % len(content)] if cut is not None and content else content)


@QUICK
@given(
    file=st.sampled_from([*FILES, "multivariant.m3u8", "manifest.mpd"]), wounds=DAMAGE, cut=st.none() | st.integers(0)
)
def test_damaged_packages_get_a_report(
    patient: Path, good: Path, file: str, wounds: list[tuple[int, bytes]], cut: int | None
) -> None:
    (patient / file).write_bytes(damaged((good / file).read_bytes(), wounds, cut))
    try:
        assert report_of(patient).lines
    finally:
        shutil.copy(good / file, patient / file)


@QUICK
@given(
    file=st.sampled_from(["multivariant.m3u8", "360p.m3u8", "360p-iframes.m3u8", "manifest.mpd"]),
    which=st.integers(0, 10_000),
    number=st.sampled_from(["-1", "0", "", "9" * 30, "9" * 5000, "1e999", "nan", "inf", "\u00b2", "0x10", "1/0", " "]),
)
def test_numbers_that_are_none_get_a_report(patient: Path, good: Path, file: str, which: int, number: str) -> None:
    text = (good / file).read_text()
    places = list(re.finditer(r"\d+(?:\.\d+)?", text))
    place = places[which % len(places)]
    (patient / file).write_text(text[: place.start()] + number + text[place.end() :])
    try:
        assert report_of(patient).lines
    finally:
        shutil.copy(good / file, patient / file)


@pytest.fixture(scope="module")
def transport(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A small HLS package of MPEG-TS, and its first segment as it was."""
    directory = tmp_path_factory.mktemp("ts")
    STRANGERS["ffmpeg-hls-ts"](clip, directory)
    return directory, (directory / "a0.ts").read_bytes()[: 188 * 400]


@QUICK
@given(wounds=DAMAGE, cut=st.none() | st.integers(0))
def test_damaged_transport_streams_get_a_report(
    transport: tuple[Path, bytes], wounds: list[tuple[int, bytes]], cut: int | None
) -> None:
    directory, content = transport
    (directory / "a0.ts").write_bytes(damaged(content, wounds, cut))
    assert report_of(directory, "a.m3u8").lines
