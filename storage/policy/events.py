"""What can happen to what is kept: one frozen dataclass for each event, in the words of the policy.

The names are those of the scenario files. `storage.policy.apply` says what each does to the grounds;
what callers and agents do on the telephone is the call flow's, and reaches the policy as
`ConsentGiven`, `Declined`, `RecordingStarted` and `RecordingStopped`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Union

Ids = tuple[str, ...]
PARTS = ("audio", "transcript")


@dataclass(frozen=True)
class CallArrived:
    """A call is answered. `agent`: the company's participant, if known."""

    call: str
    direction: str = "inbound"
    agent: str | None = None


@dataclass(frozen=True)
class CallEnded:
    """Everybody has hung up."""

    call: str


@dataclass(frozen=True)
class ConsentGiven:
    """A valid accept key: the consent record is stored (R-04, R-71).

    `purposes`: what was asked for and accepted by itself; empty: the three together (A-14).
    """

    call: str
    purposes: Ids = ()


@dataclass(frozen=True)
class Declined:
    """The consent question ended without a yes (R-12)."""

    call: str


@dataclass(frozen=True)
class RecordingStarted:
    """The first sound is written, on the consent given before."""

    call: str


@dataclass(frozen=True)
class RecordingStopped:
    """The last sound was written."""

    call: str


@dataclass(frozen=True)
class Transcribed:
    """The transcript is made."""

    call: str


@dataclass(frozen=True)
class Derived:
    """Something is made from recording or transcript: a summary, a search index, ... (R-11)."""

    call: str
    kind: str


@dataclass(frozen=True)
class SpecialCategory:
    """The call holds health or other data of art. 9."""

    call: str


@dataclass(frozen=True)
class Withdrawn:
    """Consent is withdrawn through any channel (R-20). `request` names its documentation."""

    calls: Ids
    channel: str = "agent"
    request: str | None = None


@dataclass(frozen=True)
class ConsentInvalid:
    """It turns out that there was no valid consent: a child, a wrong prompt, ... (R-04)."""

    calls: Ids
    reason: str = ""


@dataclass(frozen=True)
class RightsRequest:
    """A data subject uses a right (R-30). `requester`: "caller", or the id of an agent."""

    request: str
    kind: str
    calls: Ids = ()
    requester: str = "caller"
    withdraws: bool = False


@dataclass(frozen=True)
class RequestScoped:
    """More calls are found that an open request is about."""

    request: str
    calls: Ids


@dataclass(frozen=True)
class RightsExtended:
    """The notice of art. 12(3) was sent: two months more."""

    request: str


@dataclass(frozen=True)
class RightsAnswered:
    """The review is complete, the package available, the request closed."""

    request: str
    keep: bool = False


@dataclass(frozen=True)
class DocumentationReleased:
    """What documents a request is let go before its time is over (R-31)."""

    request: str


@dataclass(frozen=True)
class ComplaintReceived:
    """Somebody complains about the content of these calls (R-35)."""

    complaint: str
    calls: Ids


@dataclass(frozen=True)
class FreezeExtended:
    """A complaint needs more time to be decided, and why (R-36)."""

    complaint: str
    reason: str = ""


@dataclass(frozen=True)
class ComplaintDecided:
    """Whether the complaint needs what is kept, and why (R-36, R-37)."""

    complaint: str
    keep: bool
    scope: Ids = PARTS
    reason: str = ""


@dataclass(frozen=True)
class ComplaintClosed:
    """The complaint or dispute is finally closed (R-38)."""

    complaint: str


@dataclass(frozen=True)
class LimitationFactsGiven:
    """Facts for the proposal of a limitation date; one of `complaint` and `case` is set."""

    complaint: str | None = None
    case: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LimitationConfirmed:
    """The legal role confirms a date; None: the one proposed."""

    complaint: str | None = None
    case: str | None = None
    date: date | None = None


@dataclass(frozen=True)
class Forwarded:
    """A call gives cause for wonder and goes to the investigators (R-40)."""

    case: str
    calls: Ids
    reason: str = ""


@dataclass(frozen=True)
class InvestigatorRecording:
    """An investigator begins to record, announced, for a case (R-41)."""

    call: str
    case: str | None = None


@dataclass(frozen=True)
class InvestigationDecided:
    """Relevant to the case (R-43), or nothing to investigate further (R-42)."""

    case: str
    relevant: bool


@dataclass(frozen=True)
class InvestigationExtended:
    """Keeping recording or transcript beyond the year (R-44). The two actors are roles."""

    case: str
    artifacts: Ids
    until: date
    reason: str = ""
    proposed_by: str = "INSPECTOR"
    approved_by: str | None = None


@dataclass(frozen=True)
class Sampled:
    """A compliance sample is drawn (R-55)."""

    sample: str
    calls: Ids


@dataclass(frozen=True)
class SampleReplaced:
    """A drawn call may not be read after all (it holds health data, ...); another takes its place (R-57)."""

    sample: str
    out: str
    by: str


@dataclass(frozen=True)
class Restored:
    """The database comes back from a backup taken then; the erasure ledger is replayed (R-61)."""

    from_backup_of: datetime


@dataclass(frozen=True)
class Restated:
    """The settings in force are applied to what was kept before; `later`: also where it is kept longer."""

    later: bool = False
    reason: str = ""


@dataclass(frozen=True)
class AuthorityOrdered:
    """A court, the police or a supervisor orders these calls kept (§4, priority 0)."""

    order: str
    calls: Ids


@dataclass(frozen=True)
class AuthorityLifted:
    """The order no longer holds."""

    order: str


PolicyEvent = Union[
    CallArrived,
    CallEnded,
    ConsentGiven,
    Declined,
    RecordingStarted,
    RecordingStopped,
    Transcribed,
    Derived,
    SpecialCategory,
    Withdrawn,
    ConsentInvalid,
    RightsRequest,
    RequestScoped,
    RightsExtended,
    RightsAnswered,
    DocumentationReleased,
    ComplaintReceived,
    FreezeExtended,
    ComplaintDecided,
    ComplaintClosed,
    LimitationFactsGiven,
    LimitationConfirmed,
    Forwarded,
    InvestigatorRecording,
    InvestigationDecided,
    InvestigationExtended,
    Sampled,
    SampleReplaced,
    Restored,
    Restated,
    AuthorityOrdered,
    AuthorityLifted,
]
