"""The call flow: `step(call, event, now, settings) -> (call, actions)`.

One call asks one question, "may we record?" (or one for each purpose), and connects the caller to an agent
whatever the answer is. The promises, each proved over every reachable state in `tests/callflow/test_walk.py`:

1. `StartCapture` is returned only while consent is GRANTED (stored), or a case is named (announced flow).
2. Consent becomes GRANTED only by `ConsentStored`, which only follows `NoteDecision(ACCEPTED)`.
3. Only an isolated accept key inside the window is accepted (R-71): after the marker, before the
   window closes, no other digit shortly before or after (policy rules, section 9.1).
4. Silence, any other key, a broken prompt, a dead database: the same agent, without capture.
5. After a withdrawal, an external transfer, a failed recorder or the end, capture is not running.

6. No agent hears the caller before the whisper to them is over, where there is one.

Pure: time is an argument (`now`, seconds on any monotonic clock); `Call.deadline` says when the
flow wants to be stepped with `TimePassed`. What is due at an instant happens before an event of
the same instant, so the window and the isolation are open at their start and closed at their end.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.handover import HandingOver
from gateway.callflow.keys import refusal
from gateway.callflow.questions import is_question
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Capture, Consent, Phase, Question
from gateway.callflow.turn import TALKING_PHASES

# A prompt whose end is not reported (no media, a lost worker) must not keep the caller waiting.
PROMPT_GRACE_S = 3.0


def step(call: Call, event: m.Event, now: float, settings: FlowSettings) -> tuple[Call, tuple[m.Action, ...]]:
    """Let `call` hear `event` at `now` (seconds, monotonic) and say what is to be done, in order.

    Never raises: an event that comes late or makes no sense where the call is changes nothing.
    """
    turn = _Turn(call, now, settings)
    turn.pass_time()
    if turn.call.phase is not Phase.ENDED:
        turn.hear(event)
    return turn.call, tuple(turn.actions)


class _Turn(HandingOver):
    """All of the flow: which part hears what, time, and the end."""

    def hear(self, event: m.Event) -> None:
        match event:
            case m.CallArrived():
                self.on_arrived(event)
            case m.PromptStarted():
                self.on_prompt_started(event)
            case m.PromptFinished(play) | m.PromptFailed(play):
                self.on_prompt_over(play, failed=isinstance(event, m.PromptFailed))
            case m.DigitPressed(leg=m.Leg.CALLER):
                self.on_digit(event)
            case m.ConsentStored(note):
                if self.call.consent is Consent.STORING and note == self.call.notes:
                    self.become(consent=Consent.GRANTED, capture=Capture.OFF)
                    self.capture_if_permitted()
            case m.ConsentNotStored(note):
                self.on_not_stored(note)
            case m.AgentRinging():
                self.on_agent_ringing(event)
            case m.AgentAnswered(dial):
                self.on_agent_answered(dial)
            case m.AgentFailed(dial=dial):
                self.on_agent_failed(dial)
            case m.Held(leg):
                self.pause(f"{leg.value}-hold")
            case m.Resumed(leg):
                if f"{leg.value}-hold" in self.call.paused_by:
                    self.unpause(f"{leg.value}-hold")
            case m.PauseRequested():
                if self.call.capture is Capture.ON:
                    self.pause("agent")
            case m.ResumeRequested():
                if "agent" in self.call.paused_by:
                    self.unpause("agent")
            case m.StopRequested(channel):
                self.on_stop(channel)
            case m.OfferRequested():
                self.on_offer()
            case m.TransferredExternal():
                self.on_transferred()
            case m.TransferAsked():
                self.on_transfer_asked(event)
            case m.TransferCompleted():
                self.on_transfer_completed()
            case m.TransferAbandoned():
                self.on_transfer_abandoned()
            case m.CaseNamed(case):
                if case and self.call.consent is Consent.UNNAMED and self.call.phase in TALKING_PHASES:
                    self.become(consent=Consent.CASE)
                    self.capture_if_permitted()
            case m.CaptureFailed():
                self.on_capture_failed()
            case m.HungUp(leg, dial):
                self.on_hung_up(leg, dial)
            case m.MediaTimedOut():
                self.end("media_timeout")
            case _:  # TimePassed (done in pass_time), a digit of the agent
                pass

    # --- time ---------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """Do everything that is due at `now`, in the order in which it fell due."""
        while (due := self.call.deadline) is not None and due <= self.now:
            call = self.call
            if call.candidate is not None and call.candidate.isolated_at == due:
                self.accept()
            elif call.candidate is None and call.window_end == due:
                self.refuse()
            elif call.playing is not None and call.playing.give_up_at == due:
                if is_question(call.playing.prompt) and call.playing.started_at is None:
                    self.break_off()  # nothing is played here any more: the others would not be heard either
                else:
                    self.on_prompt_over(call.playing.play, failed=True)
            elif call.whisper is not None and call.whisper.give_up_at == due:
                self.on_whisper_over()
            elif call.ring_until == due:
                self.on_ringing_over()
            else:
                self.end("max_duration")

    # --- events -------------------------------------------------------------------------------

    def on_arrived(self, event: m.CallArrived) -> None:
        if self.call.phase is not Phase.ARRIVED:
            return
        self.become(end_by=self.now + self.ivr.max_call_s)
        self.ask(m.Answer())
        if event.direction != "inbound":  # only inbound calls are ever asked or recorded
            self.become(consent=Consent.BARRED)
            self.to_agent()
            return
        if self.flow.announced:  # no key is asked for, and nothing is captured without a case
            self.become(consent=Consent.CASE if event.case else Consent.UNNAMED)
        self.become(phase=Phase.GREETING)
        self.play("greeting")

    def on_prompt_started(self, event: m.PromptStarted) -> None:
        playing, whisper = self.call.playing, self.call.whisper
        if whisper is not None and whisper.play == event.play:
            self.become(
                whisper=replace(whisper, give_up_at=self.now + event.total_ms / 1000 + PROMPT_GRACE_S)
            )
        if playing is None or playing.play != event.play:
            return
        self.become(
            playing=replace(
                playing,
                give_up_at=self.now + event.total_ms / 1000 + PROMPT_GRACE_S
                if playing.prompt != "ringback"
                else float("inf"),
                started_at=self.now,
                total_ms=event.total_ms,
                purposes_end_ms=event.purposes_end_ms,
                key_instruction_ms=event.key_instruction_ms,
            )
        )
        if is_question(playing.prompt):
            self.become(asked=self.call.playing)

    def on_prompt_over(self, play: int, failed: bool) -> None:
        playing, whisper = self.call.playing, self.call.whisper
        if whisper is not None and whisper.play == play:
            self.on_whisper_over()
            return
        if playing is None or playing.play != play:
            return
        if failed:
            self.stop_prompt()
        self.become(playing=None)
        phase = self.call.phase
        if is_question(playing.prompt):
            if failed:  # what was not heard cannot be consented to
                self.refuse()
            else:
                self.become(question=Question.WINDOW, window_end=self.now + self.ivr.timeout_s)
        elif phase is Phase.GREETING:
            if self.call.consent is Consent.UNDECIDED:
                self.become(phase=Phase.CONSENT)
                self.begin_round()
            else:
                self.to_agent()
        elif phase is Phase.RINGING and (not failed or playing.prompt == "fallback"):
            self.play("ringback", loop=True)
        elif phase is Phase.GOODBYE:
            self.end("no_agent")

    # --- the end ----------------------------------------------------------------------------------

    def on_transferred(self) -> None:
        handover = self.call.handover
        if handover is not None:  # whoever answers now is nobody of the company
            self.stop_capture("transferred")
            self.become(handover=replace(handover, company=False))
        if self.call.phase is not Phase.TALKING:
            return
        if self.call.question is not Question.CLOSED:
            self.break_off()
        self.stop_capture("transferred")
        self.become(phase=Phase.TRANSFERRED, candidate=None)

    def on_capture_failed(self) -> None:
        if self.call.capture is not Capture.ON:
            return
        self.stop_capture("failed")
        if self.call.phase is Phase.MESSAGE:
            self.say_goodbye("problem")

    def on_hung_up(self, leg: m.Leg, dial: int) -> None:
        if leg is m.Leg.AGENT and self.call.phase is Phase.RINGING:
            self.on_agent_failed(dial or (*self.call.ringing, 0)[0])
        elif leg is m.Leg.AGENT and (handover := self.call.handover) is not None:
            if dial == handover.dial:
                self.on_target_left()
            elif dial in (0, self.call.agent) and self.call.agent is not None:
                self.on_agent_left()
        elif leg is m.Leg.AGENT and dial not in (0, self.call.agent):
            return  # one whom the caller never had, or has no more
        elif leg is m.Leg.CALLER or self.call.phase in (Phase.TALKING, Phase.TRANSFERRED):
            self.end(f"{leg.value}_hung_up", gone=leg)

    def end(self, reason: str, gone: m.Leg | None = None) -> None:
        """The call is over; `gone` has left already."""
        call = self.call
        self.stop_prompt()
        self.stop_capture("hangup")
        asked = call.question is not Question.CLOSED or call.consent is Consent.UNDECIDED
        if call.question is not Question.CLOSED:
            self.note_answer(refusal(call.keys))
        self.close_question()
        if asked and call.consent is not Consent.CASE:
            self.deny()
        if call.phase is Phase.RINGING:
            self.cancel_ringing()
        elif call.handover is not None:
            self.cancel_target()
            self.ask(m.NoteTransfer("failed", call.handover.company))
            if call.agent is not None:
                self.ask(m.HangUp(m.Leg.AGENT))
            self.become(handover=None)
        elif call.phase in (Phase.TALKING, Phase.TRANSFERRED) and gone is not m.Leg.AGENT:
            self.ask(m.HangUp(m.Leg.AGENT))
        if gone is not m.Leg.CALLER:
            self.ask(m.HangUp(m.Leg.CALLER))
        self.become(phase=Phase.ENDED, ring_until=None)
        self.ask(m.CloseCall(reason))
