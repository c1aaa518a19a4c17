"""What a scenario file can say: its events and questions, key by key, as data (pure).

A scenario is a story and questions about it: the data protection officer rehearses a change of
settings with it, the tests pin the rules with it. Reading the file is the edge's; this module says
what each key means and turns the values of one entry into an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Union

from storage.policy import events as e
from storage.policy.access import Access
from storage.policy.limitation import FACT_KEYS
from storage.policy.settings import REQUEST_KINDS

# --- events on the telephone: the call flow hears them, the policy what it decides ------------------


@dataclass(frozen=True)
class CallBegins:
    """The INVITE is answered in a flow of the gateway."""

    call: str
    direction: str = "inbound"
    flow: str = "customer"
    agent: str | None = None


@dataclass(frozen=True)
class PromptBegins:
    """The consent prompt begins. Seconds from its start; its marker and end follow by themselves."""

    call: str
    duration_s: float
    purposes_end_s: float
    key_instruction_s: float | None = None


@dataclass(frozen=True)
class KeyEnds:
    """A DTMF digit of the caller ends."""

    call: str
    digit: str


@dataclass(frozen=True)
class AgentAnswers:
    """Caller and agent are bridged."""

    call: str


@dataclass(frozen=True)
class OfferedAgain:
    """The agent has the consent prompt played again."""

    call: str
    duration_s: float
    purposes_end_s: float
    key_instruction_s: float | None = None


@dataclass(frozen=True)
class TransferredExternal:
    """No participant of the company is left in the call."""

    call: str


@dataclass(frozen=True)
class CallEnds:
    """Everybody has hung up."""

    call: str


TelephoneEvent = Union[
    CallBegins, PromptBegins, KeyEnds, AgentAnswers, OfferedAgain, TransferredExternal, CallEnds
]
ScenarioEvent = Union[TelephoneEvent, e.PolicyEvent]


# --- keys -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A key of an entry. `kind` is what its value must be; `choices` the values it may have."""

    kind: str  # text, id, ids, bool, seconds, digit, date, instant
    required: bool = True
    choices: tuple[str, ...] = ()


ID, IDS, TEXT, BOOL = Key("id"), Key("ids"), Key("text", False), Key("bool")
SECONDS, DATE, INSTANT = Key("seconds"), Key("date"), Key("instant")
OPTIONAL_ID, OPTIONAL_BOOL, OPTIONAL_SECONDS = Key("id", False), Key("bool", False), Key("seconds", False)
OPTIONAL_DATE = Key("date", False)
_CLAIM = {"complaint": OPTIONAL_ID, "case": OPTIONAL_ID}
_PROMPT = {
    "call": ID,
    "duration_s": SECONDS,
    "purposes_end_s": SECONDS,
    "key_instruction_s": OPTIONAL_SECONDS,
}
_PARTS = e.PARTS


@dataclass(frozen=True)
class EventSpec:
    """One kind of event: what it becomes, and its keys beside `at` and `event`."""

    makes: type[Any]
    keys: Mapping[str, Key]


