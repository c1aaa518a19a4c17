"""Investigators' cases: forwarded calls, their own recordings, and how long these are kept (R-40 to R-46).

The case itself (notes, report) is a claims file elsewhere; here is what ties recordings to it. An extension
is proposed by an investigator and approved by somebody else, before the date that it extends (R-44).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_log, cases
from storage.books import Happened
from storage.desk import Desk, Done
from storage.gate import Asking
from storage.model import CaseKind
from storage.policy import events as e
from storage.policy.book import Refused
from storage.tables import Case, Proposal


def open_case(desk: Desk, asking: Asking, case: str, at: datetime) -> None:
    """A concrete case, with the investigator who asks as its first member; R-41: before any recording."""
    desk.gate.require(asking, e.InvestigatorRecording, at)
    case = cases.checked_id(case)

    def write(session: Session) -> None:
        if session.get(Case, case) is not None:
            raise Refused(f"there is a case {case} already")
        kind = CaseKind.INVESTIGATION.value
        session.add(Case(id=case, kind=kind, opened_at=at, opened_by=asking.person.id))
        session.flush()
        audit_log.append(session, at, "case.open", case, {"kind": kind}, asking.actor)
        cases.assign(session, case, asking.person.id, at, asking.actor)

    desk.db.write_sync(write)


def forward(
    desk: Desk, asking: Asking, case: str, calls: Sequence[str], words: Mapping[str, str], at: datetime
) -> Done:
    """Calls that give cause for wonder go to the investigators of a case, with a reason (R-40)."""
    event = e.Forwarded(cases.checked_id(case), tuple(calls), words.get("reason", ""))
    return desk.do(asking, event, at, words)


def decide(
    desk: Desk, asking: Asking, case: str, relevant: bool, words: Mapping[str, str], at: datetime
) -> Done:
    """Relevant to the case: a year from the recording (R-43). Not: gone at once (R-42)."""
    if relevant and not words.get("reason", "").strip():
        raise Refused("a decision that it matters to the case needs a written reason (R-43)")
    return desk.do(asking, e.InvestigationDecided(case, relevant), at, words)


def propose(
    desk: Desk,
    asking: Asking,
    case: str,
    parts: Sequence[str],
    until: date,
    words: Mapping[str, str],
    at: datetime,
) -> int:
    """An investigator proposes to keep parts longer, and says why; the proposal's number (R-44)."""
    desk.gate.require(asking, e.InvestigationDecided, at, case)
    if not words.get("reason", "").strip():
        raise Refused("keeping it longer needs a written reason (R-44)")
    if not parts or set(parts) - set(e.PARTS):
        raise Refused(f"it is proposed for {' or '.join(e.PARTS)} (R-44)")

    def write(session: Session) -> int:
        cases.get(session, case, CaseKind.INVESTIGATION)
        note = cases.add_note(session, desk.keys, case, at, asking.person.id, "proposal", words)
        row = Proposal(
            case_id=case,
            made_at=at,
            made_by=asking.person.id,
            parts=list(parts),
            until=until,
            note_id=note,
        )
        session.add(row)
        session.flush()
        told = {"proposal": row.id, "parts": list(parts), "until": until.isoformat(), "note": note}
        audit_log.append(session, at, "extension.propose", case, told, asking.actor)
        return row.id

    return desk.db.write_sync(write)


def approve(
    desk: Desk, asking: Asking, proposal_id: int, at: datetime, words: Mapping[str, str] | None = None
) -> Done:
    """Somebody else approves a proposal; the policy checks dates and ceiling (R-44, R-45)."""
    row = _open_proposal(desk, proposal_id)
    if row.made_by == asking.person.id:
        raise Refused("somebody else than the proposer must approve it (R-44)")
    reason = _reason(desk, row)
    event = e.InvestigationExtended(
        row.case_id, tuple(row.parts), row.until, reason, "INSPECTOR", asking.role
    )

    def settle(session: Session, happened: Happened) -> None:
        _settle(session, proposal_id, True, asking, at)

    told = {**(words or {}), "proposal": str(proposal_id)}
    both = f"{row.made_by}, {asking.person.id}"
    return desk.do(asking, event, at, told, decided_by=both, also=settle)


def reject(desk: Desk, asking: Asking, proposal_id: int, words: Mapping[str, str], at: datetime) -> None:
    """A proposal is turned down."""
    row = _open_proposal(desk, proposal_id)
    desk.gate.require(asking, e.InvestigationExtended, at, row.case_id)

    def write(session: Session) -> None:
        if any(words.values()):
            cases.add_note(session, desk.keys, row.case_id, at, asking.person.id, "rejection", words)
        _settle(session, proposal_id, False, asking, at)

    desk.db.write_sync(write)


def proposals(session: Session, case: str | None = None) -> Sequence[Proposal]:
    """Proposals nobody has decided on, oldest first."""
    query = select(Proposal).where(Proposal.decided_at.is_(None)).order_by(Proposal.made_at, Proposal.id)
    return session.scalars(query if case is None else query.where(Proposal.case_id == case)).all()


def _open_proposal(desk: Desk, proposal_id: int) -> Proposal:
    row = desk.db.read_sync(lambda s: s.get(Proposal, proposal_id))
    if row is None:
        raise Refused(f"there is no proposal {proposal_id}")
    if row.decided_at is not None:
        raise Refused(f"proposal {proposal_id} is decided already")
    return row


def _reason(desk: Desk, row: Proposal) -> str:
    notes = desk.db.read_sync(lambda s: cases.notes(s, desk.keys, row.case_id))
    return next((note.words.get("reason", "") for note in notes if note.id == row.note_id), "")


def _settle(session: Session, proposal_id: int, granted: bool, asking: Asking, at: datetime) -> None:
    row = session.get_one(Proposal, proposal_id)
    if row.decided_at is not None:
        raise Refused(f"proposal {proposal_id} is decided already")
    row.decided_at, row.decided_by, row.granted = at, asking.person.id, granted
    told: dict[str, Any] = {"proposal": proposal_id, "granted": granted}
    audit_log.append(session, at, "extension.decide", row.case_id, told, asking.actor)
