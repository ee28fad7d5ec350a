"""One percentage out of many stages; names and numbers of priorities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecine.errors import ConfigurationError
from telecine.image.pool_child import STAGES as POOL_STAGES
from telecine.priority import Priority, estimate_seconds
from telecine.stages import AUDIO, IMAGE, VIDEO, Stages


@pytest.mark.parametrize("weights", [IMAGE, VIDEO, AUDIO])
def test_weights_add_up_to_a_hundred(weights: dict[str, int]) -> None:
    assert sum(weights.values()) == 100


@given(st.lists(st.tuples(st.sampled_from([*VIDEO, "UNKNOWN"]), st.floats(-1, 2))), st.floats(0, 100))
def test_progress_never_goes_back_and_stays_within_bounds(reports: list[tuple[str, float]], before: float) -> None:
    stages = Stages(VIDEO, before)
    last = before
    for stage, fraction in reports:
        percent = stages.at(stage, fraction)
        assert last <= percent <= 100
        last = percent


def test_stages_before_the_current_one_count_as_done() -> None:
    stages = Stages(VIDEO)
    assert stages.at("ANALYSIS", 1.0) == 5
    assert stages.at("ENCODING", 0.0) == 20
    assert stages.at("ENCODING", 0.5) == 52.5
    assert stages.at("UPLOADING", 1.0) == 100


def test_every_stage_of_the_image_pool_has_a_weight() -> None:
    assert tuple(IMAGE) == tuple(filter(None, POOL_STAGES))


@pytest.mark.parametrize(
    ("given_", "meant"),
    [("low", 1), ("Normal", 5), ("HIGH", 10), ("urgent", 20), (1, 1), ("20", 20), (Priority.HIGH, 10)],
)
def test_priorities_by_name_or_number(given_: str | int, meant: int) -> None:
    assert Priority.parse(given_) == meant


@pytest.mark.parametrize("given_", ["", "soon", "7", 7, -1, "-5", "1O"])
def test_any_other_priority_is_refused_with_the_choices(given_: str | int) -> None:
    with pytest.raises(ConfigurationError, match=r"URGENT \(20\), HIGH \(10\), NORMAL \(5\), LOW \(1\)"):
        Priority.parse(given_)


@given(st.sampled_from(["image", "video", "audio"]), st.integers(0, 10**12))
def test_estimates_are_positive_and_grow_with_the_file(kind: str, size: int) -> None:
    assert 0 < estimate_seconds(kind, size) <= estimate_seconds(kind, size + 10**6)
