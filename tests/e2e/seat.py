"""A seat in front of the player page: asks and tells it what a person would. Not a test.

Conditions are asked again and again from here: the page's policy forbids `eval`, which Playwright's own waiting needs.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PATIENCE_S = 40.0  # for things that take a moment on an idle machine
PLAYERS = {"hls.js": "hls", "shaka-hls": "hls", "dash.js": "dash", "shaka-dash": "dash"}

# What must not happen between two looks: an error, a hole in what is buffered, a jump that nobody asked for.
_WATCHMAN = """() => {
  window.seen = { errors: [], holes: [], jumps: 0 };
  video.addEventListener('error', () => seen.errors.push(String(video.error?.message)));
  video.addEventListener('seeking', () => { seen.jumps += 1; });
  setInterval(() => {
    for (let n = 1; n < video.buffered.length; n++) {
      seen.holes.push(video.buffered.start(n) - video.buffered.end(n - 1));
    }
  }, 50);
}"""


_EAR = """() => {
  if (window.loudest) return;
  const context = new AudioContext(), ear = context.createAnalyser();
  ear.fftSize = 8192;
  context.createMediaElementSource(video).connect(ear);
  ear.connect(context.destination);
  window.loudest = () => {
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    return bins.indexOf(Math.max(...bins)) * context.sampleRate / ear.fftSize;
  };
}"""


class Seat:
    """One viewer.

    Attributes:
        wrong: script errors and refusals of the page's policy.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda m: self.wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(address)

    def ask(self, expression: str) -> Any:
        """An expression in which `video` and `engine` are known."""
        return self.page.evaluate(
            "() => { const video = document.getElementById('video'), engine = telecine.engine;"
            f" return {expression}; }}"
        )

    def until(self, condition: str, what: str, patience_s: float = _PATIENCE_S) -> None:
        """Wait for a condition; a failure tells what the player said."""
        deadline = time.monotonic() + patience_s
        while not self.ask(condition):
            if time.monotonic() > deadline:
                now = self.ask("[video.currentTime, video.readyState, video.videoWidth, video.paused, window.seen]")
                said = self.page.inner_text("#error") if self.page.is_visible("#error") else "no error shown"
                pytest.fail(f"{what}: {condition} never held; now {now}; {said}; {self.wrong}")
            time.sleep(0.05)

    def begins(self) -> None:
        """The stream is known, and plays once it is asked to."""
        self.until("engine !== null || !document.getElementById('error').hidden", "a player")
        assert not self.page.is_visible("#error"), self.page.inner_text("#error")
        self.page.evaluate(_WATCHMAN)
        if self.ask("video.paused"):
            self.page.click("#play")
        self.until("video.currentTime > 0.2", "playing")

    def shows_caption(self, words: str) -> None:
        """These words stand in the picture now."""
        cues = "[...video.textTracks].flatMap((t) => t.mode === 'showing' ? [...(t.activeCues ?? [])] : [])"
        self.until(f"{cues}.some((cue) => cue.text === {json.dumps(words)})", f"the caption {words!r}")

    def hears(self, hz: float) -> None:
        """The loudest tone is this one."""
        self.page.evaluate(_EAR)
        self.until(f"Math.abs(loudest() - {hz}) < 30", f"a tone of {hz} Hz")

    def plays_past(self, seconds: float) -> None:
        """The picture moves on to here by itself."""
        self.until(f"video.currentTime > {seconds} || video.ended", f"playing past {seconds} s")

    def jumps_to(self, seconds: float) -> None:
        """Seeking by the seek bar's own means works, and it plays on from there."""
        self.page.evaluate(
            "(to) => { const bar = document.getElementById('position'); bar.value = to;"
            " bar.dispatchEvent(new Event('input')); video.play().catch(() => {}); }",
            seconds,
        )
        self.until(f"!video.seeking && video.currentTime > {seconds} + 0.2", f"playing on after a jump to {seconds} s")
        assert self.ask("video.currentTime") < seconds + 10

    def chooses(self, select: str, choice: int) -> None:
        """Choose from one of the page's menus."""
        self.page.select_option(f"#{select}", str(choice))

    def changes_to_rung(self, rung: int, *, frame_s: float) -> None:
        """Choosing a rung changes the picture with no error, no jump, and no hole of more than a frame."""
        width = self.ask(f"engine.rungs()[{rung}].width")
        jumps = self.ask("seen.jumps")
        self.chooses("rung", rung)
        self.until(f"video.videoWidth === {width}", f"rung {rung}, {width} pixels wide")
        seen = self.ask("seen")
        assert seen["errors"] == []
        assert seen["jumps"] == jumps, "the player jumped"
        assert max(seen["holes"], default=0.0) <= frame_s
        assert not self.page.is_visible("#error"), self.page.inner_text("#error")

    def leaves(self) -> None:
        """Nothing went wrong meanwhile."""
        assert self.wrong == [], self.wrong
        assert not self.page.is_visible("#error")
