"""Streams of ours in real players: hls.js, dash.js and Shaka Player in the gateway's page, in headless Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.programme import LENGTH_S, SEGMENT_S, Programme
from tests.e2e.seat import PLAYERS, Seat

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", ["plain", "portrait"])
def test_a_stream_plays_seeks_and_changes_rungs(page: Page, programme: Programme, name: str, player: str) -> None:
    seat = Seat(page, programme.address(name, player))
    seat.begins()
    rungs = seat.ask("engine.rungs()")
    sizes = {"portrait": [(240, 426), (360, 640)]}.get(name, [(426, 240), (640, 360)])
    assert [(rung["width"], rung["height"]) for rung in rungs] == sizes
    assert seat.ask("video.duration") == pytest.approx(LENGTH_S, abs=0.15)
    seat.changes_to_rung(0, frame_s=0.04)
    seat.changes_to_rung(1, frame_s=0.04)
    seat.plays_past(2 * SEGMENT_S + 0.1)
    seat.jumps_to(LENGTH_S - 3)
    assert seat.ask("video.webkitAudioDecodedByteCount") > 0
    seat.leaves()
