"""People at work in a browser: found, listened to, decided; each thing then stands in the archive."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from storage import audit_log
from tests.storage.world import NUMBER
from tests.web.console.browser import Watched, until
from tests.web.console.conftest import SignedIn
from tests.web.console.place import SAID, Place

pytestmark = [pytest.mark.browser, pytest.mark.slow]


TRAINING = re.compile("^Uddannelse")


def logged(place: Place, action: str, subject: str = "") -> list[dict[str, Any]]:
    archive = place.shop.archive()
    found = archive.database.read_sync(
        lambda s: [
            {"actor": json.loads(e.actor), **json.loads(e.detail)}
            for e in audit_log.entries(s)
            if e.action == action and subject in ("", e.subject)
        ]
    )
    archive.close()
    return found


def audio(page: Page, what: str) -> Any:
    return page.evaluate(f"document.querySelector('audio').{what}")


# --- signing in, moving about ---------------------------------------------------------------------


def test_a_wrong_token_is_refused_and_a_right_one_opens_what_the_role_may(
    place: Place, chromium: Browser, watched: Watched
) -> None:
    context = chromium.new_context(locale="da-DK")
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{place.url}/calls")
    field = page.get_by_label("Adgangsnøgle")
    expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Skal udfyldes.")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("t1_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ikke logget ind")
    field.fill(place.tokens["quinn"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Opkald")
    names = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert "Klager" in names and "Brugere" not in names and "Stikprøver" not in names
    assert place.tokens["quinn"] not in page.content()
    assert context.cookies()[0]["httpOnly"] and context.cookies()[0]["sameSite"] == "Strict"
    page.get_by_role("button", name="Log ud").click()
    page.goto(f"{place.url}/calls")
    expect(page.get_by_label("Adgangsnøgle")).to_be_visible()
    context.close()
    watched.check(place.url)


def test_the_keyboard_goes_everywhere(place: Place, signed_in: SignedIn) -> None:
    page = signed_in("anna")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anmodninger")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Opkald")
    page.keyboard.press("/")
    expect(page.get_by_label("Flow")).to_be_focused()
    page.keyboard.type("gc")
    expect(page.get_by_label("Flow")).to_have_value("gc")
    page.goto(f"{place.url}/")
    page.wait_for_selector("h1")
    page.locator("body").press("?")
    dialog = page.get_by_role("dialog", name="Genveje")
    expect(dialog).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    dialog.get_by_label("Brug genveje").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_attached()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).not_to_be_attached()
    expect(page.get_by_role("heading", level=1)).to_have_text("Opgaver")


def test_the_skip_link_is_first_and_a_narrow_window_has_a_menu(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("anna", "/calls", width=360)
    first = page.locator("a, button, select, input").first
    expect(first).to_have_text("Gå til indholdet")
    first.focus()
    expect(first).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    menu = page.get_by_role("button", name="Menu")
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("link", name="Klager")).not_to_be_visible()
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.get_by_role("link", name="Klager").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Klager")
    expect(menu).to_have_attribute("aria-expanded", "false")


def test_language_and_theme_are_kept(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("anna", "/requests")
    expect(page.locator("html")).to_have_attribute("lang", "da")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page.get_by_text("Access", exact=True)).to_be_visible()
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


# --- listening ------------------------------------------------------------------------------------


def test_a_recording_is_found_listened_to_and_read_along(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("quinn", "/calls")
    row = page.get_by_role("row").filter(has=page.locator(f"a[href$='{place.calls[0]}']"))
    row.get_by_role("link", name="Optagelse").click()
    expect(page.get_by_role("radio").first).to_be_focused()
    assert page.locator("audio").count() == 0
    page.get_by_role("radio", name=TRAINING).check()
    page.get_by_role("button", name="Lyt").click()
    expect(page.get_by_role("slider", name="Sted i optagelsen")).to_be_visible()
    expect(page.get_by_role("button", name="Afspil", exact=True)).to_be_focused()
    page.get_by_label("Hastighed").select_option("1.5")
    page.get_by_role("button", name="Afspil", exact=True).click()
    until(page, "document.querySelector('audio').currentTime > 2")
    assert audio(page, "playbackRate") == 1.5 and not audio(page, "paused")
    seconds, word = page.evaluate(
        "new Promise(done => new MutationObserver(() => { const w = document.querySelector('.w.now');"
        " if (w) done([document.querySelector('audio').currentTime, w.textContent]); })"
        ".observe(document.querySelector('.transcript'), {subtree: true, attributeFilter: ['class']}))"
    )
    heard = [w.text for w in SAID.words if w.start_s - 0.1 <= seconds <= w.end_s + 0.6]
    assert word in heard
    page.keyboard.press("Space")
    assert audio(page, "paused")
    before = audio(page, "currentTime")
    page.keyboard.press("ArrowRight")
    assert audio(page, "currentTime") == pytest.approx(before + 5, abs=0.3)
    page.keyboard.press(",")
    expect(page.get_by_label("Hastighed")).to_have_value("1.25")
    target = next(w for w in SAID.words if w.text == "parkeringspladsen")
    page.locator(".w", has_text="parkeringspladsen").click()
    assert audio(page, "currentTime") == pytest.approx(target.start_s, abs=0.05)
    expect(page.locator(".w.now")).to_have_text("parkeringspladsen")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(r"^0:\d\d af 0:57$"))
    plays = logged(place, "play", place.recordings[0])
    assert [(each["actor"]["id"], each["purpose"]) for each in plays] == [("quinn", "training")]


def test_the_next_recording_takes_one_key(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("quinn", f"/recordings/{place.recordings[0]}")
    page.get_by_role("radio", name=TRAINING).check()
    page.get_by_role("button", name="Lyt").click()
    expect(page.get_by_role("slider")).to_be_visible()
    page.goto(f"{place.url}/recordings/{place.recordings[1]}")
    expect(page.get_by_role("radio", name=TRAINING)).to_be_checked()
    expect(page.get_by_role("button", name="Lyt")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("slider")).to_be_visible()
    assert logged(place, "play", place.recordings[1])[-1]["purpose"] == "training"


def test_silence_is_skipped(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("quinn", f"/recordings/{place.recordings[0]}")
    page.get_by_role("button", name="Lyt").click()
    pauses = [(a.end_s, b.start_s) for a, b in zip(SAID.words, SAID.words[1:], strict=False)]
    start, end = max(pauses, key=lambda pause: pause[1] - pause[0])
    assert end - start > 2
    page.get_by_label("Spring stilhed over").check()
    page.locator(".turn-head button").first.wait_for()
    page.evaluate(f"document.querySelector('audio').currentTime = {start - 0.2}")
    times = page.evaluate(
        "new Promise(done => { const a = document.querySelector('audio'); const seen = []; a.play();"
        f" const look = () => {{ seen.push(a.currentTime); a.currentTime > {end} ? done(seen)"
        " : requestAnimationFrame(look); }; look(); })"
    )
    inside = [at for at in times if start + 0.8 < at < end - 0.8]
    assert inside == [], "it did not play through the silence"


def test_who_may_not_listen_is_told_and_gets_nothing(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("sam", f"/recordings/{place.recordings[0]}")
    expect(page.get_by_text("Du kan ikke åbne det her")).to_be_visible()
    assert page.get_by_role("button", name="Lyt").count() == 0


def test_the_dpo_must_give_a_reason_and_it_is_not_remembered(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("anna", f"/recordings/{place.recordings[0]}")
    page.get_by_role("button", name="Lyt").click()
    expect(page.get_by_text("Skal udfyldes.")).to_be_visible()
    page.get_by_label("Begrundelse").fill("Tilsyn: æøå")
    page.get_by_role("button", name="Lyt").click()
    expect(page.get_by_role("slider")).to_be_visible()
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "Tilsyn" not in kept and "analysis" in kept


def test_what_is_erased_shows_its_certificate(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("quinn", f"/recordings/{place.shop.old}")
    expect(page.get_by_text("Indholdet er slettet")).to_be_visible()
    expect(page.get_by_role("heading", name="Slettebevis")).to_be_visible()
    assert page.get_by_role("button", name="Lyt").count() == 0


# --- casework -------------------------------------------------------------------------------------


def test_a_request_goes_from_identity_to_package(signed_in: SignedIn, place: Place, tmp_path: Path) -> None:
    page = signed_in("rita", f"/requests/{place.request}")
    expect(page.locator(".steps li.now")).to_have_text("Identitet")
    page.get_by_role("button", name="Besvar").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Fortryd")).to_be_focused()
    dialog.get_by_role("button", name="Besvar og luk").click()
    expect(dialog.get_by_role("alert")).to_contain_text("R-30")
    dialog.get_by_role("button", name="Fortryd").click()
    page.get_by_role("button", name="Kontrollér identitet").click()
    page.get_by_label("Hvordan blev den kontrolleret?").fill("MitID")
    page.get_by_role("button", name="Notér resultatet").click()
    expect(page.locator(".steps li.now")).to_have_text("Besvaret")
    page.get_by_role("button", name="Besvar").click()
    page.get_by_label("Hvad blev der svaret?").fill("Pakke udleveret")
    page.get_by_role("button", name="Besvar og luk").click()
    expect(page.locator(".steps li.done")).to_have_count(4)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Hent pakken").click()
    downloading.value.save_as(tmp_path / "package.zip")
    assert (tmp_path / "package.zip").read_bytes()[:2] == b"PK"
    assert logged(place, "download")


def test_a_proposal_needs_somebody_else(signed_in: SignedIn, place: Place) -> None:
    own = signed_in("ivan", "/investigations")
    expect(own.get_by_text("dit eget: en anden afgør det")).to_be_visible()
    assert own.get_by_role("button", name="Godkend").count() == 0
    page = signed_in("lene", "/investigations")
    page.get_by_role("button", name="Godkend").click()
    page.get_by_role("dialog").get_by_role("button", name="Godkend").click()
    expect(page.get_by_text("Ingen forslag venter")).to_be_visible()
    assert logged(place, "investigation_extended")[-1]["actor"]["id"] == "lene"


def test_a_complaint_is_registered_for_a_call_and_what_rules_refuse_stays_in_the_dialog(
    signed_in: SignedIn, place: Place
) -> None:
    page = signed_in("karl", f"/calls/{place.calls[4]}")
    page.get_by_role("link", name="Registrér klage").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Opkald")).to_have_value(place.calls[4])
    dialog.get_by_label("Sagsnummer").fill("ikke et nummer!")
    dialog.get_by_role("button", name="Registrér og fastfrys").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Opkald")).to_have_value(place.calls[4])
    dialog.get_by_label("Sagsnummer").fill("K-2002")
    dialog.get_by_role("button", name="Registrér og fastfrys").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Klage K-2002")


def test_withdrawing_asks_first_and_then_erases(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("mette", f"/calls/{place.calls[5]}")
    page.get_by_role("button", name="Tilbagekald samtykke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Fortryd")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).not_to_be_attached()
    expect(page.get_by_role("button", name="Tilbagekald samtykke")).to_be_focused()
    assert logged(place, "withdraw") == []
    page.get_by_role("button", name="Tilbagekald samtykke").click()
    dialog.get_by_role("button", name="Tilbagekald og slet").click()
    expect(page.get_by_role("status").get_by_text("er slettet")).to_be_visible()
    page.goto(f"{place.url}/recordings/{place.recordings[5]}")
    expect(page.get_by_role("heading", name="Slettebevis")).to_be_visible()


def test_with_several_roles_that_fit_the_role_is_asked_for(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("bo", f"/calls/{place.calls[0]}")
    page.get_by_role("button", name="Markér som følsomt").click()
    page.get_by_role("dialog").get_by_role("button", name="Markér").click()
    choice = page.get_by_role("dialog", name="I hvilken rolle?")
    choice.get_by_label(re.compile("^COMPLAINT")).check()
    choice.get_by_role("button", name="Fortsæt").click()
    expect(page.get_by_text("følsomt", exact=True)).to_be_visible()
    assert logged(place, "special_category")[-1]["actor"]["role"] == "COMPLAINT"


def test_a_number_is_looked_up_without_standing_in_an_address(
    signed_in: SignedIn, place: Place, watched: Watched
) -> None:
    page = signed_in("mette", "/calls")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_text("Slå et nummers opkald op").click()
    page.get_by_label("Telefonnummer").fill(NUMBER)
    page.get_by_label("Formål").select_option("withdrawal")
    page.get_by_role("button", name="Find opkald").click()
    expect(page.get_by_role("region", name="Nummerets opkald").get_by_role("row")).not_to_have_count(0)
    digits = re.sub(r"\D", "", NUMBER)[-8:]
    assert asked and not [url for url in asked if digits in url]
    assert digits not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + location.href")


# --- oversight ------------------------------------------------------------------------------------


def test_a_user_is_made_and_the_token_is_shown_once(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("sam", "/users")
    page.get_by_role("button", name="Ny bruger").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Bruger", exact=False).first.fill("Not An Id")
    dialog.get_by_label("Navn").fill("Ny Medarbejder")
    dialog.get_by_role("button", name="Opret").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Bruger", exact=False).first.fill("nina")
    dialog.get_by_role("button", name="Opret").click()
    row = page.get_by_role("row").filter(has_text="Ny Medarbejder")
    row.get_by_text("Administrér").click()
    row.get_by_role("button", name="Lav adgangsnøgle").click()
    page.get_by_role("dialog").get_by_role("button", name="Lav nøglen").click()
    token = page.locator("code.secret").inner_text()
    assert token.startswith("t1_")
    page.get_by_role("dialog").get_by_role("button", name="Luk").last.click()
    assert token not in page.content()
    page.get_by_role("button", name="Attestér listen").click()
    page.get_by_role("dialog").get_by_role("button", name="Attestér").click()
    expect(page.get_by_text("Attesteret. Fingeraftryk")).to_be_visible()


def test_the_log_is_searched_and_verified(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("anna", "/audit")
    page.get_by_role("button", name="Kontrollér kæden").click()
    expect(page.get_by_text("Kæden er ubrudt")).to_be_visible()
    page.get_by_label("Udført af").fill("ivan")
    page.get_by_role("button", name="Vis", exact=True).click()
    rows = page.get_by_role("region", name="Log").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("ivan")
    assert not [text for text in rows.all_inner_texts()[1:] if "ivan" not in text]


def test_nothing_is_late_and_the_figures_can_be_read_as_a_table(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("anna", "/retention")
    late = page.locator(".tile").filter(has_text="For sent")
    expect(late).to_contain_text("0")
    card = page.get_by_role("region", name="Slettes dag for dag")
    expect(card.get_by_role("img")).to_be_visible()
    card.get_by_text("Vis som tabel").click()
    expect(card.get_by_role("row").filter(has_text="Optagelse").first).to_be_visible()
    page.get_by_role("button", name="Vis rapporten").click()
    expect(page.get_by_text("Kæden er ubrudt")).to_be_visible()


def test_the_settings_are_shown_and_can_be_searched(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("sam", "/settings")
    page.get_by_label("Find indstilling").fill("callcenter_days")
    rows = page.get_by_role("region", name="Indstillinger").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("30")


def test_a_prompt_is_made_approved_by_somebody_else_and_put_to_use(signed_in: SignedIn, place: Place) -> None:
    page = signed_in("sam", "/prompts")
    page.get_by_role("region", name="Sæt da").get_by_role("link", name="Farvel").first.click()
    page.get_by_role("button", name="Ny version af en tekst").click()
    page.get_by_role("dialog").get_by_label("Tekst").fill("Tak for opkaldet, og hav en god dag.")
    page.get_by_role("button", name="Lav versionen").click()
    expect(page.get_by_text("din egen: en anden godkender den")).to_be_visible(timeout=60_000)
    address = page.url
    assert page.get_by_role("button", name="Godkend").count() == 0
    sound = page.evaluate(
        "fetch(document.querySelector('audio').src).then(r => r.arrayBuffer())"
        ".then(b => new TextDecoder('latin1').decode(b.slice(0, 4)))"
    )
    assert sound == "RIFF"

    other = signed_in("anna", address.removeprefix(place.url))
    other.get_by_role("button", name="Godkend").click()
    dialog = other.get_by_role("dialog")
    if dialog.get_by_label("Accepter advarslerne").count():
        dialog.get_by_label("Accepter advarslerne").check()
        dialog.get_by_label("Begrundelse").fill("Hørt og fundet i orden")
    dialog.get_by_role("button", name="Godkend").click()
    other.get_by_role("button", name="Tag i brug").click()
    other.get_by_role("dialog").get_by_role("button", name="Tag i brug").click()
    expect(dialog).not_to_be_attached()
    other.goto(f"{place.url}/prompts")
    expect(other.get_by_role("region", name="Taget i brug").get_by_role("row")).to_have_count(2)
