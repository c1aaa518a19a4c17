"""Real calls: the test telephone dials the gateway, an agent's telephone answers, and both are heard.

Each story asserts the answer that was stored, the recording's length and content (tones per leg), the
codec, and how the dialogs ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from gateway.calls.timeline import NAMES
from storage.tables import Artifact, Call, Consent
from tests.sip import g711
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway, running
from tests.sip.signals import Pcm, power_near, tone
from tests.sip.softphone import Behaviour, Dialog, Softphone

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

CALLER_HZ, AGENT_HZ = 440.0, 620.0
PROMPT_S, WINDOW_S, ISOLATION_S = 1.6, 3.0, 0.4
IN_WINDOW_S = 2.6  # after the answer: greeting 0.3 s, prompt 1.6 s, and then some


class Stage:
    """A gateway, a caller and an agent."""

    def __init__(self, gateway: Gateway, caller: Softphone, agent: Softphone) -> None:
        self.gateway, self.caller, self.agent = gateway, caller, agent
        self.calls = 0

    async def dial(self, payload_type: int = 8) -> Dialog:
        """A call that the gateway has answered."""
        self.calls += 1
        self.agent.behaviour = Behaviour()
        while not self.agent.incoming.empty():
            self.agent.incoming.get_nowait()
        dialog = await self.caller.call(self.gateway.uri, payload_type)
        await asyncio.wait_for(dialog.answered.wait(), 10)
        return dialog

    async def agent_leg(self, seconds: float = 20) -> Dialog:
        """The agent's end of the call, once it is up."""
        leg = await asyncio.wait_for(self.agent.incoming.get(), seconds)
        await asyncio.wait_for(leg.confirmed.wait(), 10)
        return leg

    async def accept(self, dialog: Dialog, press: Callable[[], Awaitable[object]] | None = None) -> Dialog:
        """Press 1 in the window; the agent's leg."""
        await self.heard(dialog, PROMPT_HZ["consent"], MARKERS_MS["purposes_end"] / 1000 + 0.4)
        await (press() if press else dialog.press("1"))
        return await self.agent_leg()

    async def recorded(self) -> tuple[Dialog, Dialog]:
        """A call whose recording has begun, however long that took: the caller's end and the agent's."""
        dialog = await self.dial()
        leg = await self.accept(dialog)

        async def is_recorded() -> bool:
            call = (await self.gateway.control("GET", "/calls"))["up"][-1]["call"]
            timeline = await self.gateway.timeline(call)
            return any(entry["name"] == "capture_started" for entry in timeline)

        await self.gateway.until(is_recorded, 20, "the recording did not start")
        return dialog, leg

    async def heard(self, dialog: Dialog, frequency_hz: float, seconds: float) -> None:
        """Wait until so much of a tone was heard: what the caller hears is the clock.

        Packets are looked at once each, five (100 ms) at a time, so that waiting costs little.
        """
        looked_at, found = 0, 0

        def enough() -> bool:
            nonlocal looked_at, found
            while len(dialog.heard) - looked_at >= 5:
                packets = dialog.heard[looked_at : looked_at + 5]
                looked_at += 5
                payload = b"".join(packet for *_, kind, packet in packets if kind == dialog.payload_type)
                found += power_near(g711.decode(payload, dialog.payload_type), frequency_hz) > 0.5
            return found * 0.1 >= seconds

        await self.gateway.until(enough, 30, f"the tone of {frequency_hz} Hz was not heard")

    async def talk(self, dialog: Dialog, leg: Dialog, seconds: float = 1.5) -> None:
        await asyncio.gather(dialog.send(tone(CALLER_HZ, seconds)), leg.send(tone(AGENT_HZ, seconds)))

    async def over(self) -> tuple[Call, list[Consent], list[Artifact]]:
        """The call as it was stored, its consent records and recordings."""
        call = (await self.gateway.closed_calls(self.calls))[-1]
        return call, self.gateway.consents(call.id), self.gateway.recordings(call.id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder: Path = tmp_path_factory.mktemp("calls")
        async with running(folder, agent.uri, workers=3) as gateway:
            yield Stage(gateway, caller, agent)
            assert gateway.audit_is_intact()


def assert_tones(caller: Pcm, agent: Pcm, at_least_s: float, at_most_s: float) -> None:
    """Caller left, agent right, each with its own tone only."""
    assert len(caller) == len(agent)
    assert at_least_s <= len(caller) / 8000 <= at_most_s
    for pcm, own, other in ((caller, CALLER_HZ, AGENT_HZ), (agent, AGENT_HZ, CALLER_HZ)):
        loud = pcm[np.abs(pcm.astype(np.int32)).argmax() :][:4000]
        assert power_near(loud, own) > 0.8
        assert power_near(loud, other) < 0.05


def names(timeline: list[dict[str, object]]) -> list[str]:
    found = [str(entry["name"]) for entry in timeline]
    assert set(found) <= set(NAMES)
    return found


@pytest.mark.parametrize(("payload_type", "codec"), [(8, "PCMA/8000"), (0, "PCMU/8000")])
async def test_key_1_records_both_from_when_the_agent_answers(
    stage: Stage, payload_type: int, codec: str
) -> None:
    dialog = await stage.dial(payload_type)
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg)
    assert await dialog.hang_up() == 200
    await asyncio.wait_for(leg.ended.wait(), 10)
    call, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["accepted"]
    assert consents[0].marker in ("purposes_end", "key_instruction", "prompt_end")
    assert consents[0].played_ms >= MARKERS_MS["purposes_end"]
    assert consents[0].total_ms == 1600
    assert [k["verdict"] for k in consents[0].keys] == ["accepted"]
    assert consents[0].recording_started_at >= consents[0].decided_at
    assert [r.incomplete_reason for r in recordings] == [None]
    assert call.caller_codec == codec
    assert (leg.ended_by, dialog.ended_by) == ("them", "us")
    assert_tones(*stage.gateway.sound(recordings[0].id), 1.3, 3.5)
    told = names(await stage.gateway.timeline(call.id))
    # The record is committed while the agent is dialled; whichever comes first, capture comes after both.
    order = ["prompt_started", "marker_passed", "key", "decision", "capture_started"]
    order += ["hung_up", "capture_stopped", "recording_sealed"]
    assert [name for name in told if name in order] == order
    for before in ("consent_stored", "agent_answered"):
        assert told.index("decision") < told.index(before) < told.index("capture_started")


