"""Streams of ours in real players: hls.js, dash.js and Shaka Player in the gateway's page, in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from telecine.process import run
from telecine.tools import ffmpeg_path
from tests.e2e.seat import PLAYERS, Seat
from tests.e2e.theatre import Theatre, open_theatre

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SEGMENT_S = 2
LENGTH_S = 12


def clip(path: Path, *, size: str = "640x360", rate: str = "25") -> Path:
    """Twelve seconds of a moving picture with a tone."""
    picture = f"testsrc2=s={size}:r={rate}:d={LENGTH_S}"
    tone = f"sine=f=440:d={LENGTH_S}:r=48000"
    argv = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-map", "0:v", "-map", "1:a"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    run([str(ffmpeg_path()), "-nostdin", "-v", "error", "-y", *argv])
    return path


def outputs(**streams: Any) -> list[dict[str, Any]]:
    return [
        {"kind": "video_ladder", "rungs": [240, 360], "preset": "ultrafast"},
        {"kind": "streams", "segment_s": SEGMENT_S, **streams},
        {"kind": "video_still"},
    ]


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with open_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


class Programme:
    """What is on, each made when somebody first wants to see it."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self._shown: dict[str, str] = {}

    def partition(self, name: str) -> str:
        if name not in self._shown:
            self._shown[name] = getattr(self, name)(self.theatre.folder / f"{name}.mp4")
        return self._shown[name]

    def plain(self, path: Path) -> str:
        return self.theatre.show("plain", clip(path), outputs())

    def portrait(self, path: Path) -> str:
        return self.theatre.show("portrait", clip(path, size="360x640"), outputs())

    def broadcast(self, path: Path) -> str:
        return self.theatre.show("broadcast", clip(path, rate="30000/1001"), outputs())


@pytest.fixture(scope="session")
def programme(theatre: Theatre) -> Programme:
    return Programme(theatre)


def seat_for(page: Page, theatre: Theatre, partition: str, player: str) -> Seat:
    return Seat(page, f"{theatre.gateway}/watch/{partition}?player={player}")


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", ["plain", "portrait", "broadcast"])
def test_a_stream_plays_seeks_and_changes_rungs(
    page: Page, theatre: Theatre, programme: Programme, name: str, player: str
) -> None:
    seat = seat_for(page, theatre, programme.partition(name), player)
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
