"""The console of a running gateway in Chromium: signed in, pictures taken, its API asked by hand."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.sip.gateway import Gateway
from tests.web.console.browser import AXE, LAUNCH, RULES, Watched, or_skip

PICTURES = Path(__file__).resolve().parents[3] / "docs/screenshots"
SLOW_MS = 30_000

_ASK = """async ([method, path, body, headers]) => {
  const who = await (await fetch("/api/v1/session")).json();
  const sent = {...headers, "X-CSRF-Token": who.csrf, "Accept-Language": "da"};
  if (body !== null) sent["Content-Type"] = "application/json";
  const told = body === null ? undefined : JSON.stringify(body);
  const answer = await fetch("/api/v1" + path, {method, headers: sent, body: told});
  const text = await answer.text();
  try { return [answer.status, JSON.parse(text)]; } catch { return [answer.status, text]; }
}"""


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A Chromium for the tests of one module."""
    or_skip()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**LAUNCH)
        yield browser
        await browser.close()


def url_of(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway._web}/console"


async def entered(chromium: Browser, gateway: Gateway, token: str, path: str, watched: Watched) -> Page:
    """The console at an address, signed in as people do."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="da-DK")
    page = await context.new_page()
    page.set_default_timeout(SLOW_MS)
    watched.watch(page)
    await page.goto(url_of(gateway) + path)
    await page.get_by_label("Adgangsnøgle").fill(token)
    await page.keyboard.press("Enter")
    return page


async def picture(page: Page, name: str) -> None:
    if os.environ.get("TAST1_SCREENSHOTS"):
        PICTURES.mkdir(exist_ok=True)
        await page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        await page.screenshot(path=PICTURES / f"{name}.png")
        assert (PICTURES / f"{name}.png").stat().st_size < 160_000


async def asked(page: Page, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """What the API answers to somebody who has a page's session, and no button for it: status and body.

    `Purpose="training"` is the header Tast1-Purpose.
    """
    sent = {f"Tast1-{name}": value for name, value in headers.items()}
    status, told = await page.evaluate(_ASK, [method, path, body, sent])
    return int(status), told


async def violations(page: Page) -> list[str]:
    """What axe finds (WCAG 2.2 A and AA): the rule, and where."""
    if await page.evaluate("typeof window.axe") == "undefined":
        await page.evaluate(AXE)
    found = await page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]
