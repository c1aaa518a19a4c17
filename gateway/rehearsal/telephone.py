"""The telephone of a rehearsal: what callers and agents do, through the pure call flow.

It plays the part that a line and a worker play live: prompts take their time, stored consent is
answered, timers fire at their instant and before an event of the same instant. What the flow
decides is handed on as events of the policy.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.callflow import messages as m
from gateway.callflow.flow import step
from gateway.callflow.questions import is_question
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Capture, Consent, Phase, Playing, Question
from storage.policy import events as e
from storage.policy import scenario as s
from storage.policy.book import Refused

# The story says when the greeting is over and when the agent answers; nothing else ends them.
FOR_EVER_MS = 10**12
# The flow counts seconds as floats. On a grid of binary fractions their sums and differences are
# exact, so that a key at the very end of a window is on the same side of it every time.
GRID = 2**20

Decide = Callable[[e.PolicyEvent, datetime], None]


@dataclass
class _Line:
    """One call on the telephone. Times are instants; the flow's are seconds since `began`."""

    call_id: str
    flow: FlowSettings
    began: datetime
    state: Call = field(default_factory=Call)
    now: float = 0.0
    prompt: s.PromptBegins | s.OfferedAgain | None = None  # how long the consent prompt is
    heard_from: datetime | None = None  # when the consent prompt that is heard began
    prompt_end: tuple[datetime, int] | None = None  # when it ends, and its play number
    told: int = 0  # the play whose beginning the story told

    def seconds(self, at: datetime) -> float:
        micros = (at - self.began) // timedelta(microseconds=1)
        return round(micros * GRID / 1_000_000) / GRID

    def instant(self, seconds: float) -> datetime:
        return self.began + timedelta(microseconds=round(seconds * 1_000_000))


