"""Prompts over HTTP: a text is spoken, heard, approved by somebody else, put in use, taken back."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
import soundfile

from gateway.web.api import form
from tests.ivr_prompts.studio_files import shipped, spoken
from tests.transcription.speech import or_skip
from tests.web.site import Site, served

GREETING = "Velkommen til LB Forsikring. Du er kommet rigtigt."


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    or_skip()
    async with served(tmp_path, anna=("DPO",), sam=("SYSADMIN",), quinn=("QA",)) as made:
        yield made


@pytest.mark.asyncio
async def test_a_greeting_goes_from_text_to_the_next_call_and_back(site: Site) -> None:
    path = "/prompts/da/greeting"
    status, problem = await site.ask("POST", f"{path}/render", by="quinn", json={"text": GREETING})
    assert status == 403
    status, made = await site.ask("POST", f"{path}/render", by="sam", json={"text": GREETING})
    assert (
        status == 201 and made["version"]["state"] == "draft" and made["version"]["prompt"] == "da/greeting/2"
    )
    status, sound = await site.ask("GET", f"{path}/2/audio", by="quinn")
    heard, rate = soundfile.read(io.BytesIO(sound))
    assert rate == 8000 and len(heard) / rate > 2

    status, problem = await site.ask("POST", f"{path}/2/activate", by="sam", json={})
    assert (status, problem["type"]) == (409, "/problems/refused"), "not approved yet"
    warned = {"accept_warnings": True, "reason": "Hørt igennem."}
    status, problem = await site.ask("POST", f"{path}/2/approve", by="sam", json=warned)
    assert status == 409, "its maker does not approve it"
    status, approved = await site.ask("POST", f"{path}/2/approve", by="anna", json=warned)
    assert status == 200 and approved["state"] == "approved" and approved["approved_by"] == "anna"
    status, played = await site.ask("POST", f"{path}/2/activate", by="sam", json={})
    assert status == 200 and played["scope"] == "set" and site.running.looked_up == 1
    status, listed = await site.ask("GET", "/prompts", by="quinn")
    assert [each["prompt"] for each in listed["played"]] == ["da/greeting/2"]
    status, back = await site.ask("POST", f"{path}/rollback", by="sam", json={})
    assert status == 200 and back == {"ended": "da/greeting/2", "left": None}


@pytest.mark.asyncio
async def test_what_is_wrong_with_a_question_is_told_in_the_language_asked_for(site: Site) -> None:
    status, made = await site.ask("POST", "/prompts/da/consent/render", by="sam", json={"text": "Tast 2."})
    assert status == 201 and made["version"]["state"] == "faulty"
    found = {each["name"]: each["text"] for each in made["findings"]}
    assert "key_not_named" in found and all(found.values())
    status, _ = await site.ask("POST", "/prompts/da/consent/2/approve", by="anna", json={})
    assert status == 409
    status, _ = await site.ask("GET", "/prompts/da/consent/9", by="anna")
    assert status == 404
    status, _ = await site.ask("POST", "/prompts/xx/consent/render", by="sam", json={"text": "Hej"})
    assert status == 404


# --- a studio's recording --------------------------------------------------------------------------

GOODBYE = "/prompts/da/goodbye/import"


def flac(samples: Any, rate: int = 48000) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, samples, rate, format="FLAC")
    return made.getvalue()


async def sent(site: Site, path: str, by: str, file: bytes | None, **fields: str) -> tuple[int, Any]:
    """What the API answers to a form with a file."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    if file is not None:
        data.add_field("file", file, filename="studio.flac", content_type="audio/flac")
    headers = {"Authorization": f"Bearer {site.shop.tokens[by]}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(site.url(path), data=data if fields or file is not None else b"") as response,
    ):
        return response.status, await response.json(content_type=None)


