"""Debian's Chromium, headless, as a stranger would open it. Its fixtures are imported by conftest.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("TELECINE_TEST_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
# A container has no user namespaces for the sandbox and no GPU; nothing may talk to the world on its own.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a file's tests; without Chromium they skip and say so.

    Not for the whole session: Playwright keeps an event loop running in this thread for as long as it is open, and
    nothing else may use `asyncio.run` until it is closed.
    """
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no Chromium at {CHROMIUM}: `apt-get install chromium`, or name one in TELECINE_TEST_CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed: `pip install -e .[dev]`")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page with its own cookies and cache, and patience for a loaded machine."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()
