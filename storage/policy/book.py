"""The book: every call, artifact, request, complaint and case, and the grounds of each artifact.

The book remembers and answers; `apply.py` decides what changes. What is gone stays gone: an
artifact whose last ground has ended is never given another. Pure: time is an argument, and the
book is asked in the order in which time passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import grounds as g
from storage.policy.changes import Grounds
from storage.policy.clocks import add_months, local_date
from storage.policy.events import PARTS
from storage.policy.limitation import LimitationFacts, proposal
from storage.policy.settings import PolicySettings

# An open objection freezes the use of what rests on legitimate interests ...
OBJECTED = frozenset(
    {
        GroundName.RIGHTS_DOC,
        GroundName.COMPLAINT_FREEZE,
        GroundName.COMPLAINT,
        GroundName.INV_TRIAGE,
        GroundName.INV,
        GroundName.INV_EXT,
    }
)
# ... and an open restriction everything but legal claims (art. 18(2)).
RESTRICTED = frozenset({GroundName.CONSENT, GroundName.RIGHTS_DOC})


@dataclass
class Holding:
    """One artifact and its grounds. `recorded_at`: when the recording behind it began.

    `id` is the artifact's in an archive; it is empty in a rehearsal, and while an artifact is new. `gone`
    is said by an archive only: two clocks may differ by a little, and what is erased does not come back.
    """

    name: str
    kind: ArtifactKind
    made_at: datetime
    call: str | None = None
    part: str = ""  # audio, transcript, consent, decision, or the kind of a derived artifact
    grounds: Grounds = ()
    recorded_at: datetime | None = None  # of consent evidence: the last consent that it proves
    on_consent: bool = False  # its collection rests on consent
    condemned: str = ""  # the rule of a deletion order; bars new grounds that are optional
    sources: tuple[Holding, ...] = ()  # of a derived artifact: it has the grounds of these
    id: str = ""
    gone: bool = False  # its erasure has begun: it does not exist, whatever its dates say


@dataclass
class CallFile:
    """One call. `captured`: what was recorded, as `[start, end]`; the end is None while recording."""

    call: str
    arrived_at: datetime
    direction: str = "inbound"
    agent: str | None = None
    ended_at: datetime | None = None
    declined: bool = False
    special_category: bool = False
    consented_at: datetime | None = None
    purposes: tuple[str, ...] = ()  # of that consent; empty: all that the policy names
    withdrawn_at: datetime | None = None
    recorded_by_investigator: bool = False
    captured: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    @property
    def recording(self) -> bool:
        """Whether sound is being written."""
        return bool(self.captured) and self.captured[-1][1] is None


@dataclass
class RequestFile:
    """A rights request, or the documentation of a withdrawal."""

    request: str
    kind: str
    received_at: datetime
    calls: tuple[str, ...] = ()
    extended_at: datetime | None = None
    answered_at: datetime | None = None
    requester: str = "caller"  # or an agent

    @property
    def due(self) -> date:
        """The last day for the answer: one month from receipt, three when extended (art. 12(3))."""
        return add_months(local_date(self.received_at), 3 if self.extended_at else 1)


@dataclass
class ClaimFile:
    """A complaint or an investigator's case. `began_at`: receipt, forwarding or recording."""

    id: str
    began_at: datetime
    calls: tuple[str, ...] = ()
    kept_parts: tuple[str, ...] = ()  # what a complaint's decision keeps
    closed_at: datetime | None = None
    facts: LimitationFacts = field(default_factory=LimitationFacts)
    confirmed: date | None = None

    @property
    def proposed(self) -> date | None:
        """The system's proposal of a limitation date; None while open."""
        return proposal(self.facts, self.knowledge_default)

    @property
    def knowledge_default(self) -> date:
        """The day from which limitation counts when no knowledge date is given (§6)."""
        return local_date(self.began_at)


@dataclass
class OrderFile:
    """An order of an authority, and when it was lifted."""

    order: str
    calls: tuple[str, ...]
    lifted_at: datetime | None = None


@dataclass
class SampleFile:
    """A compliance sample: the calls that were drawn."""

    sample: str
    calls: tuple[str, ...]


class Refused(Exception):
    """The rules refuse an event; the text says why and names the rule."""


