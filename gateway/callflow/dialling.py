"""Agents are called: round after round of the flow's targets, until one answers. Pure.

A round is one target (sequential ringing), all of them (parallel ringing), or the fallback that comes
last. The first to answer has the caller, the others of its round are cancelled. Each call to an agent has
a number, so that what is heard of one that was given up is never taken for one that rings.

With `ivr.whisper` the agent first hears whether the call is recorded, and only then the caller; the caller
hears the ringing meanwhile, and nothing of the caller's sound reaches the agent before.
"""

from __future__ import annotations

from gateway.callflow import messages as m
from gateway.callflow.asking import Asking
from gateway.callflow.keys import refusal
from gateway.callflow.settings import Round
from gateway.callflow.state import Capture, Consent, Phase, Playing, Question
from gateway.callflow.turn import PROMPT_START_S

# Telephony gives up ringing by itself and says why; only if it does not, the flow does.
RING_GRACE_S = 2.0
# A yes that is still being stored counts: of two wrong words, "recorded" is the harmless one.
RECORDED = frozenset({Consent.GRANTED, Consent.STORING, Consent.CASE})


class Dialling(Asking):
    """From the end of the question until an agent speaks with the caller."""

    def to_agent(self) -> None:
        granted = self.call.consent is Consent.STORING
        rounds = self.flow.rounds
        if rounds:
            self.become(phase=Phase.RINGING)
            self.ring(rounds[0])
            self.play("thank_you" if granted and self.ivr.thank_you else "please_wait")
        elif granted:
            self.become(phase=Phase.MESSAGE)
            if self.ivr.thank_you:
                self.play("thank_you")
        elif self.call.consent is Consent.CASE:
            self.become(phase=Phase.MESSAGE)
            self.capture_if_permitted()
        else:
            self.say_goodbye("goodbye")

    def ring(self, round_: Round) -> None:
        """Call every target of a round at once."""
        longest_s = 0.0
        for target in round_.targets:
            ring_s = self.ivr.ring_timeout_s if target.ring_s is None else target.ring_s
            longest_s = max(longest_s, ring_s)
            self.dial(target.uri, ring_s)
        self.become(rounds=self.call.rounds + 1, ring_until=self.now + longest_s + RING_GRACE_S)

    def dial(self, uri: str, ring_s: float) -> int:
        """Call one target; the number of this call."""
        number = self.call.dials + 1
        self.become(dials=number, ringing=(*self.call.ringing, number))
        self.ask(m.DialAgent(number, uri, ring_s))
        return number

    def cancel_ringing(self) -> None:
        """Call nobody any more, and let go of who is being told whom they will have."""
        for number in self.call.ringing:
            self.ask(m.CancelAgent(number))
        if self.call.whisper is not None:
            self.ask(m.StopPlay(self.call.whisper.play))
        self.become(ringing=(), ring_until=None, whisper=None)

    # --- what is heard of them --------------------------------------------------------------------

    def on_agent_ringing(self, event: m.AgentRinging) -> None:
        """Sound from an agent's side before the answer is let through, where it can only be one's."""
        call = self.call
        alone = call.ringing == (event.dial,) and call.whisper is None
        if call.phase is Phase.RINGING and event.early_media and alone and not self.ivr.whisper:
            self.stop_prompt()
            self.become(early=event.dial)
            self.ask(m.Bridge(event.dial))

    def on_agent_failed(self, number: int) -> None:
        """One target will not answer; when it was the last of its round, the next round is called."""
        call = self.call
        if call.phase is not Phase.RINGING or number not in call.ringing:
            return
        if call.early == number:
            self.become(early=None)
            self.ask(m.Unbridge())
        if call.whisper is not None:
            self.ask(m.StopPlay(call.whisper.play))
        self.become(whisper=None, ringing=tuple(each for each in call.ringing if each != number))
        if not self.call.ringing:
            self.next_round()

    def on_ringing_over(self) -> None:
        """Nobody of this round answered in time, and telephony did not say so."""
        for number in self.call.ringing:
            self.ask(m.CancelAgent(number))
        if self.call.early is not None:
            self.ask(m.Unbridge())
        self.become(ringing=(), early=None)
        self.next_round()

    def next_round(self) -> None:
        """Call the next targets; without any more, say that nobody is there."""
        rounds = self.flow.rounds
        self.become(ring_until=None)
        if self.call.rounds >= len(rounds):
            self.say_goodbye("no_agent")
            return
        next_ = rounds[self.call.rounds]
        self.ring(next_)
        if next_.is_fallback:
            self.play("fallback")
        elif self.call.playing is None:
            self.play("ringback", loop=True)

    def on_agent_answered(self, number: int) -> None:
        """The first who answers has the caller; the others of the round are called no more."""
        call = self.call
        if call.phase in (Phase.ARRIVED, Phase.GREETING, Phase.CONSENT):
            self.connect(number)
            return
        if call.phase is not Phase.RINGING or number not in call.ringing or call.whisper is not None:
            return
        for other in call.ringing:
            if other != number:
                self.ask(m.CancelAgent(other))
        self.become(ringing=(number,), ring_until=None)
        if self.ivr.whisper:
            self.whisper_to(number)
        else:
            self.connect(number)

    @property
    def will_be_recorded(self) -> bool:
        """Whether a recording begins or goes on when caller and agent are connected."""
        return self.call.consent in RECORDED and self.call.capture is not Capture.OVER

    def whisper_to(self, number: int) -> None:
        """Tell an agent, and nobody else, whether the call is recorded."""
        play = self.call.plays + 1
        prompt = "whisper_recorded" if self.will_be_recorded else "whisper_not_recorded"
        self.become(plays=play, whisper=Playing(play, prompt, self.now + PROMPT_START_S))
        self.ask(m.Whisper(play, prompt, number))

    def on_whisper_over(self) -> None:
        """The agent has heard it, or could not be told: the caller waits for neither any longer."""
        whisper = self.call.whisper
        if whisper is None:
            return
        self.become(whisper=None)
        if self.call.ringing:
            self.connect(self.call.ringing[0])

    def connect(self, number: int) -> None:
        """Let caller and agent hear each other; recording begins if it may."""
        self.stop_prompt()
        self.become(phase=Phase.TALKING, agent=number, ringing=(), early=None, ring_until=None)
        self.ask(m.Bridge(number))
        if self.call.consent is Consent.UNDECIDED:
            if self.call.question is not Question.CLOSED:
                self.note_answer(refusal(self.call.keys))
            self.close_question()
            self.deny()
        else:
            self.become(candidate=None)
            self.capture_if_permitted()
