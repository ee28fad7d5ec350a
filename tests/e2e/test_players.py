"""Streams from the output bucket in real players: hls.js in docs/player.html, and dash.js, in headless Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from telecine.samples_video import write_clip

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "video"
DASHJS = "dashjs@5.2.1"  # 800 kB, so it isn't in the repository
CLIP = "clip.mp4"
SOURCES = {
    CLIP: "made here: 720p, 20 s, with sound",
    "cockatoo.mp4": "720p at 20 fps, MP3 sound",
    "cursed-vfr.mp4": "3026x1386, variable frame rate, no sound",
    "sample_edit_list.mp4": "a phone's HEVC with an edit list, 2.5 s",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """What the manifest promises of one processed source."""

    hls: str
    dash: str
    duration_s: float
    has_sound: bool
    sizes: frozenset[tuple[int, int]]


@cache
def processed(outputs: str, folder: Path) -> Mapping[str, Stream]:
    """Every source that is here, through `telecine process`, once for the whole test run."""
    write_clip(folder / CLIP)
    paths = [folder / CLIP, *(CORPUS / name for name in SOURCES if (CORPUS / name).exists())]
    command = [sys.executable, "-c", "from telecine.cli import main; main()", "process", *map(str, paths), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return {Path(file["path"]).name: _stream(outputs, file) for file in json.loads(done.stdout)["files"]}


def _stream(outputs: str, file: Mapping[str, Any]) -> Stream:
    by_asset = {asset: [o for o in file["outputs"] if o["asset"] == asset] for asset in ("video/hls", "video/dash")}
    [hls], [dash] = by_asset["video/hls"], by_asset["video/dash"]
    rungs = [o for o in file["outputs"] if o["asset"] == "video/renditions"]
    return Stream(
        hls=f"{outputs}/{file['partition']}/{hls['url']}",
        dash=f"{outputs}/{file['partition']}/{dash['url']}",
        duration_s=hls["duration_s"],
        has_sound=any("mp4a" in o["codecs"] for o in rungs),
        sizes=frozenset((o["width"], o["height"]) for o in rungs),
    )


@pytest.fixture(params=list(SOURCES))
def stream(
    request: pytest.FixtureRequest,
    page: Page,  # asked for first: without a browser nothing needs to be encoded
    stack: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Stream:
    if request.param != CLIP and not (CORPUS / request.param).exists():
        pytest.skip(f"{CORPUS / request.param} isn't here")
    outputs = f"{stack['TELECINE_S3_ENDPOINT']}/{stack['TELECINE_OUTPUT_BUCKET']}"
    return processed(outputs, tmp_path_factory.getbasetemp())[request.param]


@pytest.fixture(scope="session")
def dash_js(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dash.js from npm, in a directory of the test run's own."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm isn't here, so there is no dash.js to play with: `apt-get install npm`")
    folder = tmp_path_factory.mktemp("dashjs")
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", DASHJS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"npm could not install {DASHJS}: {done.stderr.strip()[-300:]}")
    return folder / "node_modules" / "dashjs" / "dist" / "modern" / "umd" / "dash.all.min.js"


class Player:
    """The page's <video>, asked and told as a person would."""

    def __init__(self, page: Page, errors: Callable[[], str]) -> None:
        self.page = page
        self.errors = errors

    def ask(self, expression: str) -> Any:
        return self.page.evaluate(f"() => {{ const video = document.querySelector('video'); return {expression}; }}")

    def until(self, condition: str, what: str) -> None:
        """Wait for a condition on `video`; a failure tells what the player said."""
        try:
            self.page.wait_for_function(
                f"() => {{ const video = document.querySelector('video'); return {condition}; }}", timeout=120_000
            )
        except Exception as e:
            now = self.ask("[video.currentTime, video.readyState, video.videoWidth, video.videoHeight, video.paused]")
            raise AssertionError(f"{what}: {condition} never held; now {now}; errors: {self.errors()}") from e

    def plays(self, stream: Stream) -> None:
        """The picture moves, sound is decoded when there is any, and the length is right."""
        step = min(1.0, stream.duration_s / 4)
        self.until(f"video.currentTime > {step}", "playing from the start")
        assert self.ask("video.duration") == pytest.approx(stream.duration_s, abs=0.15)
        assert self.ask("video.webkitVideoDecodedByteCount") > 0
        if stream.has_sound:
            self.until("video.webkitAudioDecodedByteCount > 0", "sound decoded")
        else:
            assert self.ask("video.webkitAudioDecodedByteCount") == 0

    def seeks(self, to_s: float) -> None:
        """Jumping works, and the picture goes on from there."""
        self.ask(f"(video.currentTime = {to_s}, video.play().catch(() => {{}}), true)")
        self.until(
            f"!video.seeking && (video.ended || (video.currentTime > {to_s} + 0.2 && video.currentTime < {to_s} + 60))",
            f"playing on after a jump to {to_s:.2f} s",
        )
        assert self.ask("video.currentTime") >= to_s

    def shows(self, size: tuple[int, int]) -> None:
        """The decoded picture has this size; the clip is begun again when it is too short to switch in time."""
        self.until(
            f"(video.ended && (video.currentTime = 0, video.play().catch(() => {{}})), "
            f"video.videoWidth === {size[0]} && video.videoHeight === {size[1]})",
            f"switching to {size}",
        )


