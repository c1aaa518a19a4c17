"""The archive as the policy's book: what an event touches is read, changed by the policy, and written back.

Promises:
1. What decides in a rehearsal decides here: `storage.policy.apply` is the only code that changes grounds.
2. An event, the grounds it changes and the audit entries about them are one transaction.
3. A date moves later only by an event that is a decision with a reason (`DECISIONS`), or where it follows
   from other artifacts: evidence (R-13) and what is derived (R-11).
4. What is gone stays gone: an artifact whose erasure has begun is history and gets no ground.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storage import artifacts, audit_log
from storage.artifacts import Making
from storage.excerpts import FOLLOWS, Excerpt, read
from storage.model import ArtifactKind, CaseKind, Ground
from storage.policy import events as e
from storage.policy.apply import change
from storage.policy.book import ClaimFile, Holding, Refused, RequestFile
from storage.policy.limitation import LimitationFacts
from storage.policy.settings import PolicySettings
from storage.tables import ArtifactSource, Case, CaseCall, Consent, GroundRow

# Decisions by which the date of a stored ground may move later; a hold or an extension is a new ground.
DECISIONS = (e.LimitationConfirmed, e.Restated)
_DATA_KEYS = (
    ArtifactKind.AUDIO,
    ArtifactKind.INVESTIGATION_AUDIO,
    ArtifactKind.TRANSCRIPT,
    ArtifactKind.DERIVED,
    ArtifactKind.EXPORT,
)
_WORDS = ("reason", "facts")  # fields of events that hold what people wrote


@dataclass(frozen=True)
class By:
    """Who makes something happen, and how it is told. `decided_by`: the people, when it is a decision.

    `note`: the case note that holds the reason; what people wrote stands nowhere else.
    """

    actor: dict[str, Any] = field(default_factory=lambda: dict(audit_log.SYSTEM))
    decided_by: str = ""
    note: str | None = None


@dataclass(frozen=True)
class Happened:
    """What an event did: what of it was refused, what it made, and what it left without a ground."""

    refusals: tuple[str, ...] = ()
    made: Mapping[str, artifacts.NewArtifact] = field(default_factory=dict)  # by name in the policy
    due: tuple[str, ...] = ()


def look(
    session: Session, settings: PolicySettings, calls: Iterable[str] = (), cases: Iterable[str] = ()
) -> Excerpt:
    """The book of these calls and cases, to ask it something."""
    return read(session, settings, calls, cases)


def happen(
    session: Session,
    event: e.PolicyEvent,
    at: datetime,
    settings: PolicySettings,
    by: By = By(),
    making: Mapping[str, Making] | None = None,
    told: bool = True,
) -> Happened:
    """Let an event of the policy happen in the archive. Raises `Refused` when the rules refuse all of it.

    `making` says more about artifacts that the event brings into being, by their names in the policy.
    `told`: the event gets an audit entry of its own (whoever writes one itself says False).
    """
    case = case_of(event)
    excerpt = read(session, settings, calls_of(event), [case] if case else [])
    if case and excerpt.kind_of(case) not in (None, kind_of(event)):
        raise Refused(f"{case} is the id of something else")
    refusals = change(excerpt.book, event, at)
    return write(session, excerpt, event, at, by, making or {}, refusals, told)


def write(
    session: Session,
    excerpt: Excerpt,
    event: e.PolicyEvent,
    at: datetime,
    by: By = By(),
    making: Mapping[str, Making] | None = None,
    refusals: tuple[str, ...] = (),
    told: bool = True,
) -> Happened:
    """Write back what `event` changed in the excerpt's book."""
    if told:
        detail = {**_told(event), **({"refused": list(refusals)} if refusals else {})}
        if by.note is not None:
            detail["note"] = by.note
        subject = case_of(event) or next(iter(calls_of(event)), "policy")
        audit_log.append(session, at, name_of(event), subject, detail, by.actor)
    _write_cases(session, excerpt, at, by)
    _write_calls(session, excerpt, event, at, by)
    session.flush()
    made = _write_new(session, excerpt, at, making or {})
    for holding in excerpt.holdings():
        _write_grounds(session, excerpt, holding, event, at, by)
        excerpt.note_condemned(holding)
    due = tuple(h.id for h in excerpt.holdings() if h.id in excerpt.kept and not excerpt.book.exists(h, at))
    return Happened(refusals, made, due)


def refresh(session: Session, settings: PolicySettings, calls: Iterable[str], at: datetime) -> None:
    """Compute anew what follows from other artifacts (evidence, derivatives), after those have gone."""
    excerpt = read(session, settings, calls, ())
    for holding in excerpt.holdings():
        if holding.kind in FOLLOWS:
            _write_grounds(session, excerpt, holding, None, at, By())


# --- what an event is about -----------------------------------------------------------------------


def calls_of(event: e.PolicyEvent) -> tuple[str, ...]:
    """The calls that an event names."""
    if isinstance(event, e.SampleReplaced):
        return event.out, event.by
    named = getattr(event, "calls", ())
    return tuple(named) or tuple(call for call in (getattr(event, "call", None),) if call)


