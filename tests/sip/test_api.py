"""The HTTP API of a running gateway, in real calls: followed in words, stopped, heard, and asked why."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import soundfile

from storage import people
from storage.people import Role
from tests.sip.gateway import Gateway, running
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage
from tests.sip.test_transcribed_calls import both_say, own_model, port_of, transcriber_up
from tests.transcription.speech import or_skip

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

TRAINING = {"Tast1-Role": "QA", "Tast1-Purpose": "training"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    or_skip()
    async with (
        Softphone() as caller,
        Softphone() as agent,
        running(tmp_path_factory.mktemp("api"), agent.uri, transcription=own_model()) as gateway,
    ):
        await transcriber_up(gateway, port_of(gateway))
        yield Stage(gateway, caller, agent)


def hire(gateway: Gateway, user: str, *roles: str) -> str:
    """Somebody with these roles; their token."""
    now, actor = datetime.now(timezone.utc), {"id": "test", "role": "SYSADMIN"}
    with gateway.archive() as opened:
        db = opened.database
        db.write_sync(lambda s: people.add(s, user, "Somebody", "LB", now, actor))
        for role in roles:
            db.write_sync(lambda s, role=role: people.grant(s, user, Role(role), now, actor))  # type: ignore[misc]
        return db.write_sync(lambda s: people.new_token(s, user, now, actor))


def client(gateway: Gateway, token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        base_url=f"http://127.0.0.1:{gateway._web}", headers={"Authorization": f"Bearer {token}"}
    )


async def events(response: aiohttp.ClientResponse, count: int) -> list[tuple[str, Any]]:
    """The next server-sent events, without comments."""
    found: list[tuple[str, Any]] = []
    name = ""
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text[7:]
        elif text.startswith("data: "):
            found.append((name, json.loads(text[6:])))
            if len(found) == count:
                break
    return found


async def test_a_call_is_followed_in_words_stopped_and_gone(stage: Stage) -> None:
    gateway = stage.gateway
    token = hire(gateway, "agda", "AGENT", "QA")
    async with client(gateway, token) as api:
        async with api.get("/api/v1/live/events") as live:
            assert (await events(live, 1))[0][1]["items"] == []
            dialog, leg = await stage.recorded()
            seen = []
            while not (seen and seen[-1]["items"] and seen[-1]["items"][0]["recording"]):
                seen.append((await asyncio.wait_for(events(live, 1), 20))[0][1])
            call = seen[-1]["items"][0]
            assert call["consent"] == "granted" and call["recording_id"]
        async with api.get(f"/api/v1/live/calls/{call['call']}/words", headers=TRAINING) as words:
            assert words.status == 200 and words.content_type == "text/event-stream"
            speaking = asyncio.create_task(both_say(dialog, leg))
            heard: dict[str, str] = {"caller": "", "agent": ""}
            while not all(heard.values()):
                name, told = (await asyncio.wait_for(events(words, 1), 60))[0]
                assert name == "words"
                if told["settled"]:
                    heard[told["leg"]] += told["text"]
            await speaking
            assert "vandskade" in heard["caller"] and "adresse" in heard["agent"]
            stop = f"/api/v1/live/calls/{call['call']}/stop"
            async with api.post(stop, headers={"Tast1-Role": "AGENT"}) as response:
                assert response.status == 202
            assert [name for name, _ in await asyncio.wait_for(_rest(words), 20)][-1] == "end"

        async def is_gone() -> bool:
            async with api.get(f"/api/v1/artifacts/{call['recording_id']}") as response:
                return bool((await response.json())["certificate"])

        await gateway.until(is_gone, 20, "what was recorded was not erased")
        async with api.post(
            f"/api/v1/recordings/{call['recording_id']}/listen", headers=TRAINING
        ) as response:
            assert response.status == 403
        assert not dialog.ended.is_set(), "the call goes on"
    await dialog.hang_up()


async def _rest(response: aiohttp.ClientResponse) -> list[tuple[str, Any]]:
    return await events(response, 10_000)


async def test_a_recording_is_found_opened_for_a_purpose_and_heard(stage: Stage) -> None:
    gateway = stage.gateway
    token = hire(gateway, "quinn", "QA")
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg)
    await dialog.hang_up()
    async with client(gateway, token) as api:
        calls: list[Any] = []

        async def is_closed() -> bool:
            async with api.get("/api/v1/calls", params={"limit": 1}) as response:
                calls[:] = (await response.json())["items"]
            kinds = {each["kind"] for each in calls[0]["artifacts"]}
            return bool(calls[0]["ended_at"]) and "TRS" in kinds

        await gateway.until(is_closed, 60, "the call was not closed and written down")
        kept = {each["kind"]: each["artifact"] for each in calls[0]["artifacts"]}
        assert {"AUD", "TRS", "CE"} <= set(kept)
        async with api.get(f"/api/v1/artifacts/{kept['AUD']}/ways") as response:
            ways = await response.json()
            assert ("QA", "training") in {(way["role"], way["purpose"]) for way in ways}
        listen = f"/api/v1/recordings/{kept['AUD']}/listen"
        async with api.post(listen, headers={"Tast1-Purpose": "gossip"}) as response:
            assert response.status == 403
        async with api.post(listen, headers=TRAINING) as response:
            opened = await response.json()
        async with api.get(opened["url"]) as response:
            sound, rate = soundfile.read(io.BytesIO(await response.read()))
            assert rate == 8000 and sound.shape[1] == 2 and abs(sound).max() > 0.05
        async with api.get(f"/api/v1/transcripts/{kept['TRS']}", headers=TRAINING) as response:
            told = await response.json()
            spoken = {turn["leg"]: " ".join(word["text"] for word in turn["words"]) for turn in told["turns"]}
            assert "vandskade" in spoken["caller"] and "adresse" in spoken["agent"]
        async with api.get(f"/api/v1/consents/{kept['CE']}", headers={"Tast1-Role": "QA"}) as response:
            assert response.status == 403, "consent evidence is not for QA"
        async with api.get(f"/api/v1/artifacts/{kept['AUD']}/why") as response:
            assert "R-10" in (await response.json())["why"]