class Telephone:
    """Every call of a rehearsal. `decide` gets what the flow decides, as events of the policy."""

    def __init__(self, flows: dict[str, FlowSettings], decide: Decide, investigators: frozenset[str]) -> None:
        self._flows = flows
        self._decide = decide
        self._investigators = investigators
        self._lines: dict[str, _Line] = {}
        self._timers: list[tuple[datetime, int, int, _Line]] = []  # a heap; old ones stay until they are due
        self._set = itertools.count()  # numbers timers, so that lines are never compared

    def advance(self, until: datetime) -> list[tuple[datetime, str]]:
        """Let everything happen that is due by `until`, in the order in which it falls due.

        Returns when and why the rules refused what a key had asked for.
        """
        refused = []
        while self._timers and self._timers[0][0] <= until:
            at, order, _, line = heapq.heappop(self._timers)
            event = self._due(line).get((at, order))
            if event is None:
                continue  # what was set then is not due any more
            if isinstance(event, m.PromptFinished):
                line.prompt_end = None
            try:
                self._step(line, event, at)
            except Refused as refusal:
                refused.append((at, str(refusal)))
        return refused

    def _due(self, line: _Line) -> dict[tuple[datetime, int], m.Event]:
        """When something happens on this line by itself, and what; a prompt ends before time is up."""
        due: dict[tuple[datetime, int], m.Event] = {}
        if self._lines.get(line.call_id) is not line:
            return due
        if line.prompt_end is not None:
            due[line.prompt_end[0], 0] = m.PromptFinished(line.prompt_end[1])
        deadline = line.state.deadline
        if deadline is not None and math.isfinite(deadline):
            due[line.instant(deadline), 1] = m.TimePassed()
        return due

    def _set_timers(self, line: _Line) -> None:
        for at, order in self._due(line):
            heapq.heappush(self._timers, (at, order, next(self._set), line))

    def tell(self, event: s.TelephoneEvent, at: datetime) -> None:
        """Something happens on the telephone. `Refused`: the rules, or the call, do not allow it."""
        match event:
            case s.CallBegins():
                self._begin(event, at)
            case s.PromptBegins():
                self._prompt_begins(self._line(event.call), event, at)
            case s.KeyEnds():
                line = self._line(event.call)
                self._step(line, m.DigitPressed(event.digit, heard_ms=self._heard_ms(line, at)), at)
            case s.AgentAnswers():
                self._step(self._line(event.call), m.AgentAnswered(), at)
            case s.OfferedAgain():
                self._offer(self._line(event.call), event, at)
            case s.TransferredExternal():
                self._step(self._line(event.call), m.TransferredExternal(), at)
                self._decide(e.RecordingStopped(event.call), at)
            case s.CallEnds():
                self._step(self._line(event.call), m.HungUp(m.Leg.CALLER), at)
                self._decide(e.CallEnded(event.call), at)
                del self._lines[event.call]

    def withdraw(self, call: str, channel: str, at: datetime) -> None:
        """Consent for the call was withdrawn from outside; if it goes on, its recording stops."""
        line = self._lines.get(call)
        if line is not None and line.state.consent in (Consent.GRANTED, Consent.STORING):
            self._step(line, m.StopRequested(channel), at, withdrawn=True)

    def stop(self, call: str, at: datetime) -> None:
        """What is being recorded may not be kept any more; the call goes on."""
        line = self._lines.get(call)
        if line is not None and line.state.capture is Capture.ON:
            self._step(line, m.CaptureFailed("not permitted"), at)

    # --- the parts of a call ----------------------------------------------------------------------

    def _begin(self, event: s.CallBegins, at: datetime) -> None:
        flow = self._flows.get(event.flow, self._flows["customer"])
        announced = flow.announced or event.call in self._investigators
        ivr = replace(flow.ivr, ring_timeout_s=math.inf, max_call_s=math.inf)
        line = _Line(event.call, replace(flow, announced=announced, ivr=ivr), at)
        self._decide(e.CallArrived(event.call, event.direction, event.agent), at)
        self._lines[event.call] = line
        self._step(line, m.CallArrived(event.direction), at)
        if line.state.playing is not None:
            self._step(line, m.PromptStarted(line.state.playing.play, FOR_EVER_MS), at)

    def _prompt_begins(self, line: _Line, event: s.PromptBegins, at: datetime) -> None:
        playing = line.state.playing
        if not line.state.consent.is_asked:
            raise Refused("in this call the consent question is not asked (R-02, R-41)")
        if line.state.phase is Phase.GREETING and playing is not None:
            line.prompt = event
            self._step(line, m.PromptFinished(playing.play), at)
            line.told = line.state.plays
        elif playing is not None and self._may_begin(line, playing):
            line.prompt = event  # heard again, or the next question of a round
            line.told = playing.play
            self._prompt_is_heard(line, at)
        else:
            raise Refused("the consent question is asked once; later only the agent offers it again")

    def _may_begin(self, line: _Line, playing: Playing) -> bool:
        """Whether the story may say that the question which is put begins now, and how long it is."""
        split = line.flow.ivr.granularity == "split" and line.told != playing.play
        return is_question(playing.prompt) and (bool(line.state.repeats) or split)

    def _offer(self, line: _Line, event: s.OfferedAgain, at: datetime) -> None:
        state = line.state
        if state.phase is not Phase.TALKING or state.question is not Question.CLOSED:
            raise Refused("the agent offers it again while speaking with the caller, one question at a time")
        if not state.consent.is_asked:
            raise Refused("in this call the consent question is not asked (R-02, R-41)")
        if state.consent not in (Consent.DENIED, Consent.WITHDRAWN):
            raise Refused("the caller has consented already")
        line.prompt = event
        self._step(line, m.OfferRequested(), at)

    def _prompt_is_heard(self, line: _Line, at: datetime) -> None:
        """The consent prompt begins to sound; its end follows by itself."""
        playing, prompt = line.state.playing, line.prompt
        assert playing is not None
        if prompt is None:
            return
        line.heard_from = at
        line.prompt_end = (at + timedelta(seconds=prompt.duration_s), playing.play)
        instruction = prompt.key_instruction_s
        event = m.PromptStarted(
            playing.play,
            round(prompt.duration_s * 1000),
            round(prompt.purposes_end_s * 1000),
            None if instruction is None else round(instruction * 1000),
        )
        self._step(line, event, at)

    def _heard_ms(self, line: _Line, at: datetime) -> int | None:
        playing = line.state.playing
        if playing is None or not is_question(playing.prompt) or line.heard_from is None:
            return None
        return min((at - line.heard_from) // timedelta(milliseconds=1), playing.total_ms or 0)

    def _line(self, call: str) -> _Line:
        if call not in self._lines:
            raise Refused(f"no call {call} is going on")
        return self._lines[call]

    # --- the flow ---------------------------------------------------------------------------------

    def _step(self, line: _Line, event: m.Event, at: datetime, *, withdrawn: bool = False) -> None:
        """Let the flow hear `event`, and carry out what it asks for. `withdrawn`: it is decided already."""
        line.now = max(line.now, line.seconds(at))
        if isinstance(event, m.TimePassed) and line.state.deadline is not None:
            line.now = max(line.now, line.state.deadline)
        line.state, actions = step(line.state, event, line.now, line.flow)
        try:
            for action in actions:
                self._carry_out(line, action, at, withdrawn)
        finally:
            self._set_timers(line)

    def _carry_out(self, line: _Line, action: m.Action, at: datetime, withdrawn: bool) -> None:
        call = line.call_id
        match action:
            case m.NoteDecision(note, m.Decision.ACCEPTED):
                self._decide(e.ConsentGiven(call, action.purposes), at)
                self._step(line, m.ConsentStored(note), at)
            case m.NoteDecision():
                self._decide(e.Declined(call), at)
            case m.StartCapture():
                try:
                    self._decide(e.RecordingStarted(call), at)
                except Refused:  # it never began, so nothing that stops it may stop another recording
                    line.state = replace(line.state, capture=Capture.OVER)
                    raise
            case m.StopCapture():
                self._decide(e.RecordingStopped(call), at)
            case m.NoteWithdrawal(channel) if not withdrawn:
                self._decide(e.Withdrawn((call,), channel), at)
            case m.Play(_, prompt) if is_question(prompt):
                self._prompt_is_heard(line, at)
            case _:
                pass
