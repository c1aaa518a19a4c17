"""Who is rung, in which order, and who gets the caller."""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.settings import FlowSettings, IvrSettings, Target
from gateway.callflow.state import Phase
from tests.callflow.test_flow import Story

ONE, TWO, THREE = ("sip:one@192.0.2.1", "sip:two@192.0.2.1", "sip:three@192.0.2.1")
SEQUENTIAL = FlowSettings(connect=ONE, ring_s=10.0, more=(Target(TWO, 20.0),))
PARALLEL = replace(SEQUENTIAL, parallel=True)
FALLBACK = replace(SEQUENTIAL, more=(), fallback=Target(THREE))
WHISPER = FlowSettings(connect=ONE, more=(Target(TWO),), ivr=IvrSettings(whisper=True))


def ringing(flow: FlowSettings, key: str = "") -> Story:
    """A story that rings the first round at 27 s; with a key, consent is stored by then."""
    story = Story(flow).asked().heard()
    if key:
        story.press(key, at=24)
    return story.wait_until(27)


def rung(story: Story) -> list[str]:
    return [action.uri for action in story.done if isinstance(action, m.DialAgent)]


def test_one_after_the_other_each_for_its_own_time() -> None:
    story = ringing(SEQUENTIAL)
    assert rung(story) == [ONE]
    story.hear(m.AgentFailed(m.FailReason.BUSY, 1), at=28)
    assert rung(story) == [ONE, TWO]
    assert story.call.phase is Phase.RINGING
    assert [a.ring_timeout_s for a in story.done if isinstance(a, m.DialAgent)] == [10.0, 20.0]
    story.wait_until(49)
    assert story.played()[-1] != "no_agent"
    story.wait_until(51)
    assert m.CancelAgent(2) in story.done
    assert story.played()[-1] == "no_agent"


def test_who_was_given_up_and_answers_all_the_same_does_not_get_the_caller() -> None:
    story = ringing(SEQUENTIAL).wait_until(40)
    assert rung(story) == [ONE, TWO]
    story.hear(m.AgentAnswered(1), at=40)
    assert story.call.phase is Phase.RINGING
    story.hear(m.AgentAnswered(2), at=41)
    assert story.call.agent == 2
    assert [a for a in story.done if isinstance(a, m.Bridge)] == [m.Bridge(2)]


def test_all_at_once_and_the_first_to_answer_has_the_caller() -> None:
    story = ringing(PARALLEL, key="1")
    assert rung(story) == [ONE, TWO]
    story.hear(m.AgentFailed(m.FailReason.DECLINED, 1), at=28).hear(m.AgentAnswered(2), at=29)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 2)
    assert story.did(m.StartCapture) == 1

    story = ringing(PARALLEL).hear(m.AgentAnswered(2), at=28)
    assert story.did(m.CancelAgent) == 1
    assert m.CancelAgent(1) in story.done
    story.hear(m.AgentAnswered(1), at=28).hear(m.HungUp(m.Leg.AGENT, 1), at=29)
    assert (story.call.phase, story.call.agent) == (Phase.TALKING, 2), "the other one is nobody here"


def test_sound_before_the_answer_is_let_through_only_where_one_agent_rings() -> None:
    story = ringing(PARALLEL).hear(m.AgentRinging(True, 1), at=28)
    assert story.did(m.Bridge) == 0
    story = ringing(SEQUENTIAL).hear(m.AgentRinging(True, 1), at=28)
    assert m.Bridge(1) in story.done
    story.hear(m.AgentFailed(m.FailReason.NO_ANSWER, 1), at=29)
    assert m.Unbridge() in story.done
    assert story.played()[-1] == "ringback"


def test_the_fallback_comes_last_with_a_word_to_the_caller() -> None:
    story = ringing(FALLBACK).hear(m.AgentFailed(m.FailReason.BUSY, 1), at=28)
    assert rung(story) == [ONE, THREE]
    assert story.played()[-1] == "fallback"
    story.hear(m.PromptFailed(story.call.plays))
    assert story.played()[-1] == "ringback", "a set may be without it"
    story.hear(m.AgentFailed(m.FailReason.BUSY, 2), at=29)
    assert story.played()[-1] == "no_agent"


def test_a_caller_who_leaves_has_everybody_cancelled() -> None:
    story = ringing(PARALLEL).hear(m.HungUp(m.Leg.CALLER), at=28)
    assert [a.dial for a in story.done if isinstance(a, m.CancelAgent)] == [1, 2]


def test_the_agent_is_told_before_the_caller_is_heard() -> None:
    for key, told in (("1", "whisper_recorded"), ("", "whisper_not_recorded")):
        story = ringing(WHISPER, key).hear(m.AgentRinging(True, 1), at=28).hear(m.AgentAnswered(1), at=29)
        (whisper,) = [a for a in story.done if isinstance(a, m.Whisper)]
        assert (whisper.prompt, whisper.dial) == (told, 1)
        assert story.did(m.Bridge) == story.did(m.StartCapture) == 0
        assert m.StopPlay(whisper.play) not in story.done
        story.hear(m.PromptStarted(whisper.play, 800)).hear(m.PromptFinished(whisper.play), at=30)
        assert story.did(m.Bridge) == 1
        assert story.did(m.StartCapture) == (1 if key else 0)


def test_an_agent_who_leaves_during_the_whisper_is_followed_by_the_next() -> None:
    story = ringing(WHISPER).hear(m.AgentAnswered(1), at=29).hear(m.HungUp(m.Leg.AGENT, 1), at=30)
    assert rung(story) == [ONE, TWO]
    assert story.call.phase is Phase.RINGING


def test_a_whisper_that_cannot_be_played_keeps_nobody_waiting() -> None:
    story = ringing(WHISPER).hear(m.AgentAnswered(1), at=29)
    story.hear(m.PromptFailed(story.call.plays), at=29)
    assert story.call.phase is Phase.TALKING
    story = ringing(WHISPER).hear(m.AgentAnswered(1), at=29).wait_until(60)
    assert story.call.phase is Phase.TALKING, "one of whose end nothing is heard neither"
