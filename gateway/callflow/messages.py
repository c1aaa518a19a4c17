"""What a call hears of (events, past tense) and asks for (actions, imperative). Pure.

Every event that answers an action carries the action's number, so that a late one is never taken
for the current one. Times are not in the messages: `step` gets `now` as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union


class Leg(str, Enum):
    """The two sides of a bridged call."""

    CALLER = "caller"
    AGENT = "agent"


class DtmfMethod(str, Enum):
    """How a digit came: RFC 4733 events, SIP INFO, or tones in the audio."""

    RFC4733 = "rfc4733"
    INFO = "info"
    INBAND = "inband"


class FailReason(str, Enum):
    """Why no agent came to the telephone."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"


class Decision(str, Enum):
    """How the consent question ended, as the consent record says it (§8.1)."""

    ACCEPTED = "accepted"
    NONE = "none"
    OTHER_KEY = "other_key"
    EARLY_KEY = "early_key"
    LATE_KEY = "late_key"


# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallArrived:
    """An INVITE waits to be answered. `case` is set in an investigator's announced flow."""

    direction: str = "inbound"
    case: str | None = None


@dataclass(frozen=True)
class PromptStarted:
    """A prompt is being heard; the markers are milliseconds from its start (None: it has none)."""

    play: int
    total_ms: int
    purposes_end_ms: int | None = None
    key_instruction_ms: int | None = None


@dataclass(frozen=True)
class PromptFinished:
    """A prompt was heard to its end."""

    play: int


@dataclass(frozen=True)
class PromptFailed:
    """A prompt could not be played (file missing, no media)."""

    play: int


@dataclass(frozen=True)
class DigitPressed:
    """A digit ended. `heard_ms`: how much of the running prompt was heard then (None: none ran)."""

    digit: str
    method: DtmfMethod = DtmfMethod.RFC4733
    heard_ms: int | None = None
    leg: Leg = Leg.CALLER
    duration_ms: int | None = None  # how long the key was down, as far as was told


@dataclass(frozen=True)
class TimePassed:
    """The deadline of the call was reached."""


@dataclass(frozen=True)
class ConsentStored:
    """The consent record saying GRANTED is committed; `note` is the NoteDecision it answers."""

    note: int


@dataclass(frozen=True)
class ConsentNotStored:
    """The consent record could not be written: no recording, the call goes on."""

    note: int


@dataclass(frozen=True)
class AgentRinging:
    """An agent's telephone rings. `dial`: the `DialAgent` that this is about, here and below."""

    early_media: bool = False
    dial: int = 1


@dataclass(frozen=True)
class AgentAnswered:
    """An agent's leg is up."""

    dial: int = 1


@dataclass(frozen=True)
class AgentFailed:
    """An agent's leg failed before it was answered."""

    reason: FailReason
    dial: int = 1


@dataclass(frozen=True)
class Held:
    """A side put the call on hold."""

    leg: Leg


@dataclass(frozen=True)
class Resumed:
    """A side took the call back from hold."""

    leg: Leg


@dataclass(frozen=True)
class HungUp:
    """A side ended its leg (BYE, CANCEL, or a lost leg).

    `dial`: which of the agents' legs; 0: that of the agent who speaks with the caller.
    """

    leg: Leg
    dial: int = 0


@dataclass(frozen=True)
class MediaTimedOut:
    """No sound has come from the caller for so long that nobody can be there any more."""


@dataclass(frozen=True)
class StopRequested:
    """Consent is withdrawn (R-22). `channel`: agent, key, web, ..."""

    channel: str = "agent"


@dataclass(frozen=True)
class PauseRequested:
    """The agent wants the recording paused (a CPR number is about to be said)."""


@dataclass(frozen=True)
class ResumeRequested:
    """The agent wants the paused recording to go on."""


@dataclass(frozen=True)
class OfferRequested:
    """The agent has the consent prompt played again ("Tilbyd optagelse")."""


@dataclass(frozen=True)
class TransferredExternal:
    """No participant of the company is left in the call (Straffeloven § 263; R-02)."""


@dataclass(frozen=True)
class TransferAsked:
    """The agent wants to hand the call over. `target`: a number, or a SIP URI.

    Attended: the agent speaks with the target first, while the caller waits. `replaces`: value of the
    Replaces header (RFC 3891) of a consultation that the agent's telephone has of its own.
    """

    target: str
    attended: bool = False
    replaces: str = ""


@dataclass(frozen=True)
class TransferCompleted:
    """The agent leaves, and the target has the caller."""


@dataclass(frozen=True)
class TransferAbandoned:
    """The agent takes the caller back."""


@dataclass(frozen=True)
class CaseNamed:
    """The investigator in an announced flow names a case to record for; storage asks whether it exists."""

    case: str
    by: str = ""  # the investigator's user id


@dataclass(frozen=True)
class CaptureFailed:
    """The recorder or its disk failed: recording ends, the call goes on."""

    reason: str = ""


Event = Union[
    CallArrived,
    PromptStarted,
    PromptFinished,
    PromptFailed,
    DigitPressed,
    TimePassed,
    ConsentStored,
    ConsentNotStored,
    AgentRinging,
    AgentAnswered,
    AgentFailed,
    Held,
    Resumed,
    HungUp,
    MediaTimedOut,
    StopRequested,
    PauseRequested,
    ResumeRequested,
    OfferRequested,
    TransferredExternal,
    TransferAsked,
    TransferCompleted,
    TransferAbandoned,
    CaseNamed,
    CaptureFailed,
]


