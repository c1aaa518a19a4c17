"""The call flow as stories: what the caller does, and what happens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from gateway.callflow import messages as m
from gateway.callflow.asking import MOST_KEYS
from gateway.callflow.flow import step
from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.callflow.state import Call, Capture, Consent, Phase

AGENT = FlowSettings(connect="sip:agent@192.0.2.1")
MESSAGE = FlowSettings(connect=None)
TOTAL_MS, PURPOSES_MS, INSTRUCTION_MS = 20_000, 15_000, 18_000


@dataclass
class Story:
    """A call told in seconds; timers fire by themselves on the way to each event."""

    flow: FlowSettings = AGENT
    call: Call = field(default_factory=Call)
    now: float = 0.0
    done: list[m.Action] = field(default_factory=list)
    store_works: bool = True

    def hear(self, event: m.Event, at: float | None = None) -> Story:
        if at is not None:
            self.wait_until(at)
        self._step(event)
        return self

    def wait_until(self, at: float) -> Story:
        while self.call.deadline is not None and self.call.deadline <= at:
            self.now = self.call.deadline
            self._step(m.TimePassed())
        self.now = at
        return self

    def _step(self, event: m.Event) -> None:
        self.call, actions = step(self.call, event, self.now, self.flow)
        self.done.extend(actions)
        for action in actions:
            if isinstance(action, m.NoteDecision) and action.decision is m.Decision.ACCEPTED:
                answer = m.ConsentStored if self.store_works else m.ConsentNotStored
                self._step(answer(action.note))

    def asked(self, direction: str = "inbound") -> Story:
        """The greeting is over at 2 s and the consent prompt runs from 2 s to 22 s."""
        self.hear(m.CallArrived(direction), at=0).hear(m.PromptStarted(1, 2000))
        self.hear(m.PromptFinished(1), at=2)
        self.hear(m.PromptStarted(self.call.plays, TOTAL_MS, PURPOSES_MS, INSTRUCTION_MS))
        return self

    def heard(self) -> Story:
        playing = self.call.playing
        assert playing is not None
        return self.hear(m.PromptFinished(playing.play), at=22)

    def press(self, digit: str, at: float) -> Story:
        self.wait_until(at)
        playing = self.call.playing
        heard = playing.heard_ms(at) if playing is not None else None
        return self.hear(m.DigitPressed(digit, heard_ms=heard))

    @property
    def decisions(self) -> list[m.NoteDecision]:
        return [action for action in self.done if isinstance(action, m.NoteDecision)]

    @property
    def decision(self) -> m.Decision:
        return self.decisions[-1].decision

    def did(self, kind: type) -> int:
        return sum(isinstance(action, kind) for action in self.done)

    def played(self) -> list[str]:
        return [action.prompt for action in self.done if isinstance(action, m.Play)]


def test_the_key_in_the_window_records_when_the_agent_answers() -> None:
    story = Story().asked().heard().press("1", at=24)
    assert not story.decisions, "isolation still runs"
    story.wait_until(25.5)
    assert story.decision is m.Decision.ACCEPTED
    assert story.did(m.DialAgent) == 1
    assert story.did(m.StartCapture) == 0, "not in the queue"
    story.hear(m.AgentAnswered(), at=40)
    assert story.did(m.StartCapture) == 1
    assert story.call.phase is Phase.TALKING


def test_saying_nothing_connects_unrecorded_when_the_window_closes() -> None:
    story = Story().asked().heard().wait_until(26.999)
    assert story.did(m.DialAgent) == 0
    story.wait_until(27)
    assert story.decision is m.Decision.NONE
    assert story.did(m.DialAgent) == 1
    story.hear(m.AgentAnswered(), at=30).hear(m.HungUp(m.Leg.CALLER), at=60)
    assert story.did(m.StartCapture) == 0
    assert story.played().count("consent") == 1, "no second nagging"


def test_both_answers_meet_the_same_agent_in_the_same_step_as_the_decision() -> None:
    yes = Story().asked().heard().press("1", at=23).wait_until(24.5)
    no = Story().asked().heard().wait_until(27)
    assert [a for a in yes.done if isinstance(a, m.DialAgent)] == [
        a for a in no.done if isinstance(a, m.DialAgent)
    ]


@pytest.mark.parametrize("digit", list("023456789*#"))
def test_any_other_key_is_no_consent(digit: str) -> None:
    story = Story().asked().press(digit, at=20).heard().wait_until(30)
    assert story.decision is m.Decision.OTHER_KEY
    assert story.did(m.DialAgent) == 1
    assert story.hear(m.AgentAnswered(), at=31).did(m.StartCapture) == 0


def test_a_key_before_the_marker_is_ignored_and_may_be_pressed_again() -> None:
    story = Story().asked().press("1", at=10).wait_until(20)
    assert not story.decisions
    assert [key.verdict for key in story.call.keys] == ["early"]
    story.press("1", at=20).wait_until(21.5)
    assert story.decision is m.Decision.ACCEPTED
    assert [key.verdict for key in story.decisions[0].keys] == ["early", "accepted"]


def test_only_an_early_key_is_early_key() -> None:
    assert Story().asked().press("1", at=10).heard().wait_until(27).decision is m.Decision.EARLY_KEY


def test_a_key_during_the_greeting_is_early() -> None:
    story = Story().hear(m.CallArrived(), at=0).hear(m.PromptStarted(1, 2000)).press("1", at=1)
    assert [key.verdict for key in story.call.keys] == ["early"]


def test_the_marker_itself_is_inside_the_window_and_the_end_of_the_window_outside() -> None:
    assert Story().asked().press("1", at=17).wait_until(18.5).decision is m.Decision.ACCEPTED
    assert Story().asked().heard().press("1", at=26.999).wait_until(29).decision is m.Decision.ACCEPTED
    late = Story().asked().heard().press("1", at=27)
    assert [d.decision for d in late.decisions] == [m.Decision.NONE, m.Decision.LATE_KEY]


@pytest.mark.parametrize(
    ("marker", "first_valid_at"), [("purposes_end", 17), ("key_instruction", 20), ("prompt_end", 22)]
)
def test_the_marker_is_a_setting(marker: str, first_valid_at: float) -> None:
    flow = replace(AGENT, ivr=IvrSettings(min_marker=marker))
    early = Story(flow).asked().press("1", at=first_valid_at - 0.01).wait_until(21)
    assert not early.decisions
    story = Story(flow).asked()
    if first_valid_at == 22:
        story.heard()
    assert story.press("1", at=first_valid_at).wait_until(24).decision is m.Decision.ACCEPTED


def test_isolation_runs_past_the_end_of_the_window_and_the_agent_waits_for_it() -> None:
    story = Story().asked().heard().press("1", at=26.9).wait_until(28)
    assert story.did(m.DialAgent) == 0
    assert story.wait_until(28.4).decision is m.Decision.ACCEPTED


def test_a_spoilt_key_after_the_window_is_decided_at_once() -> None:
    story = Story().asked().heard().press("1", at=26.9).press("4", at=27.5)
    assert story.decision is m.Decision.OTHER_KEY
    assert story.did(m.DialAgent) == 1


@pytest.mark.parametrize("number", ["2151", "1502", "0110", "31"])
def test_a_typed_number_with_a_one_is_not_consent(number: str) -> None:
    story = Story().asked().heard()
    for place, digit in enumerate(number):
        story.press(digit, at=22.5 + 0.6 * place)
    story.wait_until(40)
    assert story.decision is not m.Decision.ACCEPTED
    assert story.hear(m.AgentAnswered()).did(m.StartCapture) == 0


def test_a_slowly_typed_number_that_begins_with_two_ones_is_not_consent() -> None:
    story = Story().asked().heard().press("1", at=23).press("1", at=24).press("0", at=25)
    assert story.wait_until(40).decision is m.Decision.OTHER_KEY


def test_the_key_twice_is_one_consent() -> None:
    story = Story().asked().heard().press("1", at=23).press("1", at=24).wait_until(40)
    assert [d.decision for d in story.decisions] == [m.Decision.ACCEPTED]
    story.press("1", at=41)
    assert len(story.decisions) == 1


def test_other_digits_just_before_the_key_spoil_it_and_a_later_key_still_counts() -> None:
    story = Story().asked().heard().press("5", at=22.5).press("1", at=23.9).wait_until(25.45)
    assert not story.decisions
    assert [key.verdict for key in story.call.keys] == ["other", "not_isolated"]
    assert story.press("1", at=25.5).wait_until(27).decision is m.Decision.ACCEPTED


def test_a_late_key_is_no_consent_and_is_noted_once() -> None:
    story = Story().asked().heard().wait_until(27).press("1", at=28).press("1", at=29)
    assert [d.decision for d in story.decisions] == [m.Decision.NONE, m.Decision.LATE_KEY]
    assert story.hear(m.AgentAnswered(), at=35).did(m.StartCapture) == 0
    story.press("1", at=36).wait_until(40)
    assert story.did(m.StartCapture) == 0


def test_a_late_key_counts_where_the_operator_has_it_so() -> None:
    flow = replace(AGENT, ivr=IvrSettings(late_key="accept"))
    story = Story(flow).asked().heard().wait_until(27).hear(m.AgentAnswered(), at=30)
    assert story.press("1", at=35).did(m.StartCapture) == 0
    story.wait_until(36.5)
    assert story.decision is m.Decision.ACCEPTED
    assert story.did(m.StartCapture) == 1


def test_digits_in_conversation_are_not_kept() -> None:
    story = Story().asked().heard().wait_until(27).hear(m.AgentAnswered(), at=30)
    for place, digit in enumerate("0203904231"):
        story.press(digit, at=31 + place)
    assert story.call.keys == ()


def test_star_repeats_the_prompt_only_where_the_operator_has_it_so() -> None:
    assert Story().asked().heard().press("*", at=23).played().count("consent") == 1
    flow = replace(AGENT, ivr=IvrSettings(repeat=1))
    story = Story(flow).asked().heard().press("*", at=23)
    assert story.played().count("consent") == 2
    story.hear(m.PromptStarted(story.call.plays, TOTAL_MS, PURPOSES_MS)).press("1", at=25)
    assert story.call.keys[-1].verdict == "early", "the purposes must be heard again"
    story.press("1", at=40).wait_until(42)
    assert story.decision is m.Decision.ACCEPTED


def test_a_failed_consent_store_means_no_recording_and_the_call_goes_on() -> None:
    story = Story(store_works=False).asked().heard().press("1", at=23).wait_until(25)
    assert story.call.consent is Consent.DENIED
    story.hear(m.AgentAnswered(), at=30)
    assert story.did(m.DialAgent) == 1
    assert story.did(m.Bridge) == 1
    assert story.did(m.StartCapture) == 0


def test_a_prompt_that_cannot_be_played_connects_unrecorded() -> None:
    story = Story().asked().hear(m.PromptFailed(2), at=5)
    assert story.decision is m.Decision.NONE
    assert story.did(m.DialAgent) == 1


def test_a_prompt_whose_end_is_never_reported_does_not_hold_the_caller() -> None:
    story = Story().hear(m.CallArrived(), at=0).wait_until(60)
    assert story.did(m.DialAgent) == 1


@pytest.mark.parametrize("reason", list(m.FailReason))
def test_an_agent_who_cannot_be_had_is_said_and_the_call_ends(reason: m.FailReason) -> None:
    story = Story().asked().heard().wait_until(27).hear(m.AgentFailed(reason), at=30)
    assert story.played()[-1] == "no_agent"
    story.hear(m.PromptStarted(story.call.plays, 3000)).hear(m.PromptFinished(story.call.plays), at=33)
    assert story.call.phase is Phase.ENDED
    assert m.HangUp(m.Leg.CALLER) in story.done


def test_an_agent_who_never_answers_is_given_up() -> None:
    story = Story().asked().heard().wait_until(27).hear(m.AgentRinging(), at=28).wait_until(74)
    assert story.played()[-1] == "no_agent"
    assert story.did(m.CancelAgent) == 1


def talking(flow: FlowSettings = AGENT) -> Story:
    """A recorded conversation at 40 s."""
    return Story(flow).asked().heard().press("1", at=23).wait_until(25).hear(m.AgentAnswered(), at=40)


def test_the_agents_stop_withdraws_and_the_call_goes_on() -> None:
    story = talking().hear(m.StopRequested("agent"), at=50)
    assert m.StopCapture("withdrawn") in story.done
    assert story.did(m.NoteWithdrawal) == 1
    assert story.played()[-1] == "stopped"
    assert story.call.phase is Phase.TALKING
    assert story.did(m.HangUp) == 0


def test_the_withdrawal_keys_work_where_they_are_announced() -> None:
    assert talking().press("*", at=50).press("9", at=51).did(m.NoteWithdrawal) == 0
    flow = replace(AGENT, ivr=IvrSettings(withdraw_keys="*9"))
    story = talking(flow).press("*", at=50).press("9", at=51)
    assert [a.channel for a in story.done if isinstance(a, m.NoteWithdrawal)] == ["key"]
    slow = talking(flow).press("*", at=50).press("9", at=54)
    assert slow.did(m.NoteWithdrawal) == 0


def test_pause_and_resume_write_silence_between() -> None:
    story = talking().hear(m.PauseRequested(), at=45)
    assert not story.call.recording
    story.hear(m.ResumeRequested(), at=50)
    assert story.call.recording
    assert (story.did(m.PauseCapture), story.did(m.ResumeCapture)) == (1, 1)


def test_hold_inside_a_pause_does_not_end_the_pause() -> None:
    story = talking().hear(m.PauseRequested(), at=45).hear(m.Held(m.Leg.AGENT), at=46)
    story.hear(m.Resumed(m.Leg.AGENT), at=47)
    assert story.did(m.ResumeCapture) == 0
    assert story.hear(m.ResumeRequested(), at=48).did(m.ResumeCapture) == 1


def test_an_offer_records_from_the_new_consent_only() -> None:
    story = Story().asked().heard().wait_until(27).hear(m.AgentAnswered(), at=30)
    story.hear(m.OfferRequested(), at=40)
    story.hear(m.PromptStarted(story.call.plays, TOTAL_MS, PURPOSES_MS))
    story.press("1", at=56)
    assert story.did(m.StartCapture) == 0
    story.wait_until(57.5)
    assert story.did(m.StartCapture) == 1
    assert [d.offer for d in story.decisions] == [1, 2]


def test_an_offer_that_is_not_taken_changes_nothing() -> None:
    story = Story().asked().heard().wait_until(27).hear(m.AgentAnswered(), at=30)
    story.hear(m.OfferRequested(), at=40)
    story.hear(m.PromptStarted(story.call.plays, TOTAL_MS, PURPOSES_MS))
    story.hear(m.PromptFinished(story.call.plays), at=60).wait_until(65)
    assert story.call.consent is Consent.DENIED
    assert story.did(m.StartCapture) == 0
    assert story.did(m.DialAgent) == 1


def test_after_a_withdrawal_only_a_new_yes_records_again() -> None:
    story = talking().hear(m.StopRequested(), at=50).press("1", at=55).wait_until(60)
    assert story.did(m.StartCapture) == 1
    story.hear(m.OfferRequested(), at=61)
    story.hear(m.PromptStarted(story.call.plays, TOTAL_MS, PURPOSES_MS)).press("1", at=78)
    story.wait_until(80)
    assert story.did(m.StartCapture) == 2


def test_an_external_transfer_ends_the_recording_for_good() -> None:
    story = talking().hear(m.TransferredExternal(), at=50)
    assert m.StopCapture("transferred") in story.done
    story.hear(m.OfferRequested(), at=51).press("1", at=60).wait_until(70)
    assert story.did(m.StartCapture) == 1


def test_a_failed_recorder_ends_the_recording_not_the_call() -> None:
    story = talking().hear(m.CaptureFailed(), at=50)
    assert story.call.capture is Capture.OVER
    assert story.call.phase is Phase.TALKING


@pytest.mark.parametrize("at", [1, 5, 20, 23, 24, 26, 30, 41, 70])
@pytest.mark.parametrize("pressed", [True, False])
def test_a_caller_may_hang_up_at_any_moment(at: float, pressed: bool) -> None:
    story = Story().hear(m.CallArrived(), at=0).hear(m.PromptStarted(1, 2000))
    script: list[tuple[float, m.Event]] = [
        (2, m.PromptFinished(1)),
        (2, m.PromptStarted(2, TOTAL_MS, PURPOSES_MS)),
        (22, m.PromptFinished(2)),
        (40, m.AgentAnswered()),
    ]
    if pressed:
        script.append((23.5, m.DigitPressed("1")))
    for when, event in sorted(script, key=lambda row: row[0]):
        if when < at:
            story.hear(event, at=when)
    story.hear(m.HungUp(m.Leg.CALLER), at=at)
    assert story.call.phase is Phase.ENDED
    assert len(story.decisions) == 1
    assert isinstance(story.done[-1], m.CloseCall)
    assert story.did(m.StartCapture) == story.did(m.StopCapture)
    assert m.HangUp(m.Leg.CALLER) not in story.done
    assert story.did(m.CancelAgent) + story.did(m.HangUp) == story.did(m.DialAgent)


def test_an_agent_who_hangs_up_ends_the_call() -> None:
    story = talking().hear(m.HungUp(m.Leg.AGENT), at=60)
    assert m.StopCapture("hangup") in story.done
    assert m.HangUp(m.Leg.CALLER) in story.done
    assert m.HangUp(m.Leg.AGENT) not in story.done


def test_a_flow_without_an_agent_records_the_caller_alone_from_the_consent() -> None:
    story = Story(MESSAGE).asked().heard().press("1", at=23).wait_until(24.5)
    assert story.call.phase is Phase.MESSAGE
    assert story.did(m.StartCapture) == 1
    assert story.did(m.DialAgent) == 0


def test_a_flow_without_an_agent_says_goodbye_to_silence() -> None:
    story = Story(MESSAGE).asked().heard().wait_until(27)
    assert story.played()[-1] == "goodbye"
    assert story.wait_until(60).call.phase is Phase.ENDED
    assert story.did(m.StartCapture) == 0


def test_an_announced_flow_records_only_with_a_case() -> None:
    flow = replace(AGENT, announced=True)
    for case, captures in (("S-1", 1), (None, 0)):
        story = Story(flow).hear(m.CallArrived(case=case), at=0).hear(m.PromptStarted(1, 1000))
        story.hear(m.PromptFinished(1), at=1).hear(m.AgentAnswered(), at=10)
        assert story.did(m.StartCapture) == captures
        assert "consent" not in story.played()
        assert story.hear(m.HungUp(m.Leg.AGENT), at=20).decisions == []


def test_an_investigator_names_the_case_and_only_then_is_the_call_recorded() -> None:
    flow = replace(AGENT, announced=True)
    story = Story(flow).hear(m.CallArrived(), at=0).hear(m.CaseNamed("S-1"), at=0.5)
    assert story.did(m.StartCapture) == 0, "nobody of the company is in the call yet"
    story.hear(m.PromptStarted(1, 1000)).hear(m.PromptFinished(1), at=1).hear(m.AgentAnswered(), at=10)
    assert story.did(m.StartCapture) == 0
    assert story.hear(m.CaseNamed(""), at=11).did(m.StartCapture) == 0
    assert story.hear(m.CaseNamed("S-1"), at=12).did(m.StartCapture) == 1
    story.hear(m.StopRequested(), at=20).hear(m.CaseNamed("S-2"), at=21)
    assert (story.did(m.StartCapture), story.did(m.StopCapture)) == (1, 1)


def test_naming_a_case_records_nothing_where_callers_are_asked() -> None:
    story = Story().asked().heard().wait_until(27)
    story.hear(m.AgentAnswered(), at=30).hear(m.CaseNamed("S-1"), at=31)
    assert story.did(m.StartCapture) == 0


def test_an_outbound_call_is_never_asked_or_recorded() -> None:
    story = Story().hear(m.CallArrived("outbound"), at=0).hear(m.AgentAnswered(), at=5)
    story.press("1", at=6).hear(m.OfferRequested(), at=7).press("1", at=30).wait_until(60)
    assert story.did(m.StartCapture) == 0
    assert story.decisions == []


def test_a_call_ends_after_its_longest_duration() -> None:
    flow = replace(AGENT, ivr=IvrSettings(max_call_s=600))
    story = talking(flow).wait_until(601)
    assert story.call.phase is Phase.ENDED
    assert story.did(m.HangUp) == 2
    assert m.StopCapture("hangup") in story.done


def test_an_agent_answering_while_the_question_runs_ends_it_unanswered() -> None:
    story = Story().asked().heard().press("1", at=26).hear(m.AgentAnswered(), at=26.5)
    assert story.decision is m.Decision.NONE
    assert story.wait_until(60).did(m.StartCapture) == 0


def test_the_record_says_how_much_was_heard() -> None:
    decision = Story().asked().press("1", at=18).wait_until(20).decisions[0]
    assert (decision.heard_ms, decision.prompt_total_ms, decision.marker) == (
        16_000,
        TOTAL_MS,
        "purposes_end",
    )
    silent = Story().asked().heard().wait_until(27).decisions[0]
    assert (silent.heard_ms, silent.marker) == (TOTAL_MS, "prompt_end")
    gone = Story().asked().hear(m.HungUp(m.Leg.CALLER), at=12).decisions[0]
    assert (gone.heard_ms, gone.marker) == (10_000, None)


def test_whoever_plays_with_the_keys_fills_no_memory_and_can_still_say_yes() -> None:
    story = Story().asked().heard()
    for at in range(300):
        story.hear(m.DigitPressed("5", heard_ms=20000), at=22 + at / 1000)
    assert len(story.call.keys) == MOST_KEYS
    story.press("1", at=24).wait_until(26)
    assert story.decision is m.Decision.ACCEPTED
    assert [key.verdict for key in story.decisions[-1].keys].count("accepted") == 1
