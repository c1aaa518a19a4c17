"""Whole stories in a browser, against a running gateway with real calls, and each of them for the wrong role.

What gives cause for wonder goes to an investigator and is gone when there is nothing in it; a question from a
studio is approved by a second person and heard on the next call; who may not, is refused by page and by API.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from ivr_prompts.catalogue import text_sha256
from storage import people
from storage.people import Role
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, running
from tests.sip.softphone import Softphone
from tests.sip.test_api import hire
from tests.sip.test_calls import Stage
from tests.sip.test_prompts import NEW_HZ, WORDS, heard_of, question, studio
from tests.web.console.browser import Watched, or_skip
from tests.web.console.real import SLOW_MS, asked, entered, launched, picture, url_of, violations

pytestmark = [pytest.mark.browser, pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

CASE = "SKADE-77"
MAY_BE_USED = {"reuse": {"investigation": {"lia": "LIA-1", "compatibility_test": "CT-1"}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    or_skip()
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path_factory.mktemp("stories"), agent.uri, more={"compliance": MAY_BE_USED}) as gateway,
    ):
        yield Stage(gateway, caller, agent)
        assert gateway.audit_is_intact()


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


@pytest_asyncio.fixture(loop_scope="module")
async def watched(stage: Stage) -> AsyncIterator[Watched]:
    """Every page of a test; at its end no request has left the host."""
    made = Watched()
    yield made
    made.check(url_of(stage.gateway))


class Staff:
    """Those who work there, each with a browser of their own."""

    def __init__(self, stage: Stage, chromium: Browser, watched: Watched) -> None:
        self._stage, self._chromium, self._watched = stage, chromium, watched

    async def at(self, path: str, user: str, *roles: str) -> Page:
        token = hire(self._stage.gateway, user, *roles)
        return await self._signed_in(path, token)

    async def processor_at(self, path: str, user: str) -> Page:
        """A processor on instruction, until tomorrow."""
        now, actor = datetime.now(timezone.utc), {"id": "test", "role": "SYSADMIN"}
        role = Role("PROCESSOR-ACME", now + timedelta(days=1), "DK", "DPA-1", "T-1")
        with self._stage.gateway.archive() as opened:
            db = opened.database
            db.write_sync(lambda s: people.add(s, user, "Somebody", "Acme", now, actor))
            db.write_sync(lambda s: people.grant(s, user, role, now, actor))
            token = db.write_sync(lambda s: people.new_token(s, user, now, actor))
        return await self._signed_in(path, token)

    async def _signed_in(self, path: str, token: str) -> Page:
        page = await entered(self._chromium, self._stage.gateway, token, path, self._watched)
        await expect(page.get_by_role("button", name="Log ud")).to_be_visible(timeout=SLOW_MS)
        return page


@pytest.fixture
def staff(stage: Stage, chromium: Browser, watched: Watched) -> Staff:
    return Staff(stage, chromium, watched)


async def a_recorded_call(stage: Stage) -> tuple[str, str]:
    """(call, recording): both spoke, and it is sealed."""
    dialog, leg = await stage.recorded()
    await stage.talk(dialog, leg)
    await dialog.hang_up()
    call, _, recordings = await stage.over()
    return call.id, recordings[0].id


async def refused(page: Page, *requests: tuple[Any, ...], status: int = 403, **headers: str) -> None:
    """That the API refuses each, too, whatever the page shows."""
    for method, path, *body in requests:
        found, told = await asked(page, method, path, *body, **headers)
        assert found == status, (method, path, found, told)


def files_of(stage: Stage, recording: str) -> list[Path]:
    return list((stage.gateway.folder / "data").rglob(f"{recording}*"))


# --- the investigator -----------------------------------------------------------------------------


async def test_a_call_is_forwarded_assessed_and_gone_when_there_is_nothing_in_it(
    stage: Stage, staff: Staff
) -> None:
    call, recording = await a_recorded_call(stage)
    assert files_of(stage, recording)
    karl = await staff.at(f"/calls/{call}", "karl", "COMPLAINT")
    await karl.get_by_role("link", name="Send til skadeinspektører").click()
    dialog = karl.get_by_role("dialog")
    await expect(dialog.get_by_label("Opkald")).to_have_value(call)
    await dialog.get_by_label("Sagsnummer").fill(CASE)
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(dialog.get_by_text("Skal udfyldes.")).to_be_visible()
    await dialog.get_by_label("Begrundelse").fill("To forklaringer om samme skade")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(dialog).not_to_be_attached()
    await expect(karl.get_by_text("Udført.")).to_be_visible()

    # Nobody works on it, so nobody reads it yet; an investigator takes it and sees what was sent.
    ivan = await staff.at("/investigations", "ivan", "INSPECTOR")
    await refused(ivan, ("GET", f"/investigations/{CASE}"))
    row = ivan.get_by_role("region", name="Åbne sager").get_by_role("row").filter(has_text=CASE)
    await expect(row).to_contain_text("ingen")
    await row.get_by_role("button", name="Tag sagen").click()
    await ivan.get_by_role("dialog").get_by_role("button", name="Tag sagen").click()
    await expect(row).to_contain_text("ivan")
    await row.get_by_role("link", name=CASE).click()
    await expect(ivan.get_by_role("heading", level=1)).to_have_text(f"Sag {CASE}")
    await expect(ivan.get_by_text("To forklaringer om samme skade")).to_be_visible()
    await picture(ivan, "investigation")
    assert await violations(ivan) == []
    kept = ivan.get_by_role("region", name="Opbevares for sagen")
    await kept.locator(f"a[href$='{recording}']").click()
    await ivan.get_by_role("radio", name=re.compile("^Undersøgelse")).check()
    await expect(ivan.get_by_label("Sag", exact=True)).to_have_value(CASE)
    await ivan.get_by_role("button", name="Lyt").click()
    await expect(ivan.get_by_role("slider", name="Sted i optagelsen")).to_be_visible(timeout=SLOW_MS)

    # The wrong role, and the right one on another case.
    ina = await staff.at(f"/investigations/{CASE}", "ina", "INSPECTOR")
    quinn = await staff.at(f"/investigations/{CASE}", "quinn", "QA")
    mette = await staff.at("/", "mette", "AGENT")
    nothing, relevant = {"relevant": False}, {"relevant": True, "reason": "x"}
    for page in (ina, quinn):
        await expect(page.locator(".message.warn").first).to_be_visible(timeout=SLOW_MS)
        assert await page.get_by_role("button", name="Der er intet i det").count() == 0
        assert await page.get_by_text("To forklaringer").count() == 0
    for page in (ina, quinn, karl, mette):
        await refused(
            page,
            ("POST", f"/investigations/{CASE}/decide", nothing),
            ("POST", f"/investigations/{CASE}/decide", relevant),
            ("GET", f"/investigations/{CASE}"),
        )
        await refused(
            page, ("POST", f"/recordings/{recording}/listen", {}), Purpose="investigation", Case=CASE
        )
    await refused(mette, ("POST", f"/investigations/{CASE}/forward", {"calls": [call], "reason": "x"}))
    await mette.goto(f"{url_of(stage.gateway)}/calls/{call}")
    await expect(mette.get_by_role("link", name="Registrér klage")).to_be_visible()
    assert await mette.get_by_role("link", name="Send til skadeinspektører").count() == 0
    assert files_of(stage, recording), "none of them did anything"

    # No further investigation: it goes at once, everywhere.
    await ivan.goto(f"{url_of(stage.gateway)}/investigations/{CASE}")
    await ivan.get_by_role("button", name="Der er intet i det").click()
    question_ = ivan.get_by_role("dialog")
    await expect(question_.get_by_role("button", name="Fortryd")).to_be_focused()
    await question_.get_by_role("button", name="Slet alle kopier").click()
    await expect(ivan.get_by_text("Intet opbevares for sagen")).to_be_visible(timeout=SLOW_MS)
    assert files_of(stage, recording) == []
    await ivan.goto(f"{url_of(stage.gateway)}/recordings/{recording}")
    await expect(ivan.get_by_text("Indholdet er slettet")).to_be_visible()
    certificate = ivan.get_by_role("region", name="Slettebevis")
    await expect(certificate).to_contain_text("intet i det gav anledning til yderligere undersøgelser")
    await picture(ivan, "erased")
    assert await violations(ivan) == []
    assert await ivan.get_by_role("button", name="Lyt").count() == 0
    for page, capacity in ((ivan, "investigation"), (quinn, "training")):
        await refused(page, ("POST", f"/recordings/{recording}/listen", {}), Purpose=capacity, Case=CASE)
        _, sealed = await asked(page, "GET", "/artifacts?state=sealed")
        assert recording not in {each["artifact"] for each in sealed["items"]}
    status, why = await asked(ivan, "GET", f"/artifacts/{recording}/why")
    assert status == 200 and why["why"].startswith("Det er slettet: intet i det gav anledning")


# --- a prompt -------------------------------------------------------------------------------------


async def import_form(page: Page, sound: Path, text: str) -> None:
    """Fill the dialog in which a studio's recording of the question is put in."""
    await page.get_by_role("button", name="Ny version af en optagelse").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Lydfil").set_input_files(sound)
    await dialog.get_by_label("Tekst").fill(text)
    for label, name in (
        ("Her slutter formålene", "purposes_end"),
        ("Her er tasten nævnt", "key_instruction"),
        ("Her slutter talen", "prompt_end"),
    ):
        await dialog.get_by_label(label).fill(str(MARKERS_MS[name]))
    await dialog.get_by_role("button", name="Læg ind").click()