# --- actions ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeyPress:
    """A digit as the consent record keeps it. `at` is on the clock that `step` was given."""

    digit: str
    at: float
    method: DtmfMethod
    heard_ms: int | None
    isolated: bool
    verdict: str  # accepted, early, late, other, not_isolated, duplicate


@dataclass(frozen=True)
class Answered:
    """How one question of a round ended. `purpose`: what it asked for; "": all of them together.

    `play`: of its prompt, as last played; None: nobody heard it.
    """

    purpose: str
    decision: Decision
    decided_at: float
    keys: tuple[KeyPress, ...] = ()
    play: int | None = None
    heard_ms: int | None = None
    prompt_total_ms: int | None = None
    marker: str | None = None  # the last marker heard: purposes_end, key_instruction, prompt_end


@dataclass(frozen=True)
class Answer:
    """Accept the call (200 OK)."""


@dataclass(frozen=True)
class Play:
    """Play a prompt to the caller. `prompt` is a role of the catalogue: greeting, consent, ..."""

    play: int
    prompt: str
    loop: bool = False


@dataclass(frozen=True)
class StopPlay:
    """Stop a prompt before its end."""

    play: int


@dataclass(frozen=True)
class NoteDecision:
    """Commit the decision and the keys it rests on. ACCEPTED is answered by ConsentStored/NotStored.

    Where each purpose has a question of its own, `answers` are those to all that were put, and what is heard
    and marked here is of the last one that says the same as the decision (`rests_on`).
    """

    note: int
    decision: Decision
    keys: tuple[KeyPress, ...]
    decided_at: float
    heard_ms: int | None = None
    prompt_total_ms: int | None = None
    marker: str | None = None  # the last marker heard: purposes_end, key_instruction, prompt_end
    offer: int = 1  # 1 for the first question, 2 when an agent had it asked again, ...
    answers: tuple[Answered, ...] = ()  # empty: one question was put for all purposes

    @property
    def purposes(self) -> tuple[str, ...]:
        """What was accepted by itself; empty: everything together, or nothing."""
        if self.decision is not Decision.ACCEPTED:
            return ()
        return tuple(each.purpose for each in self.answers if each.decision is Decision.ACCEPTED)

    @property
    def rests_on(self) -> Answered | None:
        """Of several answers, the one that what is heard and marked here is of."""
        return resting(self.answers, self.decision)


def resting(answers: tuple[Answered, ...], decision: Decision) -> Answered | None:
    """The answer that a decision rests on: the last of its kind whose question was heard, else the last."""
    heard = [each for each in answers if each.play is not None]
    same = [each for each in heard if each.decision is decision]
    found = same or heard or list(answers)
    return found[-1] if found else None


@dataclass(frozen=True)
class NoteWithdrawal:
    """Commit that consent was withdrawn; what was recorded goes (R-20, R-22)."""

    channel: str
    at: float


@dataclass(frozen=True)
class DialAgent:
    """Call a target. `dial` numbers the calls to agents; each has one answer: answered or failed."""

    dial: int
    uri: str
    ring_timeout_s: float


@dataclass(frozen=True)
class CancelAgent:
    """Stop calling an agent, or hang up on one whom the caller was not connected with."""

    dial: int


@dataclass(frozen=True)
class Whisper:
    """Play a prompt to one agent alone, who is not connected with the caller."""

    play: int
    prompt: str
    dial: int


@dataclass(frozen=True)
class Bridge:
    """Let caller and this agent hear each other; they are "the agent" from now on."""

    dial: int


@dataclass(frozen=True)
class Unbridge:
    """Caller and agent hear each other no more."""


@dataclass(frozen=True)
class Consult:
    """Let the agent and the one they want to hand the call to hear each other; the caller waits."""

    dial: int


@dataclass(frozen=True)
class NoteTransfer:
    """Tell how a transfer goes. `stage`: begun, done, failed, abandoned; the latter three end it."""

    stage: str
    company: bool


@dataclass(frozen=True)
class StartCapture:
    """Begin to record. Returned only while consent is granted and stored, or a case is stored."""


@dataclass(frozen=True)
class PauseCapture:
    """Write silence instead of sound, on both legs, until ResumeCapture."""


@dataclass(frozen=True)
class ResumeCapture:
    """Write sound again."""


@dataclass(frozen=True)
class StopCapture:
    """End the recording. `reason`: hangup, withdrawn, transferred, failed."""

    reason: str


@dataclass(frozen=True)
class HangUp:
    """End a leg."""

    leg: Leg


@dataclass(frozen=True)
class CloseCall:
    """Nothing more will happen: write the end of the call and let go of it."""

    reason: str


Action = Union[
    Answer,
    Play,
    StopPlay,
    NoteDecision,
    NoteWithdrawal,
    DialAgent,
    CancelAgent,
    Whisper,
    Bridge,
    Unbridge,
    Consult,
    NoteTransfer,
    StartCapture,
    PauseCapture,
    ResumeCapture,
    StopCapture,
    HangUp,
    CloseCall,
]
