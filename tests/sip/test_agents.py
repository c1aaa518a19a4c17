"""Real calls to several agents: who rings, who is told, and how a call is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sip.gateway import Gateway, running
from tests.sip.signals import power_near, tone
from tests.sip.softphone import Behaviour, Dialog, Softphone
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, Stage, names

pytestmark = pytest.mark.sip

OTHER_HZ = 820.0


@asynccontextmanager
async def stage(
    folder: Path, agent: Softphone, caller: Softphone, ivr: dict[str, Any] | None = None, **flow: Any
) -> AsyncIterator[Stage]:
    flows = {"customer": {"connect": agent.uri, **flow}}
    async with running(folder, agent.uri, workers=2, flows=flows, ivr=ivr or {}) as gateway:
        yield Stage(gateway, caller, agent)


@asynccontextmanager
async def phones(*users: str) -> AsyncIterator[list[Softphone]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Softphone(user)) for user in users]


def company(phone: Softphone, company: bool = True) -> dict[str, Any]:
    return {"to": phone.uri, "company": company}


async def recorded_for(gateway: Gateway, dialog: Dialog) -> str:
    """The id of the call that is up."""
    return str((await gateway.control("GET", "/calls"))["up"][-1]["call"])


async def hears(dialog: Dialog, frequency_hz: float) -> bool:
    """Whether the last half second was that tone."""
    last = dialog.heard_pcm()[-4000:]
    return len(last) == 4000 and power_near(last, frequency_hz) > 0.5


async def test_the_next_is_rung_when_one_is_busy_and_the_fallback_at_last(tmp_path: Path) -> None:
    async with (
        phones("one", "two", "last", "caller") as (one, two, last, caller),
        stage(tmp_path / "g", one, caller, also=[{"uri": two.uri, "ring_s": 5}], fallback=last.uri) as on,
    ):
        one.behaviour, two.behaviour = Behaviour(status=486), Behaviour(status=0)
        dialog = await caller.call(on.gateway.uri)
        leg = await asyncio.wait_for(last.incoming.get(), 40)
        await asyncio.wait_for(leg.confirmed.wait(), 10)
        assert two.requests[-1].method == "CANCEL"
        await dialog.hang_up()
        (call,) = await on.gateway.closed_calls(1)
        assert names(await on.gateway.timeline(call.id)).count("agent_dialled") == 3


async def test_of_two_that_ring_at_once_the_first_has_the_caller_and_is_told_first(tmp_path: Path) -> None:
    async with (
        phones("slow", "quick", "caller") as (slow, quick, caller),
        stage(
            *(tmp_path / "g", slow, caller, {"whisper": True}),
            also=[{"uri": quick.uri}],
            ringing="parallel",
        ) as on,
    ):
        slow.behaviour = Behaviour(status=0)
        dialog = await caller.call(on.gateway.uri)
        leg = await asyncio.wait_for(quick.incoming.get(), 40)
        await asyncio.wait_for(leg.confirmed.wait(), 10)
        sending = asyncio.create_task(dialog.send(tone(CALLER_HZ, 20.0), until=leg.ended))
        await on.gateway.until(lambda: hears(leg, CALLER_HZ), 20, "the agent does not hear the caller")
        heard = leg.heard_pcm()
        begins = next(
            i for i in range(0, len(heard) - 800, 400) if power_near(heard[i : i + 800], CALLER_HZ) > 0.5
        )
        assert np.abs(heard[:begins]).max(initial=0) == 0, "this set has no whisper: silence until then"
        assert [request.method for request in slow.requests] == ["INVITE", "CANCEL"]
        await dialog.hang_up()
        await sending
        await on.gateway.closed_calls(1)


async def test_a_colleague_takes_over_by_refer_and_the_recording_goes_on(tmp_path: Path) -> None:
    async with (
        phones("agent", "other", "caller") as (agent, other, caller),
        stage(tmp_path / "g", agent, caller, transfer=[company(other)]) as on,
    ):
        dialog, leg = await on.recorded()
        await on.talk(dialog, leg, 1.0)
        reply = await leg.request("REFER", extra=f"Refer-To: <{other.uri}>\r\n")
        assert reply.status == 202
        second = await asyncio.wait_for(other.incoming.get(), 20)
        await asyncio.wait_for(leg.ended.wait(), 20)
        said = [each.body.split("\r\n")[0] for each in agent.requests if each.method == "NOTIFY"]
        assert said == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        await asyncio.gather(dialog.send(tone(CALLER_HZ, 1.5)), second.send(tone(OTHER_HZ, 1.5)))
        assert not dialog.ended.is_set()
        await second.hang_up()
        (call,) = await on.gateway.closed_calls(1)
        (recording,) = on.gateway.recordings(call.id)
        left, right = on.gateway.sound(recording.id)
        assert len(left) == len(right)
        assert power_near(right[-4000:], OTHER_HZ) > 0.5, "the colleague's side goes on in it"
        assert power_near(left[-4000:], CALLER_HZ) > 0.5
        timeline = names(await on.gateway.timeline(call.id))
        for name in ("transfer_begun", "capture_paused", "capture_resumed", "transfer_done"):
            assert timeline.count(name) == 1


async def test_outside_the_company_nothing_more_is_recorded(tmp_path: Path) -> None:
    async with (
        phones("agent", "garage", "caller") as (agent, garage, caller),
        stage(tmp_path / "g", agent, caller, transfer=[company(garage, False)]) as on,
    ):
        dialog, leg = await on.recorded()
        await on.talk(dialog, leg, 1.0)
        call_id = await recorded_for(on.gateway, dialog)
        answer = await on.gateway.control("POST", f"/calls/{call_id}/transfer", {"target": "nobody"})
        assert answer == {"error": "not_allowed"}
        body = {"target": garage.uri, "attended": "yes"}
        await on.gateway.control("POST", f"/calls/{call_id}/transfer", body)
        third = await asyncio.wait_for(garage.incoming.get(), 20)
        await asyncio.wait_for(third.confirmed.wait(), 10)
        sending = asyncio.create_task(leg.send(tone(AGENT_HZ, 20.0), until=leg.ended))
        calling = asyncio.create_task(dialog.send(tone(CALLER_HZ, 20.0), until=leg.ended))
        await on.gateway.until(lambda: hears(third, AGENT_HZ), 20, "they do not hear the agent")
        assert power_near(third.heard_pcm(), CALLER_HZ) < 0.01, "and not the caller, who waits"
        assert not await hears(dialog, AGENT_HZ)
        await leg.hang_up()
        await asyncio.gather(sending, calling)
        await asyncio.gather(dialog.send(tone(CALLER_HZ, 2.0)), third.send(tone(OTHER_HZ, 2.0)))
        assert await hears(third, CALLER_HZ) and await hears(dialog, OTHER_HZ)
        await dialog.hang_up()
        (call,) = await on.gateway.closed_calls(1)
        (recording,) = on.gateway.recordings(call.id)
        _, right = on.gateway.sound(recording.id)
        assert power_near(right, OTHER_HZ) < 0.01
        assert names(await on.gateway.timeline(call.id)).count("capture_stopped") == 1


async def test_no_caller_and_no_target_of_ones_own(tmp_path: Path) -> None:
    async with (
        phones("agent", "other", "thief", "caller") as (agent, other, thief, caller),
        stage(tmp_path / "g", agent, caller, transfer=[company(other)]) as on,
    ):
        dialog, leg = await on.recorded()
        asks = f"Refer-To: <{other.uri}>\r\n"
        assert (await dialog.request("REFER", extra=asks)).status == 603, "a caller hands nothing over"
        refused = await leg.request("REFER", extra=f"Refer-To: <{thief.uri}>\r\n")
        assert refused.status == 403
        await on.talk(dialog, leg, 0.5)
        assert thief.incoming.empty() and other.incoming.empty()
        await dialog.hang_up()
        await on.gateway.closed_calls(1)