def case_of(event: e.PolicyEvent) -> str | None:
    """The case that an event names: a request, complaint, investigation, order or sample."""
    for name in ("request", "complaint", "case", "order", "sample"):
        if value := getattr(event, name, None):
            return str(value)
    return None


def kind_of(event: e.PolicyEvent) -> CaseKind:
    """The kind of the case that an event names."""
    if getattr(event, "request", None):
        return CaseKind.RIGHTS_REQUEST
    if getattr(event, "complaint", None):
        return CaseKind.COMPLAINT
    if getattr(event, "order", None):
        return CaseKind.AUTHORITY_ORDER
    return CaseKind.SAMPLE if getattr(event, "sample", None) else CaseKind.INVESTIGATION


def name_of(event: e.PolicyEvent | type[Any]) -> str:
    """An event, or a kind of event, as the audit log names it: `RightsRequest` is "rights_request"."""
    kind = event if isinstance(event, type) else type(event)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _told(event: e.PolicyEvent) -> dict[str, Any]:
    """An event as the audit log tells it: ids, choices and dates, never what people wrote."""
    return {key: _plain(value) for key, value in vars(event).items() if key not in _WORDS and value != ()}


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


# --- cases and calls ------------------------------------------------------------------------------


def _write_cases(session: Session, excerpt: Excerpt, at: datetime, by: By) -> None:
    book = excerpt.book
    for request in book.requests.values():
        _write_request(session, excerpt, request, by)
    for kind, claims in ((CaseKind.COMPLAINT, book.complaints), (CaseKind.INVESTIGATION, book.cases)):
        for claim in claims.values():
            _write_claim(session, excerpt, kind, claim, by)
    for order in book.orders.values():
        kind = CaseKind.AUTHORITY_ORDER
        _case(session, excerpt, order.order, kind, at, order.calls, by).closed_at = order.lifted_at
    for sample in book.samples.values():
        row = _case(session, excerpt, sample.sample, CaseKind.SAMPLE, at, sample.calls, by)
        row.closed_at = row.opened_at
        for call in excerpt.case_calls[row.id] - set(sample.calls):
            session.execute(delete(CaseCall).where(CaseCall.case_id == row.id, CaseCall.call_id == call))


def _write_request(session: Session, excerpt: Excerpt, request: RequestFile, by: By) -> None:
    kind, received = CaseKind.RIGHTS_REQUEST, request.received_at
    row = _case(session, excerpt, request.request, kind, received, request.calls, by)
    row.right, row.requester = request.kind, request.requester
    row.extended_at, row.closed_at = request.extended_at, request.answered_at


def _write_claim(session: Session, excerpt: Excerpt, kind: CaseKind, claim: ClaimFile, by: By) -> None:
    row = _case(session, excerpt, claim.id, kind, claim.began_at, claim.calls, by)
    row.opened_at = claim.began_at
    row.closed_at = claim.closed_at
    row.kept_parts = list(claim.kept_parts) or None
    row.confirmed = claim.confirmed
    facts = {key: _plain(value) for key, value in vars(claim.facts).items()}
    row.facts = facts if claim.facts != LimitationFacts() else None


def _case(
    session: Session,
    excerpt: Excerpt,
    case_id: str,
    kind: CaseKind,
    at: datetime,
    calls: Iterable[str],
    by: By,
) -> Case:
    row = excerpt.cases.get(case_id)
    if row is None:
        row = Case(id=case_id, kind=kind.value, opened_at=at, opened_by=str(by.actor.get("id", "")))
        session.add(row)
        session.flush()
        excerpt.cases[case_id] = row
    known = excerpt.case_calls.setdefault(case_id, set())
    for call in dict.fromkeys(calls):
        if call not in known and call in excerpt.calls:
            session.add(CaseCall(case_id=case_id, call_id=call))
            known.add(call)
    return row


def _write_calls(session: Session, excerpt: Excerpt, event: Any, at: datetime, by: By) -> None:
    for call_id, row in excerpt.calls.items():
        file = excerpt.book.calls[call_id]
        row.special_category = file.special_category
        if file.withdrawn_at is None:
            continue
        for consent in excerpt.consents[call_id]:
            if consent.decision != "accepted" or consent.withdrawn_at is not None:
                continue
            if isinstance(event, e.ConsentInvalid):
                consent.invalid_reason = event.reason[:200]
            consent.withdrawn_at = file.withdrawn_at
            consent.withdrawn_channel = str(getattr(event, "channel", "") or name_of(event))
            consent.withdrawn_by = str(by.actor.get("id", ""))
            detail = {"call": call_id, "channel": consent.withdrawn_channel}
            audit_log.append(session, at, "withdraw", consent.id, detail, by.actor)


# --- artifacts and grounds ------------------------------------------------------------------------