async def test_a_question_from_a_studio_is_approved_by_a_second_person_and_heard_on_the_next_call(
    stage: Stage, staff: Staff, tmp_path: Path
) -> None:
    gateway, path = stage.gateway, "/prompts/da/consent"
    quinn = await staff.at("/prompts/da/consent/1", "quentin", "QA")
    # The first look at a prompt loads what measures sound, which takes its time on a busy machine.
    await expect(quinn.get_by_role("region", name="Kontrol")).to_be_visible(timeout=4 * SLOW_MS)
    for name in ("Ny version af en optagelse", "Ny version af en tekst", "Godkend", "Tag i brug"):
        assert await quinn.get_by_role("button", name=name).count() == 0
    assert await quinn.get_by_role("navigation").get_by_role("link", name="Prompter").count() == 0

    sam = await staff.at("/prompts", "sam", "SYSADMIN")
    await sam.locator("a[href$='/prompts/da/consent/1']").click()
    (tmp_path / "notes.wav").write_text("this is no sound")
    await import_form(sam, tmp_path / "notes.wav", WORDS)
    dialog = sam.get_by_role("dialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("kan ikke læses som lyd")
    await dialog.get_by_role("button", name="Fortryd").click()
    await import_form(sam, studio(tmp_path), WORDS)
    await expect(sam.get_by_text("din egen: en anden godkender den")).to_be_visible(timeout=SLOW_MS)
    await expect(sam.get_by_role("heading", level=1)).to_contain_text("version 2")
    assert await violations(sam) == []
    warned = {"accept_warnings": True, "reason": "en tone"}
    await refused(sam, ("POST", f"{path}/2/approve", warned))
    await refused(sam, ("POST", f"{path}/2/activate", {}), status=409)
    await refused(
        quinn,
        ("POST", f"{path}/2/approve", warned),
        ("POST", f"{path}/2/activate", {}),
        ("POST", f"{path}/render", {"text": WORDS}),
        ("POST", f"{path}/import", {}),
        ("POST", f"{path}/rollback", {}),
    )

    dorte = await staff.at("/prompts/da/consent/2", "dorte", "DPO")
    await dorte.get_by_role("button", name="Godkend").click()
    dialog = dorte.get_by_role("dialog")
    await dialog.get_by_label("Accepter advarslerne").check()
    await dialog.get_by_label("Begrundelse").fill("Hørt, og fundet i orden")
    await dialog.get_by_role("button", name="Godkend").click()
    await expect(
        dorte.get_by_role("region", name="Oplysninger").get_by_text("godkendt", exact=True)
    ).to_be_visible()
    await picture(dorte, "prompt")
    assert await violations(dorte) == []

    # Approved is not in use.
    _, record = await question(stage, PROMPT_HZ["consent"])
    assert record.prompt_version == "1"

    await sam.reload()
    await sam.get_by_role("button", name="Tag i brug").click()
    await sam.get_by_role("dialog").get_by_role("button", name="Tag i brug").click()
    await expect(sam.get_by_role("dialog")).not_to_be_attached()
    await sam.goto(f"{url_of(gateway)}/prompts")
    await expect(sam.get_by_role("region", name="Taget i brug").get_by_role("row")).to_have_count(2)

    heard, record = await question(stage, NEW_HZ)
    assert heard_of(heard, NEW_HZ) > 0.5 and heard_of(heard, PROMPT_HZ["consent"]) == 0
    (file,) = (gateway.folder / "data" / "prompts").iterdir()
    assert record.prompt_audio_sha256 == hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    assert (record.prompt_version, record.prompt_text_sha256) == ("2", text_sha256(WORDS))
    evidence = next(
        each
        for each in (await asked(dorte, "GET", f"/calls/{record.call_id}"))[1]["artifacts"]
        if each["kind"] == "CE"
    )
    ways = (await asked(dorte, "GET", f"/artifacts/{evidence['artifact']}/ways"))[1]
    status, told = await asked(
        dorte,
        "GET",
        f"/consents/{evidence['artifact']}",
        Role="DPO",
        Purpose=next(way["purpose"] for way in ways if way["role"] == "DPO"),
        Reason="tilsyn",
    )
    assert (status, told["prompt_audio_sha256"], told["genuine"]) == (200, file.stem, True)

    await sam.get_by_role("button", name="Gå tilbage").click()
    await sam.get_by_role("dialog").get_by_role("button", name="Gå tilbage").click()
    await expect(sam.get_by_text("De medfølgende prompter afspilles")).to_be_visible()
    _, record = await question(stage, PROMPT_HZ["consent"])
    assert record.prompt_version == "1"


# --- the wrong role -------------------------------------------------------------------------------


async def test_listening_stopping_and_packages_are_refused_to_the_wrong_role(
    stage: Stage, staff: Staff
) -> None:
    call, recording = await a_recorded_call(stage)
    mads = await staff.at(f"/recordings/{recording}", "mads", "AGENT")
    await expect(mads.get_by_text("Du kan ikke åbne det her")).to_be_visible(timeout=SLOW_MS)
    assert await mads.get_by_role("button", name="Lyt").count() == 0
    for purpose in ("training", "analysis", "complaint", ""):
        await refused(
            mads,
            ("POST", f"/recordings/{recording}/listen", {}),
            ("GET", f"/recordings/{recording}/audio"),
            Purpose=purpose,
        )

    # A processor may not stop; whoever is no agent and no investigator may not pause or offer.
    dialog, _ = await stage.recorded()
    acme = await staff.processor_at("/live", "acme")
    card = acme.get_by_role("article")
    await expect(card.get_by_text("OPTAGES", exact=True)).to_be_visible(timeout=SLOW_MS)
    assert await card.get_by_role("button").count() == 0
    live = (await asked(acme, "GET", "/live/calls"))[1]["items"][0]["call"]
    qadir = await staff.at("/live", "qadir", "QA")
    await expect(qadir.get_by_role("article").get_by_text("OPTAGES", exact=True)).to_be_visible()
    assert await qadir.get_by_role("button", name="Pause").count() == 0
    await refused(acme, *(("POST", f"/live/calls/{live}/{name}") for name in ("stop", "pause", "offer")))
    await refused(qadir, *(("POST", f"/live/calls/{live}/{name}") for name in ("pause", "resume", "offer")))
    await expect(card.get_by_text("OPTAGES", exact=True)).to_be_visible()
    await dialog.hang_up()
    await stage.over()

    rita = await staff.at("/requests", "rita", "RIGHTS")
    status, made = await asked(rita, "POST", "/requests", {"right": "access", "calls": [call]})
    assert status == 201
    about = f"/requests/{made['request']['id']}"
    await refused(qadir, ("POST", f"{about}/answer", {"reply": "x"}))
    assert (await asked(rita, "POST", f"{about}/identify", {"result": "confirmed", "how": "MitID"}))[0] == 204
    assert (await asked(rita, "POST", f"{about}/answer", {"reply": "Pakken er klar"}))[0] == 200
    for page in (qadir, mads, acme):
        await page.goto(f"{url_of(stage.gateway)}{about}")
        await expect(page.locator(".message.warn").first).to_be_visible(timeout=SLOW_MS)
        assert await page.get_by_role("button", name="Hent pakken").count() == 0
        await refused(page, ("GET", about), ("GET", f"{about}/package"))
    status, _ = await asked(rita, "GET", f"{about}/package")
    assert status == 200, "and the right role gets it"
