"""Cases: what people work on. Their rows, their words, who works on them, and when they are forgotten.

A request, a complaint, an investigation, an order and a sample are cases; what they do to grounds is the
policy's (`storage.books`). Promises:
1. What people write about a case is sealed under the case's own key; it goes with the key.
2. A case is forgotten when it is closed and nothing that is kept refers to it any more.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from storage import audit_log, custody
from storage.audit_chain import canonical
from storage.keys import Keys, new_data_key
from storage.model import CaseKind
from storage.policy.book import Refused
from storage.policy.clocks import local_date
from storage.policy.settings import PolicySettings
from storage.sealed import open_bytes, seal_bytes
from storage.tables import Artifact, Case, CaseCall, CaseKey, CaseMember, CaseNote, GroundRow, Proposal, User

_LETTERS = {
    CaseKind.RIGHTS_REQUEST: "R",
    CaseKind.COMPLAINT: "K",
    CaseKind.INVESTIGATION: "S",
    CaseKind.AUTHORITY_ORDER: "M",
    CaseKind.SAMPLE: "P",
}
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")


@dataclass(frozen=True)
class Note:
    """Words about a case, by what they answer ("reason", "necessity", ...). Personal data."""

    id: str
    at: datetime
    by: str
    kind: str
    words: dict[str, str]


def new_id(kind: CaseKind, at: datetime) -> str:
    """An id that says what it is, when it came, and nothing about anybody: R-2025-7KQ4M."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(5))
    return f"{_LETTERS[kind]}-{local_date(at).year}-{drawn}"


def checked_id(case_id: str) -> str:
    """An id that somebody chose (a claims case's), if it can be one; it stands in logs, so no free text."""
    if not _ID.fullmatch(case_id):
        raise Refused("an id has up to 40 letters, digits, '.', '_', '/' and '-'")
    return case_id


def get(session: Session, case_id: str, kind: CaseKind | None = None) -> Case:
    """The case of this id and kind; the policy's `Refused` when there is none."""
    row = session.get(Case, case_id)
    if row is None or (kind is not None and row.kind != kind.value):
        what = kind.value.replace("_", " ") if kind else "case"
        raise Refused(f"there is no {what} {case_id}")
    return row


def listing(session: Session, kind: CaseKind, everything: bool = False) -> Sequence[Case]:
    """Cases of a kind, oldest first; those that are closed too with `everything`."""
    query = select(Case).where(Case.kind == kind.value).order_by(Case.opened_at, Case.id)
    return session.scalars(query if everything else query.where(Case.closed_at.is_(None))).all()


def calls_of(session: Session, case_id: str) -> list[str]:
    """The calls that a case is about, as far as they are known still."""
    query = select(CaseCall.call_id).where(CaseCall.case_id == case_id).order_by(CaseCall.call_id)
    return list(session.scalars(query))


def about(session: Session, call_id: str, kind: CaseKind | None = None) -> Sequence[Case]:
    """The cases that are about a call."""
    query = select(Case).join(CaseCall, CaseCall.case_id == Case.id).where(CaseCall.call_id == call_id)
    if kind is not None:
        query = query.where(Case.kind == kind.value)
    return session.scalars(query.order_by(Case.opened_at, Case.id)).all()


# --- words ----------------------------------------------------------------------------------------


def add_note(
    session: Session,
    keys: Keys,
    case_id: str,
    at: datetime,
    by: str,
    kind: str,
    words: Mapping[str, str],
    note_id: str | None = None,
) -> str:
    """Write something about a case; the note's id. Nobody else is told what it says."""
    note_id = note_id or new_note_id()
    told = canonical({name: text for name, text in words.items() if text}).encode()
    sealed = seal_bytes(_key(session, keys, case_id), f"note:{case_id}:{note_id}", told)
    session.add(CaseNote(id=note_id, case_id=case_id, at=at, by=by, kind=kind, sealed=sealed))
    session.flush()
    return note_id


def new_note_id() -> str:
    """The id of a note that will be written."""
    return uuid.uuid4().hex


