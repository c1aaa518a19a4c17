"""The agent hands the call over, blindly or after a word with the target. Pure.

The caller waits meanwhile: nothing of theirs is heard by anybody, and a recording goes on in silence.

1. Only targets of the settings are called (`transfers`).
2. When the target is the company itself, consent follows the call: the recording goes on with the new agent,
   who is told first that it does.
3. When it is anybody else, nobody of the company is left, and the purposes do not reach that far: the
   recording ends for good before the two hear each other, and earlier when the agent leaves earlier.
4. When it comes to nothing, the caller is back with the agent, or is told that nobody is there.

The consultation itself is not the caller's: it is never recorded (R-02).
"""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.dialling import RING_GRACE_S, Dialling
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Handover, Phase, Question
from gateway.callflow.transfers import destination


def may_hand_over(call: Call, flow: FlowSettings, target: str) -> str:
    """Why the agent of this call may not hand it over to `target`: not_allowed, not_now; "": they may."""
    if destination(flow, target) is None:
        return "not_allowed"
    ready = call.phase is Phase.TALKING and call.question is Question.CLOSED and call.agent is not None
    return "" if ready else "not_now"


class HandingOver(Dialling):
    """From the agent's wish to hand the call over until somebody speaks with the caller again."""

    def on_transfer_asked(self, event: m.TransferAsked) -> None:
        """Call the target, while the caller waits."""
        found = destination(self.flow, event.target)
        if found is None or may_hand_over(self.call, self.flow, event.target):
            return
        self.stop_prompt()
        self.become(phase=Phase.HANDOVER, candidate=None)
        self.pause("handover")
        self.ask(m.Unbridge())
        ring_s = self.ivr.ring_timeout_s
        uri = f"{found.uri}?Replaces={event.replaces}" if event.replaces else found.uri
        number = self.dial(uri, ring_s)
        self.become(
            ring_until=self.now + ring_s + RING_GRACE_S,
            handover=Handover(number, found.company, event.attended),
        )
        self.ask(m.NoteTransfer("begun", found.company))
        if not event.attended:
            self.play("ringback", loop=True)

    def on_agent_answered(self, number: int) -> None:
        """In a handover: the target is there."""
        call, handover = self.call, self.call.handover
        if call.phase is not Phase.HANDOVER or handover is None:
            super().on_agent_answered(number)
        elif number in call.ringing and not handover.answered and call.whisper is None:
            self.become(ring_until=None)
            if handover.attended and call.agent is not None:
                self.become(ringing=(), handover=replace(handover, answered=True))
                self.ask(m.Consult(number))
            else:
                self.hand_over()

    def on_agent_failed(self, number: int) -> None:
        """In a handover: the target does not answer, or has left again."""
        handover = self.call.handover
        if self.call.phase is not Phase.HANDOVER or handover is None:
            super().on_agent_failed(number)
        elif number == handover.dial:
            self.give_back("failed")

    def on_ringing_over(self) -> None:
        """In a handover: the target does not answer, and telephony did not say so."""
        if self.call.phase is Phase.HANDOVER:
            self.cancel_ringing()
            self.give_back("failed")
        else:
            super().on_ringing_over()

    def on_transfer_completed(self) -> None:
        """The agent wants to leave: at once to who answered, else as soon as they do."""
        handover = self.call.handover
        if self.call.phase is Phase.HANDOVER and handover is not None and self.call.agent is not None:
            self.ask(m.HangUp(m.Leg.AGENT))
            self.on_agent_left()

    def on_transfer_abandoned(self) -> None:
        """The agent takes the caller back."""
        handover = self.call.handover
        if self.call.phase is Phase.HANDOVER and handover is not None and self.call.agent is not None:
            self.cancel_target()
            self.give_back("abandoned")

    def on_agent_left(self) -> None:
        """The agent has hung up in a handover: that completes it, or makes it a blind one."""
        handover = self.call.handover
        assert handover is not None
        self.become(agent=None, paused_by=self.call.paused_by - {"agent-hold"})
        if not handover.company:
            self.stop_capture("transferred")
        if self.call.whisper is not None:
            return  # the target is being told, and has the caller then
        if handover.answered:
            self.hand_over()
        elif self.call.playing is None:
            self.play("ringback", loop=True)

    def on_target_left(self) -> None:
        """The target has hung up: before the caller was theirs."""
        self.cancel_target()
        self.give_back("failed")

    def hand_over(self) -> None:
        """The target has answered and is to have the caller; of the company, they are told first."""
        handover = self.call.handover
        assert handover is not None
        self.become(handover=replace(handover, answered=True))
        if handover.company and (self.ivr.whisper or self.will_be_recorded):
            self.become(ringing=(handover.dial,))
            self.whisper_to(handover.dial)
        else:
            self.connect(handover.dial)

    def connect(self, number: int) -> None:
        """In a handover: the target has the caller, and the agent who had them does not."""
        handover = self.call.handover
        if self.call.phase is not Phase.HANDOVER or handover is None:
            super().connect(number)
            return
        # Before the agent is hung up on: it is their telephone that is told, where it asked by REFER.
        self.ask(m.NoteTransfer("done", handover.company))
        if self.call.agent is not None:
            self.ask(m.HangUp(m.Leg.AGENT))
        if not handover.company:
            self.stop_capture("transferred")
        self.stop_prompt()
        self.become(
            phase=Phase.TALKING if handover.company else Phase.TRANSFERRED,
            agent=number,
            ringing=(),
            handover=None,
            paused_by=self.call.paused_by - {"agent-hold"},
        )
        self.ask(m.Bridge(number))
        self.unpause("handover")

    def give_back(self, stage: str) -> None:
        """It came to nothing: the caller is back with the agent, if they are still there."""
        call, handover = self.call, self.call.handover
        assert handover is not None
        if call.whisper is not None:
            self.ask(m.StopPlay(call.whisper.play))
        self.become(handover=None, ringing=(), ring_until=None, whisper=None)
        self.ask(m.NoteTransfer(stage, handover.company))
        if call.agent is None:
            self.say_goodbye("no_agent")
            return
        self.stop_prompt()
        self.become(phase=Phase.TALKING)
        self.ask(m.Bridge(call.agent))
        self.unpause("handover")

    def cancel_target(self) -> None:
        """Call the target no more, or hang up on them."""
        handover = self.call.handover
        if handover is None:
            return
        if self.call.whisper is not None:
            self.ask(m.StopPlay(self.call.whisper.play))
        self.ask(m.CancelAgent(handover.dial))
        self.become(ringing=(), ring_until=None, whisper=None)
