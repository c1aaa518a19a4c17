"""Every page, in light and dark, narrow and wide: accessible, inside the window, from this host alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.console.browser import NARROW, WIDE, too_wide, until, violations
from tests.web.console.conftest import SignedIn
from tests.web.console.place import Place

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = [
    ("anna", "/"),
    ("mette", "/live"),
    ("rita", "/calls"),
    ("rita", "/calls/{call}"),
    ("quinn", "/recordings/{recording}"),
    ("rita", "/recordings/{asked}"),
    ("quinn", "/recordings/{erased}"),
    ("rita", "/requests"),
    ("rita", "/requests/{request}"),
    ("karl", "/complaints"),
    ("karl", "/complaints/{complaint}"),
    ("lene", "/investigations"),
    ("ivan", "/investigations/{case}"),
    ("cleo", "/samples"),
    ("cleo", "/samples/{sample}"),
    ("lene", "/orders"),
    ("anna", "/retention"),
    ("anna", "/audit"),
    ("sam", "/users"),
    ("sam", "/prompts"),
    ("lene", "/prompts/da/consent/shipped"),
    ("sam", "/settings"),
    ("mette", "/panel"),
    ("bo", "/nowhere"),
]


def address(place: Place, path: str) -> str:
    return path.format(
        call=place.calls[0],
        recording=place.recordings[0],
        asked=place.recordings[1],
        erased=place.shop.old,
        request=place.request,
        complaint=place.complaint,
        case=place.case,
        sample=place.sample,
    )


def settle(page: Page) -> None:
    """Until nothing is being loaded any more."""
    until(page, "!document.querySelector('.skeleton[role=status], main [aria-busy=true]')")


def in_every_look(page: Page) -> list[str]:
    """What is wrong with a page, in both themes at both widths."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator(f"html[data-theme={theme}]")).to_be_attached()
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)
            # What lies half under the sticky top of a narrow window would count as too small a target.
            page.evaluate("window.scrollTo(0, 0)")
            look = f"{theme} at {size['width']}"
            found += [f"{look}: {each}" for each in violations(page)]
            if (wide := too_wide(page)) > 0:
                found.append(f"{look}: {wide} pixels wider than the window")
    return found


@pytest.mark.parametrize(("user", "path"), PAGES)
def test_a_page_is_accessible_and_fits(place: Place, signed_in: SignedIn, user: str, path: str) -> None:
    page = signed_in(user, address(place, path))
    settle(page)
    assert page.locator("h1").count() == 1
    expect(page).to_have_title(page.locator("h1").inner_text() + " · Tast1")
    assert page.locator(".message.bad").count() == 0, page.locator(".message.bad").first.inner_text()
    assert in_every_look(page) == []


def test_signing_in_is_accessible_and_fits(place: Place, signed_in: SignedIn) -> None:
    page = signed_in("anna")
    page.get_by_role("button", name="Log ud").click()
    expect(page.get_by_role("heading", name="Log ind")).to_be_visible()
    assert in_every_look(page) == []


def test_a_player_a_transcript_and_dialogs_are_accessible_too(place: Place, signed_in: SignedIn) -> None:
    page = signed_in("rita", f"/recordings/{place.recordings[1]}")
    page.get_by_role("button", name="Lyt").click()
    expect(page.get_by_role("slider")).to_be_visible()
    page.get_by_role("button", name="Vis beviset").click()
    page.get_by_text("ægte underskrift").wait_for()
    page.get_by_text("Vis som tabel").click()
    settle(page)
    assert in_every_look(page) == []
    page.goto(f"{place.url}/requests/{place.request}")
    page.get_by_role("button", name="Besvar").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert in_every_look(page) == []
    page.get_by_role("button", name="Luk", exact=True).click()
    page.get_by_role("button", name="Genveje").click()
    assert in_every_look(page) == []