EVENTS: dict[str, EventSpec] = {
    "call_arrived": EventSpec(
        CallBegins,
        {
            "call": ID,
            "direction": Key("text", False, ("inbound", "outbound")),
            "flow": OPTIONAL_ID,
            "agent": OPTIONAL_ID,
        },
    ),
    "prompt_started": EventSpec(PromptBegins, _PROMPT),
    "key": EventSpec(KeyEnds, {"call": ID, "digit": Key("digit")}),
    "agent_answered": EventSpec(AgentAnswers, {"call": ID}),
    "offered_again": EventSpec(OfferedAgain, _PROMPT),
    "transferred_external": EventSpec(TransferredExternal, {"call": ID}),
    "call_ended": EventSpec(CallEnds, {"call": ID}),
    "transcribed": EventSpec(e.Transcribed, {"call": ID}),
    "derived": EventSpec(e.Derived, {"call": ID, "kind": ID}),
    "special_category": EventSpec(e.SpecialCategory, {"call": ID}),
    "withdrawn": EventSpec(e.Withdrawn, {"calls": IDS, "channel": TEXT, "request": OPTIONAL_ID}),
    "rights_request": EventSpec(
        e.RightsRequest,
        {
            "request": ID,
            "kind": Key("text", True, REQUEST_KINDS),
            "calls": Key("ids", False),
            "requester": OPTIONAL_ID,
            "withdraws": OPTIONAL_BOOL,
        },
    ),
    "consent_invalid": EventSpec(e.ConsentInvalid, {"calls": IDS, "reason": TEXT}),
    "request_scoped": EventSpec(e.RequestScoped, {"request": ID, "calls": IDS}),
    "rights_extended": EventSpec(e.RightsExtended, {"request": ID}),
    "rights_answered": EventSpec(e.RightsAnswered, {"request": ID, "keep": OPTIONAL_BOOL}),
    "documentation_released": EventSpec(e.DocumentationReleased, {"request": ID}),
    "complaint": EventSpec(e.ComplaintReceived, {"complaint": ID, "calls": IDS}),
    "complaint_decided": EventSpec(
        e.ComplaintDecided,
        {"complaint": ID, "keep": BOOL, "scope": Key("ids", False, _PARTS), "reason": TEXT},
    ),
    "freeze_extended": EventSpec(e.FreezeExtended, {"complaint": ID, "reason": TEXT}),
    "complaint_closed": EventSpec(e.ComplaintClosed, {"complaint": ID}),
    "limitation_facts": EventSpec(
        e.LimitationFactsGiven,
        {**_CLAIM, **{k: OPTIONAL_BOOL if k == "proceedings_pending" else OPTIONAL_DATE for k in FACT_KEYS}},
    ),
    "limitation_confirmed": EventSpec(e.LimitationConfirmed, {**_CLAIM, "date": OPTIONAL_DATE}),
    "forwarded": EventSpec(e.Forwarded, {"case": ID, "calls": IDS, "reason": TEXT}),
    "investigator_recording": EventSpec(e.InvestigatorRecording, {"call": ID, "case": TEXT}),
    "investigation_decided": EventSpec(e.InvestigationDecided, {"case": ID, "relevant": BOOL}),
    "investigation_extended": EventSpec(
        e.InvestigationExtended,
        {
            "case": ID,
            "artifacts": Key("ids", True, _PARTS),
            "until": DATE,
            "reason": TEXT,
            "proposed_by": TEXT,
            "approved_by": TEXT,
        },
    ),
    "sampled": EventSpec(e.Sampled, {"sample": ID, "calls": IDS}),
    "sample_replaced": EventSpec(e.SampleReplaced, {"sample": ID, "out": ID, "by": ID}),
    "restored": EventSpec(e.Restored, {"from_backup_of": INSTANT}),
    "authority_ordered": EventSpec(e.AuthorityOrdered, {"order": ID, "calls": IDS}),
    "authority_lifted": EventSpec(e.AuthorityLifted, {"order": ID}),
}
# Remarks of the author that any event may carry.
REMARKS = ("reason", "note", "comment", "by")

ACCESS_KEYS: dict[str, Key] = {
    "role": ID,
    "artifact": ID,
    "purpose": TEXT,
    "case": TEXT,
    "reason": TEXT,
    "country": TEXT,
    "ticket": TEXT,
    "transfer_tool": TEXT,
    "dpa": TEXT,
    "expires": Key("instant", False),
}
EXPECT_KEYS: dict[str, tuple[str, ...]] = {
    "artifact": (
        "exists",
        "ever_existed",
        "until",
        "expires_at",
        "grounds",
        "no_grounds",
        "lawful_basis",
        "captured",
        "why",
    ),
    "access": ("allowed", "why"),
    "request": ("state", "due", "kind"),
    "refused": ("refused",),
}


def make_event(name: str, values: Mapping[str, Any]) -> ScenarioEvent:
    """The event of an entry whose keys are checked. ValueError: the keys do not go together."""
    if name in ("limitation_facts", "limitation_confirmed"):
        claims = [key for key in _CLAIM if values.get(key)]
        if len(claims) != 1:
            raise ValueError("name either the complaint or the case")
    if name == "limitation_facts":
        facts = {key: value for key, value in values.items() if key in FACT_KEYS}
        claim = {key: value for key, value in values.items() if key in _CLAIM}
        return e.LimitationFactsGiven(**claim, facts=facts)
    return EVENTS[name].makes(**values)  # type: ignore[no-any-return]


# --- the whole --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """An event of the story and when it happens."""

    at: datetime
    name: str
    event: ScenarioEvent


@dataclass(frozen=True)
class Question:
    """What is asked, about which instant (None: the end of the story), and what is expected."""

    kind: str  # artifact, access, refused, request
    about: str | Access | None
    at: datetime | None
    expect: Mapping[str, Any] | None = None
    line: int = 0


@dataclass(frozen=True)
class Scenario:
    """A story and the questions about it. `settings` are the overrides, by dotted key."""

    events: tuple[Told, ...]
    questions: tuple[Question, ...] = ()
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
