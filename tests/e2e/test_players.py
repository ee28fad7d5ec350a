"""Streams of ours in real players: hls.js, dash.js and Shaka Player in the gateway's page, in headless Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from tests.e2e.programme import LENGTH_S, SAID, SEGMENT_S, TONES_HZ, Programme
from tests.e2e.seat import PLAYERS, Seat

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LANDSCAPE, PORTRAIT = [(426, 240), (640, 360)], [(240, 426), (360, 640)]
HLS = [player for player, protocol in PLAYERS.items() if protocol == "hls"]


_seldom = pytest.mark.skipif(
    not os.environ.get("TELECINE_LONG_TESTS"), reason="another player plays it; all of them with TELECINE_LONG_TESTS=1"
)


def always(player: str, players: Iterable[str]) -> list[object]:
    """All players, of which one is always tried; a browser takes some ten seconds with each."""
    return [one if one == player else pytest.param(one, marks=_seldom) for one in players]


def plays_seeks_and_changes_rungs(seat: Seat, sizes: list[tuple[int, int]], frame_s: float) -> None:
    """What every player has to do with every stream that has a picture."""
    seat.begins()
    assert [(rung["width"], rung["height"]) for rung in seat.ask("engine.rungs()")] == sizes
    assert seat.ask("video.duration") == pytest.approx(LENGTH_S, abs=0.15)
    seat.changes_to_rung(0, frame_s=frame_s)
    seat.changes_to_rung(1, frame_s=frame_s)
    seat.plays_past(2 * SEGMENT_S + 0.1)
    seat.jumps_to(LENGTH_S - 3)
    assert seat.ask("video.webkitAudioDecodedByteCount") > 0
    seat.leaves()


@pytest.mark.parametrize("player", always("hls.js", PLAYERS))
def test_portrait_at_a_broadcasts_frame_rate(page: Page, programme: Programme, player: str) -> None:
    plays_seeks_and_changes_rungs(Seat(page, programme.address("portrait", player)), PORTRAIT, 1001 / 30000)


@pytest.mark.parametrize("player", always("hls.js", PLAYERS))
def test_two_languages_and_captions(page: Page, programme: Programme, player: str) -> None:
    seat = Seat(page, programme.address("plain", player))
    plays_seeks_and_changes_rungs(seat, LANDSCAPE, 1 / 25)
    assert page.locator("#sound option").all_inner_texts() == ["English", "Deutsch"]
    seat.jumps_to(0.5)
    seat.hears(TONES_HZ["eng"])
    seat.chooses("sound", 1)
    seat.hears(TONES_HZ["deu"])
    assert page.locator("#captions option").all_inner_texts() == ["Off", "English"]
    seat.chooses("captions", 0)
    seat.jumps_to(2.0)  # at once, so that what loads is interrupted
    seat.shows_caption(SAID)
    seat.leaves()


@pytest.mark.parametrize("player", always("hls.js", HLS))
def test_whole_segments_encrypted_with_changing_keys(page: Page, programme: Programme, player: str) -> None:
    asked: list[str] = []
    page.on("response", lambda r: asked.append(r.url) if "/keys/" in r.url and r.status == 200 else None)
    plays_seeks_and_changes_rungs(Seat(page, programme.address("aes128", player)), LANDSCAPE, 1 / 25)
    assert len({url.rpartition("/")[2] for url in asked}) > 1, "more than one key was used"


def test_transport_streams_encrypted(page: Page, programme: Programme) -> None:
    plays_seeks_and_changes_rungs(Seat(page, programme.address("aes128ts", "hls.js")), LANDSCAPE, 1 / 25)


@pytest.mark.parametrize("player", always("shaka-dash", PLAYERS))
def test_encrypted_samples_with_clear_keys(page: Page, programme: Programme, player: str) -> None:
    seat = Seat(page, programme.address("cbcs", player))
    plays_seeks_and_changes_rungs(seat, LANDSCAPE, 1 / 25)
    assert seat.ask("video.mediaKeys !== null")


@pytest.mark.parametrize("player", always("shaka-hls", PLAYERS))
def test_sound_alone(page: Page, programme: Programme, player: str) -> None:
    seat = Seat(page, programme.address("sound", player))
    seat.begins()
    assert seat.ask("video.duration") == pytest.approx(LENGTH_S, abs=0.15)
    seat.hears(TONES_HZ["eng"])
    seat.plays_past(2 * SEGMENT_S + 0.1)
    seat.jumps_to(LENGTH_S - 3)
    assert seat.ask("video.videoWidth") == 0
    seat.leaves()


@pytest.mark.parametrize(("name", "player"), [("aes128", "hls.js"), ("cbcs", "shaka-dash"), ("cbcs", "dash.js")])
def test_without_a_token_a_protected_stream_does_not_play(
    page: Page, programme: Programme, name: str, player: str
) -> None:
    # Who comes through a proxy isn't on this machine.
    proxied = {"x-forwarded-for": "192.0.2.7"}
    page.route("**/watch/**", lambda route: route.continue_(headers={**route.request.headers, **proxied}))
    seat = Seat(page, programme.address(name, player))
    seat.until("!document.getElementById('error').hidden", "an error in words")
    assert "token" in page.inner_text("#error") or "no key for it" in page.inner_text("#error")
    assert seat.ask("video.currentTime") == 0
