"""What a data engineer sees: the asset graph, a partition, a run, in the Dagster UI in headless Chromium.

TELECINE_SCREENSHOTS names a directory that keeps the pictures (docs/images is made so).
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from telecine.partition import partition_key
from telecine.samples import write_photos
from telecine.samples_video import write_clip
from tests.e2e.seat import Seat

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(1800)]

FOLDER = "holiday"
PHOTO = f"{FOLDER}/photo-001-jpeg.jpg"
CLIP = f"{FOLDER}/clip-720p.mp4"
DAMAGED = f"{FOLDER}/not-finished.jpg"
KEEP = os.environ.get("TELECINE_SCREENSHOTS")  # read now: the stack's fixture takes TELECINE_* out of the environment


@cache
def dropped(parent: Path) -> None:
    """Photos, a clip and half a photo through the bucket, once for the whole test run."""
    photos = write_photos(parent / "ui" / FOLDER, count=6)
    write_clip(parent / "ui" / CLIP)
    half = photos[0].read_bytes()
    (parent / "ui" / DAMAGED).write_bytes(half[: len(half) // 50])  # not even the header is whole
    command = [sys.executable, "-c", "from telecine.cli import main; main()", "demo", str(parent / "ui")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3, f"one file is damaged, the others are not: {done.stdout}"


class Tab:
    """One browser tab in the UI, with what went wrong in it."""

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self.shots = shots
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("response", lambda r: self.wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sees(self, *texts: str) -> None:
        """Every text becomes visible."""
        for text in texts:
            self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def keeps(self, name: str) -> None:
        """A screenshot once what moves has come to rest, and nothing went wrong so far."""
        self.page.wait_for_timeout(2_000)
        self.page.screenshot(path=self.shots / f"{name}.png")
        assert self.wrong == []
        for toast in self.page.locator("[class*='toast' i]").all_inner_texts():
            assert "error" not in toast.lower()


@pytest.fixture
def ui(page: Page, stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Tab:
    dropped(tmp_path_factory.getbasetemp())
    shots = Path(KEEP) if KEEP else tmp_path_factory.mktemp("screenshots")
    shots.mkdir(parents=True, exist_ok=True)
    return Tab(page, stack["TELECINE_DAGSTER_URL"], shots)


def key(stack: dict[str, str], name: str) -> str:
    """Partition of a file that the demo dropped."""
    return partition_key(stack["TELECINE_INPUT_BUCKET"], f"demo/{name}")


def partition_page(asset: str, partition: str) -> str:
    return f"/assets/{asset}?view=partitions&partition={quote(partition)}"


def picture_width(ui: Tab) -> int:
    """Pixels of the preview as the browser decoded it; 0 while it is not there."""
    ui.page.wait_for_selector("img[alt='preview']")
    ui.page.wait_for_function("document.querySelector(\"img[alt='preview']\").complete")
    return int(ui.page.evaluate("document.querySelector(\"img[alt='preview']\").naturalWidth"))


def test_the_asset_graph_reads_at_a_glance(ui: Tab) -> None:
    # Top-down and wide, so that all three groups fit; as the buttons beside the graph would set it.
    ui.page.add_init_script("localStorage.setItem('asset-graph-direction', JSON.stringify('vertical'))")
    ui.page.set_viewport_size({"width": 1900, "height": 620})
    groups = ",".join(f"global@global:{group}" for group in ("images", "videos", "audio"))
    ui.open(f"/asset-groups?expanded={quote(groups)}")
    ui.sees("source", "renditions", "thumbnails", "metadata", "hls", "dash")
    ui.keeps("asset-graph")


def test_an_image_partition_shows_its_picture_its_table_and_its_links(ui: Tab, stack: dict[str, str]) -> None:
    partition = key(stack, PHOTO)
    ui.open(partition_page("image/renditions", partition))
    ui.sees("Materialized", f"demo/{PHOTO}", "1280.webp", "image/webp", "recipe_hash", "job_id")
    assert picture_width(ui) == 150
    link = ui.page.get_by_role("link", name="/renditions/640.webp").first.get_attribute("href")
    assert link is not None
    assert ui.page.request.get(link).headers["content-type"] == "image/webp"
    ui.keeps("image-partition")


def test_a_video_partition_shows_its_poster_its_ladder_and_its_stream(ui: Tab, stack: dict[str, str]) -> None:
    partition = key(stack, CLIP)
    ui.open(partition_page("video/renditions", partition))
    ui.sees("Materialized", "1280x720", "mp4a.40.2")
    assert 100 < picture_width(ui) <= 640
    ui.keeps("video-partition")
    ui.open(partition_page("video/hls", partition))
    ui.sees("stream/multivariant.m3u8")
    ui.keeps("hls-partition")
    link = ui.page.get_by_role("link", name=f"/watch/{partition}").first.get_attribute("href")
    assert link is not None
    seat = Seat(ui.page, link)
    for player in ("hls.js", "dash.js"):
        ui.page.select_option("#player", player)
        seat.until("engine !== null", player)
        seat.begins()
        assert len(seat.ask("engine.rungs()")) == 4
        seat.jumps_to(8.0)
    seat.leaves()
    ui.keeps("player")


def test_a_run_tells_what_it_did(ui: Tab, stack: dict[str, str]) -> None:
    ui.open(partition_page("video/renditions", key(stack, CLIP)))
    ui.page.locator("a[href^='/runs/']").first.click()
    ui.page.wait_for_url("**/runs/**")
    ui.sees("videos_job", "videos.plan", "videos.encode", "videos.finish", "Success")
    ui.keeps("video-run")


def test_a_file_that_fails_says_why_in_its_run(ui: Tab, stack: dict[str, str]) -> None:
    ui.open(partition_page("image/renditions", key(stack, DAMAGED)))
    ui.sees("Failed")
    ui.page.locator("a[href^='/runs/']").first.click()
    ui.page.wait_for_url("**/runs/**")
    ui.sees("file(s) were not made")
    ui.keeps("failed-run")
