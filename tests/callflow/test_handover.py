"""Handing a call over: who hears whom, and what becomes of the recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.callflow import messages as m
from gateway.callflow.settings import FlowSettings, TransferTarget
from gateway.callflow.state import Capture, Phase
from gateway.callflow.transfers import destination
from tests.callflow.test_flow import Story, talking

FLOW = FlowSettings(
    connect="sip:agent@192.0.2.1",
    transfers=(
        TransferTarget("sip:2*@192.0.2.1:5070;transport=tcp", company=True),
        TransferTarget("sip:garage@192.0.2.7"),
    ),
)
COLLEAGUE, GARAGE = "234", "garage"


def asked(target: str, attended: bool = False) -> Story:
    """A recorded conversation whose agent wants to hand it over at 50 s."""
    return talking(FLOW).hear(m.TransferAsked(target, attended), at=50)


def whispered(story: Story, at: float) -> Story:
    assert story.call.whisper is not None
    return story.hear(m.PromptFinished(story.call.whisper.play), at=at)


def sounds(story: Story) -> list[m.Action]:
    """What was done about who hears whom, and about the recording, since the handover began."""
    kinds = (m.Bridge, m.Unbridge, m.Consult, m.PauseCapture, m.ResumeCapture, m.StopCapture, m.Whisper)
    since = next(i for i, action in enumerate(story.done) if isinstance(action, m.StartCapture))
    return [action for action in story.done[since + 1 :] if isinstance(action, kinds)]


def test_a_colleague_gets_the_caller_and_the_recording_goes_on() -> None:
    story = asked(COLLEAGUE)
    assert story.call.phase is Phase.HANDOVER
    assert not story.call.recording, "silence while the caller waits"
    assert story.played()[-1] == "ringback"
    story.hear(m.AgentAnswered(2), at=55)
    assert story.call.phase is Phase.HANDOVER, "the colleague is told first that the call is recorded"
    whispered(story, at=56)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 2)
    assert story.call.recording
    assert [type(each) for each in sounds(story)] == [
        m.PauseCapture,
        m.Unbridge,
        m.Whisper,
        m.Bridge,
        m.ResumeCapture,
    ]
    assert m.HangUp(m.Leg.AGENT) in story.done
    story.hear(m.HungUp(m.Leg.AGENT, 1), at=57)
    assert story.call.phase is Phase.TALKING, "that was the one who handed over"
    story.hear(m.HungUp(m.Leg.AGENT, 2), at=58)
    assert story.call.phase is Phase.ENDED


def test_anybody_else_gets_the_caller_only_after_the_recording_has_ended() -> None:
    story = asked(GARAGE).hear(m.AgentAnswered(2), at=55)
    assert (story.call.phase, story.call.capture) == (Phase.TRANSFERRED, Capture.OVER)
    stop, bridge = story.done.index(m.StopCapture("transferred")), story.done.index(m.Bridge(2))
    assert stop < bridge
    story.hear(m.OfferRequested(), at=60).hear(m.TransferAsked(COLLEAGUE), at=61)
    assert story.call.phase is Phase.TRANSFERRED, "nobody of the company is there to ask"
    assert story.did(m.StartCapture) == 1


def test_an_agent_who_leaves_while_others_are_rung_ends_the_recording_at_once() -> None:
    story = asked(GARAGE).hear(m.HungUp(m.Leg.AGENT, 1), at=51)
    assert story.call.capture is Capture.OVER
    assert story.call.phase is Phase.HANDOVER
    story = asked(COLLEAGUE).hear(m.HungUp(m.Leg.AGENT, 1), at=51)
    assert story.call.capture is Capture.ON and not story.call.recording
    whispered(story.hear(m.AgentAnswered(2), at=52), at=53)
    assert story.call.recording
    assert story.did(m.HangUp) == 0


@pytest.mark.parametrize("target", [COLLEAGUE, GARAGE])
def test_a_target_that_does_not_answer_gives_the_caller_back(target: str) -> None:
    story = asked(target).hear(m.AgentFailed(m.FailReason.BUSY, 2), at=55)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 1)
    assert story.call.recording
    assert sounds(story)[-2:] == [m.Bridge(1), m.ResumeCapture()]
    story = asked(target).wait_until(100)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 1)
    assert m.CancelAgent(2) in story.done


def test_with_no_agent_to_go_back_to_the_caller_is_told_so() -> None:
    story = (
        asked(COLLEAGUE)
        .hear(m.HungUp(m.Leg.AGENT, 1), at=51)
        .hear(m.AgentFailed(m.FailReason.BUSY, 2), at=52)
    )
    assert story.played()[-1] == "no_agent"
    assert story.call.capture is Capture.OVER


def test_the_agent_speaks_with_the_target_first_and_then_leaves() -> None:
    story = asked(COLLEAGUE, attended=True)
    assert story.played()[-1] != "ringback", "hold is silence"
    story.hear(m.AgentAnswered(2), at=55)
    assert sounds(story)[-1] == m.Consult(2)
    assert not story.call.recording
    whispered(story.hear(m.HungUp(m.Leg.AGENT, 1), at=60), at=61)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 2)
    assert story.call.recording


def test_the_agent_may_take_the_caller_back() -> None:
    story = asked(GARAGE, attended=True).hear(m.AgentAnswered(2), at=55).hear(m.TransferAbandoned(), at=60)
    assert m.CancelAgent(2) in story.done
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 1)
    assert story.call.recording
    story.hear(m.HungUp(m.Leg.AGENT, 2), at=61)
    assert story.call.phase is Phase.TALKING


def test_a_target_that_leaves_the_consultation_gives_the_caller_back() -> None:
    story = asked(GARAGE, attended=True).hear(m.AgentAnswered(2), at=55).hear(m.HungUp(m.Leg.AGENT, 2), at=60)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 1)


def test_completing_it_hands_over_and_hangs_up_on_the_agent() -> None:
    story = asked(GARAGE, attended=True).hear(m.AgentAnswered(2), at=55).hear(m.TransferCompleted(), at=60)
    assert story.call.phase is Phase.TRANSFERRED
    assert story.did(m.HangUp) == 1


def test_hold_of_the_agents_telephone_does_not_stay_with_the_next() -> None:
    story = talking(FLOW).hear(m.Held(m.Leg.AGENT), at=49).hear(m.TransferAsked(COLLEAGUE), at=50)
    whispered(story.hear(m.AgentAnswered(2), at=55), at=56)
    assert story.call.recording


def test_a_withdrawal_while_the_caller_waits_is_one() -> None:
    story = asked(COLLEAGUE).hear(m.StopRequested(), at=51)
    assert story.did(m.NoteWithdrawal) == 1
    whispered_not = story.hear(m.AgentAnswered(2), at=55)
    assert whispered_not.call.phase is Phase.TALKING
    assert story.did(m.StartCapture) == 1 and not story.call.recording


def test_a_caller_who_leaves_ends_everything() -> None:
    story = (
        asked(COLLEAGUE, attended=True).hear(m.AgentAnswered(2), at=55).hear(m.HungUp(m.Leg.CALLER), at=56)
    )
    assert story.call.phase is Phase.ENDED
    assert m.CancelAgent(2) in story.done and m.HangUp(m.Leg.AGENT) in story.done
    assert isinstance(story.done[-1], m.CloseCall)


@pytest.mark.parametrize(
    "target", ["345", "", "sip:234@evil.example", "garage2", "2" * 70, "2;x=y", "2?a=b", "+2"]
)
def test_nobody_else_is_called(target: str) -> None:
    story = asked(target)
    assert story.call.phase is Phase.TALKING
    assert story.did(m.DialAgent) == 1
    closed = talking(replace(FLOW, transfers=())).hear(m.TransferAsked(COLLEAGUE), at=50)
    assert closed.call.phase is Phase.TALKING, "off, unless the settings name somebody"


def test_what_is_dialled_is_the_settings_own() -> None:
    for asked_for in ("234", "sip:234@192.0.2.1:5070"):
        found = destination(FLOW, asked_for)
        assert found is not None
        assert (found.uri, found.company) == ("sip:234@192.0.2.1:5070;transport=tcp", True)
    assert destination(FLOW, "sip:234@192.0.2.1") is None, "another port"
    assert destination(FLOW, "sip:234@192.0.2.1:5070;maddr=198.51.100.1") is None
