"""Flows by dialled number, an agent who cannot be reached at all, and many calls at once."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.worker.phone import Phone, PhoneScript
from tests.ports import free_port
from tests.sip.gateway import PROMPT_HZ, running
from tests.sip.signals import power_near, tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage

pytestmark = pytest.mark.sip


async def test_message_mode_records_the_caller_alone(tmp_path: Path) -> None:
    flows = {"message": {"numbers": ["70101099"], "connect": None}, "customer": {"connect": None}}
    async with Softphone("caller") as caller, running(tmp_path, None, flows=flows, workers=1) as gateway:
        dialog = await caller.call(gateway.uri.replace("70101010", "70101099"))
        await asyncio.wait_for(dialog.answered.wait(), 10)
        stage = Stage(gateway, caller, caller)
        await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
        await dialog.press("1")
        await gateway.until(gateway.recordings, 10)
        await dialog.send(tone(440, 1.5))
        await dialog.hang_up()
        call = (await gateway.closed_calls(1))[0]
        assert call.flow == "message"
        sound, other = gateway.sound(gateway.recordings(call.id)[0].id)
        assert power_near(sound[:8000], 440) > 0.5
        assert not other.any()


async def test_message_mode_without_a_yes_says_goodbye_and_records_nothing(tmp_path: Path) -> None:
    flows = {"message": {"connect": None}}
    async with Softphone("caller") as caller, running(tmp_path, None, flows=flows, workers=1) as gateway:
        dialog = await caller.call(gateway.uri)
        await asyncio.wait_for(dialog.ended.wait(), 20)
        assert dialog.ended_by == "them"
        await gateway.closed_calls(1)
        assert gateway.recordings() == []


async def test_an_agent_nobody_answers_for_is_unreachable(tmp_path: Path) -> None:
    nobody = f"sip:agent@127.0.0.1:{free_port()}"
    async with Softphone("caller") as caller, running(tmp_path, nobody, workers=1) as gateway:
        dialog = await caller.call(gateway.uri)
        await asyncio.wait_for(dialog.ended.wait(), 30)
        assert dialog.ended_by == "them"
        assert power_near(dialog.heard_pcm()[-3000:], PROMPT_HZ["no_agent"]) > 0.3
        call = (await gateway.closed_calls(1))[0]
        failed = [e for e in await gateway.timeline(call.id) if e["name"] == "agent_failed"]
        assert [e["detail"] for e in failed] == [{"reason": "unreachable"}]


async def test_twenty_calls_at_once_each_with_its_own_sound(tmp_path: Path) -> None:
    count = 20
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=count) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        agents: dict[str, Dialog] = {}

        async def one(number: int) -> str:
            """Odd ones press 1. Each caller has a frequency of its own."""
            dialog = await caller.call(gateway.uri)
            await asyncio.wait_for(dialog.answered.wait(), 20)
            if number % 2:
                await stage.heard(dialog, PROMPT_HZ["consent"], 1.1)
                await dialog.press("1")
            sending = asyncio.create_task(dialog.send(tone(300 + 40 * number, 20)))
            await stage.heard(dialog, 650, 1.0)
            await asyncio.sleep(1.0)
            sending.cancel()
            await dialog.hang_up()
            return dialog.call_id

        async def agents_talk() -> None:
            talking = []
            while True:
                leg = await agent.incoming.get()
                agents[leg.call_id] = leg
                talking.append(asyncio.create_task(_talk(leg)))

        talking = asyncio.create_task(agents_talk())
        await asyncio.gather(*(one(number) for number in range(count)))
        talking.cancel()
        stored = await gateway.closed_calls(count, 60)
        assert sorted(call.decision for call in stored) == ["accepted"] * 10 + ["none"] * 10
        recordings = gateway.recordings()
        assert len(recordings) == 10
        found = set()
        for recording in recordings:
            sound, other = gateway.sound(recording.id)
            assert len(sound) == len(other)
            assert power_near(other[-8000:], 650) > 0.5
            shares = {n: power_near(sound, 300 + 40 * n, 15) for n in range(count)}
            best = max(shares, key=lambda n: shares[n])
            assert shares[best] > 0.6
            assert sum(share for n, share in shares.items() if n != best) < 0.1
            found.add(best)
        assert found == set(range(1, count, 2))


async def _talk(leg: Dialog) -> None:
    await asyncio.wait_for(leg.confirmed.wait(), 20)
    await leg.send(np.tile(tone(650, 1.0), 30))


@pytest.mark.parametrize(("codec", "shown"), [("G722", "G722/8000"), ("PCMU", "PCMU/8000")])
async def test_a_real_stack_as_caller_with_another_codec(tmp_path: Path, codec: str, shown: str) -> None:
    """The caller is a pjsua2 phone; the agent speaks A-law. The legs need not agree."""
    speech = tmp_path / "speech.wav"
    with wave.open(str(speech), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone(440, 2.0).tobytes())
    async with Softphone("agent") as agent, running(tmp_path, agent.uri, workers=1) as gateway:
        script = PhoneScript(uri=gateway.uri, codec=codec, play=str(speech))
        async with await Phone.start(script) as phone:
            await phone.wait_for("answered")
            call = (await gateway.control("GET", "/calls"))["up"][0]["call"]

            async def marker_passed() -> bool:
                return any(e["name"] == "marker_passed" for e in await gateway.timeline(call))

            await gateway.until(marker_passed)
            phone.order("press", digit="1", method="rfc4733")
            leg = await asyncio.wait_for(agent.incoming.get(), 20)
            await asyncio.wait_for(leg.confirmed.wait(), 10)
            await leg.send(tone(620, 2.0))
            phone.order("hang_up")
            await phone.wait_for("ended")
        stored = (await gateway.closed_calls(1))[0]
        assert (stored.caller_codec, stored.agent_codec, stored.decision) == (shown, "PCMA/8000", "accepted")
        caller_sound, agent_sound = gateway.sound(gateway.recordings(stored.id)[0].id)
        assert power_near(caller_sound[4000:12000], 440) > 0.8
        assert power_near(agent_sound[4000:12000], 620) > 0.8


async def test_a_session_timer_is_agreed_on_and_one_too_short_is_refused(tmp_path: Path) -> None:
    """A phone that asks for the shortest session timer is answered with one (RFC 4028)."""
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=2) as gateway,
    ):
        dialog = await caller.call(
            gateway.uri, headers="Supported: timer\r\nSession-Expires: 90;refresher=uac\r\nMin-SE: 90\r\n"
        )
        await asyncio.wait_for(dialog.answered.wait(), 10)
        assert dialog.accepted is not None
        assert dialog.accepted.get("session-expires").startswith("90")
        await dialog.hang_up()
        short = await caller.call(gateway.uri, headers="Supported: timer\r\nSession-Expires: 30\r\n")
        await asyncio.wait_for(short.ended.wait(), 10)
        assert short.statuses[-1] == 422, "shorter than Min-SE"


async def test_a_second_gateway_on_the_same_folder_does_not_start(tmp_path: Path) -> None:
    async with running(tmp_path, "sip:agent@127.0.0.1:5070", workers=1) as gateway:
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.cli", "serve", "--config", str(gateway.config),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, err = await asyncio.wait_for(second.communicate(), 30)
        assert second.returncode == 1
        assert b"en anden gateway" in err


async def test_when_no_worker_is_free_the_caller_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=1) as gateway,
    ):
        first = await caller.call(gateway.uri)
        await asyncio.wait_for(first.answered.wait(), 10)
        second = await caller.call(gateway.uri)
        await asyncio.wait_for(second.ended.wait(), 10)
        assert second.statuses[-1] == 503
        assert not first.ended.is_set()
        await first.hang_up()
        await gateway.closed_calls(1)
