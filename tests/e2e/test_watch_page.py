"""The player page itself: keys, menus, figures, and words for what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.programme import LENGTH_S, Programme
from tests.e2e.seat import PLAYERS, Seat

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_everything_can_be_done_with_keys(page: Page, programme: Programme) -> None:
    seat = Seat(page, programme.address("plain"))
    seat.until("engine !== null", "a player")
    page.keyboard.press("Space")
    seat.until("!video.paused && video.currentTime > 0.1", "space plays")
    page.keyboard.press("k")
    seat.until("video.paused", "k pauses")
    page.keyboard.press("ArrowRight")
    seat.until("video.currentTime > 5", "an arrow jumps")
    page.keyboard.press("m")
    assert seat.ask("video.muted")
    focused = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        focused.add(page.evaluate("document.activeElement.id"))
    assert {"position", "play", "mute", "volume", "full", "player", "rung"} <= focused
    seat.leaves()


def test_a_pointer_over_the_seek_bar_is_shown_the_picture_and_the_time(page: Page, programme: Programme) -> None:
    seat = Seat(page, programme.address("plain"))
    seat.until("engine !== null && video.duration > 0", "a player")
    bar = page.locator("#seek").bounding_box()
    assert bar is not None
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    assert page.inner_text("#tile-time") == f"0:0{LENGTH_S // 2}"
    tile = "getComputedStyle(document.getElementById('tile'))"
    for step in range(50):  # the storyboard may come later than the player
        page.mouse.move(bar["x"] + bar["width"] / 2 + step % 2, bar["y"] + bar["height"] / 2)
        if ".jpg" in seat.ask(f"{tile}.backgroundImage"):
            break
        page.wait_for_timeout(100)
    assert ".jpg" in seat.ask(f"{tile}.backgroundImage")
    assert seat.ask("document.getElementById('tile').offsetWidth") > 50
    page.mouse.move(5, 5)
    assert not page.is_visible("#preview")


def test_figures_are_live_and_players_can_be_changed_while_it_plays(page: Page, programme: Programme) -> None:
    seat = Seat(page, programme.address("plain"))
    seat.begins()
    for player, name in (("shaka-dash", "Shaka Player"), ("file:360p", "the browser"), ("dash.js", "dash.js")):
        page.select_option("#player", player)
        seat.until("engine !== null && !video.paused && video.currentTime > 0.1", f"{player} goes on playing")
        assert page.inner_text("#stat-engine").startswith(name)
        assert f"player={player.replace(':', '%3A')}" in page.url
    shown = "document.getElementById('stat-picture').textContent"
    seat.until(f"{shown} === `${{video.videoWidth}}×${{video.videoHeight}}`", "the size of the picture")
    assert page.inner_text("#stat-buffered").endswith("s ahead")
    seat.leaves()


@pytest.mark.parametrize("player", PLAYERS)
def test_what_is_missing_is_said_in_words(page: Page, programme: Programme, player: str) -> None:
    entry = {"hls": "multivariant.m3u8", "dash": "manifest.mpd"}[PLAYERS[player]]
    damaged = programme.theatre.show_without(programme.partition("plain"), f"g1/stream/{entry}")
    seat = Seat(page, f"{programme.theatre.gateway}/watch/{damaged}?player={player}")
    seat.until("!document.getElementById('error').hidden", "an error in words")
    assert "any more (404)" in page.inner_text("#error")
    assert seat.wrong == []


def test_the_list_leads_to_the_page(page: Page, programme: Programme) -> None:
    partition = programme.partition("plain")
    page.goto(f"{programme.theatre.gateway}/watch")
    page.locator(f"a[href='/watch/{partition}']").click()
    page.wait_for_url(f"**/watch/{partition}")
    assert page.inner_text("h1") == "plain.mp4"
    page.goto(f"{programme.theatre.gateway}/watch/nothing-00000000")
    assert "Nothing is published under this name" in page.inner_text("main")
