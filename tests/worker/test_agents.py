"""Several real agents' telephones around one worker: who rings, who is cancelled, who hears whom."""

from __future__ import annotations

import pytest

from gateway.callflow.messages import FailReason
from gateway.calls import line as wire
from tests.worker.rig import AGENT_HZ, CALLER_HZ, PROMPT_HZ, Rig, tones

pytestmark = pytest.mark.sip


async def test_several_ring_at_once_and_the_first_has_the_caller(rig: Rig) -> None:
    slow, quick = await rig.agent(ring_s=30.0), await rig.agent(ring_s=0.1)
    caller, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    await ears.until(wire.LegUp)
    for dial, phone in ((1, slow), (2, quick)):
        ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{phone.port}", dial=dial))
    assert (await ears.until(wire.AgentAnswered)).dial == 2
    ears.line.send(wire.CancelDial(1))
    ears.line.send(wire.BridgeLegs(2))
    await slow.wait_for("ended")
    await rig.record(ears)
    await rig.recorded(1.0)
    quick.order("press", digit="7", method="info")
    assert (await caller.wait_for("digit")).fields["digit"] == "7"
    await ears.end()
    assert AGENT_HZ in tones(rig.capture / "agent.wav")
    assert CALLER_HZ in tones(rig.capture / "caller.wav")
    assert not ears.all(wire.AgentFailed)


async def test_a_fourth_waits_until_a_leg_is_free(rig: Rig) -> None:
    busy = [await rig.agent(reply=486, ring_s=0.3 * number) for number in (1, 2, 3)]
    last = await rig.agent()
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    for dial, phone in enumerate([*busy, last], 1):
        ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{phone.port}", dial=dial))
    assert (await ears.until(wire.AgentAnswered)).dial == 4
    failed = ears.all(wire.AgentFailed)
    assert failed and {each.reason for each in failed} == {FailReason.BUSY}
    await ears.end()


async def test_a_whisper_is_heard_by_the_agent_alone(rig: Rig) -> None:
    told, heard = rig.folder / "told.wav", rig.folder / "heard.wav"
    agent = await rig.agent(record=str(told))
    caller, ears = await rig.call(record=str(heard))
    ears.line.send(wire.AnswerCall())
    await ears.until(wire.LegUp)
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}"))
    await ears.until(wire.AgentAnswered)
    ears.line.send(wire.WhisperFile(1, str(rig.prompt_wav)))
    assert await ears.until(wire.PromptFinished) == wire.PromptFinished(1)
    await ears.end()
    await agent.finish()
    await caller.finish()
    assert tones(told).count(PROMPT_HZ) >= 9
    assert CALLER_HZ not in tones(told)
    assert PROMPT_HZ not in tones(heard)
    assert AGENT_HZ not in tones(heard)
