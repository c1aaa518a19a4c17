"""Evidence: what a consent record says of the prompts that a caller heard (policy rules, section 8.1).

A round of one question has a record with that question's prompt. A round with a question for each purpose
has one record too: `questions` are all that were put, each with its prompt, keys and answer, and what the
record itself says of a prompt is of the last question that was answered as the round was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.callflow import messages as m
from gateway.callflow.questions import ROUNDS, TOGETHER, is_question
from gateway.calls.surroundings import CallClock
from ivr_prompts.catalogue import Prompt
from storage.consents import ConsentRecord, KeyEvent, QuestionRecord

DECISION_RULE = "R-71/1"  # the version of the rules in `callflow.keys`


class Evidence:
    """Which prompts one call played, and when they began to sound."""

    def __init__(
        self,
        call_id: str,
        clock: CallClock,
        prompts: Mapping[str, Prompt],
        policy_version: str,
        granularity: str = "bundled",
    ) -> None:
        self._call_id = call_id
        self._clock = clock
        self._prompts = prompts
        self._policy_version = policy_version
        self._first = ROUNDS[granularity][0]
        self._plays: dict[int, Prompt] = {}
        self._began_at: dict[int, datetime] = {}
        self._last_asked: int | None = None

    @property
    def was_heard(self) -> bool:
        """Whether the caller heard the beginning of a question."""
        return self._last_asked is not None

    def ordered(self, play: int, prompt: Prompt) -> None:
        """A prompt was sent to be played."""
        self._plays[play] = prompt

    def prompt(self, play: int) -> Prompt | None:
        """The prompt of a play; None: there is none of that number."""
        return self._plays.get(play)

    def is_question(self, play: int) -> bool:
        """Whether the prompt of that number asks for consent."""
        prompt = self._plays.get(play)
        return prompt is not None and is_question(prompt.role)

    def began(self, play: int, at: datetime) -> None:
        """A prompt begins to sound."""
        self._began_at[play] = at
        if self.is_question(play):
            self._last_asked = play

    def record(self, action: m.NoteDecision) -> ConsentRecord:
        """What is stored of a decision."""
        rests_on = action.rests_on
        play = rests_on.play if rests_on else self._last_asked
        prompt = self._asked(play, f"consent_{rests_on.purpose}" if rests_on else self._first)
        return ConsentRecord(
            call_id=self._call_id,
            decision=action.decision.value,
            decided_at=self._clock.at(action.decided_at),
            started_at=self._began_at.get(play or 0, self._clock.at(0.0)),
            language=prompt.language,
            prompt_id=prompt.id,
            prompt_version=prompt.version,
            prompt_text_sha256=prompt.text_sha256,
            prompt_audio_sha256=prompt.sha256,
            policy_version=self._policy_version,
            decision_rule=DECISION_RULE,
            keys=self._keys(action.keys),
            played_ms=action.heard_ms,
            total_ms=action.prompt_total_ms,
            marker=action.marker,
            offer=action.offer,
            questions=tuple(self._question(each) for each in action.answers),
        )

    def _asked(self, play: int | None, role: str) -> Prompt:
        """The prompt that was heard; of a question that nobody heard, the one it would have had."""
        heard = self._plays.get(play or 0)
        return heard or self._prompts.get(role) or self._prompts[TOGETHER]

    def _question(self, answer: m.Answered) -> QuestionRecord:
        prompt = self._asked(answer.play, f"consent_{answer.purpose}")
        return QuestionRecord(
            purpose=answer.purpose,
            decision=answer.decision.value,
            decided_at=self._clock.at(answer.decided_at),
            started_at=self._began_at.get(answer.play or 0),
            prompt_id=prompt.id,
            prompt_version=prompt.version,
            prompt_text_sha256=prompt.text_sha256,
            prompt_audio_sha256=prompt.sha256,
            played_ms=answer.heard_ms,
            total_ms=answer.prompt_total_ms,
            marker=answer.marker,
            keys=self._keys(answer.keys),
        )

    def _keys(self, keys: tuple[m.KeyPress, ...]) -> tuple[KeyEvent, ...]:
        return tuple(
            KeyEvent(k.digit, self._clock.at(k.at), k.method.value, k.heard_ms, k.isolated, k.verdict)
            for k in keys
        )