class Book:
    """All that the policy knows at one moment. `apply.py` writes, everybody else only asks."""

    def __init__(self, settings: PolicySettings) -> None:
        self.settings = settings
        self.calls: dict[str, CallFile] = {}
        self.requests: dict[str, RequestFile] = {}
        self.complaints: dict[str, ClaimFile] = {}
        self.cases: dict[str, ClaimFile] = {}
        self.samples: dict[str, SampleFile] = {}
        self.orders: dict[str, OrderFile] = {}
        self._holdings: dict[str, list[Holding]] = {}

    # --- artifacts ------------------------------------------------------------------------------

    def add(self, holding: Holding) -> Holding:
        """A new artifact; one of the same name before it is history."""
        self._holdings.setdefault(holding.name, []).append(holding)
        return holding

    def versions(self, name: str) -> tuple[Holding, ...]:
        """Everything that ever had this name, gone or not, oldest first."""
        return tuple(self._holdings.get(name, ()))

    def living(self, name: str, at: datetime) -> tuple[Holding, ...]:
        """What has this name and exists at `at`.

        More than one only when a held recording was withdrawn and the call was recorded anew.
        """
        return tuple(holding for holding in self.versions(name) if self.exists(holding, at))

    def exists(self, holding: Holding, at: datetime) -> bool:
        """Whether the artifact has an active ground at `at`, and is still there."""
        return not holding.gone and g.exists(self.grounds(holding), at)

    def parts(self, calls: Iterable[str], at: datetime) -> list[Holding]:
        """The recordings and transcripts of these calls that exist at `at`; each once."""
        names = (f"{call}/{part}" for call in dict.fromkeys(calls) for part in PARTS)
        return [holding for name in names for holding in self.living(name, at)]

    def names(self) -> Iterator[str]:
        """Every name that an artifact ever had."""
        yield from self._holdings

    def captured(self, call: str, at: datetime) -> list[tuple[datetime, datetime | None]]:
        """What was recorded of the call, as `[start, end]`; recording ends with its last ground."""
        file = self.calls.get(call)
        intervals = list(file.captured) if file else []
        name = f"{call}/audio"
        if intervals and intervals[-1][1] is None and not self.living(name, at):
            intervals[-1] = (intervals[-1][0], g.expires_at(self.versions(name)[-1].grounds))
        return intervals

    # --- grounds --------------------------------------------------------------------------------

    def grounds(self, holding: Holding) -> Grounds:
        """All grounds of an artifact, those that are over too. A derived one has its sources' (R-11)."""
        if holding.sources:
            inherited = (ground for source in holding.sources for ground in source.grounds)
            return tuple(dict.fromkeys(_as_derived(ground) for ground in inherited))
        if holding.kind is ArtifactKind.CONSENT_EVIDENCE:
            return (self._evidence(holding),)
        return holding.grounds

    def effective(self, holding: Holding, at: datetime) -> Grounds:
        """The active grounds with what closes them for a while, and what health data adds."""
        return tuple(self._in_force(ground, holding, at) for ground in g.active(self.grounds(holding), at))

    def _in_force(self, ground: Ground, holding: Holding, at: datetime) -> Ground:
        call = holding.call
        file = self.calls.get(call) if call else None
        if ground.ground is GroundName.RIGHTS_DOC and file is not None and file.special_category:
            ground = replace(ground, lawful_basis=(*ground.lawful_basis, "9(2)(f)"))
        if call is None:
            return ground
        if (ground.ground in OBJECTED and self.open_request(call, "objection", at)) or (
            ground.ground in RESTRICTED and self.open_request(call, "restriction", at)
        ):
            return replace(ground, purposes=(), roles=())
        return ground

    def open_request(self, call: str, kind: str, at: datetime) -> RequestFile | None:
        """An unanswered request of this kind about the call."""
        for request in self.requests.values():
            if request.kind == kind and request.answered_at is None and call in request.calls:
                return request
        return None

    def _evidence(self, evidence: Holding) -> Ground:
        """G-EVIDENCE, from the lives of everything the consent collected (R-13)."""
        call = evidence.call or ""
        file = self.calls[call]
        collected = [
            holding for part in PARTS for holding in self.versions(f"{call}/{part}") if holding.on_consent
        ]
        settings = self.settings
        if not collected:
            consented_at = evidence.recorded_at or evidence.made_at
            withdrawn_at = file.withdrawn_at if consented_at == file.consented_at else None
            last = withdrawn_at or consented_at
            return g.evidence_ground(local_date(last), settings, ended_at=last)
        everything = [ground for holding in collected for ground in holding.grounds]
        last_date, last_instant = g.until(everything), g.expires_at(everything)
        return g.evidence_ground(last_date, settings, ended_at=last_instant)


def _as_derived(ground: Ground) -> Ground:
    return replace(ground, rule="R-11") if ground.ground is GroundName.CONSENT else ground
