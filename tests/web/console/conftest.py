"""A place and a browser for each module of tests; a signed-in page for each user."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.console.browser import LAUNCH, Watched, or_skip
from tests.web.console.place import Place, open_place

SignedIn = Callable[..., Page]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    or_skip()
    with open_place(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Closed at the end of its module: while it is open, no other event loop runs in this thread."""
    or_skip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        yield browser
        browser.close()


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def signed_in(place: Place, chromium: Browser, watched: Watched) -> Iterator[SignedIn]:
    """`signed_in("anna", "/calls")`: a page of the console, by whom and where. Checked at the end."""
    contexts = []

    def make(user: str, path: str = "/", *, width: int = 1280, theme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, locale="da-DK"
        )
        contexts.append(context)
        origin = place.url.removesuffix("/console")
        answer = context.request.post(f"{origin}/api/v1/session", data={"token": place.tokens[user]})
        assert answer.status == 201
        page = context.new_page()
        page.set_default_timeout(30_000)
        watched.watch(page)
        page.goto(place.url + path)
        page.wait_for_selector("h1")
        return page

    yield make
    for context in contexts:
        context.close()
    watched.check(place.url)
