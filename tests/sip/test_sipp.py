"""SIPp calls the gateway, and SIPp answers as the agent: a SIP stack that shares nothing with ours.

Each story asserts that SIPp saw every call go as its scenario says (its exit status), the answers that
were stored, the recordings, and the tones that are in them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from storage.tables import Call
from tests.ports import free_port
from tests.sip.gateway import Gateway, running
from tests.sip.signals import RATE_HZ, power_near
from tests.sipp.process import HOW_TO_GET_IT, Sipp, installed, write_tone

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

CALLER_HZ, AGENT_HZ = 440, 620
AT_ONCE = 20
KEY_MS = 2900  # after the ACK; the key counts from about 0.9 s to about 4.9 s


class Studio:
    """A gateway whose agents and callers are SIPp."""

    def __init__(self, gateway: Gateway, agent_port: int, folder: Path) -> None:
        self.gateway, self.agent_port, self.folder = gateway, agent_port, folder
        self.sounds = {hz: write_tone(folder / f"{hz}.al", hz) for hz in (CALLER_HZ, AGENT_HZ)}
        self.calls = 0

    async def play(
        self,
        caller: str,
        agent: str | None,
        calls: int = 1,
        talk_ms: int = 3000,
        transport: str = "u1",
        rate: float = 10.0,
    ) -> list[Call]:
        """So many calls of a caller's scenario to an agent's; the calls as they were stored."""
        started = []
        if agent is not None:
            sound = self.sounds[AGENT_HZ]
            started.append(Sipp(self.folder, agent, sound, calls=calls, port=self.agent_port))
        started.append(
            Sipp(
                self.folder,
                caller,
                self.sounds[CALLER_HZ],
                KEY_MS,
                talk_ms,
                calls,
                f"127.0.0.1:{self.gateway.port}",
                transport=transport,
                rate=rate,
            )
        )
        try:
            for each in started:
                await each.start()
            for each in reversed(started):
                assert await each.ended() == ""
        finally:
            for each in started:
                await each.end()
        self.calls += calls
        stored = await self.gateway.closed_calls(self.calls)
        assert len(stored) == self.calls
        await self.gateway.until(self._none_up, 10, "calls that have ended are still up")
        return stored[-calls:]

    async def _none_up(self) -> bool:
        return (await self.gateway.control("GET", "/calls"))["up"] == []

    def assert_recorded(self, calls: list[Call], at_least_s: float, at_most_s: float) -> None:
        """One whole recording each: caller's tone left, agent's tone right, neither in the other."""
        for call in calls:
            consents, recordings = self.gateway.consents(call.id), self.gateway.recordings(call.id)
            assert [c.decision for c in consents] == ["accepted"]
            assert [k["method"] for k in consents[0].keys] == ["info"]
            assert [r.incomplete_reason for r in recordings] == [None]
            caller, agent = self.gateway.sound(recordings[0].id)
            assert len(caller) == len(agent)
            assert at_least_s <= len(caller) / RATE_HZ <= at_most_s
            for pcm, own, other in ((caller, CALLER_HZ, AGENT_HZ), (agent, AGENT_HZ, CALLER_HZ)):
                assert np.abs(pcm.astype(np.int32)).max() > 5000
                assert power_near(pcm, own) > 0.9
                assert power_near(pcm, other) < 0.01

    def assert_unrecorded(self, calls: list[Call], decision: str) -> None:
        for call in calls:
            assert [c.decision for c in self.gateway.consents(call.id)] == [decision]
            assert self.gateway.recordings(call.id) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    if not installed():
        # Where it must be installed, a skipped test would hide that nothing was tested.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HOW_TO_GET_IT)
    folder, agent_port = tmp_path_factory.mktemp("sipp"), free_port()
    async with running(
        folder / "gateway", f"sip:agent@127.0.0.1:{agent_port}", workers=AT_ONCE + 2
    ) as gateway:
        yield Studio(gateway, agent_port, folder)
        assert gateway.audit_is_intact()


async def test_key_1_by_info_records_both_legs(studio: Studio) -> None:
    calls = await studio.play("uac_key", "uas_agent")
    assert [call.end_reason for call in calls] == ["caller_hung_up"]
    studio.assert_recorded(calls, 1.0, 3.5)


async def test_saying_nothing_reaches_the_agent_unrecorded(studio: Studio) -> None:
    calls = await studio.play("uac_silent", "uas_agent", talk_ms=8000)
    assert [call.end_reason for call in calls] == ["caller_hung_up"]
    studio.assert_unrecorded(calls, "none")


async def test_a_busy_agent_ends_the_call_from_our_side(studio: Studio) -> None:
    calls = await studio.play("uac_hung_up_on", "uas_busy")
    assert [call.end_reason for call in calls] == ["no_agent"]
    studio.assert_unrecorded(calls, "none")


async def test_a_cancel_right_after_the_invite_ends_the_call(studio: Studio) -> None:
    calls = await studio.play("uac_cancel", None, calls=5, rate=2)
    assert {call.end_reason for call in calls} == {"caller_hung_up"}
    studio.assert_unrecorded(calls, "none")


async def test_twenty_callers_at_once_are_all_recorded(studio: Studio) -> None:
    calls = await studio.play("uac_key", "uas_agent", calls=AT_ONCE, rate=AT_ONCE)
    studio.assert_recorded(calls, 0.5, 4.5)
    assert len({call.id for call in calls}) == AT_ONCE


async def test_callers_over_tcp_reach_agents_over_udp(studio: Studio) -> None:
    calls = await studio.play("uac_key", "uas_agent", calls=3, transport="t1")
    studio.assert_recorded(calls, 1.0, 3.5)
