"""A real browser: Debian's chromium, driven by Playwright, which downloads none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

# Root has no sandbox, and a container no large /dev/shm.
ARGUMENTS = ("--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else []))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser that is installed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()
