"""The consent question: when it is put, what keys answer it, and what is noted of the answer. Pure.

A round is one question for all purposes, or one for each of them in turn (`ivr.granularity`). It ends in one
decision, which is a yes when any of its answers was; nothing is stored before it is over.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.keys import judge, refusal
from gateway.callflow.questions import PURPOSE_OF, ROUNDS, is_question
from gateway.callflow.state import Candidate, Consent, Phase, Question
from gateway.callflow.turn import Turn

WITHDRAW_SEQUENCE_S = 3.0
MOST_KEYS = 100
"""Keys of one question that its record keeps."""


class Asking(Turn):
    """The question, its keys and its decisions."""

    # --- keys -----------------------------------------------------------------------------------

    def on_digit(self, event: m.DigitPressed) -> None:
        """A key of the caller ended."""
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
        """A key that is not the accepting one."""
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
            self.pose_question()

    def typed_withdrawal(self, digit: str) -> bool:
        """Whether this digit completes the announced withdrawal sequence (art. 7(3): as easy as yes)."""
        sequence = self.ivr.withdraw_keys
        given = self.call.consent in (Consent.GRANTED, Consent.STORING)
        if not sequence or not (given or (self.call.question is not Question.CLOSED and self.agreed())):
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
        """The record of a yes could not be written: not recorded, and the call goes on."""
        if self.call.consent is not Consent.STORING or note != self.call.notes:
            return
        self.become(consent=Consent.DENIED)
        if self.call.phase is Phase.MESSAGE:
            self.say_goodbye("problem")

    def on_stop(self, channel: str) -> None:
        """Consent is withdrawn, or a question that runs is answered with no (R-22)."""
        call = self.call
        if call.question is not Question.CLOSED and (call.phase is Phase.TALKING or self.agreed()):
            self.break_off()
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
        """The agent has the question put again."""
        call = self.call
        may_ask = call.consent in (Consent.DENIED, Consent.WITHDRAWN)
        if call.phase is Phase.TALKING and call.question is Question.CLOSED and may_ask:
            self.become(keys=(), repeats=0, candidate=None)
            self.begin_round()

    # --- the question ---------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Put the first question of a round."""
        self.become(offer=self.call.offer + 1, answers=())
        self.pose_question()

    def pose_question(self) -> None:
        """Put the next question of the round, or the one that runs once more."""
        self.become(question=Question.PLAYING, window_end=None, asked=None)
        self.play(self.prompts[len(self.call.answers)])

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts of the questions of a round."""
        return ROUNDS[self.ivr.granularity]

    def agreed(self) -> bool:
        """Whether a question of this round was answered with yes."""
        return any(each.decision is m.Decision.ACCEPTED for each in self.call.answers)

    def close_question(self) -> None:
        """Keys count no more."""
        self.become(question=Question.CLOSED, window_end=None, candidate=None)

    def accept(self) -> None:
        """The candidate's isolation is over: the answer to this question is yes."""
        candidate = self.call.candidate
        assert candidate is not None
        keys = tuple(
            replace(key, verdict="accepted") if key.verdict == "candidate" else key for key in self.call.keys
        )
        self.become(keys=keys)
        self.go_on(m.Decision.ACCEPTED, candidate.heard_ms)

    def refuse(self) -> None:
        """The answer to this question is no."""
        self.go_on(refusal(self.call.keys))

    def go_on(self, decision: m.Decision, heard_ms: int | None = None) -> None:
        """A question is answered: the next one of the round, or its decision."""
        self.note_answer(decision, heard_ms)
        if len(self.call.answers) < len(self.prompts):
            self.become(keys=(), repeats=0, candidate=None)
            self.pose_question()
            return
        self.stop_question()
        if self.agreed():
            self.become(consent=Consent.STORING)
            self.note_decision(m.Decision.ACCEPTED)
        else:
            self.deny()
        if self.call.phase is Phase.CONSENT:
            self.to_agent()

    def break_off(self) -> None:
        """The round ends before it is over: nothing of it is a yes."""
        self.note_answer(refusal(self.call.keys))
        self.stop_question()
        self.deny()
        if self.call.phase is Phase.CONSENT:
            self.to_agent()

    def stop_question(self) -> None:
        """The caller hears the question no more, and keys count no more."""
        if self.call.playing is not None and is_question(self.call.playing.prompt):
            self.stop_prompt()
        self.close_question()

    def deny(self) -> None:
        """Note that there is no consent, and why."""
        if self.call.consent is Consent.UNDECIDED:
            self.become(consent=Consent.DENIED)
        self.note_decision(refusal(self.keys_of_round()))

    def keys_of_round(self) -> tuple[m.KeyPress, ...]:
        """The keys of the questions that are over, and of the last one."""
        return (*(key for each in self.call.answers[:-1] for key in each.keys), *self.call.keys)

    def note_key(self, event: m.DigitPressed, verdict: str) -> None:
        """Remember a key for the consent record."""
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

    def note_answer(self, decision: m.Decision, heard_ms: int | None = None) -> None:
        """Remember how this question ended, and what was heard of it: at the accepted key, else until now."""
        asked = self.call.asked
        if asked is not None and heard_ms is None:
            heard_ms = asked.heard_ms(self.now)
        # A late key, where one is taken, answers the last question once more.
        place = min(len(self.call.answers), len(self.prompts) - 1)
        answer = m.Answered(
            PURPOSE_OF.get(self.prompts[place], ""),
            decision,
            self.now,
            self.call.keys,
            asked.play if asked else None,
            heard_ms,
            asked.total_ms if asked else None,
            asked.marker_at(heard_ms) if asked and heard_ms is not None else None,
        )
        self.become(answers=(*self.call.answers[:place], answer))

    def note_decision(self, decision: m.Decision) -> None:
        """Commit what the round came to, and what it rests on."""
        answers = self.call.answers
        told = m.resting(answers, decision) or m.Answered("", decision, self.now)
        self.become(notes=self.call.notes + 1)
        self.ask(
            m.NoteDecision(
                self.call.notes,
                decision,
                self.keys_of_round(),
                self.now,
                told.heard_ms,
                told.prompt_total_ms,
                told.marker,
                offer=max(1, self.call.offer),
                answers=answers if len(self.prompts) > 1 else (),
            )
        )