def test_hls_js_plays_seeks_and_switches_rungs_in_the_player_page_opened_from_a_disk(
    page: Page, stream: Stream
) -> None:
    page.goto(f"{(ROOT / 'docs' / 'player.html').as_uri()}?src={quote(stream.hls, safe='')}")
    player = Player(page, lambda: page.inner_text("#error"))
    player.until("window.hls && window.hls.levels.length > 0", "levels known")
    player.plays(stream)
    assert page.inner_text("#engine").startswith("hls.js ")

    assert player.ask("hls.audioTracks.length") == (1 if stream.has_sound else 0)
    levels = [
        (level["width"], level["height"])
        for level in player.ask("hls.levels.map(({width, height}) => ({width, height}))")
    ]
    assert set(levels) == stream.sizes
    player.seeks(stream.duration_s / 2)
    for index in (len(levels) - 1, 0):
        player.ask("(video.currentTime = 0, video.play().catch(() => {}), true)")
        page.click(f"#levels button[data-level='{index}']")
        player.shows(levels[index])
    assert not page.is_visible("#error")


def test_dash_js_plays_seeks_and_switches_rungs(page: Page, stream: Stream, dash_js: Path, tmp_path: Path) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    html = tmp_path / "dash.html"
    html.write_text(
        f"""<!doctype html><video muted autoplay controls></video><script src="{dash_js.as_uri()}"></script><script>
        window.failures = [];
        window.player = dashjs.MediaPlayer().create();
        player.updateSettings({{streaming: {{abr: {{autoSwitchBitrate: {{video: false}}}}}}}});
        player.on('error', (e) => failures.push(e.error.message));
        player.on('streamInitialized', () => {{ window.ready = true; }});
        player.initialize(document.querySelector('video'), {json.dumps(stream.dash)}, true);
        </script>"""
    )
    page.goto(html.as_uri())
    player = Player(page, lambda: str([*player.ask("failures"), *errors]))
    player.until("window.ready", "manifest read")
    player.plays(stream)

    assert player.ask("player.getTracksFor('audio').length") == (1 if stream.has_sound else 0)
    rungs = player.ask(
        "player.getRepresentationsByType('video').map(({width, height, index}) => [width, height, index])"
    )
    assert {(width, height) for width, height, _ in rungs} == stream.sizes
    player.seeks(stream.duration_s / 2)
    for width, height, index in (rungs[-1], rungs[0]):
        player.ask(
            f"(video.currentTime = 0, player.setRepresentationForTypeByIndex('video', {index}, true), "
            "video.play().catch(() => {}), true)"
        )
        player.shows((width, height))
    assert player.ask("failures") == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{outputs}/nothing-00000000/g1/stream/multivariant.m3u8", "no stream at this address"),
        ("http://127.0.0.1:9/multivariant.m3u8", "127.0.0.1:9 does not answer"),
        ("file:///etc/hostname", "has to start with http"),
    ],
)
def test_the_player_page_says_in_words_what_is_wrong(page: Page, stack: dict[str, str], source: str, says: str) -> None:
    outputs = f"{stack['TELECINE_S3_ENDPOINT']}/{stack['TELECINE_OUTPUT_BUCKET']}"
    address = quote(source.format(outputs=outputs), safe="")
    page.goto(f"{(ROOT / 'docs' / 'player.html').as_uri()}?src={address}")
    page.wait_for_selector("#error:visible")
    assert says in page.inner_text("#error")
