"""Signing in and out through a real identity provider, in a browser, at a running gateway."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from tests.ports import free_port
from tests.sip.gateway import Gateway
from tests.web import identity
from tests.web.console.browser import or_skip
from tests.web.console.real import SLOW_MS, asked, launched, picture, violations
from tests.web.identity import CLIENT, ROLES, SECRET, Identity

pytestmark = [pytest.mark.browser, pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

WITH_ACCOUNT = "Log ind med virksomhedens konto"


@dataclass
class Office:
    """A gateway and its provider, by different names of the host: each is another site to the other."""

    gateway: Gateway
    provider: Identity
    base: str
    outside: list[str] = field(default_factory=list)  # what pages of the gateway asked of anybody else

    async def stay_here(self, route: Route) -> None:
        """Let nothing leave this machine: the provider's own pages want a font from elsewhere."""
        request = route.request
        host = urlsplit(request.url).hostname
        moves = request.is_navigation_request()
        if request.frame.url.startswith(self.base) and host != "localhost" and not moves:
            self.outside.append(request.url)
        if host in ("localhost", "127.0.0.1"):
            await route.continue_()
        else:
            await route.abort()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    or_skip()
    folder: Path = tmp_path_factory.mktemp("provided")
    port = free_port()
    base = f"http://localhost:{port}"
    async with identity.provider(base) as provider:
        (folder / "oidc-secret").write_text(f"{SECRET}\n")
        oidc = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": "file:oidc-secret",
            "redirect_base": base,
            "role_claim": "groups",
            "roles": ROLES,
        }
        gateway = Gateway(folder, "sip:agent@127.0.0.1:5070", workers=1, web={"oidc": oidc})
        gateway._web = port
        try:
            yield Office(await gateway.start(), provider, base)
        finally:
            await gateway.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def page(office: Office) -> AsyncIterator[Page]:
    async with launched() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="da-DK")
        await context.route("**/*", office.stay_here)
        made = await context.new_page()
        made.set_default_timeout(SLOW_MS)
        yield made
    assert office.outside == []


async def at_the_provider(page: Page, person: str) -> None:
    """What somebody does on the provider's pages, after the button of the console."""
    await page.get_by_role("link", name=WITH_ACCOUNT).click()
    await page.locator("input[name=login]").fill(person)
    await page.locator("input[name=password]").fill("any")
    await page.locator("button[type=submit]").click()
    await page.get_by_role("button", name="Continue").click()


async def test_the_button_leads_to_the_provider_and_back_and_signing_out_ends_both_sessions(
    office: Office, page: Page
) -> None:
    await page.goto(f"{office.base}/console/")
    await expect(page.get_by_role("link", name=WITH_ACCOUNT)).to_be_visible(timeout=SLOW_MS)
    await expect(page.get_by_label("Adgangsnøgle")).to_be_visible()
    await picture(page, "sign-in")
    assert await violations(page) == []
    await at_the_provider(page, "anna")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Opgaver", timeout=SLOW_MS)
    await expect(page.get_by_role("link", name="Brugere")).to_be_visible()
    assert page.url.startswith(f"{office.base}/console/")
    status, who = await asked(page, "GET", "/session")
    assert (status, who["person"]["id"], [each["name"] for each in who["roles"]]) == (200, "anna", ["DPO"])
    cookies = {each["name"]: each for each in await page.context.cookies(office.base)}
    assert cookies["tast1_session"]["sameSite"] == "Strict" and cookies["tast1_session"]["httpOnly"]

    await page.get_by_role("button", name="Log ud").click()
    await page.get_by_role("button", name="Yes, sign me out").click()
    await page.wait_for_url(f"{office.base}/console/")
    await expect(page.get_by_role("link", name=WITH_ACCOUNT)).to_be_visible(timeout=SLOW_MS)
    assert (await asked(page, "GET", "/calls"))[0] == 401
    await page.get_by_role("link", name=WITH_ACCOUNT).click()
    await expect(page.locator("input[name=login]")).to_be_visible(), "the provider has forgotten who it was"


async def test_a_session_that_goes_on_at_the_provider_signs_in_without_a_question(
    office: Office, page: Page
) -> None:
    """What the test above would see if signing out ended the session here alone."""
    await page.goto(f"{office.base}/console/")
    await at_the_provider(page, "quinn")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Opgaver", timeout=SLOW_MS)
    names = await page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert "Undersøgelser" in names and "Brugere" not in names, "QA, as the provider says"
    assert (await asked(page, "GET", "/users"))[0] == 403
    await page.context.clear_cookies(name="tast1_session")
    await page.reload()
    await page.get_by_role("link", name=WITH_ACCOUNT).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Opgaver", timeout=SLOW_MS)


async def test_who_has_no_role_here_is_told_so(office: Office, page: Page) -> None:
    await page.goto(f"{office.base}/console/")
    await at_the_provider(page, "248289761001")
    await expect(page.get_by_text(re.compile("ingen adgang|ikke adgang"))).to_be_visible(timeout=SLOW_MS)
    assert "tast1_session" not in {each["name"] for each in await page.context.cookies(office.base)}
