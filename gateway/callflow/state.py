"""What the flow remembers of a call: one small enum for each independent question. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.callflow import messages as m


class Phase(str, Enum):
    """Where the call is."""

    ARRIVED = "arrived"
    GREETING = "greeting"
    CONSENT = "consent"  # the question runs, before any agent is called
    RINGING = "ringing"
    TALKING = "talking"
    MESSAGE = "message"  # a flow without an agent: the caller speaks to the recorder
    HANDOVER = "handover"  # the caller waits while the agent hands the call over
    TRANSFERRED = "transferred"  # nobody of the company is left in the call
    GOODBYE = "goodbye"
    ENDED = "ended"


class Consent(str, Enum):
    """What is known of the caller's will."""

    UNDECIDED = "undecided"
    STORING = "storing"  # accepted, the record is being committed
    GRANTED = "granted"  # accepted and stored
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    CASE = "case"  # announced recording in a stored investigation: no key is asked for
    UNNAMED = "unnamed"  # announced flow: not asked, and not recorded until a case is named
    BARRED = "barred"  # never asked, never recorded: outbound, or stopped by the investigator

    @property
    def is_asked(self) -> bool:
        """Whether the consent question belongs to such a call."""
        return self not in (Consent.CASE, Consent.UNNAMED, Consent.BARRED)


class Question(str, Enum):
    """The consent question itself."""

    CLOSED = "closed"
    PLAYING = "playing"
    WINDOW = "window"  # the prompt is over, keys still count


class Capture(str, Enum):
    """The recording."""

    OFF = "off"
    ON = "on"
    OVER = "over"  # ended for good, unless the caller accepts anew


@dataclass(frozen=True)
class Playing:
    """The prompt that is being heard. Times in seconds on the flow's clock, markers in ms."""

    play: int
    prompt: str
    give_up_at: float
    started_at: float | None = None
    total_ms: int | None = None
    purposes_end_ms: int | None = None
    key_instruction_ms: int | None = None

    def heard_ms(self, now: float) -> int:
        """How much was heard by `now`, by the clock; 0 before the first sound."""
        if self.started_at is None:
            return 0
        return max(0, min(self.total_ms or 0, round((now - self.started_at) * 1000)))

    def marker_at(self, heard_ms: int) -> str | None:
        """The last marker that was heard."""
        reached = None
        for name, at_ms in (
            ("purposes_end", self.purposes_end_ms),
            ("key_instruction", self.key_instruction_ms),
            ("prompt_end", self.total_ms),
        ):
            if at_ms is not None and heard_ms >= at_ms:
                reached = name
        return reached


@dataclass(frozen=True)
class Candidate:
    """An accept key in the window whose isolation is still running."""

    at: float
    heard_ms: int | None
    isolated_at: float  # when it will count


@dataclass(frozen=True)
class Handover:
    """To whom the agent hands the call over. `dial`: the call to them; `answered`: they are there."""

    dial: int
    company: bool  # whether the company still takes part in the call then
    attended: bool
    answered: bool = False


@dataclass(frozen=True)
class Call:
    """All that the flow remembers of one call."""

    phase: Phase = Phase.ARRIVED
    consent: Consent = Consent.UNDECIDED
    question: Question = Question.CLOSED
    capture: Capture = Capture.OFF
    paused_by: frozenset[str] = frozenset()  # "agent" (asked for), "caller-hold", "agent-hold", "handover"
    playing: Playing | None = None
    plays: int = 0
    notes: int = 0  # numbers the decisions, so that a late answer is never taken for the current one
    offer: int = 0
    repeats: int = 0
    rounds: int = 0  # of the flow's rounds of targets, how many were called
    dials: int = 0  # numbers the calls to agents
    ringing: tuple[int, ...] = ()  # the calls to agents that ring, or that hear a whisper
    early: int | None = None  # whose sound before the answer the caller hears
    agent: int | None = None  # who speaks with the caller, or hands them over; None: nobody, or they left
    handover: Handover | None = None
    whisper: Playing | None = None
    candidate: Candidate | None = None
    last_other_at: float | None = None
    window_end: float | None = None
    ring_until: float | None = None
    end_by: float | None = None
    asked: Playing | None = None  # the prompt of the question as last played
    answers: tuple[m.Answered, ...] = ()  # to the questions of the round that are over
    keys: tuple[m.KeyPress, ...] = ()
    withdraw_typed: str = ""
    withdraw_typed_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When the flow wants `TimePassed`, in seconds on its clock; None: never."""
        if self.phase is Phase.ENDED:
            return None
        due = [self.end_by, self.ring_until]
        due += [playing.give_up_at for playing in (self.playing, self.whisper) if playing is not None]
        # Isolation may run past the end of the window; the decision waits for it.
        due.append(self.candidate.isolated_at if self.candidate else self.window_end)
        return min((at for at in due if at is not None), default=None)

    @property
    def recording(self) -> bool:
        """Whether sound is being written now."""
        return self.capture is Capture.ON and not self.paused_by


def recording_state(call: Call) -> str:
    """What an agent's telephone shows of the recording: on, off or paused (RFC 7866 section 6.2).

    `on` from the accepted key on, before the first sound is written. A hold is no pause: nobody asked for it.
    """
    may = call.consent in (Consent.STORING, Consent.GRANTED, Consent.CASE)
    if not may or call.capture is Capture.OVER:
        return "off"
    return "paused" if "agent" in call.paused_by else "on"
