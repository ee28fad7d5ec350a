"""Fixtures of whole journeys: a view of the running house, and photos that are quick to make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from telecine.samples import photo, write_photos
from tests.e2e.chromium import chromium, page  # noqa: F401  fixtures
from tests.e2e.house import House, house_for
from tests.e2e.programme import Programme
from tests.e2e.theatre import open_theatre


@pytest.fixture
def house(stack: dict[str, str]) -> Iterator[House]:
    """The test run's stack, with a prefix of the test's own in the input bucket."""
    with dg.DagsterInstance.get() as instance:
        found = house_for(stack, instance)
        yield found
        found.ledger.close()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """200 photos, no two alike: one of every format and orientation, the others small JPEGs."""
    folder = tmp_path_factory.mktemp("photos")
    made = write_photos(folder)
    for number in range(len(made), 200):
        path = folder / f"small-{number:03}.jpg"
        photo(number, (480, 360)).save(path, quality=85)
        made.append(path)
    return made


@pytest.fixture(scope="session")
def large_photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """28 photos that take some seconds altogether, so that a batch of them has a middle."""
    folder = tmp_path_factory.mktemp("large-photos")
    made = []
    for number in range(28):
        path = folder / f"large-{number:03}.jpg"
        photo(1_000 + number % 8, (2000, 1500), str(number)).save(path, quality=85)
        made.append(path)
    return made


@pytest.fixture(scope="session")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programme]:
    """What is on in a theatre of the test run's own; needs no stack."""
    with open_theatre(tmp_path_factory.mktemp("theatre")) as theatre:
        yield Programme(theatre)
