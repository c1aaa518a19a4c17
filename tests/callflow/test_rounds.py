"""A question for each purpose (A-14), as stories: what is accepted, what is not, what breaks a round off."""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.questions import PURPOSE_OF, TOGETHER
from gateway.callflow.settings import IvrSettings
from gateway.callflow.state import Consent
from ivr_prompts.catalogue import CONSENT_ROLES
from tests.callflow.test_flow import AGENT, INSTRUCTION_MS, PURPOSES_MS, TOTAL_MS, Story

SPLIT = replace(AGENT, ivr=IvrSettings(granularity="split"))


class Round(Story):
    """A call in which each question takes 20 s: said after 15 s, heard after 20 s, then a window of 5 s."""

    def question(self) -> Round:
        playing = self.call.playing
        assert playing is not None
        self.hear(m.PromptStarted(playing.play, TOTAL_MS, PURPOSES_MS, INSTRUCTION_MS))
        return self

    def yes(self) -> Round:
        """Press the key 1 s after the purpose was said."""
        self.question().press("1", at=self.now + 16)
        self.wait_until(self.now + 1.5)
        return self

    def no(self) -> Round:
        self.question()
        assert self.call.playing is not None
        self.hear(m.PromptFinished(self.call.playing.play), at=self.now + 20)
        self.wait_until(self.now + 5)
        return self


def begun() -> Round:
    story = Round(SPLIT)
    story.hear(m.CallArrived(), at=0).hear(m.PromptStarted(1, 2000)).hear(m.PromptFinished(1), at=2)
    return story


def test_only_what_was_accepted_by_itself_is_consented_to() -> None:
    story = begun().yes().no()
    assert not story.decisions and story.did(m.DialAgent) == 0, "nothing is decided before all was asked"
    story.yes()
    (decision,) = story.decisions
    assert decision.decision is m.Decision.ACCEPTED
    assert decision.purposes == ("training", "documentation")
    assert [each.decision for each in decision.answers] == [
        m.Decision.ACCEPTED,
        m.Decision.NONE,
        m.Decision.ACCEPTED,
    ]
    assert len({each.play for each in decision.answers}) == 3, "each has a prompt of its own"
    assert (decision.heard_ms, decision.marker) == (16_000, "purposes_end"), "of the last yes"
    assert [key.verdict for key in decision.keys] == ["accepted", "accepted"]
    assert story.played()[1:4] == ["consent_training", "consent_analysis", "consent_documentation"]
    story.hear(m.AgentAnswered(), at=story.now + 5)
    assert story.did(m.StartCapture) == 1


def test_no_to_everything_connects_unrecorded_with_one_record() -> None:
    story = begun().no().no().no()
    (decision,) = story.decisions
    assert (decision.decision, decision.purposes) == (m.Decision.NONE, ())
    assert story.did(m.DialAgent) == 1
    story.hear(m.AgentAnswered(), at=story.now + 5)
    assert story.did(m.StartCapture) == 0


def test_a_key_counts_for_the_question_that_was_said_and_for_no_other() -> None:
    story = begun().yes().question().press("1", at=0.5 + 19.5 + 1)
    assert story.call.keys[-1].verdict == "early", "analysis was not said yet"
    assert not story.decisions


def test_hanging_up_between_questions_is_no_consent() -> None:
    story = begun().yes().question().hear(m.HungUp(m.Leg.CALLER), at=22)
    (decision,) = story.decisions
    assert decision.decision is m.Decision.NONE
    assert [each.purpose for each in decision.answers] == ["training", "analysis"]
    assert story.did(m.StartCapture) == 0


def test_stopping_between_questions_takes_back_what_was_accepted() -> None:
    story = begun().yes().question().hear(m.StopRequested("web"), at=22)
    assert story.decision is m.Decision.NONE
    assert story.did(m.DialAgent) == 1 and story.call.consent is Consent.DENIED
    story.hear(m.AgentAnswered(), at=30)
    assert story.did(m.StartCapture) == 0


def test_a_question_that_cannot_be_played_is_not_accepted_and_the_next_is_put() -> None:
    story = begun()
    assert story.call.playing is not None
    story.hear(m.PromptFailed(story.call.playing.play)).yes().yes()
    assert story.decisions[-1].purposes == ("analysis", "documentation")


def test_when_nothing_is_played_any_more_the_other_questions_are_not_waited_for() -> None:
    story = begun().yes()
    story.wait_until(story.now + 10)
    assert story.decision is m.Decision.NONE and story.did(m.DialAgent) == 1
    assert story.decisions[-1].purposes == () and story.call.consent is Consent.DENIED
    assert story.decisions[-1].heard_ms == 16_000, "of the last question that was heard"


def test_what_was_accepted_is_taken_back_by_keys_before_the_round_is_over() -> None:
    story = begun()
    story.flow = replace(SPLIT, ivr=replace(SPLIT.ivr, withdraw_keys="*9"))
    story.yes().question().press("*", at=21).press("9", at=22)
    assert story.decision is m.Decision.OTHER_KEY and story.call.consent is Consent.DENIED
    assert story.did(m.DialAgent) == 1


def test_a_no_to_all_says_what_was_pressed_at_any_of_the_questions() -> None:
    story = begun().question().press("1", at=5).hear(m.PromptFinished(2), at=22).wait_until(27)
    assert isinstance(story, Round)
    story.no().no()
    assert story.decision is m.Decision.EARLY_KEY


def test_hanging_up_in_the_greeting_asks_nothing() -> None:
    story = Round(SPLIT)
    story.hear(m.CallArrived(), at=0).hear(m.PromptStarted(1, 2000)).hear(m.HungUp(m.Leg.CALLER), at=1)
    assert (story.decision, story.decisions[-1].answers) == (m.Decision.NONE, ())


def test_the_prompts_of_the_questions_are_those_of_the_catalogue() -> None:
    assert (TOGETHER, *PURPOSE_OF) == CONSENT_ROLES


def test_an_offer_puts_all_questions_again() -> None:
    story = begun().no().no().no().hear(m.AgentAnswered(), at=90).hear(m.OfferRequested(), at=100)
    story.no().yes()
    assert story.did(m.StartCapture) == 0, "not all is asked"
    story.no()
    assert (story.decisions[-1].purposes, story.decisions[-1].offer) == (("analysis",), 2)
    assert story.did(m.StartCapture) == 1


def test_a_late_key_answers_no_question_of_several() -> None:
    story = begun()
    story.flow = replace(SPLIT, ivr=replace(SPLIT.ivr, late_key="accept"))
    story.no().no().no().press("1", at=story.now + 2)
    assert story.call.candidate is None and story.decision is m.Decision.LATE_KEY
    assert story.decisions[-1].answers == story.decisions[0].answers