@pytest.mark.asyncio
async def test_a_recording_becomes_a_version_that_waits_for_somebody_else(site: Site) -> None:
    text = shipped("goodbye").text
    status, made = await sent(site, GOODBYE, "sam", flac(spoken("goodbye")), text=text)
    assert status == 201 and made["version"]["prompt"] == "da/goodbye/2"
    assert (made["version"]["state"], made["findings"]) == ("draft", [])
    quiet = flac(spoken("goodbye") * 0.05)
    status, made = await sent(site, GOODBYE, "sam", quiet, text=text.replace(" ", "\r\n"))
    assert "too_quiet" in {each["name"] for each in made["findings"]} or made["findings"]
    assert made["version"]["text"] == text.replace(" ", "\n"), "lines as forms send them are lines"
    status, made = await sent(site, GOODBYE, "sam", quiet, text=text, level="true")
    assert status == 201 and made["version"]["loudness_lufs"] == pytest.approx(-22, abs=1)

    question = shipped("consent")
    marks = {name: str(ms) for name, ms in question.markers_ms.items()}
    status, made = await sent(
        site, "/prompts/da/consent/import", "sam", flac(spoken("consent")), text=question.text, **marks
    )
    assert status == 201 and made["version"]["state"] == "draft", made["findings"]
    status, made = await sent(
        site, "/prompts/da/consent/import", "sam", flac(spoken("consent")), text=question.text
    )
    assert status == 201 and made["version"]["state"] == "faulty"
    assert "markers_missing" in {each["name"] for each in made["findings"]}


@pytest.mark.asyncio
async def test_a_form_that_is_none_or_too_large_makes_no_version(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, text = flac(spoken("goodbye")), shipped("goodbye").text
    status, problem = await sent(site, GOODBYE, "quinn", good, text=text)
    assert status == 403 and problem["rule"] == "R-50"
    status, problem = await sent(site, GOODBYE, "sam", b"no sound at all", text=text)
    assert (
        status == 409
        and problem["detail"] == "Optagelsen kan ikke læses som lyd. Gem den som WAV eller FLAC."
    )
    bomb = flac(np.zeros((300 * 90_000, 2), np.int16), 96_000)
    assert len(bomb) < 1 << 20
    status, problem = await sent(site, GOODBYE, "sam", bomb, text=text)
    assert status == 409 and "fylder for meget" in problem["detail"]
    for fields, file, key in (
        ({"text": text}, None, "file"),
        ({}, good, "text"),
        ({"text": text, "level": "loud"}, good, "level"),
        ({"text": text, "prompt_end": "-1"}, good, "prompt_end"),
        ({"text": text, "voice": "x"}, good, "voice"),
    ):
        status, problem = await sent(site, GOODBYE, "sam", file, **fields)
        assert status == 422 and key in {each["key"] for each in problem["errors"]}, key
    bearer = {"Authorization": f"Bearer {site.shop.tokens['sam']}"}
    of_parts = "multipart/form-data; boundary=x"
    async with aiohttp.ClientSession(headers=bearer) as session:
        for kind, body in (
            ("application/json", b"{}"),
            ("multipart/form-data", b"x"),
            (of_parts, b""),
            (of_parts, b"nothing of the kind"),
            (of_parts, b"--x\r\n\r\nno name\r\n--x--\r\n"),
            (of_parts, b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nnever ended'),
            (of_parts, b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\r\n--x--\r\n'),
            (of_parts, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2 + b"--x--\r\n"),
        ):
            async with session.post(site.url(GOODBYE), data=body, headers={"Content-Type": kind}) as response:
                assert response.status == 400, (kind, body, await response.text())
    monkeypatch.setattr(form, "FILE_BYTES", len(good) - 1)
    status, problem = await sent(site, GOODBYE, "sam", good, text=text)
    assert (status, problem["type"]) == (413, "/problems/too-large")
    status, problem = await sent(site, GOODBYE, "sam", None, text="x" * (form.FIELD_BYTES + 1))
    assert status == 413
    status, found = await site.ask("GET", "/prompts", by="sam")
    assert all(each["state"] == "shipped" for each in found["versions"]), "nothing was made of any of them"


@pytest.mark.asyncio
async def test_a_form_that_is_sent_twice_with_one_key_makes_one_version(site: Site) -> None:
    url, text = site.url(GOODBYE), shipped("goodbye").text
    headers = {"Authorization": f"Bearer {site.shop.tokens['sam']}", "Idempotency-Key": "k1"}
    told = []
    for samples in (spoken("goodbye"), spoken("goodbye"), spoken("goodbye") * 0.5):
        data = aiohttp.FormData({"text": text})
        data.add_field("file", flac(samples), filename="a.flac")
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=data) as it:
            told.append((it.status, (await it.json(content_type=None)).get("version")))
    assert told[0] == told[1] and told[0][0] == 201 and told[2][0] == 409
