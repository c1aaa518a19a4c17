"""The call flow: `step(call, event, now, settings) -> (call, actions)`.

One call asks one question, "may we record?", and connects the caller to an agent whatever the
answer is. The promises, each proved over every reachable state in `tests/callflow/test_walk.py`:

1. `StartCapture` is returned only while consent is GRANTED (stored), or a case is named (announced flow).
2. Consent becomes GRANTED only by `ConsentStored`, which only follows `NoteDecision(ACCEPTED)`.
3. Only an isolated accept key inside the window is accepted (R-71): after the marker, before the
   window closes, no other digit shortly before or after (policy rules, section 9.1).
4. Silence, any other key, a broken prompt, a dead database: the same agent, without capture.
5. After a withdrawal, an external transfer, a failed recorder or the end, capture is not running.

Pure: time is an argument (`now`, seconds on any monotonic clock); `Call.deadline` says when the
flow wants to be stepped with `TimePassed`. What is due at an instant happens before an event of
the same instant, so the window and the isolation are open at their start and closed at their end.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.keys import judge, refusal
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Candidate, Capture, Consent, Phase, Playing, Question

# A prompt whose end is not reported (no media, a lost worker) must not keep the caller waiting.
PROMPT_GRACE_S = 3.0
PROMPT_START_S = 10.0
WITHDRAW_SEQUENCE_S = 3.0
MOST_KEYS = 100
"""Keys of one question that its record keeps."""
# Telephony gives up ringing by itself and says why; only if it does not, the flow does.
RING_GRACE_S = 2.0
TALKING_PHASES = frozenset({Phase.TALKING, Phase.MESSAGE})


def step(call: Call, event: m.Event, now: float, settings: FlowSettings) -> tuple[Call, tuple[m.Action, ...]]:
    """Let `call` hear `event` at `now` (seconds, monotonic) and say what is to be done, in order.

    Never raises: an event that comes late or makes no sense where the call is changes nothing.
    """
    turn = _Turn(call, now, settings)
    turn.pass_time()
    if turn.call.phase is not Phase.ENDED:
        turn.hear(event)
    return turn.call, tuple(turn.actions)


class _Turn:
    """One step in the making: the call so far, and the actions so far."""

    def __init__(self, call: Call, now: float, settings: FlowSettings) -> None:
        self.call = call
        self.now = now
        self.flow = settings
        self.ivr = settings.ivr
        self.actions: list[m.Action] = []

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
                if self.call.phase is Phase.RINGING and event.early_media:
                    self.stop_prompt()
                    self.ask(m.Bridge())
            case m.AgentAnswered():
                self.on_agent_answered()
            case m.AgentFailed():
                if self.call.phase is Phase.RINGING:
                    self.say_goodbye("no_agent")
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
            case m.CaseNamed(case):
                if case and self.call.consent is Consent.UNNAMED and self.call.phase in TALKING_PHASES:
                    self.become(consent=Consent.CASE)
                    self.capture_if_permitted()
            case m.CaptureFailed():
                self.on_capture_failed()
            case m.HungUp(leg):
                self.on_hung_up(leg)
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
                self.on_prompt_over(call.playing.play, failed=True)
            elif call.ring_until == due:
                self.ask(m.CancelAgent())
                self.say_goodbye("no_agent")
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
        playing = self.call.playing
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
        if playing.prompt == "consent":
            self.become(asked=self.call.playing)

    def on_prompt_over(self, play: int, failed: bool) -> None:
        playing = self.call.playing
        if playing is None or playing.play != play:
            return
        if failed:
            self.stop_prompt()
        self.become(playing=None)
        phase = self.call.phase
        if playing.prompt == "consent":
            if failed:  # what was not heard cannot be consented to
                self.refuse()
            else:
                self.become(question=Question.WINDOW, window_end=self.now + self.ivr.timeout_s)
        elif phase is Phase.GREETING:
            if self.call.consent is Consent.UNDECIDED:
                self.become(phase=Phase.CONSENT)
                self.pose_question()
            else:
                self.to_agent()
        elif phase is Phase.RINGING and not failed:
            self.play("ringback", loop=True)
        elif phase is Phase.GOODBYE:
            self.end("no_agent")

    def on_digit(self, event: m.DigitPressed) -> None:
        if self.typed_withdrawal(event.digit):
            return
        if event.digit != self.ivr.accept_key:
            self.on_other_digit(event)
            return
        call = self.call
        verdict = judge(call, event, self.now, self.ivr)
        if verdict == "candidate":
            self.note_key(event, verdict)
            isolated_at = self.now + self.ivr.isolation_ms / 1000
            self.become(candidate=Candidate(self.now, event.heard_ms, isolated_at))
        elif verdict == "duplicate" and call.candidate is not None:
            # A number typed slowly may begin with the key twice: isolation starts over.
            self.note_key(event, verdict)
            isolated_at = self.now + self.ivr.isolation_ms / 1000
            self.become(candidate=replace(call.candidate, isolated_at=isolated_at))
        elif verdict in ("early", "not_isolated"):
            self.note_key(event, verdict)
        elif verdict == "late" and refusal(call.keys) is not m.Decision.LATE_KEY:
            # Once is enough for the record; what is pressed later belongs to the conversation.
            self.note_key(event, verdict)
            self.note_decision(m.Decision.LATE_KEY)

    def on_other_digit(self, event: m.DigitPressed) -> None:
        call = self.call
        if call.question is Question.CLOSED and call.candidate is None:
            # Digits here belong to the conversation (other menus, a card number): not kept.
            self.become(last_other_at=self.now)
            return
        self.note_key(event, "other")
        self.become(last_other_at=self.now)
        if call.candidate is not None:
            spoilt = tuple(
                replace(key, isolated=False, verdict="not_isolated")
                if key.verdict in ("candidate", "duplicate")
                else key
                for key in self.call.keys
            )
            self.become(candidate=None, keys=spoilt)
            if call.question is Question.CLOSED:  # a late key, under late_key: accept
                self.note_decision(m.Decision.LATE_KEY)
                return
            if call.window_end is not None and call.window_end <= self.now:
                self.refuse()
                return
        if event.digit == "*" and call.repeats < self.ivr.repeat:
            self.become(repeats=call.repeats + 1, window_end=None)
            self.pose_question(again=True)

    def typed_withdrawal(self, digit: str) -> bool:
        """Whether this digit completes the announced withdrawal sequence (art. 7(3): as easy as yes)."""
        sequence = self.ivr.withdraw_keys
        if not sequence or self.call.consent not in (Consent.GRANTED, Consent.STORING):
            return False
        typed = self.call.withdraw_typed
        started = self.call.withdraw_typed_at
        if started is None or self.now - started > WITHDRAW_SEQUENCE_S:
            typed = ""
        typed = next(t for t in (typed + digit, digit, "") if sequence.startswith(t))
        self.become(withdraw_typed=typed, withdraw_typed_at=self.now if typed else None)
        if typed != sequence:
            return False
        self.become(withdraw_typed="", withdraw_typed_at=None)
        self.on_stop("key")
        return True

    def on_not_stored(self, note: int) -> None:
        if self.call.consent is not Consent.STORING or note != self.call.notes:
            return
        self.become(consent=Consent.DENIED)
        if self.call.phase is Phase.MESSAGE:
            self.say_goodbye("problem")

    def on_agent_answered(self) -> None:
        call = self.call
        if call.phase not in (Phase.ARRIVED, Phase.GREETING, Phase.CONSENT, Phase.RINGING):
            return
        self.stop_prompt()
        self.become(phase=Phase.TALKING, ring_until=None)
        self.ask(m.Bridge())
        if self.call.consent is Consent.UNDECIDED:
            self.close_question()
            self.deny()
        else:
            self.become(candidate=None)
            self.capture_if_permitted()

    def on_stop(self, channel: str) -> None:
        call = self.call
        if call.question is not Question.CLOSED and call.phase is Phase.TALKING:
            self.stop_prompt()
            self.refuse()
        elif call.consent in (Consent.GRANTED, Consent.STORING):
            self.stop_capture("withdrawn")
            self.become(consent=Consent.WITHDRAWN, candidate=None)
            self.ask(m.NoteWithdrawal(channel, self.now))
            if call.phase is Phase.MESSAGE:
                self.say_goodbye("stopped")
            elif call.phase is Phase.TALKING:
                self.play("stopped")
        elif call.consent is Consent.CASE:
            self.stop_capture("stopped")
            self.become(consent=Consent.BARRED)

    def on_offer(self) -> None:
        call = self.call
        may_ask = call.consent in (Consent.DENIED, Consent.WITHDRAWN)
        if call.phase is Phase.TALKING and call.question is Question.CLOSED and may_ask:
            self.become(keys=(), repeats=0, candidate=None)
            self.pose_question()

    def on_transferred(self) -> None:
        if self.call.phase is not Phase.TALKING:
            return
        if self.call.question is not Question.CLOSED:
            self.stop_prompt()
            self.refuse()
        self.stop_capture("transferred")
        self.become(phase=Phase.TRANSFERRED, candidate=None)

    def on_capture_failed(self) -> None:
        if self.call.capture is not Capture.ON:
            return
        self.stop_capture("failed")
        if self.call.phase is Phase.MESSAGE:
            self.say_goodbye("problem")

    def on_hung_up(self, leg: m.Leg) -> None:
        if leg is m.Leg.AGENT and self.call.phase is Phase.RINGING:
            self.say_goodbye("no_agent")
        elif leg is m.Leg.CALLER or self.call.phase in (Phase.TALKING, Phase.TRANSFERRED):
            self.end(f"{leg.value}_hung_up", gone=leg)

    # --- the question ---------------------------------------------------------------------------

    def pose_question(self, again: bool = False) -> None:
        self.become(
            question=Question.PLAYING,
            window_end=None,
            asked=None,
            offer=self.call.offer if again else self.call.offer + 1,
        )
        self.play("consent")

    def close_question(self) -> None:
        self.become(question=Question.CLOSED, window_end=None, candidate=None)

    def accept(self) -> None:
        """The candidate's isolation is over: consent, once it is stored."""
        candidate = self.call.candidate
        assert candidate is not None
        keys = tuple(
            replace(key, verdict="accepted") if key.verdict == "candidate" else key for key in self.call.keys
        )
        self.become(keys=keys)
        if self.call.playing is not None and self.call.playing.prompt == "consent":
            self.stop_prompt()
        self.close_question()
        self.become(consent=Consent.STORING)
        self.note_decision(m.Decision.ACCEPTED, candidate.heard_ms)
        if self.call.phase is Phase.CONSENT:
            self.to_agent()

    def refuse(self) -> None:
        """The question ended without a yes."""
        if self.call.playing is not None and self.call.playing.prompt == "consent":
            self.stop_prompt()
        self.close_question()
        self.deny()
        if self.call.phase is Phase.CONSENT:
            self.to_agent()

    def deny(self) -> None:
        if self.call.consent is Consent.UNDECIDED:
            self.become(consent=Consent.DENIED)
        self.note_decision(refusal(self.call.keys))

    def note_key(self, event: m.DigitPressed, verdict: str) -> None:
        key = m.KeyPress(
            event.digit, self.now, event.method, event.heard_ms, verdict != "not_isolated", verdict
        )
        keys = self.call.keys
        if len(keys) >= MOST_KEYS:
            # Somebody plays with the keys, or a machine does: beginning and end say so, memory is bounded.
            gone = next(
                (at for at in range(MOST_KEYS // 2, len(keys)) if keys[at].verdict != "candidate"),
                MOST_KEYS // 2,
            )
            keys = (*keys[:gone], *keys[gone + 1 :])
        self.become(keys=(*keys, key))

    def note_decision(self, decision: m.Decision, heard_ms: int | None = None) -> None:
        """Commit the answer with what was heard: at the accepted key, else until now."""
        asked = self.call.asked
        if asked is not None and heard_ms is None:
            heard_ms = asked.heard_ms(self.now)
        self.become(notes=self.call.notes + 1)
        self.ask(
            m.NoteDecision(
                self.call.notes,
                decision,
                self.call.keys,
                self.now,
                heard_ms,
                asked.total_ms if asked else None,
                asked.marker_at(heard_ms) if asked and heard_ms is not None else None,
                offer=max(1, self.call.offer),
            )
        )

    # --- the legs -------------------------------------------------------------------------------

    def to_agent(self) -> None:
        """Connect the caller: the same way, whatever the answer was."""
        granted = self.call.consent is Consent.STORING
        if self.flow.connect is None:
            if granted:
                self.become(phase=Phase.MESSAGE)
                if self.ivr.thank_you:
                    self.play("thank_you")
            elif self.call.consent is Consent.CASE:
                self.become(phase=Phase.MESSAGE)
                self.capture_if_permitted()
            else:
                self.say_goodbye("goodbye")
            return
        self.become(phase=Phase.RINGING, ring_until=self.now + self.ivr.ring_timeout_s + RING_GRACE_S)
        self.ask(m.DialAgent(self.ivr.ring_timeout_s))
        self.play("thank_you" if granted and self.ivr.thank_you else "please_wait")

    def say_goodbye(self, prompt: str) -> None:
        self.stop_capture("ended")
        self.become(phase=Phase.GOODBYE, ring_until=None, candidate=None)
        self.play(prompt)

    def end(self, reason: str, gone: m.Leg | None = None) -> None:
        """The call is over; `gone` has left already."""
        call = self.call
        self.stop_prompt()
        self.stop_capture("hangup")
        asked = call.question is not Question.CLOSED or call.consent is Consent.UNDECIDED
        self.close_question()
        if asked and call.consent is not Consent.CASE:
            self.deny()
        if call.phase is Phase.RINGING:
            self.ask(m.CancelAgent())
        elif call.phase in (Phase.TALKING, Phase.TRANSFERRED) and gone is not m.Leg.AGENT:
            self.ask(m.HangUp(m.Leg.AGENT))
        if gone is not m.Leg.CALLER:
            self.ask(m.HangUp(m.Leg.CALLER))
        self.become(phase=Phase.ENDED, ring_until=None)
        self.ask(m.CloseCall(reason))

    # --- capture ----------------------------------------------------------------------------------

    def capture_if_permitted(self) -> None:
        """Promise 1: the only place that returns StartCapture."""
        call = self.call
        if (
            call.consent in (Consent.GRANTED, Consent.CASE)
            and call.capture is Capture.OFF
            and call.phase in TALKING_PHASES
            and not call.paused_by
        ):
            self.become(capture=Capture.ON)
            self.ask(m.StartCapture())

    def stop_capture(self, reason: str) -> None:
        if self.call.capture is Capture.ON:
            self.become(capture=Capture.OVER, paused_by=self.call.paused_by - {"agent"})
            self.ask(m.StopCapture(reason))

    def pause(self, by: str) -> None:
        if not self.call.paused_by and self.call.capture is Capture.ON:
            self.ask(m.PauseCapture())
        self.become(paused_by=self.call.paused_by | {by})

    def unpause(self, by: str) -> None:
        self.become(paused_by=self.call.paused_by - {by})
        if self.call.paused_by:
            return
        if self.call.capture is Capture.ON:
            self.ask(m.ResumeCapture())
        else:
            self.capture_if_permitted()

    # --- small --------------------------------------------------------------------------------------

    def become(self, **changes: object) -> None:
        self.call = replace(self.call, **changes)  # type: ignore[arg-type]

    def ask(self, action: m.Action) -> None:
        self.actions.append(action)

    def play(self, prompt: str, loop: bool = False) -> None:
        self.stop_prompt()
        number = self.call.plays + 1
        self.become(plays=number, playing=Playing(number, prompt, self.now + PROMPT_START_S))
        self.ask(m.Play(number, prompt, loop))

    def stop_prompt(self) -> None:
        if self.call.playing is not None:
            self.ask(m.StopPlay(self.call.playing.play))
            self.become(playing=None)
