"""A running gateway in a browser, with real calls: followed in words, stopped, found again and heard.

With TAST1_SCREENSHOTS=1 the pictures of docs/screenshots are taken anew on the way, here and in the others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.sip.gateway import running
from tests.sip.softphone import Softphone
from tests.sip.test_api import hire
from tests.sip.test_calls import Stage
from tests.sip.test_transcribed_calls import both_say, own_model, port_of, settled, transcriber_up
from tests.transcription import speech
from tests.web.console.browser import Watched, or_skip
from tests.web.console.real import SLOW_MS, entered, launched, picture, url_of

pytestmark = [pytest.mark.browser, pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    or_skip()
    speech.or_skip()
    async with (
        Softphone() as caller,
        Softphone() as agent,
        running(tmp_path_factory.mktemp("console"), agent.uri, transcription=own_model()) as gateway,
    ):
        await transcriber_up(gateway, port_of(gateway))
        yield Stage(gateway, caller, agent)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_call_is_left(stage: Stage) -> AsyncIterator[None]:
    """A test that fails leaves no call to the next one."""
    yield
    for dialog in stage.caller.dialogs.values():
        await dialog.hang_up()


async def test_a_call_is_seen_followed_word_by_word_and_its_recording_stopped(
    stage: Stage, chromium: Browser
) -> None:
    watched = Watched()
    page = await entered(
        chromium, stage.gateway, hire(stage.gateway, "agda", "AGENT", "QA"), "/live", watched
    )
    await expect(page.get_by_text("Ingen opkald lige nu")).to_be_visible(timeout=SLOW_MS)
    dialog, leg = await stage.recorded()
    card = page.get_by_role("article")
    await expect(card.get_by_text("OPTAGES", exact=True)).to_be_visible(timeout=SLOW_MS)
    await card.get_by_role("link", name="customer").click()
    await page.get_by_role("button", name="Følg med").click()
    log = page.get_by_role("log")
    await expect(log).to_be_visible(timeout=SLOW_MS)
    speaking = asyncio.create_task(both_say(dialog, leg))
    await expect(log.locator(".caller")).to_contain_text("vandskade", timeout=60_000)
    await expect(log.locator(".agent")).to_contain_text("adresse", timeout=60_000)
    await speaking
    await picture(page, "live")

    mine = page.get_by_role("region", name="Opkaldet")
    await mine.get_by_role("button", name="Pause").click()
    await expect(mine.get_by_text("PAUSE", exact=True)).to_be_visible(timeout=SLOW_MS)
    await expect(page.locator("#announcer")).to_contain_text("PAUSE")
    await mine.get_by_role("button", name="Genoptag").click()
    await expect(mine.get_by_text("OPTAGES", exact=True)).to_be_visible(timeout=SLOW_MS)

    recording = stage.gateway.recordings()[0].id
    await mine.get_by_role("button", name="Stop optagelse").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("slettes")
    await expect(question.get_by_role("button", name="Fortryd")).to_be_focused()
    await question.get_by_role("button", name="Stop optagelse").click()
    # As AGENT or as QA: both may stop it, so the role is asked for.
    await page.get_by_role("dialog", name="I hvilken rolle?").get_by_role("button", name="Fortsæt").click()
    await expect(mine.get_by_text("STOPPET", exact=True)).to_be_visible(timeout=SLOW_MS)
    await expect(page.get_by_text("Optagelsen er slut.")).to_be_visible(timeout=SLOW_MS)
    assert not dialog.ended.is_set(), "the call goes on"
    await expect(mine.get_by_role("button", name="Tilbyd optagelse")).to_be_visible()
    await page.goto(f"{url_of(stage.gateway)}/recordings/{recording}")
    await expect(page.get_by_role("heading", name="Slettebevis")).to_be_visible(timeout=SLOW_MS)
    await dialog.hang_up()
    watched.check(url_of(stage.gateway))


async def test_a_recording_is_found_a_purpose_stated_heard_faster_and_read_along(
    stage: Stage, chromium: Browser
) -> None:
    watched = Watched()
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg)
    await dialog.hang_up()
    await stage.gateway.until(lambda: len(stage.gateway.recordings()) > 1, 30)
    sealed = stage.gateway.recordings()[0]
    await settled(stage.gateway, sealed.id)
    page = await entered(chromium, stage.gateway, hire(stage.gateway, "quinn", "QA"), "/calls", watched)
    await page.get_by_role("row").nth(1).wait_for()
    await picture(page, "calls")
    await page.get_by_role("row").nth(1).get_by_role("link", name="Optagelse").click()
    await page.get_by_role("radio", name=re.compile("^Uddannelse")).check()
    await page.get_by_role("button", name="Lyt").click()
    slider = page.get_by_role("slider", name="Sted i optagelsen")
    await expect(slider).to_be_visible(timeout=SLOW_MS)
    await page.get_by_label("Hastighed").select_option("1.5")
    words = page.locator(".w", has_text="vandskade")
    await expect(words.first).to_be_visible(timeout=SLOW_MS)
    await page.get_by_role("button", name="Afspil", exact=True).click()
    await expect(page.locator(".w.now")).not_to_have_count(0, timeout=SLOW_MS)
    rate, paused = await page.evaluate(
        "(() => { const a = document.querySelector('audio'); return [a.playbackRate, a.paused] })()"
    )
    assert (rate, paused) == (1.5, False)
    await page.keyboard.press("Space")
    await words.first.click()
    await expect(page.locator(".w.now")).to_have_text("vandskade")
    await picture(page, "recording")
    watched.check(url_of(stage.gateway))


async def test_the_panel_follows_the_newest_call_and_pauses_it(stage: Stage, chromium: Browser) -> None:
    watched = Watched()
    page = await entered(chromium, stage.gateway, hire(stage.gateway, "mads", "AGENT"), "/panel", watched)
    await page.set_viewport_size({"width": 360, "height": 420})
    await expect(page.get_by_text("Intet opkald lige nu")).to_be_visible(timeout=SLOW_MS)
    sign = page.locator(".capture")
    dialog = await stage.dial()
    await expect(sign.get_by_text("OPTAGES IKKE")).to_be_visible(timeout=SLOW_MS)
    await stage.accept(dialog)
    await expect(sign.get_by_text("OPTAGES", exact=True)).to_be_visible(timeout=SLOW_MS)
    await picture(page, "panel")
    await page.get_by_role("button", name="Pause").click()
    await expect(sign.get_by_text("PAUSE", exact=True)).to_be_visible(timeout=SLOW_MS)
    await dialog.hang_up()
    await expect(page.get_by_text("Intet opkald lige nu")).to_be_visible(timeout=SLOW_MS)
    watched.check(url_of(stage.gateway))