async def test_silence_reaches_the_same_agent_and_leaves_no_sound(stage: Stage) -> None:
    dialog = await stage.dial()
    talking = asyncio.create_task(dialog.send(tone(CALLER_HZ, 8)))
    leg = await stage.agent_leg()
    await stage.heard(leg, CALLER_HZ, 0.5)
    talking.cancel()
    await dialog.hang_up()
    call, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["none"]
    assert recordings == []
    assert "capture_started" not in names(await stage.gateway.timeline(call.id))


async def test_another_key_is_no_consent(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
    await dialog.press("2")
    await stage.agent_leg()
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["other_key"]
    assert recordings == []


async def test_an_early_key_is_ignored_and_a_second_one_counts(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["greeting"], 0.1)
    await dialog.press("1")
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 0.6)
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["accepted"]
    assert [k["verdict"] for k in consents[0].keys] == ["early", "accepted"]
    assert len(recordings) == 1


async def test_a_late_key_is_no_consent(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.agent_leg()
    await dialog.press("1")
    await stage.talk(dialog, leg, 1.0)
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["late_key"]
    assert recordings == []


async def test_a_typed_number_with_a_1_is_no_consent(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
    for digit in "2151":
        await dialog.press(digit, duration_ms=60)
        await dialog.send(np.zeros(800, np.int16))
    await dialog.press("4", duration_ms=60)
    await stage.agent_leg()
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["other_key"]
    assert recordings == []


async def test_1_by_info_counts(stage: Stage) -> None:
    dialog = await stage.dial()

    async def press() -> None:
        assert await dialog.press_info("1") == 200

    leg = await stage.accept(dialog, press)
    await stage.talk(dialog, leg, 0.6)
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [(k["verdict"], k["method"]) for k in consents[0].keys] == [("accepted", "info")]
    assert len(recordings) == 1


async def test_one_press_by_both_methods_is_one_key(stage: Stage) -> None:
    dialog = await stage.dial()

    async def press() -> None:
        await asyncio.gather(dialog.press("1"), dialog.press_info("1"))

    await stage.accept(dialog, press)
    await dialog.hang_up()
    _, consents, _ = await stage.over()
    assert [k["verdict"] for k in consents[0].keys] == ["accepted"]


async def test_hanging_up_during_the_prompt(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["consent"], 0.4)
    assert await dialog.hang_up() == 200
    call, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["none"]
    assert consents[0].played_ms < 1600
    assert recordings == []
    assert call.end_reason == "caller_hung_up"
    assert stage.agent.incoming.empty()


async def test_hanging_up_while_the_agent_is_rung_cancels_the_agent(stage: Stage) -> None:
    dialog = await stage.dial()
    stage.agent.behaviour = Behaviour(status=0)
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
    await dialog.press("1")
    leg = await asyncio.wait_for(stage.agent.incoming.get(), 10)
    await dialog.hang_up()
    await asyncio.wait_for(leg.ended.wait(), 10)
    assert leg.ended_by == "them"
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["accepted"]
    assert recordings == []


async def test_an_agent_who_hangs_up_ends_the_call(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 0.8)
    assert await leg.hang_up() == 200
    await asyncio.wait_for(dialog.ended.wait(), 10)
    assert dialog.ended_by == "them"
    call, _, recordings = await stage.over()
    assert call.end_reason == "agent_hung_up"
    assert len(recordings) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "busy"), (480, "no_answer"), (603, "declined"), (0, "no_answer")]
)
async def test_an_agent_who_cannot_come_is_said_and_then_goodbye(
    stage: Stage, status: int, reason: str
) -> None:
    dialog = await stage.dial()
    stage.agent.behaviour = Behaviour(status=status)
    await stage.heard(dialog, PROMPT_HZ["no_agent"], 0.2)
    await asyncio.wait_for(dialog.ended.wait(), 10)
    assert dialog.ended_by == "them"
    call, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["none"]
    assert recordings == []
    failed = [e for e in await stage.gateway.timeline(call.id) if e["name"] == "agent_failed"]
    assert [e["detail"] for e in failed] == [{"reason": reason}]


