"""kill -9 in the middle of calls: one caller loses one call at most, and nothing is kept wrongly."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.sip.gateway import Gateway, running
from tests.sip.signals import power_near, tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, Stage
from tests.storage.world import database_url

pytestmark = [pytest.mark.sip, pytest.mark.kill]


def database(home: Path) -> dict[str, str]:
    """The storage settings of a gateway on SQLite or on PostgreSQL."""
    return {"database": database_url(home)}


async def recorded_talk(stage: Stage, seconds: float) -> tuple[Dialog, Dialog]:
    dialog, leg = await stage.recorded()
    await stage.talk(dialog, leg, seconds)
    return dialog, leg


async def test_a_killed_worker_costs_its_own_call_only(home: Path) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(home, agent.uri, workers=3, storage=database(home)) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        dialog, _ = await recorded_talk(stage, 3.0)
        other = await stage.dial()
        other_leg = await stage.agent_leg()
        up = (await gateway.control("GET", "/calls"))["up"]
        victim = next(call for call in up if call["recording"])
        os.kill(int(victim["worker_pid"]), signal.SIGKILL)
        await gateway.until(lambda: gateway.recordings(victim["call"])[0].state == "sealed", 15)
        recording = gateway.recordings(victim["call"])[0]
        assert recording.incomplete_reason == "worker_died"
        assert recording.duration_ms >= 2000, "at most a second is lost"
        caller_sound, agent_sound = gateway.sound(recording.id)
        assert power_near(caller_sound[8000:16000], CALLER_HZ) > 0.5
        assert power_near(agent_sound[8000:16000], AGENT_HZ) > 0.5
        assert not other.ended.is_set()
        await stage.talk(other, other_leg, 0.5)
        await other.hang_up()
        stored = await gateway.closed_calls(2)
        assert {call.end_reason for call in stored} == {"worker_died", "caller_hung_up"}
        third = await stage.dial()
        await third.hang_up()
        del dialog


async def test_a_killed_gateway_stops_recording_and_not_the_conversation(home: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(home, agent.uri, workers=2, storage=database(home)).start()
        stage = Stage(gateway, caller, agent)
        try:
            dialog, leg = await recorded_talk(stage, 3.0)
            await gateway.kill_and_wait()
            heard = len(leg.heard)
            await stage.talk(dialog, leg, 2.0)
            assert len(leg.heard) - heard > 50, "the people go on talking"
            assert power_near(leg.heard_pcm()[-8000:], CALLER_HZ) > 0.5

            def grown() -> int:
                return sum(path.stat().st_size for path in gateway.memory.rglob("*.wav"))

            size = grown()
            await stage.talk(dialog, leg, 1.0)
            assert grown() == size, "nobody records any more"

            await gateway.start()
            recordings = gateway.recordings()
            assert [r.incomplete_reason for r in recordings] == ["gateway_died"]
            assert 2000 <= recordings[0].duration_ms <= 4500
            sound, _ = gateway.sound(recordings[0].id)
            assert power_near(sound[-4000:], CALLER_HZ) > 0.5
            assert list(gateway.memory.rglob("*.wav")) == []
            calls = await gateway.closed_calls(1)
            assert [call.end_reason for call in calls] == ["gateway_died"]

            await stage.talk(dialog, leg, 0.5)
            assert await dialog.hang_up() == 200, "the new gateway routes the old call's BYE"
            await asyncio.wait_for(leg.ended.wait(), 10)
            assert leg.ended_by == "them"

            stage.calls = 1
            second = await stage.dial()
            second_leg = await stage.accept(second)
            await stage.talk(second, second_leg, 0.5)
            await second.hang_up()
            _, consents, kept = await stage.over()
            assert [c.decision for c in consents] == ["accepted"]
            assert len(kept) == 1
            assert gateway.audit_is_intact()
        finally:
            await gateway.stop()


async def test_a_gateway_killed_while_the_prompt_plays_still_lets_the_caller_reach_the_agent(
    home: Path,
) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(home, agent.uri, workers=1, storage=database(home)).start()
        stage = Stage(gateway, caller, agent)
        try:
            dialog = await stage.dial()
            await stage.heard(dialog, 1150.0, 0.3)
            await gateway.kill_and_wait()
            await gateway.start()
            leg = await stage.agent_leg()
            await stage.talk(dialog, leg, 1.0)
            assert power_near(leg.heard_pcm()[-4000:], CALLER_HZ) > 0.5
            assert await dialog.hang_up() == 200
            await asyncio.wait_for(leg.ended.wait(), 10)
            assert gateway.recordings() == []
            assert not np.any([call.decision == "accepted" for call in await gateway.closed_calls(1)])
        finally:
            await gateway.stop()


async def test_a_sigterm_lets_the_call_that_is_up_finish(home: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(home, agent.uri, workers=2, storage=database(home)).start()
        stage = Stage(gateway, caller, agent)
        dialog, leg = await recorded_talk(stage, 1.0)
        stopping = asyncio.create_task(gateway.stop())
        await gateway.until(lambda: '"draining"' in gateway.log.read_text(), 10)
        refused = await caller.call(gateway.uri)
        await asyncio.wait_for(refused.ended.wait(), 10)
        assert refused.statuses[-1] == 503
        await asyncio.gather(dialog.send(tone(CALLER_HZ, 1.0)), leg.send(tone(AGENT_HZ, 1.0)))
        await dialog.hang_up()
        await stopping
        recordings = gateway.recordings()
        assert [r.incomplete_reason for r in recordings] == [None]
        assert recordings[0].duration_ms >= 1800
