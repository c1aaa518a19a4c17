"""Chromium, driven by Playwright: what a page may do while it is tested, and what is asked of every page."""

from __future__ import annotations

import os
import shutil
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import ConsoleMessage, Page, Request

CHROMIUM = shutil.which("chromium") or ""
LAUNCH: dict[str, Any] = {
    "executable_path": CHROMIUM,
    "args": ["--no-sandbox", "--lang=da-DK", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
}
AXE = AXE_FILE_PATH.read_text("utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1920, "height": 1080}


def or_skip() -> None:
    """Skip where there is no Chromium; in CI nothing is skipped."""
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed (apt-get install chromium)")
        pytest.skip("chromium is not installed (apt-get install chromium)")


class Watched:
    """What a page did: which hosts it asked, and what it complained of."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []

    def watch(self, page: Any) -> None:
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("blob:", "data:")):
            self.hosts.add(urlsplit(request.url).netloc)

    def _said(self, message: ConsoleMessage) -> None:
        # An answer such as 401 or 403 is told by the browser as well; what a page makes of it is tested.
        if message.type in ("error", "warning") and "the server responded with a status" not in message.text:
            self.complaints.append(message.text)

    def check(self, url: str) -> None:
        """That nothing left the host, no policy was broken and no script failed."""
        assert self.hosts <= {urlsplit(url).netloc}
        assert self.complaints == [], self.complaints


def violations(page: Page) -> list[str]:
    """What axe finds (WCAG 2.2 A and AA): the rule, and where."""
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def too_wide(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until something is true in the page. (`wait_for_function` evaluates text in the page, which the
    page's policy forbids.)"""
    for _ in range(int(seconds / 0.05)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never came true: {expression}")
