"""Line: what a call needs from telephony, and its wire format.

A line is one call leg pair in a worker. Commands go out by `send` and never wait; everything that
happens comes back as an event, in order. `LineClosed` is the last event of every line, also when
the worker died. Commands and events cross a socket pair as one JSON object a line:
`{"type": "PlayFile", "play": 2, ...}`; `encode` and `decode` are the only two functions that know.

Events that the call flow understands are the flow's own dataclasses (`callflow.messages`), so the
driver passes them on as they are.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, Union

from gateway.callflow.messages import (
    AgentAnswered,
    AgentFailed,
    AgentRinging,
    CaptureFailed,
    DigitPressed,
    DtmfMethod,
    FailReason,
    Held,
    HungUp,
    Leg,
    MediaTimedOut,
    PromptFailed,
    PromptFinished,
    Resumed,
)


class LineError(Exception):
    """Telephony failed. `sip_status` is the SIP status that says why (0: none was involved)."""

    def __init__(self, message: str, sip_status: int = 0) -> None:
        super().__init__(message)
        self.sip_status = sip_status


# --- commands: gateway to worker ------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerCall:
    """Send 200 OK to the caller. `fallback`: the agent's URI, called if the gateway dies before it did."""

    fallback: str = ""


@dataclass(frozen=True)
class PlayFile:
    """Play a WAV file (8 kHz mono 16-bit) to the caller; `PromptFinished` follows at its end."""

    play: int
    path: str
    loop: bool = False


@dataclass(frozen=True)
class StopFile:
    """Stop a playing file; no `PromptFinished` follows."""

    play: int


@dataclass(frozen=True)
class Dial:
    """Call a target. `identity` is the caller's URI to be shown to the agent ("" for none).

    `recording` tells the agent's telephone whether the call is recorded: on, off or paused (RFC 7866 §6.2).
    `dial` numbers the calls of a line to agents, here and below; up to three legs ring at once.
    """

    uri: str
    identity: str = ""
    ring_timeout_s: float = 45.0
    recording: str = "off"
    dial: int = 1


@dataclass(frozen=True)
class TellRecording:
    """Tell the agent's telephone that recording is on, off or paused from now on (RFC 7866 §6.2)."""

    recording: str


@dataclass(frozen=True)
class CancelDial:
    """Stop calling a target; hang up if they have just answered."""

    dial: int = 1


@dataclass(frozen=True)
class WhisperFile:
    """Play a WAV file to one answered agent alone; `PlayStarted` and `PromptFinished` follow."""

    play: int
    path: str
    dial: int = 1


@dataclass(frozen=True)
class BridgeLegs:
    """Connect the audio of caller and this agent, both ways; again after every hold."""

    dial: int = 1


@dataclass(frozen=True)
class UnbridgeLegs:
    """Disconnect them: each hears silence, or what is played to them."""


@dataclass(frozen=True)
class ConsultLegs:
    """Connect the audio of the agent and another answered one, both ways, while the caller hears neither."""

    dial: int


@dataclass(frozen=True)
class NotifyRefer:
    """Tell the agent's telephone how the transfer of its REFER goes: 100 under way, else its end."""

    cseq: int
    status: int


@dataclass(frozen=True)
class OpenCapture:
    """Create `caller.wav` and `agent.wav` in `folder` and record; `CaptureOpened` follows.

    The only command that makes a recorder or a file. The folder exists and is empty.
    """

    folder: str


@dataclass(frozen=True)
class MuteCapture:
    """Record silence on both legs (pause, hold); the files go on growing in step."""


@dataclass(frozen=True)
class UnmuteCapture:
    """Record sound again."""


@dataclass(frozen=True)
class ShutCapture:
    """Close both files; `CaptureShut` follows."""


@dataclass(frozen=True)
class ListenForKeys:
    """Hear keys in the caller's sound too, or no more: while keys are asked for, never while recording."""

    on: bool


@dataclass(frozen=True)
class AskSound:
    """Tell how the caller's sound arrives; `SoundStats` follows."""


@dataclass(frozen=True)
class HangUpLeg:
    """End a leg; before an answer the caller is refused with `status`."""

    leg: Leg
    status: int = 0


