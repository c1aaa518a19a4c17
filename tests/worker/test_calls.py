"""Real calls: two SIP phones, a worker between them, and what is heard at each end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.callflow.messages import DtmfMethod, FailReason, Leg
from gateway.calls import line as wire
from tests.worker.rig import AGENT_HZ, CALLER_HZ, PROMPT_HZ, Rig, samples, tones

pytestmark = pytest.mark.sip


async def test_a_caller_is_told_to_wait_and_hears_the_prompt(rig: Rig) -> None:
    heard = rig.folder / "heard.wav"
    caller, ears = await rig.call(user="4511111111", record=str(heard))
    invite = ears.line.invite
    assert (invite.caller, invite.dialled, invite.source) == ("4511111111", "1000", "127.0.0.1")
    await caller.wait_for("ringing")
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.PlayFile(1, str(rig.prompt_wav)))
    assert (await ears.until(wire.LegUp)).codec == "PCMA/8000"
    await ears.until(wire.PlayStarted)
    assert await ears.until(wire.PromptFinished) == wire.PromptFinished(1)
    assert (await ears.end()).reason == "ended"
    await caller.finish()
    assert tones(heard).count(PROMPT_HZ) in (10, 11, 12)


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
async def test_other_codecs_are_spoken(rig: Rig, codec: str) -> None:
    heard = rig.folder / "heard.wav"
    caller, ears = await rig.call(codec=codec, record=str(heard))
    ears.line.send(wire.AnswerCall())
    assert (await ears.until(wire.LegUp)).codec == f"{codec}/8000"
    ears.line.send(wire.PlayFile(1, str(rig.prompt_wav)))
    await ears.until(wire.PromptFinished)
    await ears.end()
    await caller.finish()
    assert tones(heard).count(PROMPT_HZ) >= 9


@pytest.mark.parametrize("method", ["rfc4733", "info", "both"])
async def test_a_key_is_one_digit_with_what_was_heard_before_it(rig: Rig, method: str) -> None:
    caller, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.PlayFile(1, str(rig.prompt_wav), loop=False))
    await ears.until(wire.PlayStarted)
    caller.order("press", digit="1", method=method)
    pressed = await ears.until(wire.DigitPressed)
    assert (pressed.digit, pressed.leg) == ("1", Leg.CALLER)
    assert method == "both" or pressed.method is DtmfMethod(method)
    assert pressed.heard_ms is not None and 0 <= pressed.heard_ms <= 1130
    await ears.until(wire.PromptFinished)
    caller.order("press", digit="2", method="info")
    pressed = await ears.until(wire.DigitPressed)
    assert (pressed.digit, pressed.heard_ms) == ("2", None)
    await ears.end()
    assert [event.digit for event in ears.all(wire.DigitPressed)] == ["1", "2"]


async def test_a_stopped_file_does_not_finish_and_a_missing_one_fails(rig: Rig) -> None:
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.PlayFile(1, str(rig.folder / "none.wav")))
    assert await ears.until(wire.PromptFailed) == wire.PromptFailed(1)
    ears.line.send(wire.PlayFile(2, str(rig.prompt_wav)))
    await ears.until(wire.PlayStarted)
    ears.line.send(wire.StopFile(2))
    ears.line.send(wire.PlayFile(3, str(rig.prompt_wav)))
    assert await ears.until(wire.PromptFinished) == wire.PromptFinished(3)
    await ears.end()
    assert len(ears.all(wire.PromptFinished)) == 1


async def test_each_leg_is_recorded_to_its_own_file_in_step_with_the_other(rig: Rig) -> None:
    _, agent, ears = await rig.bridged()
    await rig.record(ears)
    await rig.recorded(1.0)
    agent.order("hold")
    assert await ears.until(wire.Held) == wire.Held(Leg.AGENT)
    await rig.recorded(0.8)
    agent.order("resume")
    assert await ears.until(wire.Resumed) == wire.Resumed(Leg.AGENT)
    await rig.recorded(1.0)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    caller, agents = tones(rig.capture / "caller.wav"), tones(rig.capture / "agent.wav")
    assert len(samples(rig.capture / "caller.wav")) == len(samples(rig.capture / "agent.wav"))
    assert set(caller) <= {CALLER_HZ, 0} and set(agents) <= {AGENT_HZ, 0}
    for found in (caller, agents):
        silent = [i for i, tone in enumerate(found) if tone == 0]
        inside = [i for i in silent if 3 <= i < len(found) - 3]
        assert len(inside) >= 5, "hold is silence"
        assert inside == list(range(inside[0], inside[0] + len(inside))), "one hold, in one piece"
        assert found.count(0) < len(found) / 2
    assert abs(caller.index(0, 3) - agents.index(0, 3)) <= 1, "both fall silent together"


async def test_muting_writes_silence_and_no_shift(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    await rig.record(ears)
    await rig.recorded(0.8)
    ears.line.send(wire.MuteCapture())
    await rig.recorded(0.8)
    ears.line.send(wire.UnmuteCapture())
    await rig.recorded(0.8)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    for name, tone in (("caller.wav", CALLER_HZ), ("agent.wav", AGENT_HZ)):
        found = tones(rig.capture / name)
        assert found.count(0) >= 5 and found.count(tone) >= 10
    assert len(samples(rig.capture / "caller.wav")) == len(samples(rig.capture / "agent.wav"))


@pytest.mark.parametrize("how", ["reinvite", "update"])
async def test_a_session_refresh_leaves_no_hole_in_the_recording(rig: Rig, how: str) -> None:
    caller, agent, ears = await rig.bridged()
    await rig.record(ears)
    await rig.recorded(0.6)
    agent.order(how)
    await agent.wait_for("refresh")
    await rig.recorded(0.6)
    caller.order(how)
    await caller.wait_for("refresh")
    await rig.recorded(0.6)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    for name, tone in (("caller.wav", CALLER_HZ), ("agent.wav", AGENT_HZ)):
        assert set(tones(rig.capture / name)[2:-2]) == {tone}
    assert not ears.all(wire.Held)


async def test_a_leg_is_connected_to_its_recorder_a_guard_after_the_key(rig: Rig) -> None:
    caller, _, ears = await rig.bridged()
    caller.order("press", digit="1")
    await ears.until(wire.DigitPressed)
    await rig.record(ears)
    await rig.recorded(0.8)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    found = tones(rig.capture / "caller.wav")
    assert found[0] == 0 and not samples(rig.capture / "caller.wav")[:800].any()
    assert found.count(CALLER_HZ) >= 4


async def test_nothing_is_written_before_capture_is_ordered(rig: Rig) -> None:
    before = set(rig.folder.rglob("*"))
    caller, _, ears = await rig.bridged()
    caller.order("press", digit="1")
    await ears.until(wire.DigitPressed)
    worker = Path(f"/proc/{ears.line.pid}/fd")
    files = [Path.readlink(fd) for fd in worker.iterdir() if fd.exists() and Path.readlink(fd).is_file()]
    assert set(rig.folder.rglob("*")) == before
    assert not [file for file in files if file.suffix == ".wav" and file.parent != rig.folder]
    await rig.record(ears)
    assert {file.name for file in rig.capture.iterdir()} == {"caller.wav", "agent.wav"}
    await ears.end()
    assert ears.all(wire.CaptureShut), "the end of the line closes the files"


async def test_a_caller_alone_is_recorded_beside_silence(rig: Rig) -> None:
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    await ears.until(wire.LegUp)
    await rig.record(ears)
    await rig.recorded(0.8)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    assert tones(rig.capture / "caller.wav").count(CALLER_HZ) >= 5
    assert not samples(rig.capture / "agent.wav").any()


async def test_a_folder_that_is_not_there_fails_the_capture_and_not_the_call(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    ears.line.send(wire.OpenCapture(str(rig.folder / "nowhere")))
    await ears.until(wire.CaptureFailed)
    await ears.end()
    assert not ears.all(wire.HungUp)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(486, FailReason.BUSY), (603, FailReason.DECLINED), (404, FailReason.UNREACHABLE)],
)
async def test_an_agent_that_refuses_says_why(rig: Rig, status: int, reason: FailReason) -> None:
    agent = await rig.agent(reply=status)
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}"))
    assert (await ears.until(wire.AgentFailed)).reason is reason
    await ears.end()
    assert not ears.all(wire.HungUp)


async def test_an_agent_that_does_not_answer_is_cancelled(rig: Rig) -> None:
    agent = await rig.agent(reply=0)
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}", ring_timeout_s=0.5))
    await ears.until(wire.AgentRinging)
    assert (await ears.until(wire.AgentFailed)).reason is FailReason.NO_ANSWER
    assert (await agent.wait_for("ended")).status == 487
    await ears.end()


async def test_an_agent_that_is_not_there_is_unreachable(rig: Rig) -> None:
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial("sip:agent@127.0.0.1:9", ring_timeout_s=0.5))
    assert (await ears.until(wire.AgentFailed)).reason is FailReason.UNREACHABLE
    await ears.end()


async def test_an_agents_ringing_sound_is_early_media(rig: Rig) -> None:
    agent = await rig.agent(reply=0, early_media=True)
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}"))
    ringing = await ears.until(wire.AgentRinging)
    if not ringing.early_media:
        ringing = await ears.until(wire.AgentRinging)
    assert ringing.early_media
    await ears.end()
    assert (await agent.wait_for("ended")).status == 487


async def test_a_caller_who_gives_up_while_the_agent_rings(rig: Rig) -> None:
    agent = await rig.agent(reply=0)
    caller, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}"))
    await ears.until(wire.AgentRinging)
    caller.order("hang_up")
    assert await ears.until(wire.HungUp) == wire.HungUp(Leg.CALLER)
    ears.line.send(wire.CancelDial())
    assert (await agent.wait_for("ended")).status == 487
    await ears.end()
    assert not ears.all(wire.AgentFailed)


async def test_a_caller_who_cancels_before_the_answer(rig: Rig) -> None:
    caller, ears = await rig.call(cancel_s=0.1)
    assert await ears.until(wire.HungUp) == wire.HungUp(Leg.CALLER)
    await ears.end()
    assert (await caller.wait_for("ended")).status == 487


async def test_a_caller_can_be_refused_with_a_status(rig: Rig) -> None:
    caller, ears = await rig.call()
    ears.line.send(wire.HangUpLeg(Leg.CALLER, 503))
    assert (await caller.wait_for("ended")).status == 503
    down = await ears.until(wire.LegDown)
    assert (down.leg, down.by_us) == (Leg.CALLER, True)
    await ears.end()


@pytest.mark.parametrize("leg", list(Leg))
async def test_either_side_may_hang_up(rig: Rig, leg: Leg) -> None:
    caller, agent, ears = await rig.bridged()
    (caller if leg is Leg.CALLER else agent).order("hang_up")
    assert (await ears.until(wire.HungUp)).leg is leg
    await ears.end()
    assert (await caller.wait_for("ended")).status == (await agent.wait_for("ended")).status == 200
    assert len(ears.all(wire.HungUp)) == 1


async def test_keys_of_a_conversation_reach_the_other_side(rig: Rig) -> None:
    caller, agent, ears = await rig.bridged()
    caller.order("press", digit="5")
    assert (await agent.wait_for("digit")).fields["digit"] == "5"
    agent.order("press", digit="7", method="info")
    assert (await caller.wait_for("digit")).fields["digit"] == "7"
    await ears.end()
    assert [(e.digit, e.leg) for e in ears.all(wire.DigitPressed)] == [("5", Leg.CALLER), ("7", Leg.AGENT)]


async def test_a_transfer_by_refer_is_refused_and_nobody_is_dialled(rig: Rig) -> None:
    target = await rig.agent()
    _, agent, ears = await rig.bridged()
    agent.order("refer", uri=f"sip:elsewhere@127.0.0.1:{target.port}")
    assert (await agent.wait_for("refer")).status == 603
    await ears.end()
    assert [event.event for event in target.events] == ["ready"]


async def test_a_second_call_to_a_busy_worker_is_refused(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    second = await rig.phone(uri=f"sip:1000@127.0.0.1:{ears.line.port}")
    assert (await second.wait_for("ended")).status == 486
    await ears.end()
    assert not ears.all(wire.HungUp)


async def test_the_agent_is_shown_the_caller(rig: Rig) -> None:
    agent = await rig.agent()
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}", identity="sip:4511111111@example.org"))
    ringing = await agent.wait_for("ringing")
    assert ringing.fields["from"] == "sip:4511111111@example.org"
    await ears.end()


async def test_five_calls_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    rig = await Rig.build(tmp_path, size=5)
    try:
        pairs = [await rig.call() for _ in range(5)]
        assert rig.pool.take("x", "y", "z") is None, "every worker has a call"
        for _, ears in pairs:
            ears.line.send(wire.AnswerCall())
            ears.line.send(wire.PlayFile(1, str(rig.prompt_wav)))
        await asyncio.gather(*(ears.until(wire.PromptFinished) for _, ears in pairs))
        await asyncio.gather(*(ears.end() for _, ears in pairs))
        assert rig.pool.counts().died == 0
    finally:
        await rig.close()


async def test_keys_in_the_sound_are_heard_while_they_are_listened_for(rig: Rig) -> None:
    caller, ears = await rig.call(events=False, play=None)
    ears.line.send(wire.AnswerCall())
    assert not (await ears.until(wire.LegUp)).events
    caller.order("press", digit="7", method="inband")
    await asyncio.sleep(0.5)
    ears.line.send(wire.ListenForKeys(True))
    ears.line.send(wire.PlayFile(1, str(rig.prompt_wav)))
    await ears.until(wire.PlayStarted)
    caller.order("press", digit="1", method="inband")
    pressed = await ears.until(wire.DigitPressed)
    assert (pressed.digit, pressed.method, pressed.leg) == ("1", DtmfMethod.INBAND, Leg.CALLER)
    assert pressed.duration_ms is not None and abs(pressed.duration_ms - 100) <= 30
    assert pressed.heard_ms is not None and 0 <= pressed.heard_ms <= 1130
    ears.line.send(wire.ListenForKeys(False))
    ears.line.send(wire.AskSound())
    assert (await ears.until(wire.SoundStats)).packets > 0
    caller.order("press", digit="8", method="inband")
    await asyncio.sleep(0.5)
    await ears.end()
    assert [event.digit for event in ears.all(wire.DigitPressed)] == ["1"]


async def test_a_caller_who_was_listened_to_is_recorded_a_guard_later(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    ears.line.send(wire.ListenForKeys(True))
    ears.line.send(wire.AskSound())
    await ears.until(wire.SoundStats)
    await rig.record(ears)
    ears.line.send(wire.ListenForKeys(True))  # too late: there are recorders
    await rig.recorded(0.8)
    ears.line.send(wire.ShutCapture())
    await ears.until(wire.CaptureShut)
    await ears.end()
    assert not samples(rig.capture / "caller.wav")[:800].any()
    assert tones(rig.capture / "caller.wav").count(CALLER_HZ) >= 4
    assert not ears.all(wire.DigitPressed)


async def test_a_phone_says_whether_it_takes_events(rig: Rig) -> None:
    _, ears = await rig.call()
    ears.line.send(wire.AnswerCall())
    assert (await ears.until(wire.LegUp)).events
    await ears.end()
