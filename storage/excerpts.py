"""An excerpt of the archive as the policy's book: some calls and cases, and everything they touch.

Read are: the calls; the cases that are about them, with all their call ids; every artifact of calls and
cases with its grounds. So the size of an excerpt depends on the calls asked for, not on the archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from storage import artifacts
from storage.model import ArtifactKind, CaseKind, Ground, GroundName
from storage.policy.book import Book, CallFile, ClaimFile, Holding, OrderFile, RequestFile, SampleFile
from storage.policy.clocks import local_date
from storage.policy.grounds import ground
from storage.policy.limitation import LimitationFacts
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, ArtifactSource, Call, Case, CaseCall, Consent, GroundRow

# Of artifacts that belong to no call: their name in the policy is CASE/NAME.
_OF_CASES = (ArtifactKind.REQUEST_DOCUMENTATION, ArtifactKind.EXPORT, ArtifactKind.SAMPLE_RECORD)
# What has no grounds of its own: they follow from other artifacts.
FOLLOWS = (ArtifactKind.CONSENT_EVIDENCE, ArtifactKind.DERIVED)
_SOUND = (ArtifactKind.AUDIO, ArtifactKind.INVESTIGATION_AUDIO)


@dataclass
class Excerpt:
    """A book, and the rows it was read from, by their ids. `kept`: artifacts whose erasure has not begun."""

    book: Book
    calls: dict[str, Call] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    case_calls: dict[str, set[str]] = field(default_factory=dict)
    consents: dict[str, list[Consent]] = field(default_factory=lambda: defaultdict(list))
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    grounds: dict[str, list[GroundRow]] = field(default_factory=lambda: defaultdict(list))
    kept: set[str] = field(default_factory=set)

    def holdings(self) -> Iterator[Holding]:
        """Every artifact of the book."""
        for name in list(self.book.names()):
            yield from self.book.versions(name)

    def holding(self, artifact_id: str) -> Holding:
        """The artifact of this id; `LookupError` when the excerpt has none."""
        for holding in self.holdings():
            if holding.id == artifact_id:
                return holding
        raise LookupError(f"there is no artifact {artifact_id}")

    def kind_of(self, case: str) -> CaseKind | None:
        """What a case is; None when there is none of that id."""
        row = self.cases.get(case)
        return CaseKind(row.kind) if row is not None else None

    def take_up(self, holding: Holding) -> None:
        """An artifact was made for this holding."""
        self.kept.add(holding.id)
        self.grounds[holding.id] = []

    def note_condemned(self, holding: Holding) -> None:
        """A deletion order stands against an artifact."""
        row = self.artifacts.get(holding.id)
        if row is not None and holding.condemned and row.condemned != holding.condemned:
            row.condemned = holding.condemned


def read(
    session: Session, settings: PolicySettings, calls: Iterable[str], cases: Iterable[str] = ()
) -> Excerpt:
    """The excerpt of these calls and cases; ids of nothing are passed over."""
    excerpt = Excerpt(Book(settings))
    named = list(dict.fromkeys(cases))
    wanted = set(calls)
    if named:
        wanted |= set(session.scalars(select(CaseCall.call_id).where(CaseCall.case_id.in_(named))))
    for call in session.scalars(select(Call).where(Call.id.in_(sorted(wanted)))) if wanted else ():
        excerpt.calls[call.id] = call
    _read_cases(session, excerpt, named)
    rows = _artifacts(session, excerpt)
    if rows:
        of_them = GroundRow.artifact_id.in_(list(excerpt.artifacts))
        for ground_row in session.scalars(select(GroundRow).where(of_them).order_by(GroundRow.id)):
            excerpt.grounds[ground_row.artifact_id].append(ground_row)
    _read_calls(session, excerpt, rows)
    _read_artifacts(session, excerpt, rows)
    return excerpt


def _read_cases(session: Session, excerpt: Excerpt, named: Sequence[str]) -> None:
    about = select(CaseCall.case_id).where(CaseCall.call_id.in_(list(excerpt.calls)))
    wanted = or_(Case.id.in_(named), Case.id.in_(about)) if named else Case.id.in_(about)
    for row in session.scalars(select(Case).where(wanted).order_by(Case.opened_at, Case.id)):
        excerpt.cases[row.id] = row
        excerpt.case_calls[row.id] = set()
    if not excerpt.cases:
        return  # as in nearly every call: what is not asked takes no time while a caller waits
    pairs = select(CaseCall.case_id, CaseCall.call_id).where(CaseCall.case_id.in_(list(excerpt.cases)))
    for case_id, call_id in session.execute(pairs.order_by(CaseCall.case_id, CaseCall.call_id)):
        excerpt.case_calls[case_id].add(call_id)
    for row in excerpt.cases.values():
        _into_book(excerpt.book, row, tuple(sorted(excerpt.case_calls[row.id])))


def _into_book(book: Book, row: Case, calls: tuple[str, ...]) -> None:
    match CaseKind(row.kind):
        case CaseKind.RIGHTS_REQUEST:
            book.requests[row.id] = RequestFile(
                row.id,
                row.right or "",
                row.opened_at,
                calls,
                row.extended_at,
                row.closed_at,
                row.requester or "caller",
            )
        case CaseKind.COMPLAINT:
            book.complaints[row.id] = _claim(row, calls)
        case CaseKind.INVESTIGATION:
            book.cases[row.id] = _claim(row, calls)
        case CaseKind.AUTHORITY_ORDER:
            book.orders[row.id] = OrderFile(row.id, calls, row.closed_at)
        case CaseKind.SAMPLE:
            book.samples[row.id] = SampleFile(row.id, calls)


def _claim(row: Case, calls: tuple[str, ...]) -> ClaimFile:
    return ClaimFile(
        row.id,
        row.opened_at,
        calls,
        tuple(row.kept_parts or ()),
        row.closed_at,
        _facts(row.facts or {}),
        row.confirmed,
    )


def _facts(stored: dict[str, Any]) -> LimitationFacts:
    facts: dict[str, Any] = {
        key: date.fromisoformat(value) if isinstance(value, str) else value for key, value in stored.items()
    }
    return LimitationFacts(**facts)


def _artifacts(session: Session, excerpt: Excerpt) -> list[Artifact]:
    wanted: ColumnElement[bool] = Artifact.call_id.in_(list(excerpt.calls))
    if excerpt.cases:
        of_cases = Artifact.case_id.in_(list(excerpt.cases)) & Artifact.call_id.is_(None)
        wanted = or_(wanted, of_cases)
    rows = list(session.scalars(select(Artifact).where(wanted).order_by(Artifact.created_at, Artifact.id)))
    excerpt.artifacts = {row.id: row for row in rows}
    excerpt.kept = {row.id for row in rows if row.blocked_at is None}
    return rows


def _read_calls(session: Session, excerpt: Excerpt, rows: Sequence[Artifact]) -> None:
    query = select(Consent).where(Consent.call_id.in_(list(excerpt.calls))).order_by(Consent.offer)
    for consent in session.scalars(query):
        excerpt.consents[consent.call_id].append(consent)
    by_call: dict[str, list[Artifact]] = defaultdict(list)
    for row in rows:
        by_call[row.call_id or ""].append(row)
    for call in excerpt.calls.values():
        excerpt.book.calls[call.id] = _call_file(call, excerpt.consents[call.id], by_call[call.id])


def _call_file(call: Call, consents: Sequence[Consent], rows: Sequence[Artifact]) -> CallFile:
    accepted = [consent for consent in consents if consent.decision == "accepted"]
    last = max(accepted, key=lambda consent: (consent.decided_at, consent.offer), default=None)
    sound = sorted(
        (row for row in rows if ArtifactKind(row.kind) in _SOUND), key=lambda row: (row.anchor, row.id)
    )
    return CallFile(
        call.id,
        call.arrived_at,
        call.direction,
        call.agent_pseudonym,
        call.ended_at,
        declined=any(row.kind == ArtifactKind.DECISION_LOG.value for row in rows),
        special_category=call.special_category,
        consented_at=last.decided_at if last else None,
        purposes=tuple(last.purposes) if last else (),
        withdrawn_at=last.withdrawn_at if last else None,
        recorded_by_investigator=any(row.kind == ArtifactKind.INVESTIGATION_AUDIO.value for row in rows),
        captured=[(row.anchor, _captured_until(row)) for row in sound],
    )


def _captured_until(row: Artifact) -> datetime | None:
    if row.state == "capturing" and row.blocked_at is None:
        return None
    return row.ended_at or row.lived_to or row.blocked_at


def _read_artifacts(session: Session, excerpt: Excerpt, rows: Sequence[Artifact]) -> None:
    holdings = {row.id: _holding(row, excerpt.grounds[row.id]) for row in rows}
    derived = [row.id for row in rows if row.kind == ArtifactKind.DERIVED.value]
    if derived:
        query = select(ArtifactSource).where(ArtifactSource.artifact_id.in_(derived))
        sources: dict[str, list[Holding]] = defaultdict(list)
        for row in session.scalars(query.order_by(ArtifactSource.artifact_id, ArtifactSource.source_id)):
            if row.source_id in holdings:
                sources[row.artifact_id].append(holdings[row.source_id])
        for artifact_id, found in sources.items():
            holdings[artifact_id].sources = tuple(sorted(found, key=lambda h: (h.part, h.made_at, h.id)))
    for holding in holdings.values():
        # Evidence and derivatives have the lives of others: once gone, they would seem to live again.
        if holding.id in excerpt.kept or holding.kind not in FOLLOWS:
            excerpt.book.add(holding)


def _holding(row: Artifact, rows: Sequence[GroundRow]) -> Holding:
    kind = ArtifactKind(row.kind)
    owner = row.case_id if kind in _OF_CASES else row.call_id
    gone = row.blocked_at is not None
    grounds = (_life(row),) if gone else tuple(artifacts.ground_of(each) for each in rows)
    on_consent = row.kind == ArtifactKind.AUDIO.value or (
        row.kind == ArtifactKind.TRANSCRIPT.value and row.case_kind is None
    )
    return Holding(
        f"{owner}/{row.part}",
        kind,
        row.created_at,
        row.call_id,
        row.part if row.call_id else "",
        grounds,
        row.anchor,
        on_consent,
        row.condemned or "",
        id=row.id,
        gone=gone,
    )


def _life(row: Artifact) -> Ground:
    """What is known of an artifact that is gone: until when it lived."""
    gone_at = row.lived_to or row.blocked_at
    assert gone_at is not None
    return ground(GroundName.CONSENT, row.anchor, row.lived_until or local_date(gone_at), gone_at)