@dataclass(frozen=True)
class EndLine:
    """Nothing more will be ordered: end what is still up, then send `LineClosed`."""


Command = Union[
    AnswerCall,
    PlayFile,
    StopFile,
    Dial,
    TellRecording,
    CancelDial,
    WhisperFile,
    BridgeLegs,
    UnbridgeLegs,
    ConsultLegs,
    NotifyRefer,
    OpenCapture,
    MuteCapture,
    UnmuteCapture,
    ShutCapture,
    ListenForKeys,
    AskSound,
    HangUpLeg,
    EndLine,
]


# --- events: worker to gateway --------------------------------------------------------------------


@dataclass(frozen=True)
class InviteReceived:
    """An initial INVITE reached the worker. `caller` and `dialled` are user parts of SIP URIs, or the numbers
    in E.164 where their trunk has a country; a withheld number is "".

    `caller_uri` is personal data, as is `caller`: neither may reach a log text or a label.
    """

    sip_call_id: str
    dialled: str
    caller: str
    caller_uri: str
    source: str = ""  # network address of the sender
    trunk: str = ""  # name of the trunk it came by; "": nobody said
    dialled_as: str = ""  # `dialled` as the trunk wrote it, where that is not the same


@dataclass(frozen=True)
class PlayStarted:
    """The first sound of a file goes out."""

    play: int


@dataclass(frozen=True)
class LegUp:
    """A leg's media runs. `codec` such as "PCMA/8000"; `events`: RFC 4733 telephone-event was agreed on.

    Of an agent's leg, `dial` is the call to them, `sip_call_id` the Call-ID of its dialog.
    """

    leg: Leg
    codec: str
    events: bool = True
    dial: int = 0
    sip_call_id: str = ""


@dataclass(frozen=True)
class LegDown:
    """A leg's SIP dialog ended. `status`: the last SIP status; `by_us`: we sent the BYE or CANCEL."""

    leg: Leg
    status: int
    by_us: bool


@dataclass(frozen=True)
class SoundStats:
    """How a leg's sound arrives: RTP packets that came, that were lost, mean jitter in milliseconds."""

    leg: Leg
    packets: int
    lost: int
    jitter_ms: int


@dataclass(frozen=True)
class CaptureOpened:
    """Both files exist and grow from here, on the same tick of the media clock."""


@dataclass(frozen=True)
class CaptureShut:
    """Both files are closed."""


@dataclass(frozen=True)
class LineClosed:
    """The last event of a line. `reason`: ended, worker_died, refused."""

    reason: str = "ended"


LineEvent = Union[
    InviteReceived,
    PlayStarted,
    PromptFinished,
    PromptFailed,
    DigitPressed,
    AgentRinging,
    AgentAnswered,
    AgentFailed,
    Held,
    Resumed,
    HungUp,
    MediaTimedOut,
    CaptureFailed,
    LegUp,
    LegDown,
    SoundStats,
    CaptureOpened,
    CaptureShut,
    LineClosed,
]

_TYPES: dict[str, type] = {t.__name__: t for t in typing.get_args(Command) + typing.get_args(LineEvent)}
_ENUMS: dict[str, type[Enum]] = {"leg": Leg, "method": DtmfMethod}


def encode(message: Command | LineEvent) -> bytes:
    """One line of JSON, newline included."""
    fields = dataclasses.asdict(message)
    return json.dumps({"type": type(message).__name__, **fields}).encode() + b"\n"


def decode(line: bytes) -> Any:
    """The command or event in one line; `LineError` when it is none."""
    try:
        fields = json.loads(line)
        kind = _TYPES[fields.pop("type")]
        for name, enum in _ENUMS.items():
            if name in fields:
                fields[name] = enum(fields[name])
        if kind is AgentFailed:
            fields["reason"] = FailReason(fields["reason"])
        return kind(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LineError("a message between gateway and worker is not understood") from error


class Line(Protocol):
    """One call's telephony. `send` until `LineClosed`; after that it does nothing."""

    def send(self, command: Command) -> None:
        """Order something; never waits, never raises for a line that is gone."""

    def events(self) -> AsyncIterator[LineEvent]:
        """Everything that happens, in order; ends after `LineClosed`."""