def _write_new(
    session: Session, excerpt: Excerpt, at: datetime, making: Mapping[str, Making]
) -> dict[str, artifacts.NewArtifact]:
    made = {}
    for holding in excerpt.holdings():
        if holding.id:
            continue
        how = making.get(holding.name, Making())
        case = _case_of_artifact(excerpt, holding)
        if how.consent is None and case is None:
            how = dataclasses.replace(how, consent=_consent_behind(session, excerpt, holding))
        new = artifacts.make(
            session,
            holding.kind,
            at,
            how,
            part=holding.part or holding.name.rpartition("/")[2],
            call=holding.call,
            case=case,
            anchor=holding.recorded_at or holding.made_at,
            sealed_with_key=holding.kind in _DATA_KEYS,
        )
        for source in holding.sources:
            session.add(ArtifactSource(artifact_id=new.artifact_id, source_id=source.id))
        holding.id = new.artifact_id
        excerpt.take_up(holding)
        made[holding.name] = new
    return made


def _consent_behind(session: Session, excerpt: Excerpt, holding: Holding) -> Consent | None:
    """The consent that the recording behind a transcript or a derivative rests on."""
    if holding.kind not in (ArtifactKind.TRANSCRIPT, ArtifactKind.DERIVED):
        return None
    started = {source.recorded_at for source in holding.sources} or {holding.recorded_at}
    recordings = [
        row
        for row in excerpt.artifacts.values()
        if row.call_id == holding.call and row.anchor in started and row.consent_id is not None
    ]
    return session.get(Consent, recordings[0].consent_id) if recordings else None


def _case_of_artifact(excerpt: Excerpt, holding: Holding) -> Case | None:
    """The case an artifact belongs to: its own, or the investigation that its recording rests on."""
    if holding.call is None:
        return excerpt.cases[holding.name.rpartition("/")[0]]
    if holding.on_consent or holding.kind in (ArtifactKind.CONSENT_EVIDENCE, ArtifactKind.DECISION_LOG):
        return None
    source = next((s for s in holding.sources if s.on_consent), None)
    if source is not None:
        return None
    grounds = holding.grounds or tuple(g for s in holding.sources for g in s.grounds)
    named = (g.case for g in grounds if g.case and g.ground.value.startswith("G-INV"))
    return excerpt.cases.get(next(named, ""))


def _write_grounds(
    session: Session, excerpt: Excerpt, holding: Holding, event: Any, at: datetime, by: By
) -> None:
    if holding.id not in excerpt.kept:
        return  # its erasure has begun
    rows = excerpt.grounds[holding.id]
    wanted = list(excerpt.book.grounds(holding))
    if holding.kind is ArtifactKind.DERIVED and [artifacts.ground_of(row) for row in rows] != wanted:
        for row in rows:  # what it has follows from its sources, as a whole
            session.delete(row)
        rows.clear()
    for row, ground in zip(rows, wanted, strict=False):
        _change_ground(session, row, ground, holding, event, at, by)
    for ground in wanted[len(rows) :]:
        row = artifacts.ground_row(holding.id, _signed(ground, event, by))
        session.add(row)
        rows.append(row)
        detail = {**_ground_told(row), "until": _plain(row.until)}
        audit_log.append(session, at, "ground.add", holding.id, detail, by.actor)


def _change_ground(
    session: Session, row: GroundRow, ground: Ground, holding: Holding, event: Any, at: datetime, by: By
) -> None:
    before = artifacts.ground_of(row)
    if before == ground:
        return
    later = _later(before.expires_at, ground.expires_at)
    if later and holding.kind not in FOLLOWS and not isinstance(event, DECISIONS):
        raise AssertionError(f"{name_of(event)} moves the date of {row.ground} later, and is no decision")
    told = _ground_told(row)
    if ground.ended_at != before.ended_at:
        ended = {**told, "until": _plain(before.until), "ended_by": ground.ended_by}
        audit_log.append(session, at, "ground.end", row.artifact_id, ended, by.actor)
    if ground.expires_at != before.expires_at:
        moved = {**told, "was": _plain(before.until), "until": _plain(ground.until)}
        audit_log.append(session, at, "ground.until", row.artifact_id, moved, by.actor)
    if before.roles and not ground.roles:
        audit_log.append(session, at, "ground.close", row.artifact_id, told, by.actor)
    row.purposes, row.roles = list(ground.purposes), list(ground.roles)
    row.clock_start, row.until, row.expires_at = ground.clock_start, ground.until, ground.expires_at
    row.ended_at, row.ended_by = ground.ended_at, ground.ended_by


def _later(before: datetime | None, after: datetime | None) -> bool:
    return before is not None and (after is None or after > before)


def _ground_told(row: GroundRow) -> dict[str, Any]:
    told = {"ground": row.ground, "rule": row.rule}
    return {**told, "case": row.case_id} if row.case_id else told


def _signed(ground: Ground, event: Any, by: By) -> Ground:
    """The ground with the people who decided it, and the note with their reason in place of its words."""
    if ground.decided_by != "policy" and by.decided_by:
        ground = dataclasses.replace(ground, decided_by=by.decided_by)
    if ground.reason and ground.reason == getattr(event, "reason", None):
        ground = dataclasses.replace(ground, reason=f"note {by.note}" if by.note else "")
    return ground