async def test_early_media_of_the_agents_side_is_heard(stage: Stage) -> None:
    dialog = await stage.dial()
    stage.agent.behaviour = Behaviour(ring_s=2.0, early_media=True)
    leg = await asyncio.wait_for(stage.agent.incoming.get(), 20)
    await leg.send(tone(AGENT_HZ, 1.5))
    await stage.heard(dialog, AGENT_HZ, 0.5)
    await asyncio.wait_for(leg.confirmed.wait(), 10)
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    assert recordings == []


async def test_hold_is_silence_on_both_legs_and_shifts_nothing(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 1.0)
    assert await leg.hold() == 200
    await dialog.send(tone(CALLER_HZ, 1.0))  # speaks into the hold
    assert await leg.unhold() == 200
    await stage.talk(dialog, leg, 1.0)
    await dialog.hang_up()
    call, _, recordings = await stage.over()
    assert len(recordings) == 1
    caller, agent = stage.gateway.sound(recordings[0].id)
    assert len(caller) == len(agent)
    loud = np.abs(caller.reshape(-1)[: len(caller) // 160 * 160].reshape(-1, 160)).max(axis=1) > 500
    loud_agent = np.abs(agent[: len(agent) // 160 * 160].reshape(-1, 160)).max(axis=1) > 500
    quiet = ~loud & ~loud_agent
    longest = max(len(run) for run in "".join("q" if q else "." for q in quiet).split("."))
    assert longest >= 35, "most of the second on hold is silence on both legs"
    assert loud[-60:].any()
    assert loud_agent[-60:].any()
    ends = [np.nonzero(each)[0].max() for each in (loud, loud_agent)]
    assert abs(int(ends[0]) - int(ends[1])) <= 8, "the legs end together"
    told = names(await stage.gateway.timeline(call.id))
    assert "capture_paused" in told
    assert "capture_resumed" in told


async def test_a_reinvite_without_change_loses_nothing(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 0.6)
    assert await dialog.unhold() == 200  # the same session again: a session refresh by re-INVITE
    await stage.talk(dialog, leg, 0.6)
    assert (await dialog.request("UPDATE")).status == 200
    await stage.talk(dialog, leg, 0.6)
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    assert [r.incomplete_reason for r in recordings] == [None]
    assert_tones(*stage.gateway.sound(recordings[0].id), 1.6, 4.5)


async def test_an_in_dialog_options_is_answered(stage: Stage) -> None:
    dialog = await stage.dial()
    assert (await dialog.request("OPTIONS")).status == 200
    await dialog.hang_up()
    await stage.over()


async def test_refer_is_refused_and_dials_nobody(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    async with Softphone("stranger") as stranger:
        reply = await dialog.request("REFER", extra=f"Refer-To: <{stranger.uri}>\r\n")
        assert reply.status in (403, 405, 603)
        await stage.talk(dialog, leg, 0.5)
        assert stranger.incoming.empty()
    assert not dialog.ended.is_set()
    await dialog.hang_up()
    await stage.over()


async def test_a_second_call_does_not_touch_the_first(stage: Stage) -> None:
    first = await stage.dial()
    first_leg = await stage.accept(first)
    second = await stage.dial()
    second_leg = await stage.agent_leg()
    await asyncio.gather(stage.talk(first, first_leg), second.send(tone(900, 1.5)))
    await second.hang_up()
    await asyncio.wait_for(second_leg.ended.wait(), 10)
    assert not first.ended.is_set()
    await first.hang_up()
    stored = await stage.gateway.closed_calls(stage.calls)
    decisions = {call.decision for call in stored[-2:]}
    assert decisions == {"accepted", "none"}
    recording = next(r for r in stage.gateway.recordings() if r.call_id in {c.id for c in stored[-2:]})
    caller, agent = stage.gateway.sound(recording.id)
    assert_tones(caller, agent, 1.3, 9.0)
    assert power_near(caller[-8000:], 900) < 0.01


async def test_cancel_before_the_answer(stage: Stage) -> None:
    """The gateway answers at once, so the CANCEL crosses the 200 and the caller hangs up then."""
    dialog = await stage.caller.call(stage.gateway.uri)
    stage.calls += 1
    if not dialog.answered.is_set():
        stage.caller.transmit(dialog._cancel(), dialog.peer)
    await asyncio.wait(
        [asyncio.create_task(dialog.answered.wait()), asyncio.create_task(dialog.ended.wait())],
        timeout=10,
        return_when=asyncio.FIRST_COMPLETED,
    )
    if dialog.ended.is_set():
        assert dialog.statuses[-1] == 487
    else:
        assert await dialog.hang_up() == 200
    _, _, recordings = await stage.over()
    assert recordings == []


async def test_the_agents_stop_erases_what_was_recorded_and_the_call_goes_on(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 0.8)
    up = (await stage.gateway.control("GET", "/calls"))["up"]
    assert [call["recording"] for call in up] == [True]
    await stage.gateway.control("POST", f"/calls/{up[0]['call']}/stop")
    await stage.heard(dialog, PROMPT_HZ["stopped"], 0.2)
    await stage.talk(dialog, leg, 0.5)
    assert not dialog.ended.is_set()
    await dialog.hang_up()
    call, consents, recordings = await stage.over()
    assert consents[0].withdrawn_channel == "agent"
    assert [r.state for r in recordings] == ["erased"]
    assert list(stage.gateway.folder.glob(f"data/**/*{recordings[0].id}*")) == []
    assert call.end_reason == "caller_hung_up"


async def test_pause_is_silence_and_resume_is_sound(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 0.8)
    call_id = (await stage.gateway.control("GET", "/calls"))["up"][0]["call"]
    await stage.gateway.control("POST", f"/calls/{call_id}/pause")
    await asyncio.gather(dialog.send(tone(1500, 1.5)), leg.send(tone(1700, 1.5)))
    await stage.gateway.control("POST", f"/calls/{call_id}/resume")
    await stage.talk(dialog, leg, 0.8)
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    caller, agent = stage.gateway.sound(recordings[0].id)
    # The command takes effect within a few frames; nearly all of what was said in the pause is not there.
    for pcm, frequency in ((caller, 1500), (agent, 1700)):
        blocks = [pcm[i : i + 160] for i in range(0, len(pcm) - 159, 160)]
        assert sum(power_near(block, frequency, 120) > 0.5 for block in blocks) <= 15
    assert len(recordings[0].intervals) == 2


async def test_an_offer_records_from_the_new_consent_only(stage: Stage) -> None:
    dialog = await stage.dial()
    leg = await stage.agent_leg()
    await asyncio.gather(dialog.send(tone(1500, 1.0)), leg.send(tone(1700, 1.0)))
    call_id = (await stage.gateway.control("GET", "/calls"))["up"][0]["call"]
    await stage.gateway.control("POST", f"/calls/{call_id}/offer")
    dialog.heard.clear()
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.1)
    await dialog.press("1")
    await stage.gateway.until(lambda: stage.gateway.recordings(call_id), 10)
    await stage.talk(dialog, leg, 1.0)
    await dialog.hang_up()
    _, consents, recordings = await stage.over()
    assert [c.decision for c in consents] == ["none", "accepted"]
    caller, agent = stage.gateway.sound(recordings[0].id)
    assert power_near(caller, 1500) < 0.01
    assert power_near(agent, 1700) < 0.01
    assert power_near(caller[-4000:], CALLER_HZ) > 0.5