def notes(session: Session, keys: Keys, case_id: str) -> list[Note]:
    """What was written about a case, oldest first. `storage.gate` asks whether it may be read."""
    query = select(CaseNote).where(CaseNote.case_id == case_id).order_by(CaseNote.at, CaseNote.id)
    rows = session.scalars(query).all()
    if not rows:
        return []
    key = _key(session, keys, case_id)
    return [Note(row.id, row.at, row.by, row.kind, _words(key, row)) for row in rows]


def _words(key: bytes, row: CaseNote) -> dict[str, str]:
    found = json.loads(open_bytes(key, f"note:{row.case_id}:{row.id}", row.sealed))
    return {str(name): str(text) for name, text in found.items()}


def _key(session: Session, keys: Keys, case_id: str) -> bytes:
    row = session.get(CaseKey, case_id)
    label = f"case {case_id}"
    if row is not None:
        # A node that only seals writes on with the key that it has just made.
        known: bytes | None = session.info.get(label)
        return known or custody.unwrap(session, keys, label, row.wrapped)
    data_key = new_data_key()
    session.add(CaseKey(case_id=case_id, wrapped=custody.wrap(session, keys, label, data_key)))
    session.flush()
    session.info[label] = data_key
    return data_key


# --- people ---------------------------------------------------------------------------------------


def assign(session: Session, case_id: str, user_id: str, at: datetime, actor: dict[str, str]) -> None:
    """Somebody works on the case from now on (§1.3). Twice changes nothing."""
    if session.get(User, user_id) is None:
        raise Refused(f"there is no user {user_id}")
    if session.get(CaseMember, (case_id, user_id)) is None:
        session.add(CaseMember(case_id=case_id, user_id=user_id, since=at))
        audit_log.append(session, at, "case.assign", case_id, {"user": user_id}, actor)


def unassign(session: Session, case_id: str, user_id: str, at: datetime, actor: dict[str, str]) -> None:
    """Somebody no longer works on the case."""
    row = session.get(CaseMember, (case_id, user_id))
    if row is None:
        raise Refused(f"{user_id} does not work on {case_id}")
    session.delete(row)
    audit_log.append(session, at, "case.unassign", case_id, {"user": user_id}, actor)


def is_member(session: Session, case_id: str, user_id: str) -> bool:
    """Whether somebody works on the case."""
    return session.get(CaseMember, (case_id, user_id)) is not None


def members(session: Session, case_id: str) -> list[str]:
    """The ids of who works on the case."""
    query = select(CaseMember.user_id).where(CaseMember.case_id == case_id).order_by(CaseMember.user_id)
    return list(session.scalars(query))


# --- the end --------------------------------------------------------------------------------------


def forget_finished(session: Session, now: datetime, settings: PolicySettings) -> int:
    """Forget the cases that are over and that nothing kept refers to; how many.

    An investigation has no end of its own here (its file is elsewhere, R-46): it is over when the days of
    its triage are, and nothing is kept for it.
    """
    kept = select(Artifact.id).where(Artifact.case_id == Case.id, Artifact.state != "erased")
    held = select(GroundRow.id).where(GroundRow.case_id == Case.id)
    triage_over = now - timedelta(days=settings.investigation.triage_days)
    over = or_(
        Case.closed_at.is_not(None),
        (Case.kind == CaseKind.INVESTIGATION.value) & (Case.opened_at < triage_over),
    )
    done = list(
        session.scalars(select(Case.id).where(over, ~kept.exists(), ~held.exists()).order_by(Case.id))
    )
    _forget(session, done)
    for case_id in done:
        audit_log.append(session, now, "case.forget", case_id)
    return len(done)


def _forget(session: Session, done: Iterable[str]) -> None:
    ids = list(done)
    if not ids:
        return
    for table in (Proposal, CaseNote, CaseKey, CaseMember, CaseCall):
        session.execute(delete(table).where(table.case_id.in_(ids)))
    session.execute(delete(Artifact).where(Artifact.case_id.in_(ids), Artifact.call_id.is_(None)))
    session.execute(update(Artifact).where(Artifact.case_id.in_(ids)).values(case_id=None))
    session.execute(delete(Case).where(Case.id.in_(ids)))
