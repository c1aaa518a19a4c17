"""Prompts over HTTP: a text is spoken, heard, approved by somebody else, put in use, taken back."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import soundfile

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
